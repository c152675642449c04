"""What a worker process may meet; apart, so that it starts without torch."""

import os
import signal
import time


def misbehave(job):
    if job == "dies":
        os.kill(os.getpid(), signal.SIGSEGV)
    if job == "hangs":
        time.sleep(60)
    if job == "wrong":
        raise TypeError("a mistake in our own code")
    return job.upper()


def misbehave_once(job):
    """A job, (folder, name), of which the first try is killed from outside, as by a machine short of memory."""
    folder, name = job
    mark = folder / f"{name}.tried"
    if name == "killed" and not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    if name == "full":
        raise OSError(28, "No space left on device", str(folder))
    return name.upper()


def killed_while_waiting(job):
    """The process is killed after its answer, while it waits for the next job."""
    if job == "a":
        killer = os.fork()
        if not killer:
            time.sleep(0.3)
            os.kill(os.getppid(), signal.SIGKILL)
            os._exit(0)
    return job.upper()
