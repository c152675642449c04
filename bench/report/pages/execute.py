"""The notebooks that the site shows, executed with their defaults; kept until the notebook or the commit changes."""

import hashlib
import os
import tempfile
from pathlib import Path

from bench.runner.environment import inside, job_environment, make_home
from bench.runner.job import execute
from bench.runner.suite import NOTEBOOKS
from lib.files import read_json, write_json
from lib.run import cores, provenance


def executed(folder, notebooks=NOTEBOOKS, parameters=None):
    """Execute what has changed since the last call.  -> the executed files, in reading order

    folder      keeps them, and in keys.json what they were made from
    parameters  {notebook: {name: value}} instead of the defaults
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    keys_file = folder / "keys.json"
    keys = read_json(keys_file) if keys_file.exists() else {}
    files = []
    for notebook in sorted(Path(notebooks).glob("*.ipynb")):
        values, target = (parameters or {}).get(notebook.stem, {}), folder / notebook.name
        key = _key(notebook, values)
        if keys.get(notebook.stem) != key or not target.exists():
            print(f"executing {notebook.name}", flush=True)
            _execute(notebook, target, values)
            keys[notebook.stem] = key
            write_json(keys_file, keys)
        files.append(target)
    return files


def _key(notebook, values):
    said = f"{provenance('cpu')['commit']} {sorted(values.items())}".encode()
    return hashlib.sha256(notebook.read_bytes() + said).hexdigest()[:16]


def _execute(notebook, target, values):
    """In an environment of ours, as a suite's jobs: with this command's own the pages were without their figures."""
    home = target.parent / ".environment"
    make_home(home)
    quiet = {"TQDM_DISABLE": "1"}  # bars are for who sits before it; a warning is for readers, too
    with tempfile.TemporaryDirectory(dir=target.parent) as temporary:
        half = Path(temporary) / target.name  # an execution that fails leaves the last good one
        with inside({**job_environment(home, cores(), passive=False), **quiet}):
            execute(notebook, half, values)
        os.replace(half, target)
