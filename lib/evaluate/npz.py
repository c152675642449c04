"""NumPy's .npz, read with suspicion: what a header declares must be there, before anything is allocated for it."""

import ast
import math
import re
import zipfile

import numpy as np

LARGEST = 2**34  # bytes of one array: 16 GB
MOST_SIDES = 32  # of an array's shape
WIDTHS = {b"\x93NUMPY\1\0": 2, b"\x93NUMPY\2\0": 4}  # how a file of either format begins: bytes of its header's length
KINDS = re.compile(r"[<>=|]?([biufc][0-9]{1,2}|[US][0-9]{1,6})|[|]b1")


def read_arrays(path):
    """{name: array} of a .npz as numpy.savez writes it. Nothing in it is executed.

    ValueError, naming the file: no .npz, damaged (its CRCs are compared), compressed, objects, or an array that
    declares another size than its bytes have
    """
    try:
        with zipfile.ZipFile(path) as archive:
            entries = {entry.filename.removesuffix(".npy"): entry for entry in archive.infolist()}
            if len(entries) < len(archive.infolist()):
                raise ValueError("two of its arrays have one name")
            return {name: _read(archive, entry) for name, entry in entries.items()}
    except FileNotFoundError:
        raise
    except (ValueError, OSError, EOFError, zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:
        raise ValueError(f"{path} cannot be read as .npz: {str(error)[:200] or type(error).__name__}") from None


def _read(archive, entry):
    if entry.compress_type != zipfile.ZIP_STORED:
        raise ValueError(f"{entry.filename[:80]} is compressed; numpy.savez writes plain arrays")
    if entry.file_size > LARGEST:
        raise ValueError(f"{entry.filename[:80]} declares {entry.file_size} bytes, over {LARGEST}")
    content = archive.read(entry)  # compares the CRC
    shape, in_columns, dtype, start = _header(content, entry.filename[:80])
    if math.prod(shape) * dtype.itemsize != len(content) - start:
        raise ValueError(
            f"{entry.filename[:80]} declares {shape} of {dtype}, which its {len(content) - start} bytes are not"
        )
    values = np.frombuffer(content, dtype, offset=start)
    return values.reshape(shape, order="F" if in_columns else "C").copy()


def _header(content, name):
    """What a .npy says of itself, in format 1.0 or 2.0.  -> shape, fortran_order, dtype, where its data start

    NumPy's own reader raises whatever its tokenizer does, and tries what Python 2 wrote.
    """
    width = WIDTHS.get(content[:8])
    if width is None:
        raise ValueError(f"{name} is no array of format 1.0 or 2.0")
    start = 8 + width + int.from_bytes(content[8 : 8 + width], "little")
    try:
        said = ast.literal_eval(content[8 + width : start].decode("latin1").strip())
        shape, in_columns, dtype = said["shape"], said["fortran_order"], np.dtype(KINDS.fullmatch(said["descr"])[0])
        fits = type(in_columns) is bool and all(type(side) is int and side >= 0 for side in shape)
    except (ValueError, SyntaxError, TypeError, KeyError, MemoryError, RecursionError, AttributeError):
        fits = False
    if not fits or len(shape) > MOST_SIDES or len(content) < start:
        raise ValueError(f"{name} has no header that describes an array of numbers or text")
    return tuple(shape), in_columns, dtype, start
