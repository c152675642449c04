"""One name opens every net: `create_model`, `list_models`, and the `register` decorator behind them."""

import difflib
import fnmatch
import inspect
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch

from lib.bounds import shown
from lib.models.fast import use_backend
from lib.models.undrawn import undrawn


@dataclass(frozen=True)
class Entry:
    """What the registry knows of a net beside its name; see `register`."""

    build: Any
    system: str
    source: str
    memory_format: torch.memory_format
    evaluates_last: bool
    layouts: tuple
    variants: tuple


_MODELS = {}


def register(
    build=None,
    *,
    name=None,
    system="own",
    source="",
    memory_format=torch.channels_last_3d,
    evaluates_last=False,
    layouts=(),
    variants=({},),
):
    """Decorator: the function's own name is the model's name, its arguments are the model's options.

    system         the published system that the net belongs to, such as "CSN"; "own": none of them
    source         the paper: authors, place, year, arXiv id, table or section
    memory_format  of the clips that the net computes fastest: channels_last_3d is 3 to 20 times faster for depthwise
                   convolutions on a CPU, contiguous suits shift nets. See `in_format`
    evaluates_last whether a net of contiguous clips evaluates them in channels_last_3d on a CPU with several threads:
                   there oneDNN computes 1x1x1 convolutions, and wants it, up to 2.4 times as fast; with one thread
                   PyTorch computes most of them itself, and turns such clips round each time
    layouts        `Layout`s of published files that this net can read, see lib/models/layout.py
    variants       option sets that were published, tried in order when a file is loaded
    """

    def add(build):
        key = name or build.__name__
        if key in _MODELS and not _same_source(_MODELS[key].build, build):
            raise ValueError(f"two models are called {key}")
        _MODELS[key] = Entry(build, system, source, memory_format, evaluates_last, tuple(layouts), tuple(variants))
        return build

    return add if build is None else add(build)


def register_all(build, table, **facts):
    """Register a family: {name: the first arguments of `build`}, the others are the options; facts as `register`'s."""
    for name, arguments in table.items():
        register(partial(build, *arguments), name=name, **facts)


def _same_source(old, new):
    """Whether `new` is the same function defined again, as a notebook cell that is run twice does."""
    where = [(getattr(build, "__module__", ""), getattr(build, "__qualname__", "")) for build in (old, new)]
    return where[0] == where[1] and where[0][0] == "__main__"


def entry(name):
    """The registry's entry of a name; ValueError with near matches if there is none."""
    if name not in _MODELS:
        near = difflib.get_close_matches(str(name), _MODELS, n=5, cutoff=0.5)
        hint = f"did you mean {', '.join(near)}?" if near else f"there are {', '.join(list_models())}"
        raise ValueError(f"no model {shown(name)}; {hint} (list_models() names all)")
    return _MODELS[name]


def list_models(pattern="*", system=None):
    """Sorted names that match a pattern with wildcards, as in `list_models("*csn*")`; of one system, if it is given."""
    systems = sorted({found.system for found in _MODELS.values()})
    if system not in (None, *systems):
        raise ValueError(f"no system {system!r}; there are {', '.join(systems)}")
    names = fnmatch.filter(_MODELS, pattern)
    return sorted(name for name in names if system in (None, _MODELS[name].system))


def system_of(name):
    """The published system that a net belongs to; "own" for names that are not registered."""
    return _MODELS[name].system if name in _MODELS else "own"


def is_ours(name):
    """Whether a net is one of `lib`, and none that a suite's module or a notebook registered."""
    build = entry(name).build
    return getattr(build, "func", build).__module__.startswith("lib.")


def model_options(name):
    """The options of a net with their defaults, {name: default}."""
    return {p.name: p.default for p in inspect.signature(entry(name).build).parameters.values()}


def create_model(name, **options):
    """Build a net: clips (N, 3, T, H, W) -> logits (N, num_classes). Unknown name or option: ValueError.

    in_channels  other than 3, an option of every net of the suite: see `VideoNet.set_in_channels`
    backend      "auto": our kernels train what they train faster; "reference": PyTorch's operators alone: see
                 `use_backend`
    """
    known = model_options(name)
    channels = 3 if "in_channels" in known else options.pop("in_channels", 3)
    backend = "auto" if "backend" in known else options.pop("backend", "auto")
    if unknown := [option for option in options if option not in known]:
        raise ValueError(f"{name} has no option {', '.join(map(repr, unknown))}; its options are {', '.join(known)}")
    with undrawn():
        model = entry(name).build(**options)
    if channels != 3:
        if not hasattr(model, "set_in_channels"):
            raise ValueError(f"{name} has no option 'in_channels'; let its class inherit from lib.models.VideoNet")
        model.set_in_channels(channels)
    model.registered_as = name  # a text: a net stays what torch.save, deepcopy and export take
    return use_backend(model, backend)


def memory_format(name_or_model):
    """The memory format of a net's clips; contiguous for modules that did not come from the registry."""
    if isinstance(name_or_model, str):
        return entry(name_or_model).memory_format
    found = _entry_of(name_or_model)
    return found.memory_format if found else torch.contiguous_format


def unwrapped(net):
    """The net inside `torch.compile`, `DataParallel` and `DistributedDataParallel`."""
    for name in ("_orig_mod", "module"):
        if isinstance(inner := getattr(net, name, None), torch.nn.Module):
            return unwrapped(inner)
    return net


def in_format(model, clips):
    """Clips (N, C, T, H, W) in the memory format that the net computes fastest; the logits are the same in any.

    Whoever runs nets in bulk calls it: trainer, evaluation, cost and timing. Weights stay contiguous.
    """
    if clips.ndim != 5:
        return clips
    last = _evaluates_last(model) and clips.device.type == "cpu" and torch.get_num_threads() > 1
    return clips.contiguous(memory_format=torch.channels_last_3d if last else memory_format(model))


def _evaluates_last(model):
    """Whether evaluation may turn the clips of a net that trains on contiguous ones; see `register`."""
    found = _entry_of(model)
    return found is not None and found.evaluates_last and not model.training


def _entry_of(model):
    return _MODELS.get(getattr(unwrapped(model), "registered_as", None))
