"""What a video is: a fingerprint of its bytes. A name, a size or a date can stay when the video becomes another one."""

import hashlib
import os
from pathlib import Path

SAMPLE = 65536  # bytes read at the head, in the middle and at the tail


def fingerprint(path):
    """16 hex digits of a video's content: its size, and its bytes at head, middle and tail.

    A folder of images: all names and sizes, and the first, middle and last image. An LMDB environment: its data.mdb.
    FileNotFoundError: there is nothing
    """
    path = Path(path)
    if (path / "data.mdb").is_file():
        path = path / "data.mdb"
    digest = hashlib.blake2b(digest_size=8)
    if not path.is_dir():
        _add(digest, path)
        return digest.hexdigest()
    with os.scandir(path) as entries:
        files = sorted((entry.name, entry.stat().st_size) for entry in entries if entry.is_file())
    digest.update(repr(files).encode())
    for name, _ in sorted({files[k] for k in (0, len(files) // 2, -1)}) if files else ():
        _add(digest, path / name)
    return digest.hexdigest()


def whole_hash(path):
    """32 hex digits of every byte of a video: a file, a folder's images with their names, or an LMDB's data.mdb."""
    path = Path(path)
    if (path / "data.mdb").is_file():
        path = path / "data.mdb"
    digest = hashlib.blake2b(digest_size=16)
    for file in sorted(file for file in path.iterdir() if file.is_file()) if path.is_dir() else [path]:
        with open(file, "rb") as opened:
            inside = hashlib.file_digest(opened, lambda: hashlib.blake2b(digest_size=16)).hexdigest()
        digest.update(repr((file.name if path.is_dir() else "", inside)).encode())
    return digest.hexdigest()


def _add(digest, file):
    with open(file, "rb") as opened:
        size = os.fstat(opened.fileno()).st_size
        digest.update(size.to_bytes(8, "little"))
        for start in sorted({0, max(0, size // 2 - SAMPLE // 2), max(0, size - SAMPLE)}):
            opened.seek(start)
            digest.update(opened.read(SAMPLE))
