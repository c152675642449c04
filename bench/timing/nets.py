"""Latency, throughput and peak memory of one net. Run on an otherwise idle machine; the runner sees to it."""

import ctypes
import gc
from pathlib import Path

import numpy as np
import torch

from bench.timing.stopwatch import timed
from lib.models import in_format


@torch.no_grad()
def measure_speed(net, clip, *, device="cpu", runs=50, warmup_runs=5, batch=8):
    """Latency in ms at batch 1 (p50, p90 over `runs`), clips per second at `batch`, and peak memory in MB.

    net   any module, put in eval mode
    clip  (3, T, H, W), the shape of one clip
    The peak memory is of one forward pass at batch 1, weights not included: on a GPU what torch allocated, on Linux
    the rise of the process' resident set; elsewhere None.
    """
    net = net.eval().to(device)
    single, many = (in_format(net, torch.randn(n, *clip, device=device)) for n in (1, batch))
    times = _times(net, single, runs, warmup_runs, device)
    batch_times = _times(net, many, max(3, runs // 5), 2, device)
    return {
        "latency_ms_p50": round(float(np.percentile(times, 50)), 3),
        "latency_ms_p90": round(float(np.percentile(times, 90)), 3),
        "clips_per_s": round(1e3 * batch / float(np.median(batch_times)), 1),
        "batch": batch,
        "runs": runs,
        "threads": torch.get_num_threads(),
        "peak_memory_mb": peak_memory(net, single, device),
    }


def _times(net, clips, runs, warmup_runs, device):
    return [timed(lambda: net(clips), device)[0] for _ in range(warmup_runs + runs)][warmup_runs:]


def peak_memory(net, clips, device="cpu"):
    """MB that one call of a net takes beyond what there is; None where the system does not say."""
    if torch.device(device).type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
        before = torch.cuda.memory_allocated(device)
        net(clips)
        return round((torch.cuda.max_memory_allocated(device) - before) / 1e6, 2)
    try:
        gc.collect()
        ctypes.CDLL("libc.so.6").malloc_trim(0)
        Path("/proc/self/clear_refs").write_text("5")  # sets the peak back to the present
        before = _resident("VmRSS")
        net(clips)
        return round((_resident("VmHWM") - before) / 1e3, 2)
    except OSError:
        return None


def _resident(field):
    """A line of /proc/self/status, in kB."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1])
    raise OSError(f"no {field} in /proc/self/status")
