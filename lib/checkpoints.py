"""Checkpoints of a training: saved whole, checked before they are used, and the one before is kept.

A file of torch.save is a zip: every record has a checksum, which torch.load does not look at and we do. Ours hold one
of all their tensors beside that, which stays when a file is written anew.
"""

import os
import zlib
from pathlib import Path
from pickle import UnpicklingError

import torch

from lib.files import damage, replacing, set_aside

CHECKSUM = "checksum"  # of all tensors, the entry of a checkpoint


def save(path, content, keep_before=False):
    """torch.save of a dict, atomically; with `keep_before`, the file that was there is kept as NAME.before."""
    with replacing(path) as temporary:
        with open(temporary, "wb") as file:  # of a path, its name would be part of the content
            torch.save({**content, CHECKSUM: checksum(content)}, file)
        if keep_before and Path(path).exists():
            os.replace(path, before(path))


def load(path, run=None):
    """What was saved, on the CPU; of a file that is damaged or another run's, which is set aside, the one before.

    None if there is neither.

    run  what the file says of its run, if it says something; None or {}: whatever it is
    """
    for file in (Path(path), before(path)):
        if whole(file):
            try:
                content = torch.load(file, map_location="cpu", weights_only=True)
                if not (why := other_than_written(content) or _of_another(content, run)):
                    return content
                set_aside(file, f"{file}: {why}")
            except (RuntimeError, UnpicklingError, LookupError, ValueError, TypeError, EOFError) as error:
                set_aside(file, f"{file}: " + str(error).splitlines()[0].split(". ")[0])
    return None


def _of_another(content, run):
    if not isinstance(content, dict):
        return "it holds no checkpoint"
    theirs = content.get("run")
    if not (run and theirs) or theirs == run:
        return ""
    differ = sorted(key for key in {**run, **theirs} if run.get(key) != theirs.get(key))
    return f"it is another run's, of another {', '.join(differ)}"


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


def checksum(content):
    """CRC-32 of all tensors in nested dicts, lists and tuples, with their places, kinds and shapes; as text."""
    return str(_checksum(content, "", 0))


def _checksum(value, place, crc):
    if isinstance(value, torch.Tensor):
        plain = value.detach().cpu().contiguous()
        crc = zlib.crc32(f"{place} {plain.dtype} {tuple(plain.shape)}".encode(), crc)
        return zlib.crc32(plain.view(-1).view(torch.uint8).numpy(), crc) if plain.numel() else crc
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list | tuple) else ()
    for key, item in sorted(inner, key=lambda pair: str(pair[0])):
        crc = _checksum(item, f"{place}.{key}", crc)
    return crc


def other_than_written(content):
    """Why a checkpoint's content is not what was written; "" if it is, or says nothing of it."""
    if not isinstance(content, dict) or not str(content.get(CHECKSUM, "")).isdecimal():  # others' is another kind
        return ""
    tensors = {key: value for key, value in content.items() if key != CHECKSUM}
    right = str(content[CHECKSUM]) == checksum(tensors)
    return "" if right else "its tensors do not match the checksum that was written with them"
