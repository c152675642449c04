"""A suite that `bench run` works off, watched from here; the processes of its jobs, where the node is this machine."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

from lib.run import ROOT

SOONER = ("--executor", "slurm", "--", "--slurm-init-seconds-before-status-checks", "3")


def check_a_cluster():
    answer = shutil.which("sinfo") and subprocess.run(["sinfo", "-h"], capture_output=True, text=True, timeout=60)
    assert answer and answer.returncode == 0, "no Slurm answers here (sinfo); bench/README.md says how to make one"


def start(suite, out, *options):
    command = [sys.executable, "-m", "bench", "run", str(suite), "--out", str(out), *options]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    return subprocess.Popen(command, cwd=ROOT, **pipes)


def wait_for(what, runner, minutes=40):
    """What `what()` gives as soon as it is not empty."""
    end = time.monotonic() + 60 * minutes
    while time.monotonic() < end and runner.poll() is None:
        if found := what():
            return found
        time.sleep(0.1)
    runner.terminate()
    raise AssertionError(f"it never came; the runner says: {runner.communicate()[0]}")


def processes_of(run_id):
    """{process: its number among those of torchrun, -1 of others} of all on this machine that work on a run."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            words = (folder / "cmdline").read_bytes().decode(errors="replace").split("\0")
            if any(word == run_id for word in words) and Path(words[0]).name.startswith("python"):
                told = dict(line.partition("=")[::2] for line in (folder / "environ").read_text().split("\0"))
                found[int(folder.name)] = int(told.get("RANK", -1)) if "LOCAL_RANK" in told else -1
    return found


def kill_one(run_id, number):
    """SIGKILL to a training's process of that number; -1: to what started them.  -> whether it was there"""
    victims = [process for process, of in processes_of(run_id).items() if of == number]
    for process in victims:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)
    return bool(victims)


def descendants(process):
    """All processes that this one started, and those that they started."""
    parents = {}
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            parents[int(folder.name)] = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
    found = [child for child, parent in parents.items() if parent == process]
    return found + [below for child in found for below in descendants(child)]
