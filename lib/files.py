"""Files that are either whole or absent, and locks that die with their holder."""

import contextlib
import errno
import fcntl
import json
import os
import re
import sys
import tempfile
import unicodedata
import zipfile
import zlib
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


def printable(text):
    """Text for a terminal or a line of a file: what would move the cursor, or end the line, is shown as Python does."""
    return "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in text)


def check_target(path):
    """ValueError or OSError: no file can be written there, such as a folder's name, a device, a folder that is closed.

    Asked before the work whose outcome it is to hold; nothing is made.
    """
    path = Path(path)
    if not path.name.strip() or "\0" in str(path):
        raise ValueError(f"{str(path)!r} is no file's name")
    if path.exists() and not path.is_file():
        raise ValueError(f"{path} is {'a folder' if path.is_dir() else 'no ordinary file'}; name a file")
    home = next(folder for folder in path.absolute().parents if folder.exists())
    if not home.is_dir():
        raise ValueError(f"{path} cannot be written: {home} is no folder")
    try:
        tempfile.TemporaryFile(dir=home).close()
    except OSError as error:
        error.filename = str(path)  # what was asked for, not the temporary's name
        raise


@contextlib.contextmanager
def naming(path):
    """Name this file or folder in an error of the system that names none, as of a disk that is full."""
    try:
        yield
    except OSError as error:
        if error.errno is not None and error.filename is None:
            error.filename = str(path)
        raise


@contextlib.contextmanager
def replacing(path):
    """Yield a temporary path beside `path`. If the block ends without an error, it atomically becomes `path`.

    ValueError: something is there that is no file; a device, too, could be replaced
    """
    path = Path(path)
    if path.exists() and not path.is_file():
        raise ValueError(f"{path} is {'a folder' if path.is_dir() else 'no ordinary file'}, not to be replaced")
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with naming(path):
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
    """Read JSON; a file that is not JSON, cannot be parsed or has a key twice is a ValueError that names it."""
    try:
        return json.loads(Path(path).read_text(encoding="utf-8-sig"), object_pairs_hook=_each_once)
    except (ValueError, RecursionError) as error:  # also text that is not UTF-8, numbers of too many digits
        raise ValueError(f"{path} is not JSON: {str(error) or type(error).__name__}") from None


def read_object(path):
    """`read_json` of a file that holds a mapping; ValueError, naming it: it holds something else."""
    if not isinstance(found := read_json(path), dict):
        raise ValueError(f"{path} holds {repr(found)[:40]}, no mapping")
    return found


def read_text(path):
    """The text of a UTF-8 file, without a byte order mark; another coding is a ValueError that names the file."""
    try:
        return Path(path).read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is not UTF-8: {error}") from None


def _each_once(pairs):
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        raise ValueError(f"{next(key for key in keys if keys.count(key) > 1)[:100]!r} stands twice")
    return found


def open_journal(path):
    """Open a file that grows by lines, to append text; a line at which a process was killed ends first."""
    file = open(path, "a+", encoding="utf-8")
    if size := file.seek(0, os.SEEK_END):
        with open(path, "rb") as there:
            there.seek(size - 1)
            if there.read(1) != b"\n":
                file.write("\n")
    return file


def set_aside(path, why):
    """Rename a damaged file to NAME.torn, and say so: what made it makes it again.  -> its new path"""
    path = Path(path)
    torn = path.with_name(f"{path.name}.torn")
    os.replace(path, torn)
    print(f"damaged: {why}; set aside as {torn.name}, it is made again", file=sys.stderr, flush=True)
    return torn


def damage(path):
    """Why a zip (a file of torch.save) is not whole, by the checksums of its records; "" if it is."""
    try:
        with zipfile.ZipFile(path) as file:
            torn = file.testzip()
    except (zipfile.BadZipFile, zlib.error, EOFError, ValueError, NotImplementedError, RuntimeError) as error:
        return f"{path} is no whole zip: {error}"
    except OSError as error:
        if error.errno != errno.EINVAL:  # a place before the beginning of the file
            raise
        return f"{path} is no whole zip: its table of contents is wrong"
    return f"{path}: the checksum of {torn} is wrong" if torn else ""


def remove_temporaries(folder, pattern="**/.*.tmp"):
    """Delete what `replacing` left below a folder when it was killed. Hold the folder's lock: nobody writes there."""
    for path in Path(folder).glob(pattern):
        path.unlink(missing_ok=True)


def slug(text, longest=80):
    """Text as one readable part of a path or a shell word: letters, digits, and - _ . = + of ASCII, never empty."""
    plain = unicodedata.normalize("NFKD", str(text)).encode("ascii", "ignore").decode()
    return re.sub(r"[^\w.=+-]+", "-", plain, flags=re.ASCII).strip("-.")[:longest].rstrip("-.") or "x"


@contextlib.contextmanager
def locked(folder, name="lock", *, waiting=None):
    """Hold a lock of `folder`, which is made if missing, and yield the lock's file. It is freed when its holder dies.

    What lies directly in the folder is written by holders alone, so what `replacing` left there when one was killed is
    deleted. A child process that inherits the file holds the lock too. `waiting` is printed if another has it now.
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
        remove_temporaries(folder, ".*.tmp")
        yield file


def held(folder, name="lock"):
    """Whether a living process holds this lock of `folder`."""
    path = Path(folder) / f".{name}"
    if not path.exists():
        return False
    with open(path) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False
