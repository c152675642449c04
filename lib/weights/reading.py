"""The tensors of a weights file, whoever wrote it: checked before they are believed, without wrappers.

Nothing is executed from a file: it is read with `weights_only=True` under a short list of data-only classes.
"""

import argparse
import re
import warnings
from collections import Counter
from pathlib import Path

import numpy as np
import torch

from lib.checkpoints import CHECKSUM, other_than_written
from lib.weights.foreign import foreign, is_safetensors
from lib.weights.outline import check_outline
from lib.weights.refusals import KEEP, KEEP_LIST, refusal

# entries that hold the tensors, beside epoch, optimizer, ...; "net" is our own trainer's
WRAPPERS = ("state_dict", "model_state_dict", "model", "model_state", "net")
# of every key, in any number and order: DataParallel's and DDP's, torch.compile's, Lightning's, of a net in a module
PREFIXES = ("module.", "_orig_mod.", "model.", "net.", "network.")
INSIDE = ("._orig_mod.", ".module.")  # a part of the net that was compiled, or made parallel, by itself
COUNTER = "num_batches_tracked"  # absent in old files and under frozen batch norm; means nothing in evaluation
BUFFERS = ("running_mean", "running_var", COUNTER)
# by their names: gradients, what optimizers keep of each weight, how much a weight matters, which are pruned
NO_WEIGHTS = re.compile(
    r"(^|[._])(grads?|gradients?|optim\w*|(max_)?exp_avg(_sq)?|momentum(_buffer)?|square_avg|acc_delta|fisher|masks?)(\.|$)",
    re.I,
)
AVERAGED = re.compile(r"(^|[._])(ema|swa|shadow|averaged?|teacher)([._]|$)", re.I)
FLOATS = (torch.float16, torch.bfloat16, torch.float32, torch.float64)
WHOLE = (torch.int16, torch.int32, torch.int64, torch.uint8)  # a counter's; averaged weights make floats of it
SCALAR = np.float64(0).__reduce__()[0]  # NumPy's rebuilder of numbers, known under two module names
# what may lie beside the weights beyond PyTorch's own list: classes and a function that hold data and run nothing
DATA_ONLY = [
    argparse.Namespace,  # the options in Optimization Planning's files
    (SCALAR, "numpy.core.multiarray.scalar"),
    (SCALAR, "numpy._core.multiarray.scalar"),
    np.dtype,
    *{type(np.dtype(kind)) for kind in "?bBhHiIlLqQefdgU"},
]


def read_tensors(path):
    """The tensors of a file, {key: tensor}, without wrappers and prefixes that all keys have.

    ValueError: the file is damaged, holds more than data, or no state dict of finite floating numbers.
    """
    return read_weights(path)[0]


def read_weights(path):
    """-> (`read_tensors`, what else the file says: a safetensors file's metadata, a checkpoint's other entries)"""
    if Path(path).suffix == ".safetensors" and not is_safetensors(path) and (said := foreign(path)):
        raise ValueError(f"{path} was not loaded: it {said}")
    if Path(path).suffix == ".safetensors" or is_safetensors(path):
        tensors, beside = read_safetensors(path)
    else:
        tensors, beside = _found(path, read_checkpoint(path))
    tensors = _plain_keys(path, tensors)
    _check_alone(path, tensors, beside)
    for key, tensor in tensors.items():
        check_tensor(path, key, tensor)
    return tensors, beside


def read_checkpoint(path):
    """The content of a file of `torch.save`, on the CPU; its checksums, of records and ours, are compared."""
    if said := foreign(path):
        raise ValueError(f"{path} was not loaded: it {said}")
    check_outline(path)
    try:
        with torch.serialization.safe_globals(DATA_ONLY), warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Detected pickle protocol")  # the refusal says it
            file = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # whatever ends it, the file is not read on
        raise ValueError(refusal(path, error)) from None
    if why := other_than_written(file):
        raise ValueError(f"{path} is damaged: {why}")
    return file


def read_safetensors(path):
    """-> ({key: tensor}, metadata) of a safetensors file; the library holds its header against its size."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "pt") as file:
            tensors, metadata = {key: file.get_tensor(key) for key in file.keys()}, file.metadata() or {}
    except (SafetensorError, ValueError, TypeError, AttributeError, KeyError, RuntimeError) as error:
        raise ValueError(f"{path} is not a safetensors file: {error!s:.200}") from None
    if why := other_than_written({**tensors, **{key: metadata[key] for key in [CHECKSUM] if key in metadata}}):
        raise ValueError(f"{path} is damaged: {why}")
    return tensors, metadata


def check_tensor(path, key, tensor):
    """ValueError unless a tensor can be a weight: dense, not empty, finite, of a floating type; counters are whole."""
    counts = key.endswith(COUNTER)
    if tensor.layout != torch.strided or tensor.is_quantized or tensor.is_meta:
        fault = f"is {tensor.dtype}, {tensor.layout}, on {tensor.device}; weights are dense and of a floating type"
    elif tensor.dtype not in ((*FLOATS, *WHOLE) if counts else FLOATS):
        fault = f"is {tensor.dtype}, {tensor.layout}; weights are dense and of a floating type"
    elif not tensor.numel():
        fault = f"is empty, {tuple(tensor.shape)}" + "; the net has 0 classes" * key.endswith(".bias")
    elif not torch.isfinite(tensor.float()).all():  # a net is float32: what is larger would be infinite there
        fault = "holds NaN or infinity, or numbers beyond float32"
    elif key.endswith("running_var") and (tensor < 0).any():
        fault = "holds a negative variance"
    else:
        return
    raise ValueError(f"{path} was not loaded: {key} {fault}")


def _found(path, file):
    """The state dict of a checkpoint and what lies beside it."""
    if not isinstance(file, dict):
        raise ValueError(f"{path} holds no state dict, but a {type(file).__name__}")
    if _is_state(file):
        return _of_the_net(file, {})
    known = [name for name in WRAPPERS if isinstance(file.get(name), dict)]
    if known and _is_state(file[known[0]]):
        return _of_the_net(file[known[0]], {key: value for key, value in file.items() if key != known[0]})
    groups = {place: found for place, found in _groups(file) if isinstance(found, dict) and _is_state(found)}
    states = {place: found for place, found in groups.items() if _is_state(_at(file, place))}
    if len(states) != 1:
        raise ValueError(_no_state(path, file, known, states))
    (place, found), *_ = states.items()
    return _of_the_net(found, {key: value for key, value in file.items() if key != place.partition(".")[0]})


def _is_state(value):
    """Whether it is a dict of names and tensors, at least one."""
    names = isinstance(value, dict) and value
    return bool(names) and all(isinstance(key, str) and torch.is_tensor(item) for key, item in value.items())


def _at(tree, place):
    """What lies at a place of `_groups`, whose names may have dots."""
    for key, value in tree.items() if isinstance(tree, dict) else ():
        if str(key) == place:
            return value
        if place.startswith(f"{key}.") and (found := _at(value, place.removeprefix(f"{key}."))) is not None:
            return found
    return None


def _no_state(path, file, known, states):
    if states:
        return f"{path} holds several state dicts, {', '.join(states)}, and does not say which counts: {KEEP}"
    said = f"{path} holds no state dict, bare or under {', '.join(WRAPPERS)}; it has {[*map(str, file)][:8]}"
    inside = file[known[0]] if known else {}
    other = next((key for key, value in inside.items() if not isinstance(key, str) or not torch.is_tensor(value)), None)
    if other is None:
        return said
    return f"{said}; {known[0]} is none for its entry {other!r:.60}, a {type(inside[other]).__name__}"


def _of_the_net(tensors, beside):
    """Lightning's state dict: the net's part; a loss's, a metric's and other nets' go to what lies beside it."""
    others = {}
    for key, value in tensors.items() if "pytorch-lightning_version" in beside else ():
        part, _, rest = key.partition(".")
        others.setdefault(part, {})[rest] = value
    names = [name for name in ("model", "net", "network") if name in others]
    if len(names) != 1:
        return tensors, beside
    return others.pop(names[0]), {**beside, **others}


def _plain_keys(path, tensors):
    """Keys without the prefixes that all have. ValueError: two keys become one."""
    plain = {key: key for key in tensors}
    for inside in INSIDE:
        plain = {key: name.replace(inside, ".") for key, name in plain.items()}
    while prefix := next((p for p in PREFIXES if plain and all(name.startswith(p) for name in plain.values())), None):
        plain = {key: name.removeprefix(prefix) for key, name in plain.items()}
    if twice := next((name for name, times in Counter(plain.values()).items() if times > 1), None):
        both = " and ".join(key for key, name in plain.items() if name == twice)
        raise ValueError(f"{path} was not loaded: {both} are both {twice} of the net; it does not say which counts")
    return {name: tensors[key] for key, name in plain.items()}


def _check_alone(path, tensors, beside):
    """ValueError: other weights of the same net lie beside these, such as their running average (EMA)."""
    shapes = Counter(tuple(value.shape) for key, value in tensors.items() if not key.endswith(BUFFERS))
    for place, found in _groups(beside):
        if isinstance(found, dict):
            names = {key.replace("_orig_mod.", "").removeprefix("module.").removeprefix("model.") for key in found}
            again, what, help = 2 * len(names & tensors.keys()) > len(tensors), "of the same names", KEEP
        else:  # without names, as torch_ema keeps them: told by their shapes
            common = Counter(tuple(value.shape) for value in found) & shapes
            again, what, help = 2 * common.total() > shapes.total(), "of the same shapes", KEEP_LIST
        if again:
            raise ValueError(
                f"{path} holds weights {what} twice, the second under {place!r}, and does not say which count: {help}"
            )


def _groups(tree, place="", depth=3):
    """(place, {name: tensor} or [tensor, ...]) of nested dicts, but for what belongs to weights and is none."""
    for key, value in tree.items() if depth else ():
        where = f"{place}{key}"
        counts = AVERAGED.search(where) or not NO_WEIGHTS.search(where)
        if isinstance(value, dict):
            if counts:
                yield where, {name: t for name, t in value.items() if isinstance(name, str) and torch.is_tensor(t)}
            yield from _groups(value, f"{where}.", depth - 1)
        elif counts and isinstance(value, list | tuple) and all(map(torch.is_tensor, value)):
            yield where, value
