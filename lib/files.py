"""Files that survive a crash and a second process: replace them whole, lock them while they are filled."""

import fcntl
import os
from contextlib import contextmanager
from pathlib import Path


def write_text(path, text):
    """Write `text` (UTF-8, line ends as they are) so that a reader sees the old file or the new one, never a part."""
    with replacing(path) as temporary:
        temporary.write_bytes(text.encode())


@contextmanager
def replacing(path):
    """Yield a temporary path in the same folder; it becomes `path` if the block ends well and is removed if not."""
    path = Path(path)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        yield temporary
        with open(temporary, "rb") as file:
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def locked(path):
    """Hold an exclusive lock on the file `path`, waiting for whoever holds it; a process that dies lets go of it.

    The lock file stays on the disk: removing it would let two processes hold two files of one name.
    """
    with open(path, "a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
