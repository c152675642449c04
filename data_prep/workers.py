"""Work in processes that may die: a decoder that crashes or hangs costs one file, not the scan."""

import os
import signal
import time
from collections import deque
from multiprocessing import connection, get_context

HANGS_AFTER_S = 600  # a decoder that says nothing for so long is stopped
STARTED = "started"


def cores():
    """Processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()


def check_workers(workers):
    """A ValueError unless `workers` is None or at least 0."""
    if workers is not None and workers < 0:
        raise ValueError(
            f"workers is {workers}; it must be at least 1, 0 for this process alone, or None: one per core"
        )


def survive(function, jobs, workers=None, *, hangs_after_s=HANGS_AFTER_S):
    """function(job) for every job, each in one of `workers` processes.  -> iterator of (job, result, None)

    In place of the result of a job whose process died or hung: (job, None, reason); another process takes over. An
    error that `function` raises is a mistake in it, and ends everything with a RuntimeError.

    workers  None: one per core; 0: this process, which then dies or hangs as well
    """
    check_workers(workers)
    jobs = deque(jobs)
    if workers == 0:
        yield from ((job, function(job), None) for job in jobs)
        return
    team = [_Worker(function) for _ in range(min(workers or cores(), -(-len(jobs) // 8)))]
    try:
        while jobs or any(worker.job is not None for worker in team):
            for worker in team:
                if worker.job is None and jobs:
                    worker.take(jobs.popleft())
            busy = {worker.pipe: worker for worker in team if worker.job is not None}
            for pipe in connection.wait(busy, timeout=1):
                outcome = busy.pop(pipe).hear()
                if outcome:
                    yield outcome
            for worker in busy.values():
                if worker.since and time.monotonic() > worker.since + hangs_after_s:
                    yield worker.restart(f"the decoder hangs: no answer in {hangs_after_s} s")
    finally:
        for worker in team:
            worker.stop()


class _Worker:
    def __init__(self, function):
        self.function, self.job, self.since = function, None, None
        self._start()

    def _start(self):
        context = get_context("spawn")  # not fork: a notebook's process has threads
        self.pipe, theirs = context.Pipe()
        self.process = context.Process(target=_serve, args=(self.function, theirs), daemon=True)
        self.process.start()
        theirs.close()
        self.since = None  # until it says that it has started, which may take a while

    def take(self, job):
        self.job, self.since = job, self.since and time.monotonic()
        self.pipe.send(job)

    def hear(self):
        try:
            message = self.pipe.recv()
        except (EOFError, ConnectionResetError):
            self.process.join()
            if self.since is None:
                raise RuntimeError(
                    f"worker processes do not start (exit status {self.process.exitcode}): a script that calls this "
                    "needs `if __name__ == '__main__':`, or use workers=0"
                ) from None
            return self.restart(f"the decoder dies: exit status {self.process.exitcode}")
        if message == STARTED:
            self.since = time.monotonic()
            return None
        result, error = message
        if error:
            raise RuntimeError(f"{self.job}: {error}")
        job, self.job = self.job, None
        return job, result, None

    def restart(self, reason):
        self.stop()
        job, self.job = self.job, None
        self._start()
        return job, None, reason

    def stop(self):
        self.process.kill()
        self.process.join()
        self.pipe.close()


def _serve(function, pipe):
    pipe.send(STARTED)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent's Ctrl-C ends us
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # decoders complain there, at length; what counts comes back as status
    while True:
        try:
            job = pipe.recv()
        except EOFError:
            return
        try:
            pipe.send((function(job), None))
        except Exception as error:
            pipe.send((None, f"{type(error).__name__}: {error}"))
