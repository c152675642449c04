"""How fast a training goes, how much of its time it waits for clips, and how many processes load them."""

import time

import torch

from lib.distributed import processes
from lib.run import cores

CLOCKS = ("seconds", "clips_per_s", "waiting", "workers")  # of an epoch's row: what is no function of the recipe
MOST_WORKERS = 16


def choose_workers(workers, clips, device="cpu"):
    """How many processes load a dataset's clips while `device` computes: `workers`, or what "auto" comes to.

    auto  none where nothing is to be decoded: reading a cache of frames costs less than a process that hands them
          over. Else the cores that this process may use and its own threads leave, at least 1. No choice changes a bit
    ValueError: neither a whole number from 0 nor "auto"
    """
    if workers != "auto":
        if not isinstance(workers, int) or isinstance(workers, bool) or workers < 0:
            raise ValueError(f"workers must be 'auto' or a whole number from 0, not {workers!r}")
        return workers
    if not getattr(clips, "decodes", False):
        return 0
    computing = torch.get_num_threads() if torch.device(device).type == "cpu" else 1
    return min(max(1, cores() - computing), MOST_WORKERS)


class Pace:
    """The clock of an epoch's training, from here on.

    workers  processes that load its clips
    """

    def __init__(self, workers=0):
        self._workers = workers
        self._started, self._waited, self._clips = time.perf_counter(), 0.0, 0

    def arriving(self, batches):
        """The same batches; the time until each is here counts as waiting.

        On a GPU, which computes meanwhile, that is the most that it waits, not what it does.
        """
        batches = iter(batches)
        while True:
            asked = time.perf_counter()
            batch = next(batches, None)
            self._waited += time.perf_counter() - asked
            if batch is None:
                return
            yield batch
            self._clips += len(batch[0]) * processes()  # of several, the others have as many, give or take one

    def facts(self):
        """Up to now: clips_per_s, `waiting`, the percentage of its time, and the workers."""
        took = max(time.perf_counter() - self._started, 1e-9)
        pace = {"clips_per_s": round(self._clips / took, 2), "waiting": round(100 * self._waited / took, 1)}
        return {**pace, "workers": self._workers}


class Every:
    """`again()` is true when so many seconds have passed since it was last true, or since the beginning."""

    def __init__(self, seconds):
        self._seconds, self._last = seconds, time.monotonic()

    def again(self):
        if time.monotonic() - self._last <= self._seconds:
            return False
        self._last = time.monotonic()
        return True
