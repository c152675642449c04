"""Time several calls against each other: in turn, A B C A B C, so that what disturbs the machine disturbs all alike."""

import time

import numpy as np
import torch

LARGE = {"cpu": 1 << 28, "cuda": 1 << 30}  # bytes: far more than any cache holds
LEAST, MOST = 2, 50  # timed calls of each


def interleave(calls, *, device="cpu", seconds=0.2, now=time.perf_counter):
    """Time every call of {name: function without arguments} in turn.  -> {name: [milliseconds]}

    Each is called once before, which compiles what there is to compile, and then until it has had `seconds` in all,
    twice at least and 50 times at most. Caches are cold: on a GPU they are overwritten before every call; on a CPU the
    calls between do it, a `large_copy` surely.
    """
    for call in calls.values():
        call()
    stopwatch = STOPWATCHES[torch.device(device).type](device, now)
    times, left = {name: [] for name in calls}, dict(calls)
    while left:
        for name, call in list(left.items()):
            times[name].append(stopwatch(call))
            spent = sum(times[name]) / 1e3
            if len(times[name]) >= MOST or (len(times[name]) >= LEAST and spent >= seconds):
                del left[name]
    return times


def timed(call, device="cpu", now=time.perf_counter):
    """Time one call, by the clock on the wall; a GPU is waited for before and after.  -> (milliseconds, its result)"""
    _wait(device)
    started = now()
    result = call()
    _wait(device)
    return 1e3 * (now() - started), result


def _wait(device):
    if torch.device(device).type == "cuda":
        torch.cuda.synchronize(device)


def large_copy(device="cpu"):
    """A copy that no cache can hold, as a call to be timed, and the bytes that it reads and writes."""
    size = LARGE[torch.device(device).type]
    source = torch.ones(size // 4, device=device)
    target = torch.empty_like(source)
    return lambda: target.copy_(source), 2 * size


def percentiles(times):
    """{"p50", "p20", "p80"} of a list of numbers."""
    return dict(zip(("p50", "p20", "p80"), np.percentile(times, (50, 20, 80)).tolist(), strict=True))


def _cpu_stopwatch(device, now):
    return lambda call: timed(call, now=now)[0]


def _cuda_stopwatch(device, _):
    flushed = torch.empty(LARGE["cpu"], dtype=torch.int8, device=device)
    begin, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)

    def timed_by_events(call):
        flushed.zero_()  # while the GPU is at it, the CPU gets ahead: what follows is not short of launches at once
        begin.record()
        call()
        end.record()
        end.synchronize()
        return begin.elapsed_time(end)

    return timed_by_events


STOPWATCHES = {"cpu": _cpu_stopwatch, "cuda": _cuda_stopwatch}
