"""What a video is: a fingerprint of its bytes. A name, a size or a date can stay when the video becomes another one."""

import hashlib
import os
from pathlib import Path

SAMPLE = 65536  # bytes read at the head, in the middle and at the tail
LEFT_BEHIND = {"Thumbs.db", "ehthumbs.db", "desktop.ini"}  # by Windows; other systems' names begin with a dot


def files_of(path):
    """The files that a video is made of: itself, a folder's files, or an LMDB environment's data.mdb.  -> sorted list

    What a file browser leaves in a folder is none: it comes when somebody looks.  FileNotFoundError: there is nothing
    """
    path = Path(path)
    if (path / "data.mdb").is_file():
        return [path / "data.mdb"]
    if not path.is_dir():
        check_is_file(path)
        return [path]
    with os.scandir(path) as entries:
        names = [e.name for e in entries if e.is_file() and not e.name.startswith(".") and e.name not in LEFT_BEHIND]
    return [path / name for name in sorted(names)]


def check_is_file(path):
    """ValueError: it is a pipe, a socket or a device, and to read it may never end."""
    if path.exists() and not path.is_file():
        raise ValueError(f"{path} is no file and no folder, but a pipe or a device")


def fingerprint(path):
    """16 hex digits of a video's content: its size, and its bytes at head, middle and tail.

    A folder of images: all names and sizes, and the first, middle and last image. An LMDB environment: its data.mdb.
    FileNotFoundError: there is nothing
    """
    files, digest = files_of(path), hashlib.blake2b(digest_size=8)
    if files == [Path(path)] or files[:1] == [Path(path) / "data.mdb"]:
        _add(digest, files[0])
        return digest.hexdigest()
    digest.update(repr([(file.name, file.stat().st_size) for file in files]).encode())
    for file in sorted({files[k] for k in (0, len(files) // 2, -1)}) if files else ():
        _add(digest, file)
    return digest.hexdigest()


def whole_hash(path):
    """32 hex digits of every byte of a video: a file, a folder's images with their names, or an LMDB's data.mdb."""
    digest, is_folder = hashlib.blake2b(digest_size=16), Path(path).is_dir() and not (Path(path) / "data.mdb").is_file()
    for file in files_of(path):
        with open(file, "rb") as opened:
            inside = hashlib.file_digest(opened, lambda: hashlib.blake2b(digest_size=16)).hexdigest()
        digest.update(repr((file.name if is_folder else "", inside)).encode())
    return digest.hexdigest()


def _add(digest, file):
    with open(file, "rb") as opened:
        size = os.fstat(opened.fileno()).st_size
        digest.update(size.to_bytes(8, "little"))
        for start in sorted({0, max(0, size // 2 - SAMPLE // 2), max(0, size - SAMPLE)}):
            opened.seek(start)
            digest.update(opened.read(SAMPLE))
