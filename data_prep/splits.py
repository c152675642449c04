"""What follows from names: which training videos are held out for val, and which classes a mirror image exchanges."""

import hashlib
import re
from dataclasses import replace

# A mirror image exchanges these words in a class's name ...
SIDES = {"left": "right", "right": "left", "clockwise": "counterclockwise", "counterclockwise": "clockwise"}
# ... but not here, where they name no side
NOT_SIDES = ("right out", "right away", "right now", "right after", "right before", "right angle", "all right")
WORDS = "|".join(SIDES)
SIDE = re.compile(  # a word, in one case, or a hump of CamelCase
    rf"(?P<none>\b(?:{'|'.join(NOT_SIDES)})\b)|(?<![A-Za-z])(?:{WORDS}|{WORDS.upper()})(?![A-Za-z])"
    rf"|(?:{'|'.join(word.capitalize() for word in SIDES)})(?![a-z])"
)
COUNTER = re.compile(r"(?<![A-Za-z])(counter|anti)[-_ ]?clockwise", re.IGNORECASE)


def hold_out_some(entries, expected, share, group):
    """Move `share` of each class's training groups to val, at least one of two; a published val becomes test.

    Which groups is decided by their names alone, so that it is the same everywhere.  -> entries, expected counts
    """
    if not share:
        return entries, expected
    if "val" in expected and "test" in expected:
        raise ValueError(f"hold_out={share}: train, val and test are all published here; nothing needs to be held out")
    groups, held = {}, set()
    for entry in entries:
        if entry.split == "train":
            groups.setdefault(entry.label, set()).add(group(entry.key))
    for names in groups.values():
        order = sorted(names - held, key=lambda name: hashlib.sha256(name.encode()).digest())
        held |= set(order[: max(1, round(share * len(order)))] if len(order) > 1 else [])
    splits = [
        "train" if entry.split == "train" and group(entry.key) not in held else _other(entry) for entry in entries
    ]
    moved = splits.count("val")
    counts = {"train": expected.get("train", 0) - moved, "val": moved}
    tested = expected.get("val", expected.get("test"))
    counts |= {} if tested is None else {"test": tested}
    return [replace(entry, split=split) for entry, split in zip(entries, splits, strict=True)], counts


def _other(entry):
    return "val" if entry.split == "train" else "test"


def mirror_pairs(classes):
    """Label pairs that a mirror image exchanges: their names differ by left and right, (counter)clockwise alone.

    -> [(label, label), ...]
    """
    names = [_plain(name) for name in classes]
    label = {name: index for index, name in enumerate(names)}
    partners = ((index, label.get(_mirrored(name), index)) for index, name in enumerate(names))
    return sorted({tuple(sorted(pair)) for pair in partners if len(set(pair)) == 2})


def unmirrored(classes):
    """Labels of classes with a side in their name whose mirror image is no class: they are never mirrored."""
    names = [_plain(name) for name in classes]
    there = set(names)
    return [label for label, name in enumerate(names) if _mirrored(name) not in there]


def _plain(name):
    """A name with `counter-clockwise` and `anticlockwise` in one spelling."""
    return COUNTER.sub(lambda match: "Counterclockwise" if match[0][0].isupper() else "counterclockwise", name)


def _mirrored(name):
    """The name of the mirror image; the words of NOT_SIDES stay."""
    return SIDE.sub(lambda match: match[0] if match["none"] else _other_side(match[0]), name)


def _other_side(word):
    other = SIDES[word.lower()]
    return other if word.islower() else other.upper() if word.isupper() else other.capitalize()
