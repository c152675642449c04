"""The one place that imports Numba's CUDA target, so that another can take its place.

Kernels are written against `cuda` from here. It may be the real one, Numba's simulator (NUMBA_ENABLE_CUDASIM=1 before
Numba is imported: kernels run in Python, on CPU tensors), or absent. A kernel is made by a factory of plain Python,
which fixes element type and flags at compile time; `kernel` compiles and keeps it, and tests compile it to PTX.
"""

from functools import cache

import numba
import numpy as np
import torch

from kernels._format import is_channels_last

try:
    from numba import cuda
except ImportError:  # a Numba without CUDA target: everything else works
    cuda = None

SIMULATED = bool(numba.config.ENABLE_CUDASIM)
THREADS = 8 if SIMULATED else 256  # a simulated thread is a Python thread
LANES = 4 if SIMULATED else 32  # channels side by side in a block, if they are neighbours in memory
BLOCKS = 132 * 8  # eight blocks on every multiprocessor of an H200; more elements than that go round again


@cache
def usable():
    """Whether kernels can be launched on a GPU."""
    return cuda is not None and not SIMULATED and torch.cuda.is_available() and cuda.is_available()


def device_function(function):
    return cuda.jit(device=True)(function)


@cache
def kernel(factory, *options):
    """The compiled kernel factory(*options)."""
    return cuda.jit(factory(*options))


@cache
def element(dtype):
    """(read, write) of one element of a flat array of this torch type, as numbers of the type we calculate in.

    bfloat16, which Numba does not know, travels as uint16: the upper half of a float32.
    """
    number = np.float64 if dtype == torch.float64 else np.float32
    if dtype == torch.bfloat16:
        to_float, to_bits = bit_casts()

        def read(x, i):
            return to_float(np.uint32(x[i]) << np.uint32(16))

        def write(x, i, value):
            bits = np.int64(to_bits(value)) & 0xFFFFFFFF
            rounded = (bits + 0x7FFF + ((bits >> 16) & 1)) >> 16  # to nearest, ties to even
            x[i] = np.uint16(rounded if value == value else 0x7FC0)
    else:
        stored = {torch.float16: np.float16, torch.float32: np.float32, torch.float64: np.float64}[dtype]

        def read(x, i):
            return number(x[i])

        def write(x, i, value):
            x[i] = stored(value)

    return device_function(read), device_function(write)


def bit_casts():
    """float32 from its bits, and the bits of a float32, as device functions."""
    if SIMULATED:
        return (
            device_function(lambda bits: np.uint32(bits).view(np.float32)),
            device_function(lambda value: np.float32(value).view(np.uint32)),
        )
    from numba.cuda import libdevice

    return (
        device_function(lambda bits: libdevice.int_as_float(np.int32(bits))),
        device_function(lambda value: libdevice.float_as_int(np.float32(value))),
    )


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


@cache
def walk():
    """(place, step): a thread's walk over the pixels of all clips, as device functions.

    A thread keeps its channel and goes from pixel to pixel by additions with carry: no division, no 32-bit limit.
    Neighbouring threads have neighbouring addresses: pixels in contiguous memory, channels in channels_last_3d.
    """

    def place(i, size):
        """(n, t, h, w) of pixel i, counted over clips of this size (T, H, W)."""
        frame, rest = i // (size[1] * size[2]), i % (size[1] * size[2])
        return frame // size[0], frame % size[0], rest // size[2], rest % size[2]

    def step(n, t, h, w, by, size):
        """The place that lies `by` further on."""
        w += by[3]
        h += by[2] + (1 if w >= size[2] else 0)
        w -= size[2] if w >= size[2] else 0
        t += by[1] + (1 if h >= size[1] else 0)
        h -= size[1] if h >= size[1] else 0
        n += by[0] + (1 if t >= size[0] else 0)
        t -= size[0] if t >= size[0] else 0
        return n, t, h, w

    return device_function(place), device_function(step)


@cache
def output_at(unit):
    """The output that reads a place of the padded axis, or -1; unit: all strides are 1, which saves the division."""

    def source(place, stride, outputs):
        o = place if unit else place // stride
        return o if place >= 0 and o < outputs and (unit or o * stride == place) else -1

    return device_function(source)


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
