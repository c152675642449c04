"""Work in a fork that is killed by SIGKILL: after a while, or at the instant at which a file becomes what it is."""

import hashlib
import json
import os
import signal
import time
import traceback
from pathlib import Path

import torch

from lib.files import read_json
from lib.pace import CLOCKS

MOMENTS = ("written", "before", "after")  # the temporary file is whole; it is about to get its name; it has it


def kill_after(seconds, work, *arguments):
    """Run work(*arguments) in a fork, and kill it after `seconds`.  -> whether it was killed, and had not ended"""
    child = _start(work, arguments)
    time.sleep(seconds)
    os.kill(child, signal.SIGKILL)
    return _ended(child)


def kill_at(name, moment, nth, work, *arguments):
    """Run work(*arguments) in a fork that dies when it writes a file called `name` for the nth time.  -> as above"""

    def armed(*arguments):
        left, replace, fsync = [nth], os.replace, os.fsync

        def count(is_it):
            left[0] -= is_it
            if is_it and not left[0]:
                os.kill(os.getpid(), signal.SIGKILL)

        def replaces(source, target):
            if moment == "before":
                count(Path(target).name == name)
            replace(source, target)
            if moment == "after":
                count(Path(target).name == name)

        def syncs(file):
            fsync(file)
            if moment == "written":
                number = file if isinstance(file, int) else file.fileno()
                count(os.readlink(f"/proc/self/fd/{number}").rpartition("/")[2].startswith(f".{name}."))

        os.replace, os.fsync = replaces, syncs
        work(*arguments)

    return _ended(_start(armed, arguments))


def _start(work, arguments):
    child = os.fork()
    if child:
        return child
    try:
        work(*arguments)
        os._exit(0)
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(1)


def _ended(child):
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        assert os.WTERMSIG(status) == signal.SIGKILL
        return True
    assert os.waitstatus_to_exitcode(status) == 0, "it failed by itself; see above"
    return False


def outcome(folder):
    """{file: what it holds}: bytes, but for clocks and provenance in records, and tensors for weights."""
    found = {}
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        name = str(path.relative_to(folder))
        assert not name.endswith(".tmp"), f"{name} was left behind"
        if path.suffix == ".pt":
            found[name] = _tensors(torch.load(path, weights_only=True))
        elif path.name == "result.json":
            found[name] = without_clock(read_json(path))
        elif path.name == "metrics.jsonl":
            found[name] = [without_clock(json.loads(line)) for line in path.read_text().splitlines()]
        elif path.suffix in (".json", ".csv", ".txt", ".mp4", ".u8") and path.name != "checked.json":
            found[name] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found


def without_clock(value):
    """A record without what a clock, or a machine, said."""
    if isinstance(value, dict):
        return {k: without_clock(v) for k, v in value.items() if k not in (*CLOCKS, "provenance")}
    return list(map(without_clock, value)) if isinstance(value, list) else value


def _tensors(value):
    if isinstance(value, torch.Tensor):
        return value.tolist()
    if isinstance(value, dict):
        return {key: _tensors(inner) for key, inner in value.items() if key not in CLOCKS}
    return list(map(_tensors, value)) if isinstance(value, list | tuple) else value
