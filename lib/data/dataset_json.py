"""What dataset.json may say of a dataset: its entries, and what each must be."""

import difflib
import os
import re
from pathlib import PurePath

from lib.data.manifest_rows import MOST_FRAMES
from lib.files import file_name

SOURCES = ("video", "frames", "lmdb")
# dataset.json: entry -> what its value must be, in words and as a test; those of OPTIONAL may be missing
SHAPES = {
    "name": ("a name that can be part of a file's", lambda value: _passes(file_name, value)),
    "source": (f"one of {', '.join(SOURCES)}", lambda value: value in SOURCES),
    "root": ("a path", lambda value: _passes(_is_path, value)),
    "mirror_pairs": ("pairs of labels, or null", lambda value: value is None or _are_pairs(value)),
    "frame_pattern": (
        "a file name with one number, as img_{:05d}.jpg",
        lambda value: value is None or is_frame_pattern(value),
    ),
    "first_index": ("an integer from 0 on", lambda value: value is None or _is_count(value)),
    "expected": ("videos per split", lambda value: isinstance(value, dict) and all(map(_is_count, value.values()))),
    "found": ("usable videos per split", lambda value: isinstance(value, dict)),
    "unmirrored": ("labels", lambda value: isinstance(value, list | tuple)),
    "hash": ("text", lambda value: isinstance(value, str)),
}
OPTIONAL = {"frame_pattern", "first_index", "expected", "found", "unmirrored", "hash"}
PATTERN = re.compile(r"(?:[^{}]|\{\{|\}\})*\{:(?:0?[1-9][0-9]?)?d\}(?:[^{}]|\{\{|\}\})*")


def check_dataset(dataset, file):
    """The content of dataset.json, if every entry is what it must be; else a ValueError that names `file`."""
    if not isinstance(dataset, dict):
        raise ValueError(f"{file} must be {{...}}, a JSON object")
    if unknown := set(dataset) - set(SHAPES):  # passed over, a misspelt `mirror_pairs` would change a training
        name = min(map(str, unknown))
        near = "".join(f"; is {near} meant?" for near in difflib.get_close_matches(name[:100].lower(), SHAPES, n=1))
        raise ValueError(f"{file}: {name[:100]!r} is no entry of it; there are {', '.join(SHAPES)}{near}")
    missing = set(SHAPES) - OPTIONAL - set(dataset)
    if missing:
        raise ValueError(f"{file}: {', '.join(sorted(missing))} is missing")
    for entry, (words, fits) in SHAPES.items():
        if entry in dataset and not fits(dataset[entry]):
            told = repr(dataset[entry])[:100]
            raise ValueError(f"{file}: {entry} is {told}; it can be {words.removeprefix('one of ')}")
    return dataset


def _is_path(value):
    return isinstance(value, str | PurePath) and b"\0" not in os.fsencode(value)  # half a character is a ValueError


def _is_count(value):
    return type(value) is int and 0 <= value <= MOST_FRAMES


def _passes(check, value):
    try:
        return bool(check(value))
    except (ValueError, TypeError):
        return False


def is_frame_pattern(pattern):
    """A pattern of names under a video's folder: not absolute, no way up, one number, nothing else to fill in."""
    if not isinstance(pattern, str) or not PATTERN.fullmatch(pattern) or not pattern.isprintable():
        return False
    parts = pattern.split("/")
    return not pattern.startswith("/") and ".." not in parts and len(pattern) <= 200


def _are_pairs(value):
    return isinstance(value, list | tuple) and all(isinstance(pair, list | tuple) for pair in value)
