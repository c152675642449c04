"""What follows from names: which training videos are held out for val, and which classes a mirror image exchanges."""

import hashlib
import re
from dataclasses import replace

# A mirror image exchanges these words in a class's name
SIDES = {"left": "right", "right": "left", "clockwise": "counterclockwise", "counterclockwise": "clockwise"}


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
    """Label pairs that a mirror image exchanges, by their names: left and right, (counter)clockwise.

    -> [(label, label), ...]; None, never mirror, if the mirror image of some class is no class
    """
    label = {name: index for index, name in enumerate(classes)}
    partners = {name: re.sub(r"[A-Za-z]+", _other_side, name) for name in classes}
    partners = {name: partner for name, partner in partners.items() if partner != name}
    if any(partner not in label for partner in partners.values()):
        return None
    return sorted({tuple(sorted((label[name], label[partner]))) for name, partner in partners.items()})


def _other_side(match):
    word = match[0]
    other = SIDES.get(word.lower(), word)
    return other if other == word or word.islower() else other.capitalize()
