"""Weights by the name of their net, from any file that holds them: we read what we write, and what is published."""

import json
from dataclasses import replace
from pathlib import Path

from lib.data.protocol import PIXELS, Pixels
from lib.files import read_json
from lib.models.layout import Preprocessing
from lib.models.registry import entry
from lib.weights.published import fit_tensors, own_layouts
from lib.weights.reading import COUNTER, read_weights

OF_A_RUN = ("best.pt", "last.pt")  # a run's own weights; whatever else lies in its folder is not told by its record


def load_weights(name, path, **options):
    """A net with the weights of a file, in evaluation mode.  -> `lib.weights.published.Loaded`

    path     a published file; best.pt or last.pt of a run of ours; what `python -m bench checkpoint` wrote
             (.safetensors); a state dict of the net, its batch norms frozen or not; each of them also from inside
             DataParallel, DDP, torch.compile or Lightning
    options  of the net; what is not given is taken from the file
    ValueError: another net's, or a file that does not fit, is damaged, or holds more than data. What its pixels are is
    `.preprocessing.pixels`, None where nothing says so.
    """
    entry(name)
    tensors, beside = read_weights(path)
    told = told_by(path, beside)
    if told.get("model") not in (None, name):
        raise ValueError(f"{path} holds {told['model']}, not {name}")
    options = {**told["options"], **options}
    layouts = own_layouts(name, told["preprocessing"])
    layouts = layouts[:1] if "model" in told else [*entry(name).layouts, *layouts]
    return fit_tensors(name, path, tensors, options, layouts)


def told_by(path, beside):
    """What a file of ours says of itself.  -> {"model": absent if it does not, "options": {}, "preprocessing": or None}

    beside  what lies beside its tensors: metadata of `save_converted`, or a run's record, in best.pt or in run.json
    """
    if all(isinstance(beside.get(key), str) for key in ("model", "preprocessing")):  # others' "model" is a text, too
        return _converted(path, beside)
    run = beside.get("run") or _record(path)
    if not isinstance(run, dict) or not isinstance(run.get("model"), str):
        return {"options": {}, "preprocessing": None}
    options = run.get("options") or {}
    if not isinstance(options, dict) or not all(isinstance(name, str) for name in options):
        raise ValueError(f"{path}: the options in its run's record are {options!r:.60}, not names with values")
    return {
        "model": run["model"],
        "options": options,
        "preprocessing": _seen(run.get("val_protocol") or run.get("protocol")),
    }


def _record(path):
    """run.json beside best.pt or last.pt; {} if there is none."""
    record = Path(path).with_name("run.json")
    return read_json(record) if Path(path).name in OF_A_RUN and record.exists() else {}


def _converted(path, metadata):
    try:
        options, seen = json.loads(metadata["options"]), json.loads(metadata["preprocessing"])
        if not isinstance(options, dict) or not isinstance(seen, dict):
            raise TypeError("no objects")
        if "pixels" not in seen:
            raise ValueError("written by an older version")
        pixels = Pixels(**seen["pixels"]) if seen["pixels"] else None
        return {**metadata, "options": options, "preprocessing": Preprocessing(**{**seen, "pixels": pixels})}
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise ValueError(
            f"{path}: its metadata is not what `python -m bench checkpoint` writes ({error!s:.80}): run it again"
        ) from None


def _seen(protocol):
    """What a run's protocol says of its clips; None if it says nothing."""
    try:
        facts = (Pixels(**protocol["pixels"]), protocol["size"], protocol["frames"])
        return Preprocessing(*facts, note="by the run's record", said=protocol)
    except (KeyError, TypeError, ValueError):
        return None


def known_pixels(path, seen, asked=None):
    """What the pixels of a file's net must be.  -> Pixels; ValueError: the file does not say, and nobody else does

    seen   its Preprocessing
    asked  Pixels, or a name in lib.data.PIXELS: what to take where the file does not say
    """
    if isinstance(asked, str) and asked:
        if asked not in PIXELS:
            raise ValueError(f"pixels={asked!r}; there are {', '.join(PIXELS)}")
        asked = PIXELS[asked]
    if seen.pixels is None and not asked:
        raise ValueError(
            f"what {path} expects of its pixels is unknown: {seen.note}. Say it, by --pixels or pixels=, as one of "
            f"{', '.join(PIXELS)}, or as lib.data.Pixels"
        )
    if asked and seen.pixels not in (None, asked):
        raise ValueError(f"{path} knows its pixels, {seen.pixels} ({seen.note or 'by its layout'}); not {asked}")
    return seen.pixels or asked


def with_pixels(path, seen, asked=None):
    """A file's Preprocessing with `known_pixels`, what it takes to show its net a video."""
    return replace(seen, pixels=known_pixels(path, seen, asked))


def load_state(net, state):
    """Load a state dict strictly, except for the batch counters, which frozen batch norms do not have; -> the net."""
    missing, unexpected = net.load_state_dict(state, strict=False)
    if wrong := [key for key in (*missing, *unexpected) if not key.endswith(COUNTER)]:
        raise ValueError(f"{len(wrong)} weights do not fit {type(net).__name__}, such as {wrong[0]}")
    return net
