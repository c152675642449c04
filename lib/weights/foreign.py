"""What a file is that is no checkpoint of PyTorch, told by how it begins: a download that failed, another tool's."""

import re
import zipfile
from pathlib import Path

NO_PYTORCH = "is not a checkpoint of PyTorch"
# how a file begins, spaces left out: what it is, and what helps
BEGINNINGS = {
    b"version https://git-lfs": "is a pointer of Git LFS, which stands for the file: run `git lfs pull` where it lies",
    b"<": "is a web page or XML, not what was to be downloaded: open it in a browser, it says why",
    b"{": f"{NO_PYTORCH}, but text (JSON)",
    b"\x1f\x8b": "is packed by gzip: unpack it (gunzip, tar -xzf)",
    b"BZh": "is packed by bzip2: unpack it (bunzip2, tar -xjf)",
    b"\xfd7zXZ": "is packed by xz: unpack it (unxz, tar -xJf)",
    b"\x28\xb5\x2f\xfd": "is packed by zstd: unpack it (unzstd)",
    b"Rar!": "is packed by RAR: unpack it",
    b"7z\xbc\xaf": "is packed by 7-Zip: unpack it",
    b"/annex/": "is a pointer of git-annex, which stands for the file: run `git annex get` where it lies",
    b"\0" * 512: "begins with zeros alone: its download did not end",
    b"\x89HDF": f"{NO_PYTORCH}, but HDF5, as Keras writes weights: no net of these is read",
    b"\x93NUMPY": f"{NO_PYTORCH}, but an array of NumPy",
}
# the name of a record in a zip: what it is
RECORDS = {
    r"[^/]+/code/.*": "is a TorchScript program, not a state dict: save torch.jit.load(...).state_dict() instead",
    r"[^/]+/models/.*": "is a program of torch.export, not a state dict: save its .state_dict instead",
    r".*\.npy": f"{NO_PYTORCH}, but arrays of NumPy (.npz)",
}
WEIGHTS = re.compile(r".*\.(pth|pt|pyth|ckpt|bin|safetensors|tar|pkl)", re.I)  # what a zip of a download holds
TAR, OLDEST = b"ustar", ("sys_info", "pickle", "storages", "tensors")  # at byte 257; what PyTorch before 0.1.10 put in
LONGEST = 1024  # bytes that are looked at
MAKER = 64  # of them, ONNX names who made it there
BOM = b"\xef\xbb\xbf"


def foreign(path):
    """What a file is, if it is known and no checkpoint, as "is ..."; "" for all others."""
    check_ordinary(path)
    with open(path, "rb") as file:
        begin = file.read(LONGEST)
    if not begin:
        return "is empty: its download or its copy did not begin"
    if begin.startswith(b"PK\x03\x04"):
        return _zipped(_records(path))
    if begin[257:262] == TAR:
        first = begin[:100].rstrip(b"\0").decode("utf-8", "replace")
        if first in OLDEST:
            return "is a tar archive of PyTorch before 0.1.10: load it where it was made, and save it again"
        return f"is a tar archive, which holds {first}: unpack it (tar -xf)"
    if begin.startswith(b"\x08") and any(maker in begin[:MAKER] for maker in (b"pytorch", b"onnx", b"tf2onnx")):
        return f"{NO_PYTORCH}, but ONNX: a program, whose weights have lost their names"
    plain = begin.removeprefix(BOM).lstrip()
    said = next((said for start, said in BEGINNINGS.items() if plain.startswith(start)), "")
    return said or _text(plain)


def check_ordinary(path):
    """ValueError: a device, a pipe, which would be waited for; what is no file at all is said by who opens it."""
    if Path(path).exists() and not (Path(path).is_file() or Path(path).is_dir()):
        raise ValueError(f"{path} is no ordinary file, but a device, a pipe or a socket")


def _zipped(names):
    """Of a zip, by the names of its records."""
    if said := next((said for kind, said in RECORDS.items() if any(re.fullmatch(kind, name) for name in names)), ""):
        return said
    held = [name for name in names if WEIGHTS.fullmatch(name)]
    if held and not any(name.endswith("/data.pkl") for name in names):
        return f"is a zip, which holds {held[0]}: unpack it (unzip)"
    return ""


def _text(begin):
    """Of a file that is text, its first line: an error of a server's, mostly."""
    try:
        text = begin.decode("utf-8")
    except UnicodeDecodeError:
        return ""
    line = text.partition("\n")[0].strip()
    return f"{NO_PYTORCH}, but text: {line[:60]!r}" if line and line.isprintable() and " " in line else ""


def is_safetensors(path):
    """Whether a file begins as safetensors do: the length of a header, 8 bytes, and the header, JSON."""
    check_ordinary(path)
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
