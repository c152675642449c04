"""What a file is that is no checkpoint of PyTorch, told by how it begins: a download that failed, another tool's."""

import re
import zipfile

NO_PYTORCH = "is not a checkpoint of PyTorch"
# how a file begins, spaces left out: what it is, and what helps
BEGINNINGS = {
    b"version https://git-lfs": "is a pointer of Git LFS, which stands for the file: run `git lfs pull` where it lies",
    b"<": "is a web page or XML, not what was to be downloaded: open it in a browser, it says why",
    b"{": f"{NO_PYTORCH}, but text (JSON)",
    b"\x1f\x8b": "is packed by gzip: unpack it (gunzip, tar -xzf)",
    b"BZh": "is packed by bzip2: unpack it (bunzip2, tar -xjf)",
    b"\xfd7zXZ": "is packed by xz: unpack it (unxz, tar -xJf)",
    b"\x89HDF": f"{NO_PYTORCH}, but HDF5, as Keras writes weights: no net of these is read",
    b"\x93NUMPY": f"{NO_PYTORCH}, but an array of NumPy",
}
# the name of a record in a zip: what it is
RECORDS = {
    r"[^/]+/code/.*": "is a TorchScript program, not a state dict: save torch.jit.load(...).state_dict() instead",
    r"[^/]+/models/.*": "is a program of torch.export, not a state dict: save its .state_dict instead",
    r".*\.npy": f"{NO_PYTORCH}, but arrays of NumPy (.npz)",
}
LONGEST = 64  # bytes that are looked at; ONNX names who made it there


def foreign(path):
    """What a file is, if it is known and no checkpoint, as "is ..."; "" for all others."""
    with open(path, "rb") as file:
        begin = file.read(LONGEST)
    if not begin:
        return "is empty: its download or its copy did not begin"
    if begin.startswith(b"PK\x03\x04"):
        names = _records(path)
        return next((said for kind, said in RECORDS.items() if any(re.fullmatch(kind, name) for name in names)), "")
    if begin.startswith(b"\x08") and any(maker in begin for maker in (b"pytorch", b"onnx", b"tf2onnx")):
        return f"{NO_PYTORCH}, but ONNX: a program, whose weights have lost their names"
    plain = begin.lstrip()
    return next((said for start, said in BEGINNINGS.items() if plain.startswith(start)), "")


def is_safetensors(path):
    """Whether a file begins as safetensors do: the length of a header, 8 bytes, and the header, JSON."""
    with open(path, "rb") as file:
        begin = file.read(9)
        size = file.seek(0, 2)
    return begin[8:] == b"{" and int.from_bytes(begin[:8], "little") < size


def _records(path):
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.namelist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError):
        return []  # damaged: it is told elsewhere
