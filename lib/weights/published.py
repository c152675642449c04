"""Weights into nets: a file's tensors under the names of their authors, or under ours, strictly; and published files.

A net's model file says how its published layouts name the tensors (`lib/models/layout.py`). How a file is opened, and
what is refused in it, stands in `lib/weights/reading.py`.
"""

import fnmatch
import json
import warnings
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from torch import nn

from lib.files import replacing
from lib.models import create_model, list_models, model_options
from lib.models.layout import Layout, Preprocessing
from lib.models.registry import entry
from lib.weights.reading import COUNTER, read_tensors

OURS = "efficient3d"  # the layout of a net's own state dict
OWN_ROOTS = ("stem", "stages", "blocks", "groups", "layers")  # what the keys of our nets begin with

UNFIT = (ValueError, TypeError, RuntimeError, ArithmeticError, LookupError)  # what senseless shapes and options raise

_SHAPES = {}


@dataclass(frozen=True)
class Report:
    """What happened to every key."""

    layout: str
    options: dict  # that the net was built with
    renamed: dict  # the file's key: ours
    missing: list  # our keys that the file lacks, left as initialised
    unused: list  # the file's keys that the net has no use for
    file: str = ""  # its name


@dataclass(frozen=True)
class Loaded:
    """A published net in evaluation mode, what it expects to see, and what happened to every key of its file."""

    model: nn.Module
    preprocessing: Preprocessing
    report: Report

    def check_whole(self, what):
        """ValueError: the file lacks weights, such as the head: random ones would speak for it. what: it is to do"""
        if lacks := [key for key in self.report.missing if not key.endswith(COUNTER)]:
            start = "train it first: it is a start for a suite's `weights:` or notebook 10"
            raise ValueError(f"{self.report.file} cannot {what}: {', '.join(lacks[:3])} are not in the file; {start}")


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

    Raises ValueError if the file is damaged, holds more than data, or does not fit: the message names the nearest
    fitting net.
    """
    if not entry(name).layouts:
        raise ValueError(f"{name} has no published layout; lib.weights.load_weights reads what we wrote ourselves")
    return fit_tensors(name, path, read_tensors(path), options)


def fit_tensors(name, path, tensors, options, layouts=None):
    """The net with the tensors of a file.  -> Loaded; ValueError if they do not fit

    layouts  under which they are tried; None: the net's published ones
    """
    try:
        matches = list(_matches(name, tensors, options, layouts))
    except UNFIT as error:
        raise ValueError(f"{path}: {name} cannot be built with options {yaml_text(options)}: {error!s:.200}") from None
    best = min(matches, key=lambda match: len(match.misfits))
    if not best.fits:
        raise ValueError(_misfit_text(name, path, best, tensors))
    _warn_of_twins(name, path, best, matches)
    model = create_model(name, **best.options)
    state = model.state_dict()
    with torch.no_grad():
        for ours, theirs in best.pairs.items():
            state[ours].copy_(tensors[theirs].view(state[ours].shape))
    renamed = {theirs: ours for ours, theirs in best.pairs.items() if theirs != ours}
    file = Path(path).name
    report = Report(best.layout.name, best.options, renamed, best.missing, best.unused, file)
    return Loaded(model.eval(), best.layout.preprocessing(file, best.options), report)


def _warn_of_twins(name, path, best, matches):
    """Warn where our own tensors fit the net with other options, too, that change what it computes: an epsilon."""
    ours = [match.options for match in matches if match.fits and match.layout.name == best.layout.name == OURS]
    apart = {key for options in ours for key in options if options[key] != best.options.get(key)} - {"dropout"}
    if apart:
        taken = {key: best.options.get(key, model_options(name).get(key)) for key in sorted(apart)}
        said = f"{path} does not say some of {name}'s options, which its tensors do not show"
        warnings.warn(f"{said}: taken as {yaml_text(taken)}; say them to be sure", stacklevel=4)


def own_layouts(name, seen=None):
    """Layouts of the net's own state dict, one for every set of options that a published file has.

    seen  Preprocessing that the weights are known to want; None: unknown
    """
    seen = seen or Preprocessing(None, note="nothing in the file says what its pixels are")
    sets = [{}, *(layout.options for layout in entry(name).layouts if layout.options)]
    infer = partial(_infer_own, entry(name).layouts)
    return [
        Layout(OURS, lambda ours: ours, lambda file, options: seen, options=options, infer=infer) for options in sets
    ]


def _infer_own(layouts, tensors):
    """Options that our own tensors tell, as the published ones of the same net do."""
    for layout in layouts:
        theirs = {key: tensors[ours] for ours in tensors for key in _translated(layout, ours)}
        if found := layout.infer(theirs):
            return found
    return {}


def _translated(layout, ours):
    """The file's keys of one of ours; none for a key that is not the net's, which its layout need not know."""
    try:
        return layout.keys(ours)
    except (LookupError, TypeError, ValueError):
        return ()


def yaml_text(options):
    """Options on one line that a suite takes: {'eps': 1.0e-05, 'head_pool': [4, 7, 7]}."""
    import yaml

    plain = json.loads(json.dumps(options, default=str))  # tuples are lists there
    flow = {"default_flow_style": True, "width": 10**6}
    pairs = (f"'{key}': {yaml.safe_dump([value], **flow).strip()[1:-1]}" for key, value in plain.items())
    return f"{{{', '.join(pairs)}}}"


def save_published(name, model, path, layout=None):
    """Write a net's weights in its published layout (the first one, or the one called `layout`)."""
    layouts = {each.name: each for each in entry(name).layouts}
    if not layouts or layout not in (None, *layouts):
        raise ValueError(f"{name} has no published layout {layout!r}; it has {', '.join(layouts) or 'none'}")
    chosen = layouts[layout] if layout else next(iter(layouts.values()))
    tensors = {
        chosen.prefix + key: value.reshape(chosen.shape(ours, value.shape))
        for ours, value in model.state_dict().items()
        for key in chosen.keys(ours)
    }
    with replacing(path) as temporary:
        torch.save({chosen.wrapper: tensors} if chosen.wrapper else tensors, temporary)


def _matches(name, tensors, options, layouts=None):
    """The file against every layout and published variant of a net."""
    for layout in entry(name).layouts if layouts is None else layouts:
        inferred = _inferred(layout, tensors)
        for variant in entry(name).variants:
            chosen = {**variant, **inferred, **layout.options, **options}
            yield _match(name, layout, chosen, tensors)


def _inferred(layout, tensors):
    """Options that the tensors tell, among them the number of classes; {} of senseless shapes, which then misfit."""
    head = layout.keys(layout.head)[-1]
    try:
        return {**({"num_classes": len(tensors[head])} if head in tensors else {}), **layout.infer(tensors)}
    except UNFIT:
        return {}


def _match(name, layout, options, tensors):
    shapes = {ours: layout.shape(ours, shape) for ours, shape in _shapes(name, options).items()}
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
    return f"{name} with {yaml_text(given)} {fits}"


def compare(tensors, pattern="*"):
    """(name, `Match`) of a file's tensors with every layout and published variant of the nets that match `pattern`."""
    own = any(key.split(".")[0] in OWN_ROOTS for key in tensors)
    for name in list_models(pattern):
        layouts = [*entry(name).layouts, *(own_layouts(name) if own else ())]
        with suppress(*UNFIT):  # no net of this name can have these shapes
            yield from ((name, match) for match in list(_matches(name, tensors, {}, layouts)))
