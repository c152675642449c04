"""Images that are frames: from a file or an LMDB environment to RGB of 8 bits."""

import contextlib
from pathlib import Path

import numpy as np

# Pillow opens whatever it recognises, whatever the suffix: a .jpg that is PostScript would start Ghostscript.
FORMATS = ("JPEG", "PNG", "WEBP", "BMP")
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
    """A PIL image as uint8 (H, W, 3) RGB."""
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
        with environment.begin() as transaction:
            yield transaction
