"""Checkpoints of a training: saved whole, checked before they are used, and the one before is kept.

A file of torch.save is a zip: every record has a checksum, which torch.load does not look at and we do.
"""

import os
from pathlib import Path
from pickle import UnpicklingError

import torch

from lib.files import damage, replacing, set_aside


def save(path, value, keep_before=False):
    """torch.save, atomically; with `keep_before`, the file that was there is kept as NAME.before."""
    with replacing(path) as temporary:
        with open(temporary, "wb") as file:  # of a path, its name would be part of the content
            torch.save(value, file)
        if keep_before and Path(path).exists():
            os.replace(path, before(path))


def load(path):
    """What was saved, on the CPU; of a damaged file, which is set aside, the one before; None if there is neither."""
    for file in (Path(path), before(path)):
        if whole(file):
            try:
                return torch.load(file, map_location="cpu", weights_only=True)
            except (RuntimeError, UnpicklingError, LookupError, ValueError, TypeError, EOFError) as error:
                set_aside(file, f"{file}: " + str(error).splitlines()[0].split(". ")[0])
    return None


def whole(path):
    """Whether a checkpoint is there and its checksums are right; a damaged one is named and set aside."""
    path = Path(path)
    if path.exists() and (why := damage(path)):
        set_aside(path, why)
    return path.exists()


def forget(path):
    """Delete a checkpoint, and the one before."""
    for file in (Path(path), before(path)):
        file.unlink(missing_ok=True)


def before(path):
    """Where the checkpoint before this one is."""
    return Path(path).with_name(f"{Path(path).name}.before")
