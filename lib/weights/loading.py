"""Weights by the name of their net, from any file that holds them."""

from pathlib import Path

from lib.weights.published import COUNTER, load_published
from lib.weights.safetensors import load_converted


def load_weights(name, path, **options):
    """A net with the weights of a file.  -> `lib.weights.published.Loaded`

    path     a published file, or what `python -m bench checkpoint` made of it (.safetensors)
    options  of the net; what is not given is taken from the file
    """
    if Path(path).suffix == ".safetensors":
        return load_converted(path, name)
    return load_published(name, path, **options)


def load_state(net, state):
    """Load a state dict strictly, except for the batch counters, which frozen batch norms do not have; -> the net."""
    missing, unexpected = net.load_state_dict(state, strict=False)
    if wrong := [key for key in (*missing, *unexpected) if not key.endswith(COUNTER)]:
        raise ValueError(f"{len(wrong)} weights do not fit {type(net).__name__}, such as {wrong[0]}")
    return net
