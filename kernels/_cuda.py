"""The one place that imports Numba's CUDA target, so that another can take its place.

Kernels are written against `cuda` from here. It may be the real one, Numba's simulator (NUMBA_ENABLE_CUDASIM=1 before
Numba is imported: kernels run in Python, on CPU tensors), or absent. A kernel is made by a factory of plain Python,
which fixes element type and flags at compile time; `kernel` compiles and keeps it, and tests compile it to PTX.
"""

from functools import cache

import numba
import torch

from kernels._format import is_channels_last

try:
    from numba import cuda
except ImportError:  # a Numba without CUDA target: everything else works
    cuda = None

SIMULATED = bool(numba.config.ENABLE_CUDASIM)
THREADS = 4 if SIMULATED else 256  # a simulated thread is a Python thread
LANES = 2 if SIMULATED else 32  # channels side by side in a block, if they are neighbours in memory
BLOCKS = 132 * 8  # eight blocks on every multiprocessor of an H200; more elements than that go round again


@cache
def usable():
    """Whether kernels can be launched on a GPU."""
    return cuda is not None and not SIMULATED and torch.cuda.is_available() and cuda.is_available()


def libdevice():
    """CUDA's arithmetic functions; the simulator has none."""
    from numba.cuda import libdevice

    return libdevice


def device_function(function):
    return cuda.jit(device=True)(function)


@cache
def kernel(factory, *options):
    """The compiled kernel factory(*options)."""
    return cuda.jit(factory(*options))


def flat(x):
    """The elements of x, contiguous or channels_last_3d, as they lie in memory, in one dimension."""
    x = x.detach()
    x = (x.permute(0, 2, 3, 4, 1) if x.dim() == 5 and is_channels_last(x) else x).reshape(-1)
    x = x.view(torch.uint16) if x.dtype == torch.bfloat16 else x
    return x.numpy() if SIMULATED else x


def launch(compiled, grid, device, *arguments):
    """compiled[grid](*arguments) with THREADS threads a block, on torch's current stream of the device; no waiting."""
    if SIMULATED:
        compiled[grid, THREADS](*arguments)
        return
    with torch.cuda.device(device):
        stream = cuda.external_stream(torch.cuda.current_stream().cuda_stream)
        compiled[grid, THREADS, stream](*arguments)


def lanes_of(x):
    """How many channels of x a block has side by side."""
    return LANES if is_channels_last(x) else 1


def memory_strides(x, like=None):
    """Distances in memory along n, c, t, h, w, whatever torch says of axes of length 1; x in its format, or like's."""
    _, c, t, h, w = x.shape
    if is_channels_last(x if like is None else like):
        return t * h * w * c, 1, h * w * c, w * c, c
    return c * t * h * w, t * h * w, h * w, w, 1


def grid_for(channels, pixels, lanes):
    """(blocks along pixels, blocks along channels): a few times BLOCKS in all, no more than there is work for."""
    tiles, each = -(-channels // lanes), THREADS // lanes
    wanted = 2 if SIMULATED else -(-BLOCKS * 4 // tiles)
    return max(1, min(-(-pixels // each), wanted)), min(tiles, 2 if SIMULATED else 65535)
