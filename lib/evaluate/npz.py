"""NumPy's .npz, read with suspicion: what a header declares must be there, before anything is allocated for it."""

import io
import math
import zipfile

import numpy as np

LARGEST = 2**34  # bytes of one array: 16 GB


def read_arrays(path):
    """{name: array} of a .npz as numpy.savez writes it. Nothing in it is executed.

    ValueError, naming the file: no .npz, damaged (its CRCs are compared), compressed, objects, or an array that
    declares another size than its bytes have
    """
    try:
        with zipfile.ZipFile(path) as archive:
            return {entry.filename.removesuffix(".npy"): _read(archive, entry) for entry in archive.infolist()}
    except FileNotFoundError:
        raise
    except (ValueError, OSError, EOFError, zipfile.BadZipFile, NotImplementedError, RuntimeError, SyntaxError) as error:
        raise ValueError(f"{path} cannot be read as .npz: {str(error)[:200] or type(error).__name__}") from None


def _read(archive, entry):
    if entry.compress_type != zipfile.ZIP_STORED:
        raise ValueError(f"{entry.filename[:80]} is compressed; numpy.savez writes plain arrays")
    if entry.file_size > LARGEST:
        raise ValueError(f"{entry.filename[:80]} declares {entry.file_size} bytes, over {LARGEST}")
    content = archive.read(entry)  # compares the CRC
    file = io.BytesIO(content)
    version = np.lib.format.read_magic(file)
    if version not in ((1, 0), (2, 0)):
        raise ValueError(f"{entry.filename[:80]} is of version {version}")
    header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, _, dtype = header(file)
    declared = math.prod(shape) * dtype.itemsize
    if dtype.hasobject or min(shape, default=0) < 0 or declared != len(content) - file.tell():
        raise ValueError(
            f"{entry.filename[:80]} declares {shape} of {dtype}, which its {len(content) - file.tell()} bytes are not"
        )
    file.seek(0)
    return np.lib.format.read_array(file, allow_pickle=False)
