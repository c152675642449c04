"""The tensors of a weights file, whoever wrote it: checked before they are believed, without wrappers.

Nothing is executed from a file: it is read with `weights_only=True` under a short list of data-only classes.
"""

import argparse
import pickle
import pickletools
import re
from collections import Counter
from itertools import islice
from pathlib import Path

import numpy as np
import torch

from lib.checkpoints import CHECKSUM, other_than_written
from lib.weights.foreign import NO_PYTORCH, foreign, is_safetensors
from lib.weights.outline import check_outline

# entries that hold the tensors, beside epoch, optimizer, ...; "net" is our own trainer's
WRAPPERS = ("state_dict", "model_state_dict", "model", "model_state", "net")
# of every key, in any number and order: DataParallel's and DDP's, torch.compile's, Lightning's
PREFIXES = ("module.", "_orig_mod.", "model.")
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
    *(type(np.dtype(kind)) for kind in ("bool", "int32", "int64", "float32", "float64")),
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
        with torch.serialization.safe_globals(DATA_ONLY):
            file = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # whatever ends it, the file is not read on
        raise ValueError(_refusal(path, error)) from None
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
    name = next((name for name in WRAPPERS if isinstance(file.get(name), dict)), None)
    found = file if name is None else file[name]
    if not found or not all(isinstance(key, str) and isinstance(v, torch.Tensor) for key, v in found.items()):
        raise ValueError(
            f"{path} holds no state dict, bare or under {', '.join(WRAPPERS)}; it has {[*map(str, file)][:8]}"
        )
    return _of_the_net(found, {} if name is None else {key: value for key, value in file.items() if key != name})


def _of_the_net(tensors, beside):
    """Lightning's state dict: the net's part; a loss's, a metric's and other nets' go to what lies beside it."""
    if "pytorch-lightning_version" not in beside or not any(key.startswith("model.") for key in tensors):
        return tensors, beside
    others = {}
    for key, value in tensors.items():
        part, _, rest = key.partition(".")
        others.setdefault(part, {})[rest] = value
    return others.pop("model"), {**beside, **others}


def _plain_keys(path, tensors):
    """Keys without the prefixes that all have. ValueError: two keys become one."""
    plain = {key: key.replace("._orig_mod.", ".") for key in tensors}
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


def _refusal(path, error):
    """Why a file was not read."""
    if _is_caffe2(path):
        return (
            f"{path} is a Caffe2 pickle, as VMZ published them; to read its NumPy arrays is to run what it says. "
            "mmaction2 publishes the same weights as PyTorch files, vmz_ircsn_*.pth and vmz_ipcsn_*.pth"
        )
    if not isinstance(error, pickle.UnpicklingError):
        return f"{path} is not a checkpoint that PyTorch can read: {error!s:.200}"
    found = re.search(r"GLOBAL (\S+)", str(error))
    if not found:
        return f"{path} was not loaded: it {NO_PYTORCH}"
    if found[1].startswith("mmengine"):
        return f"{path} is a training checkpoint of mmengine, which holds its objects ({found[1]}); {CONVERT}"
    return f"{path} was not loaded: it holds more than data ({found[1]})"


KEEP = (
    "keep the ones that you mean, such as "
    "python -c \"import torch; c = torch.load('file.pth', map_location='cpu', weights_only=False); "
    "torch.save({'state_dict': c['state_dict_ema']}, 'weights.pth')\""
)
KEEP_LIST = (
    "keep the ones that you mean, where they were made: of the net itself its state_dict alone; of the average that "
    "too, after `ema.copy_to(net.parameters())`"
)
CONVERT = (
    "keep its weights alone where it was made, and load those: "
    "python -c \"import torch; c = torch.load('epoch_N.pth', map_location='cpu', weights_only=False); "
    "torch.save({'state_dict': c['state_dict']}, 'weights.pth')\""
)


def _is_caffe2(path):
    """Whether "blobs" is among the first words of a pickle, which is looked at and not run."""
    try:
        with open(path, "rb") as file:
            words = (word for _, word, _ in pickletools.genops(file) if isinstance(word, str | bytes))
            return any(word in ("blobs", b"blobs") for word in islice(words, 16))
    except Exception:  # no pickle
        return False
