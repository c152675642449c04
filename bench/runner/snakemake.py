"""Snakemake, started, watched and ended: it works off the jobs of jobs.json that are not done."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

from bench.runner.environment import job_environment, make_home

PATIENCE = 20  # seconds that jobs get to end when they are asked to


def start(runs, options, extra, lock):
    """Start Snakemake in the folder `runs`, in a process group of its own.  -> Popen

    options  of Snakemake: where it runs jobs, and how many at a time
    extra    the user's own

    It inherits `lock`. --nolock: our lock dies with its holders, Snakemake's own would be left behind by a kill. All
    paths that it is told are relative: blanks, braces and # in a path would be read as something else.
    """
    shutil.copyfile(Path(__file__).with_name("Snakefile"), runs / "Snakefile")
    shutil.rmtree(runs / "stamps", ignore_errors=True)  # of jobs that are done nothing is left to be outdated
    (runs / "stamps").mkdir()
    command = [sys.executable, "-m", "snakemake", "--snakefile", "Snakefile", *options]
    command += ["--rerun-incomplete", "--rerun-triggers", "mtime", "--nolock", "--keep-going", "--nocolor"]
    command += ["--workflow-profile", "none"]
    command += ["--quiet", "progress", "rules", "host", "reason"]
    make_home(runs / ".environment")
    with open(runs / "snakemake.log", "w") as log:
        return subprocess.Popen(
            [*command, *extra],
            stdout=log,
            stderr=log,
            env=job_environment(runs / ".environment"),
            cwd=runs,
            pass_fds=[lock.fileno()],
            start_new_session=True,
        )


@contextlib.contextmanager
def ended_with(process):
    """Whatever ends the block, Ctrl-C and SIGTERM among it, ends Snakemake and its jobs too."""

    def stop(*_):
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        for wanted in (signal.SIGTERM, signal.SIGKILL):
            if process.poll() is None:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, wanted)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(PATIENCE)
        signal.signal(signal.SIGTERM, before)


def watch(process, seen, pause=0.5):
    """Call seen() until Snakemake ends, and once more."""
    while process.poll() is None:
        seen()
        time.sleep(pause)
    seen()


def complaint(runs):
    """The last lines that Snakemake itself wrote, as one."""
    log = runs / "snakemake.log"
    lines = [line.strip() for line in log.read_text(errors="replace").splitlines()] if log.exists() else []
    return " | ".join([line for line in lines if line][-3:])
