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
