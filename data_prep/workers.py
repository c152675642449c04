"""Work in processes that may die: a decoder that crashes or hangs costs one file, not the scan."""

import os
import signal
import time
from collections import deque
from multiprocessing import connection, current_process, get_context

from lib.run import cores

HANGS_AFTER_S = 600  # a decoder that says nothing for so long is stopped
HANGS, DIES = "the decoder hangs", "the decoder dies"  # how the reasons begin
STARTED = "started"
STARTS = 3  # of a worker that is killed before it says so
NEEDS_MAIN = (
    "a script that calls this needs `if __name__ == '__main__':`, or no processes (workers=0; moving_shapes: 1)"
)


def check_workers(workers):
    """A ValueError unless `workers` is None or at least 0; a RuntimeError in a process that is only starting.

    A worker imports the script that started it: without `if __name__ == "__main__":` that calls us again, which would
    wait for the lock that the first call holds, and the first for its worker.
    """
    if getattr(current_process(), "_inheriting", False):
        raise RuntimeError(NEEDS_MAIN)
    if workers is not None and workers < 0:
        raise ValueError(
            f"workers is {workers}; it must be at least 1, 0 for this process alone, or None: one per core"
        )


def survive(function, jobs, workers=None, *, hangs_after_s=HANGS_AFTER_S, jobs_each=8):
    """function(job) for every job, each in one of `workers` processes.  -> iterator of (job, result, None)

    A job whose process dies is tried again in another: it may have been killed for what is not the job's fault. In
    place of the result of one that dies twice, or hangs: (job, None, reason). An OSError of `function` is raised here;
    any other error is a mistake in it, and ends everything with a RuntimeError.

    workers    None: one per core; 0: this process, which then dies or hangs as well
    jobs_each  a process is not started for fewer: that takes a while
    """
    check_workers(workers)
    jobs = deque(jobs)
    if workers == 0:
        yield from ((job, function(job), None) for job in jobs)
        return
    team = [_Worker(function) for _ in range(min(workers or cores(), -(-len(jobs) // jobs_each)))]
    died = set()
    try:
        while jobs or any(worker.job is not None for worker in team):
            for worker in team:
                if worker.job is None and jobs:
                    worker.take(jobs.popleft())
            busy = {worker.pipe: worker for worker in team if worker.job is not None}
            for pipe in connection.wait(busy, timeout=1):
                job, result, reason = busy.pop(pipe).hear() or (None, None, None)
                if reason and job not in died:
                    died.add(job)
                    jobs.append(job)
                elif job is not None:
                    yield job, result, reason
            for worker in busy.values():
                if worker.since and time.monotonic() > worker.since + hangs_after_s:
                    yield worker.restart(f"{HANGS}: no answer in {hangs_after_s} s")
    finally:
        for worker in team:
            worker.stop()


class _Worker:
    def __init__(self, function):
        self.function, self.job, self.since, self.starts = function, None, None, 0
        self._start()

    def _start(self):
        context = get_context("spawn")  # not fork: a notebook's process has threads
        self.pipe, theirs = context.Pipe()
        self.process = context.Process(target=_serve, args=(self.function, theirs), daemon=True)
        self.process.start()
        theirs.close()
        self.since = None  # until it says that it has started, which may take a while
        self.starts += 1

    def take(self, job):
        self.job, self.since = job, self.since and time.monotonic()
        try:
            self.pipe.send(job)
        except (BrokenPipeError, ConnectionResetError):  # it was killed while it waited
            self.restart("")
            self.job = job
            self.pipe.send(job)

    def hear(self):
        """-> job, result, reason; None: it has only started"""
        try:
            message = self.pipe.recv()
        except (EOFError, ConnectionResetError):
            self.process.join()
            if self.since is None:
                return self._start_again()
            return self.restart(f"{DIES}: exit status {self.process.exitcode}")
        if message == STARTED:
            self.since, self.starts = time.monotonic(), 0
            return None
        result, error = message
        if isinstance(error, OSError):
            raise error
        if error:
            raise RuntimeError(f"{self.job}: {error}")
        job, self.job = self.job, None
        return job, result, None

    def _start_again(self):
        code = self.process.exitcode
        if code >= 0 or self.starts >= STARTS:  # it ended by itself, or is killed whenever it starts
            raise RuntimeError(f"worker processes do not start (exit status {code}): {NEEDS_MAIN}")
        job = self.job
        self.restart("")
        self.job = job
        self.pipe.send(job)
        return None

    def restart(self, reason):
        """Another process.  -> the job that it had, None, reason"""
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
            ours = isinstance(error, OSError) and type(error).__module__ == "builtins"  # a full disk is no mistake
            pipe.send((None, error if ours else f"{type(error).__name__}: {error}"))
