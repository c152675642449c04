"""Files that are either whole or absent, and locks that die with their holder."""

import contextlib
import fcntl
import json
import os
import unicodedata
from pathlib import Path


def file_name(text, what="name"):
    """`text`, if it can be one part of a path and nothing else; else a ValueError that says `what` it was to be.

    What a file or a user says (a name, label, id) passes through here before it becomes part of a path: no folder, no
    way up, no hidden file, no control character, at most 200 bytes.
    """
    if not isinstance(text, str) or not text.strip() or text.startswith(".") or set(text) & set("/\\"):
        raise ValueError(
            f"{what} {text!r} cannot be part of a path: it must be text without / and \\, not begin with ."
        )
    if any(unicodedata.category(letter) in ("Cc", "Cs") for letter in text) or len(text.encode()) > 200:
        raise ValueError(f"{what} {text[:80]!r} cannot be part of a path: control characters, or over 200 bytes")
    return text


@contextlib.contextmanager
def replacing(path):
    """Yield a temporary path beside `path`. If the block ends without an error, it atomically becomes `path`."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        yield temporary
        with open(temporary, "rb") as file:
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path, text):
    """Write a text file atomically."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path, value):
    """Write JSON atomically, one line per top-level entry, so that a long list does not hide its neighbours."""
    rows = [f" {json.dumps(key)}: {json.dumps(item)}" for key, item in value.items()]
    write_text(path, "{\n" + ",\n".join(rows) + "\n}\n")


def read_json(path):
    """Read JSON; a file that is not JSON is a ValueError that names it."""
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:  # also what is not UTF-8, and numbers and nesting that are too long
        raise ValueError(f"{path} is not JSON: {error}") from None


@contextlib.contextmanager
def locked(folder, name="lock", *, waiting=None):
    """Hold a lock of `folder`, which is made if missing, and yield the lock's file. It is freed when its holder dies.

    A child process that inherits the file holds the lock too. `waiting` is printed if another process holds it now.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / f".{name}", "a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if waiting:
                print(waiting, flush=True)
            fcntl.flock(file, fcntl.LOCK_EX)
        yield file
