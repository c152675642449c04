"""Processes that end with the one that started them."""

import os
import sys
import time
from threading import Thread


def end_with_parent(every_s=1.0):
    """From now on this process ends, like by a SIGKILL, as soon as the one that started it has.

    A SIGKILL tells nobody. What it leaves would go on with its work, hold its locks and use its cores, and whoever
    starts the same work again would wait for it.
    """
    parent = os.getppid()

    def watch():
        while os.getppid() == parent:
            time.sleep(every_s)
        print("the process that started this one is gone: it ends, too", file=sys.stderr, flush=True)
        os._exit(1)

    Thread(target=watch, name="end with parent", daemon=True).start()
