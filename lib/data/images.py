"""Images that are frames: from a file or an LMDB environment to RGB of 8 bits."""

import contextlib
import subprocess
import sys
from functools import lru_cache
from pathlib import Path

import numpy as np

# Pillow opens whatever it recognises, whatever the suffix: a .jpg that is PostScript would start Ghostscript.
FORMATS = ("JPEG", "PNG", "WEBP", "BMP")
IMAGE_SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".bmp"}
ORIENTATION = 0x0112  # EXIF's tag
# mode in which Pillow gives deep images: the largest value that its files hold
DEPTHS = {"I;16": 65535, "I;16B": 65535, "I;16L": 65535, "I": 65535}


def open_image(file):
    """Open an image of one of `FORMATS`, a path or a file.  -> PIL image, a context manager"""
    from PIL import Image

    return Image.open(file, formats=FORMATS)


def read_image(file):
    """Read an image.  -> uint8 (H, W, 3) RGB; 16 bits become 8 by their range. ValueError: no depth that is known"""
    with open_image(file) as image:
        return to_rgb(image)


def to_rgb(image):
    """A PIL image as uint8 (H, W, 3) RGB, upright as its file asks viewers to turn it."""
    from PIL import ImageOps

    if image.getexif().get(ORIENTATION, 1) != 1:
        image = ImageOps.exif_transpose(image)
    if image.mode in DEPTHS:
        values = np.asarray(image).astype(np.float64) * (255 / DEPTHS[image.mode])
        if values.min() < 0 or values.max() > 255:
            raise ValueError(f"its values {values.min():.0f}..{values.max():.0f} are no 8 or 16 bits")
        return np.repeat(np.rint(values).astype(np.uint8)[:, :, None], 3, 2)
    if image.mode == "F":
        raise ValueError("its pixels are floating-point numbers: of what range is not known")
    return np.asarray(image.convert("RGB"))


@contextlib.contextmanager
def open_database(path):
    """Read an LMDB environment, a folder or a file.  -> its transaction: .get(key), .cursor()"""
    import lmdb

    # Neither locks nor a lock file: many workers read, nobody writes, and the disk may be read-only.
    with lmdb.open(str(path), subdir=Path(path).is_dir(), readonly=True, lock=False, readahead=False) as environment:
        _check_whole(environment, Path(path))
        with environment.begin() as transaction:
            yield transaction


def _check_whole(environment, path):
    """ValueError: the file ends before the pages that it uses; to read there would end this process (SIGBUS)."""
    file = path / "data.mdb" if path.is_dir() else path
    counted = (environment.info()["last_pgno"] + 1) * environment.stat()["psize"]
    status = file.stat()
    if status.st_size < counted and not _can_be_read(str(path), status.st_size, status.st_mtime_ns):
        raise ValueError(f"{file} is cut short: it has {status.st_size} of {counted} bytes")


@lru_cache(maxsize=4096)
def _can_be_read(path, *_):
    """Whether another process survives reading everything: LMDB may leave pages at the end that nothing uses."""
    code = "import lmdb, os, sys; p = sys.argv[1]; e = lmdb.open(p, subdir=os.path.isdir(p), readonly=True, lock=False)"
    code += "; sum(len(v) + v[-1] for _, v in e.begin().cursor() if v)"
    return subprocess.run([sys.executable, "-c", code, path], capture_output=True, timeout=600).returncode == 0
