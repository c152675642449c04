"""Train one job by several processes of this machine: torchrun inside the job, so that nothing outlives it.

They meet over the loopback device, at a port that the system chooses: jobs on one node do not disturb each other. How
they ended is told apart: what was killed is tried again, what failed by itself is not.

    python -m bench.runner.processes JOBS.json ID       one of them, as `train_together` starts it
"""

import os
import signal
import sys
import uuid
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.runner.environment import inside
from lib.files import read_json

LOOPBACK = {"GLOO_SOCKET_IFNAME": "lo0" if sys.platform == "darwin" else "lo"}
SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT)  # that torchrun's agent takes


class KilledError(RuntimeError):
    """What computed was ended from outside, for want of memory or time, say: tried again, it goes on."""


def train_together(job, runs):
    """Let as many processes as a job of `runs`/jobs.json says train it; it ends as `run_together` does."""
    command = [sys.executable, "-m", "bench.runner.processes", runs / "jobs.json", job["id"]]
    run_together(job["processes"], command)


def run_together(count, command):
    """Run a command in `count` processes of one group, until all have ended well; if one has not, the others are ended.

    A signal that tells this process to end does so, after them.
    KilledError: a signal ended one of them
    RuntimeError: one failed by itself; it is named, with the exception that it recorded
    """
    from torch.distributed.elastic.multiprocessing import DefaultLogsSpecs, SignalException
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.launcher.api import LaunchConfig, elastic_launch

    how = {"min_nodes": 1, "max_nodes": 1, "nproc_per_node": count, "max_restarts": 0, "run_id": str(uuid.uuid4())}
    how |= {"rdzv_backend": "c10d", "rdzv_endpoint": "localhost:0", "local_addr": "localhost"}
    try:
        with TemporaryDirectory(prefix="torchrun-") as folder, _signals_kept(), inside({**os.environ, **LOOPBACK}):
            config = LaunchConfig(**how, logs_specs=DefaultLogsSpecs(log_dir=folder))
            elastic_launch(config, str(command[0]))(*map(str, command[1:]))
    except ChildFailedError as error:
        raise _why(error.failures, count) from None
    except SignalException as error:
        os.kill(os.getpid(), error.sigval)
        raise KilledError(f"{error.sigval.name} ended the {count} processes") from None


def _why(failures, count):
    """The error to raise for what became of processes.

    failures  {process: its ProcessFailure}. SIGTERM is how the others are ended, and Lost is what they say of the one
              that does not answer: neither is a reason
    """
    own = {number: _said(failure) for number, failure in sorted(failures.items()) if failure.exitcode > 0}
    for number, said in own.items():
        if not said.startswith("Lost: "):
            return RuntimeError(f"process {number} of {count}: {said}")
    killed = {n: f.signal_name() for n, f in sorted(failures.items()) if f.exitcode < 0}
    killed = {n: name for n, name in killed.items() if name != "SIGTERM"}
    names = [f"process {number} of {count} was killed by {name}" for number, name in killed.items()]
    return KilledError(", ".join(names) or next(iter(own.values()), f"SIGTERM ended the {count} processes"))


def _said(failure):
    """The exception that a process recorded, in one line."""
    recorded = failure.error_file_data["message"]
    if isinstance(recorded, dict):  # else it recorded none
        return recorded["message"].strip().splitlines()[0]
    return f"it ended with status {failure.exitcode}; log.txt says why"


@contextmanager
def _signals_kept():
    """The agent takes signals for good; after the block they do again what they did."""
    before = {number: signal.getsignal(number) for number in SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def main(jobs, id):
    """One of the processes; what it raises is recorded for the job."""
    from torch.distributed.elastic.multiprocessing.errors import record

    record(_train)(Path(jobs), id)


def _train(jobs, id):
    from bench.runner import modules
    from bench.runner.train import train
    from lib.distributed import joined

    modules.import_told()
    listed = read_json(jobs)  # not the suite's YAML, which may be another by now
    job = next(job for job in listed["jobs"] if job["id"] == id)
    with joined(listed["device"]) as device:
        train(job, jobs.parent / id, listed, device)


if __name__ == "__main__":
    main(*sys.argv[1:])
