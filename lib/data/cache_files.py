"""The small files beside a cache's frames, read with suspicion: torn, edited or foreign ones are as good as none."""

import json
import zlib
from pathlib import Path

import numpy as np

from lib.files import read_json, write_json


def place_bytes(shape):
    """Bytes of uint8 frames of this shape."""
    return int(np.prod(shape, dtype=np.int64))


def index_of(folder):
    """index.json, or None if there is none as `write_index` wrote it, every video inside the bytes that it counts."""
    try:
        index = summed(folder)
        return index if index and all(_fits(place, index["bytes"]) for place in index["videos"].values()) else None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def summed(folder):
    """index.json, or None if there is none as `write_index` wrote it."""
    file = Path(folder) / "index.json"
    try:
        index = read_json(file) if file.is_file() else None
        return index if index is not None and index.pop("sum") == _sum(index) else None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def write_index(folder, index):
    """Write index.json with a sum of what it says: with sides exchanged, the same bytes would show other pictures."""
    write_json(Path(folder) / "index.json", {**index, "sum": _sum(index)})


def _sum(index):
    return zlib.crc32(json.dumps(index, sort_keys=True).encode())


def _fits(place, size):
    numbers = isinstance(place, list) and len(place) == 5 and all(type(n) is int and 0 <= n <= size for n in place)
    offset, frames, height, width, colours = place if numbers else (0, 0, 0, 0, 0)
    return colours == 3 and offset + frames * height * width * colours <= size


def read_sums(folder):
    """{path: CRC-32}; the last line of a path counts, a torn line not at all."""
    file, sums = Path(folder) / "sums.jsonl", {}
    for line in file.read_bytes().splitlines() if file.is_file() else []:
        try:
            path, checksum = json.loads(line)
        except (ValueError, TypeError, RecursionError):
            continue
        if isinstance(path, str) and type(checksum) is int:
            sums[path] = checksum
    return sums


def write_sums(journal, sums):
    """Add a line for every video to the open sums.jsonl, and see that it is written."""
    journal.writelines(json.dumps([path, checksum]) + "\n" for path, checksum in sums.items())
    journal.flush()


def _stamp(folder):
    status = (Path(folder) / "frames.u8").stat()
    return {"bytes": status.st_size, "mtime_ns": status.st_mtime_ns}


def write_checked(folder):
    """All checksums are right: nobody has to look again until frames.u8 is written to."""
    write_json(Path(folder) / "checked.json", _stamp(folder))


def is_checked(folder):
    """Whether frames.u8 is still as it was when all of its checksums were right."""
    file = Path(folder) / "checked.json"
    try:
        return file.is_file() and read_json(file) == _stamp(folder)
    except (ValueError, OSError):
        return False
