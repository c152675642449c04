"""How fast a training goes, and how much of its time it waits for clips."""

import time

from lib.distributed import processes

CLOCKS = ("seconds", "clips_per_s", "waiting")  # of an epoch's row: what is no function of the recipe


class Pace:
    """The clock of an epoch's training, from here on."""

    def __init__(self):
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
        """Up to now: clips_per_s, and `waiting`, the percentage of its time."""
        took = max(time.perf_counter() - self._started, 1e-9)
        return {"clips_per_s": round(self._clips / took, 2), "waiting": round(100 * self._waited / took, 1)}


class Every:
    """`again()` is true when so many seconds have passed since it was last true, or since the beginning."""

    def __init__(self, seconds):
        self._seconds, self._last = seconds, time.monotonic()

    def again(self):
        if time.monotonic() - self._last <= self._seconds:
            return False
        self._last = time.monotonic()
        return True
