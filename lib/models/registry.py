"""One name opens every net: `create_model`, `list_models`, and the `register` decorator behind them."""

import difflib
import fnmatch
import inspect
from dataclasses import dataclass
from typing import Any

import torch


@dataclass(frozen=True)
class Entry:
    """What the registry knows of a net beside its name."""

    build: Any
    memory_format: torch.memory_format
    layouts: tuple  # published file layouts, see lib/models/layout.py
    variants: tuple  # option sets that were published, tried in order when a file is loaded


_MODELS = {}


def register(build=None, *, name=None, memory_format=torch.channels_last_3d, layouts=(), variants=({},)):
    """Decorator: the function's own name is the model's name, its arguments are the model's options.

    memory_format  of the net's 5-D weights and its clips; channels_last_3d is 3 to 20 times faster for depthwise
                   convolutions on a CPU, contiguous suits shift nets
    layouts        `Layout`s of published files that this net can read
    variants       option dicts that published files exist for, e.g. the widths
    """

    def add(build):
        key = name or build.__name__
        if key in _MODELS and not _same_source(_MODELS[key].build, build):
            raise ValueError(f"two models are called {key}")
        _MODELS[key] = Entry(build, memory_format, tuple(layouts), tuple(variants))
        return build

    return add if build is None else add(build)


def _same_source(old, new):
    """Whether `new` is the same function defined again, as a notebook cell that is run twice does."""
    return (old.__module__, old.__qualname__) == (new.__module__, new.__qualname__) and old.__module__ == "__main__"


def entry(name):
    """The registry's entry of a name; ValueError with near matches if there is none."""
    if name not in _MODELS:
        near = difflib.get_close_matches(str(name), _MODELS, n=5, cutoff=0.5)
        hint = f"did you mean {', '.join(near)}?" if near else f"there are {', '.join(list_models())}"
        raise ValueError(f"no model {name!r}; {hint} (list_models() names all)")
    return _MODELS[name]


def model_options(name):
    """The options of a net with their defaults, {name: default}."""
    return {p.name: p.default for p in inspect.signature(entry(name).build).parameters.values()}


def create_model(name, **options):
    """Build a net: clips (N, 3, T, H, W) -> logits (N, num_classes). Unknown name or option: ValueError."""
    found, known = entry(name), model_options(name)
    unknown = [option for option in options if option not in known]
    if unknown:
        raise ValueError(f"{name} has no option {', '.join(map(repr, unknown))}; its options are {', '.join(known)}")
    model = found.build(**options)
    return _in_format(model, found.memory_format)


def _in_format(model, memory_format):
    """Keep the net's 5-D weights, and the clips on their way in, in one memory format."""
    model.memory_format = memory_format
    for parameter in model.parameters():
        if parameter.ndim == 5:
            parameter.data = parameter.data.contiguous(memory_format=memory_format)
    model.register_forward_pre_hook(_clip_in_format)
    return model


def _clip_in_format(model, inputs):
    x = inputs[0]
    return (x.contiguous(memory_format=model.memory_format) if x.ndim == 5 else x, *inputs[1:])


def list_models(pattern="*"):
    """Sorted names that match a pattern with wildcards, as in `list_models("*csn*")`."""
    return sorted(fnmatch.filter(_MODELS, pattern))


def memory_format(name_or_model):
    """The memory format of a net's clips: kept in the registry; contiguous for modules that did not come from it."""
    if isinstance(name_or_model, str):
        return entry(name_or_model).memory_format
    return getattr(name_or_model, "memory_format", torch.contiguous_format)
