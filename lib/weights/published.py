"""Published weights: read a file as its authors wrote it, into our nets, strictly; and write one.

A net's model file says how its published layouts name the tensors (`lib/models/layout.py`); this file knows files.
Nothing is executed from a file: it is read with `weights_only=True` under a short list of data-only classes.
"""

import argparse
import fnmatch
import pickle
import pickletools
import re
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from torch import nn

from lib.files import replacing
from lib.models import create_model, list_models, model_options
from lib.models.layout import Preprocessing
from lib.models.registry import entry

WRAPPERS = ("state_dict", "model", "model_state")  # entries that hold the tensors, beside epoch, optimizer, ...
COUNTER = "num_batches_tracked"  # absent in old files and under frozen batch norm; means nothing in evaluation
SCALAR = np.float64(0).__reduce__()[0]  # NumPy's rebuilder of numbers, known under two module names
# what may lie beside the weights beyond PyTorch's own list: classes and a function that hold data and run nothing
DATA_ONLY = [
    argparse.Namespace,  # the options in Optimization Planning's files
    (SCALAR, "numpy.core.multiarray.scalar"),
    (SCALAR, "numpy._core.multiarray.scalar"),
    np.dtype,
    *(type(np.dtype(kind)) for kind in ("bool", "int32", "int64", "float32", "float64")),
]

_SHAPES = {}


@dataclass(frozen=True)
class Report:
    """What happened to every key."""

    layout: str
    options: dict  # that the net was built with
    renamed: dict  # the file's key: ours
    missing: list  # our keys that the file lacks, left as initialised
    unused: list  # the file's keys that the net has no use for


@dataclass(frozen=True)
class Loaded:
    """A published net in evaluation mode, what it expects to see, and what happened to every key of its file."""

    model: nn.Module
    preprocessing: Preprocessing
    report: Report


@dataclass(frozen=True)
class Match:
    """How a file's tensors compare to one net under one layout."""

    layout: object
    options: dict
    pairs: dict  # our key: the file's key
    missing: list  # of our keys
    unused: list  # of the file's keys
    misfits: list  # sentences

    @property
    def fits(self):
        return not self.misfits


def load_published(name, path, **options):
    """Load a published checkpoint.

    name     of the net, as in `list_models()`
    path     the file as it was published: wrapped or bare, keys with or without `module.`, zip or legacy
    options  of the net; what is not given is taken from the tensors (number of classes, width, ...)

    Raises ValueError if the file holds more than data, or does not fit: the message names the nearest fitting net.
    """
    tensors = read_tensors(path)
    matches = list(_matches(name, tensors, options))
    if not matches:
        raise ValueError(f"{name} has no published layout")
    best = min(matches, key=lambda match: len(match.misfits))
    if not best.fits:
        raise ValueError(_misfit_text(name, path, best, tensors))
    model = create_model(name, **best.options)
    state = model.state_dict()
    with torch.no_grad():
        for ours, theirs in best.pairs.items():
            state[ours].copy_(tensors[theirs])
    renamed = {theirs: ours for ours, theirs in best.pairs.items() if theirs != ours}
    report = Report(best.layout.name, best.options, renamed, best.missing, best.unused)
    return Loaded(model.eval(), best.layout.preprocessing(Path(path).name), report)


def save_published(name, model, path, layout=None):
    """Write a net's weights in its published layout (the first one, or the one called `layout`)."""
    layouts = {each.name: each for each in entry(name).layouts}
    if not layouts or layout not in (None, *layouts):
        raise ValueError(f"{name} has no published layout {layout!r}; it has {', '.join(layouts) or 'none'}")
    chosen = layouts[layout] if layout else next(iter(layouts.values()))
    tensors = {chosen.prefix + key: value for ours, value in model.state_dict().items() for key in chosen.keys(ours)}
    with replacing(path) as temporary:
        torch.save({chosen.wrapper: tensors} if chosen.wrapper else tensors, temporary)


def read_tensors(path):
    """The tensors of a published file, without wrapper and without `module.`; ValueError if it holds more than data."""
    try:
        with torch.serialization.safe_globals(DATA_ONLY):
            file = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, KeyError) as error:
        raise ValueError(_refusal(path, error)) from None
    found = next((file[key] for key in WRAPPERS if key in file and isinstance(file[key], dict)), file)
    if not found or not all(isinstance(value, torch.Tensor) for value in found.values()):
        raise ValueError(f"{path} holds no state dict, bare or under {', '.join(WRAPPERS)}; it has {list(file)[:8]}")
    wrapped = all(key.startswith("module.") for key in found)
    return {key.removeprefix("module.") if wrapped else key: value for key, value in found.items()}


def _refusal(path, error):
    """Why a file was not read."""
    if _is_caffe2(path):
        return (
            f"{path} is a Caffe2 pickle, as VMZ published them; to read its NumPy arrays is to run what it says. "
            "mmaction2 publishes the same weights as PyTorch files, vmz_ircsn_*.pth and vmz_ipcsn_*.pth"
        )
    if not isinstance(error, pickle.UnpicklingError):
        return f"{path} is not a checkpoint that PyTorch can read: {error}"
    found = re.search(r"GLOBAL (\S+)", str(error))
    reason = f"it holds more than data ({found[1]})" if found else "it is not a checkpoint of PyTorch"
    return f"{path} was not loaded: {reason}"


def _is_caffe2(path):
    """Whether "blobs" is among the first words of a pickle, which is looked at and not run."""
    try:
        with open(path, "rb") as file:
            words = (word for _, word, _ in pickletools.genops(file) if isinstance(word, str | bytes))
            return any(word in ("blobs", b"blobs") for word in islice(words, 16))
    except ValueError:  # no pickle
        return False


def _matches(name, tensors, options):
    """The file against every layout and published variant of a net."""
    for layout in entry(name).layouts:
        inferred = {**_classes(layout, tensors), **layout.infer(tensors)}
        for variant in entry(name).variants:
            chosen = {**variant, **inferred, **layout.options, **options}
            yield _match(name, layout, chosen, tensors)


def _classes(layout, tensors):
    """The number of classes, from the length of the head's bias."""
    head = layout.keys(layout.head)[-1]
    return {"num_classes": len(tensors[head])} if head in tensors else {}


def _match(name, layout, options, tensors):
    shapes = _shapes(name, options)
    keys = {ours: layout.keys(ours) for ours in shapes}
    pairs = {ours: theirs[-1] for ours, theirs in keys.items() if theirs[-1] in tensors}
    known = {key for theirs in keys.values() for key in theirs}
    missing = [ours for ours in shapes if ours not in pairs]
    unused = [key for key in tensors if key not in known]
    misfits = [f"{pairs[ours]} is {tuple(tensors[pairs[ours]].shape)}, the net's {tuple(shapes[ours])}"
               for ours in pairs if tensors[pairs[ours]].shape != shapes[ours]]  # fmt: skip
    misfits += [f"{keys[ours][-1]} is missing" for ours in missing if not _passes(ours, layout.optional)]
    misfits += [f"{key} is not in the net" for key in unused if not _passes(key, layout.ignored)]
    return Match(layout, options, pairs, missing, unused, misfits)


def _passes(key, patterns):
    return key.endswith(COUNTER) or any(fnmatch.fnmatch(key, pattern) for pattern in patterns)


def _shapes(name, options):
    """{our key: shape} of a net, built without memory."""
    key = name, repr(options)  # an option may be a list
    if key not in _SHAPES:
        with torch.device("meta"):
            _SHAPES[key] = {ours: value.shape for ours, value in create_model(name, **options).state_dict().items()}
    return _SHAPES[key]


def _misfit_text(name, path, best, tensors):
    text = f"{path} does not fit {name} ({best.layout.name} layout): {'; '.join(best.misfits[:3])}"
    if len(best.misfits) > 3:
        text += f"; and {len(best.misfits) - 3} more"
    nearest = nearest_text(tensors)
    return f"{text}. {nearest}" if nearest else text


def nearest_text(tensors):
    """A sentence that names the net that these tensors fit best; "" if no net has a published layout."""
    nearest = min(compare(tensors), key=lambda found: len(found[1].misfits), default=None)
    if nearest is None:
        return ""
    name, match = nearest
    fits = "fits" if match.fits else f"is nearest, misfits: {len(match.misfits)}"
    given = {key: value for key, value in match.options.items() if value != model_options(name).get(key)}
    return f"{name} with {given} {fits}"


def compare(tensors, pattern="*"):
    """(name, `Match`) of a file's tensors with every layout and published variant of the nets that match `pattern`."""
    return ((name, match) for name in list_models(pattern) for match in _matches(name, tensors, {}))
