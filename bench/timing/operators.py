"""One net, operator by operator: what this machine should need for each, and what it needed.

The prediction is a roofline (Williams, Waterman, Patterson, CACM 52(4), 2009): an operator takes the longer of its
multiply-accumulates and its bytes at the rates measured here, and at least what one takes that does nothing.
"""

import time
from dataclasses import dataclass

import numpy as np
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from bench.timing.stopwatch import interleave, large_copy, percentiles
from lib.cost import record
from lib.models import in_format

SIDE = 1024  # of the matrices whose product is the friendliest work there is


@dataclass(frozen=True)
class Machine:
    """What one machine can do at the number of threads that torch has now."""

    gmacs_per_s: float  # in a large matrix product
    gb_per_s: float  # in a copy that no cache can hold
    overhead_us: float  # of an operator on one value

    @property
    def balance(self):
        """Multiply-accumulates per byte: an operator with fewer waits for memory."""
        return self.gmacs_per_s / self.gb_per_s

    def predict_ms(self, macs, bytes_moved):
        """The roofline's time for so many multiply-accumulates and bytes."""
        return max(macs / self.gmacs_per_s / 1e6, bytes_moved / self.gb_per_s / 1e6, self.overhead_us / 1e3)


def measure_machine(seconds=0.5, now=time.perf_counter):
    """Time a product, a copy and nothing, for `seconds` each, by the clock `now`.  -> Machine"""
    (copy, copied), a, one = large_copy(), torch.randn(SIDE, SIDE), torch.zeros(1)
    times = interleave({"product": lambda: a @ a, "copy": copy}, seconds=seconds, now=now)
    times |= interleave(
        {"nothing": lambda: torch.relu(one)}, seconds=seconds, now=now
    )  # apart: after a copy its code is not cached
    ms = {name: percentiles(taken)["p50"] for name, taken in times.items()}
    return Machine(SIDE**3 / ms["product"] / 1e6, copied / ms["copy"] / 1e6, 1e3 * ms["nothing"])


class Clock(TorchDispatchMode):
    """`with Clock() as clock:` clock.ms are the times of all operators that run inside, in order, by `now`."""

    def __init__(self, now=time.perf_counter):
        super().__init__()
        self.now, self.ms = now, []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        started = self.now()
        out = func(*args, **(kwargs or {}))
        self.ms.append(1e3 * (self.now() - started))
        return out


@torch.no_grad()
def operators(net, clip, machine, runs=20, warmup_runs=2, now=time.perf_counter):
    """A row per operator of one clip: kind, macs, bytes, macs_per_byte, ms (median of `runs`), predicted_ms.

    net   any module, on the CPU; it is put in evaluation mode
    clip  (3, T, H, W)
    now   the clock, in seconds; `time.thread_time`, with one thread, hardly sees what others do to the machine
    RuntimeError: the net runs other operators than on the meta device, so counts and times do not belong together
    """
    net, times = net.eval(), []
    x = in_format(net, torch.randn(1, *clip))
    for _ in range(warmup_runs + runs):
        with Clock(now) as clock:
            net(x)
        times.append(clock.ms)
    calls = record(net, clip)
    if len(calls) != len(times[0]):
        raise RuntimeError(f"{len(times[0])} operators ran, but {len(calls)} were counted")
    return [_row(call, ms, machine) for call, ms in zip(calls, np.median(times[warmup_runs:], 0), strict=True)]


def _row(call, ms, machine):
    counted = {"kind": kind_of(call), "macs": call.macs, "bytes": call.bytes_moved}
    per_byte = call.macs / call.bytes_moved if call.bytes_moved else 0.0
    predicted = machine.predict_ms(call.macs, call.bytes_moved)
    return {**counted, "macs_per_byte": per_byte, "ms": float(ms), "predicted_ms": predicted}


def kind_of(call):
    """In a reader's words: depthwise, pointwise, dense, or the kind of lib.cost, or other."""
    if call.kind != "conv":
        return call.kind or "other"
    weight = call.args[1].shape
    return "depthwise" if weight[1] == 1 else "pointwise" if set(weight[2:]) == {1} else "dense"
