"""Several processes of one group, as forks of this one: they talk by gloo, over a file and the loopback device."""

import os
import signal
import sys
import time
import traceback

from torch import distributed as dist

from lib import distributed

LOOPBACK = "lo0" if sys.platform == "darwin" else "lo"


def in_processes(count, folder, work, *arguments, **options):
    """Run work(*arguments, **options) in `count` processes.  -> {process: what it raised, as text; -9: it was killed}

    folder  where they meet, theirs alone
    """
    children = [_start(number, count, folder, work, arguments, options) for number in range(count)]
    found, ends = {}, time.monotonic() + 120
    for number, child in enumerate(children):
        while not (ended := os.waitpid(child, os.WNOHANG))[0] and time.monotonic() < ends:
            time.sleep(0.01)
        if not ended[0]:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            found[number] = "it hung"
        elif (code := os.waitstatus_to_exitcode(ended[1])) < 0:
            found[number] = code
        elif code:
            found[number] = (folder / f"error.{number}").read_text()
    return found


def _start(number, count, folder, work, arguments, options):
    if child := os.fork():
        return child
    try:
        os.environ["GLOO_SOCKET_IFNAME"] = LOOPBACK
        distributed.ANSWERS_WITHIN_S = 1
        dist.init_process_group("gloo", init_method=f"file://{folder}/store", rank=number, world_size=count)
        work(*arguments, **options)
        dist.destroy_process_group()
        os._exit(0)
    except BaseException as error:
        traceback.print_exc()
        (folder / f"error.{number}").write_text(f"{type(error).__name__}: {error}")
    finally:
        os._exit(1)
