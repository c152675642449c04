"""Where compiled CPU kernels are kept: a folder for exactly these sources, this Numba, this Python and this CPU.

Numba itself looks at a function's own file only, and would go on using helpers that have changed elsewhere; and where
it may not write, it falls back to a folder of the user's that knows no sources at all. So the folder is chosen here.
"""

import os
import platform
import re
import shutil
import tempfile
from hashlib import sha256
from pathlib import Path

import numba
from numba.core import codegen

HERE = Path(__file__).parent


def folder_name():
    """numba-<sources>-<Numba>-<Python>-<CPU>"""
    sources = sha256(b"".join(path.read_bytes() for path in sorted(HERE.rglob("*.py")))).hexdigest()
    parts = sources[:12], numba.__version__, platform.python_version(), codegen.ll.get_host_cpu_name()
    return "-".join(["numba", *(re.sub(r"[^\w.]", "_", part) for part in parts)])


def writable(folder):
    """Whether files can be made in a folder, which is made if need be."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


def places():
    """Where the folder may lie, best first: NUMBA_CACHE_DIR, the clone, the user's cache, a temporary folder."""
    home = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    chosen = [Path(numba.config.CACHE_DIR)] if numba.config.CACHE_DIR else []
    user = os.getuid() if hasattr(os, "getuid") else "user"
    temporary = Path(tempfile.gettempdir()) / f"efficient3d-{user}"
    return [*chosen, HERE / "__pycache__", Path(home) / "efficient3d", temporary]


def cache_folder(places, name):
    """The first of the folders place/name that can be written. What one that cannot has already is taken over: a shared
    clone, read-only, brings its kernels compiled."""
    refused = []
    for place in places:
        if writable(place / name):
            for full in refused if not any((place / name).iterdir()) else []:
                shutil.copytree(full, place / name, dirs_exist_ok=True)
            return place / name
        refused += [place / name] if (place / name).is_dir() else []
    return None
