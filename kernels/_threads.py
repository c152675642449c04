"""Numba on the CPU: how kernels are compiled, and when they use threads.

A kernel does a range of items. `run` lets it do them all, or a parallel loop deals them out in chunks. DataLoader
workers must not run the parallel loop: they are forks, and GNU OpenMP kills the fork of a process that used it. They
have one torch thread, and with one thread the kernel runs alone.
"""

import os
from contextlib import nullcontext
from threading import Lock

import numba
import torch

from kernels._cache import cache_folder, folder_name, places

# Numba's OpenMP threads should sleep when idle: spinning, they take the cores from torch's. Read when Numba loads them.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

# Sums may be reordered (vector lanes) and a*b+c fused; nan and inf keep their meaning.
FAST = {"reassoc", "contract", "nsz", "arcp"}
WORTH_THREADS = 1 << 15  # elements: below, waking threads takes longer than the work
ONE_AT_A_TIME = Lock()
CHUNKS = 4  # per thread: what one that is held up has not begun, the others take
CACHE = cache_folder(places(), folder_name())


def compiled(function, **options):
    """numba.njit with a cache on disk for exactly these sources; without one where nothing can be written."""
    before, numba.config.CACHE_DIR = numba.config.CACHE_DIR, str(CACHE or "")
    try:
        return numba.njit(cache=CACHE is not None, nogil=True, error_model="numpy", **options)(function)
    finally:
        numba.config.CACHE_DIR = before


def exact_jit(function):
    return compiled(function, fastmath=False)  # said aloud: unsaid, it is the caller's


def jit(function):
    return compiled(function, fastmath=FAST)


def parallel_jit(function):
    return compiled(function, parallel=True)


def run(alone, parallel, items, elements, *work):
    """Call alone(*work, 0, items), or parallel(*work, chunks) if torch has threads and it pays."""
    threads = min(torch.get_num_threads(), numba.config.NUMBA_NUM_THREADS)
    if threads == 1 or elements < WORTH_THREADS:
        alone(*work, 0, items)
        return
    with nullcontext() if may_overlap() else ONE_AT_A_TIME:
        before = numba.get_num_threads()  # the reader's own
        numba.set_num_threads(threads)
        try:
            parallel(*work, min(items, CHUNKS * threads))
        finally:
            numba.set_num_threads(before)


def may_overlap():
    """Whether two Python threads may be in parallel loops at once. In Numba's workqueue layer, which is what it has
    without OpenMP and TBB, the process would be aborted. Until the first loop ran, nobody knows the layer."""
    try:
        return numba.threading_layer() in ("omp", "tbb")
    except ValueError:
        return False
