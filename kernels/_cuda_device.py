"""What CUDA kernels are made of: device functions, each made by a function that fixes types and flags."""

from functools import cache

import numpy as np
import torch

from kernels._cuda import SIMULATED, THREADS, cuda, device_function, libdevice


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
    lib = libdevice()
    return (
        device_function(lambda bits: lib.int_as_float(np.int32(bits))),
        device_function(lambda value: lib.float_as_int(np.float32(value))),
    )


@cache
def walk():
    """(share, place, step, at): a thread's walk over the pixels of all clips, as device functions.

    A thread keeps its channel and goes from pixel to pixel by additions with carry: no division, no 32-bit limit.
    Neighbouring threads have neighbouring addresses: pixels in contiguous memory, channels in channels_last_3d.
    """

    def share(lanes):
        """This thread's first pixel, and how far it is from there to its next one; lanes: channels side by side."""
        each = THREADS // lanes
        return cuda.blockIdx.x * each + cuda.threadIdx.x // lanes, cuda.gridDim.x * each

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

    def at(strides, n, c, t, h, w):
        """Where an element lies in flat memory."""
        return n * strides[0] + c * strides[1] + t * strides[2] + h * strides[3] + w * strides[4]

    return device_function(share), device_function(place), device_function(step), device_function(at)


@cache
def add_up():
    """A sum over the threads of a block that own the same lane, in a fixed order: the same bits every time."""

    def total(part, value, lanes):
        """The sum of `value`, for thread i < lanes over all threads of lane i; part: THREADS numbers, shared."""
        tid, half = cuda.threadIdx.x, THREADS // 2
        part[tid] = value
        cuda.syncthreads()
        while half >= lanes:
            if tid < half:
                part[tid] += part[tid + half]
            cuda.syncthreads()
            half //= 2
        value = part[tid]
        cuda.syncthreads()
        return value

    return device_function(total)


@cache
def reach_of():
    """How far the taps of a channel go from the centre along t, h, w, as a device function."""

    def reach(kinds, c, half):
        """kinds: as kernels._kinds.packed gives them; half: k // 2."""
        code = kinds[0]
        for i in range(1, len(kinds)):
            if c >= kinds[i - 1] >> 3:
                code = kinds[i]
        return half * (code >> 2 & 1), half * (code >> 1 & 1), half * (code & 1)

    return device_function(reach)


@cache
def output_at(unit):
    """The output that reads a place of the padded axis, or -1; unit: all strides are 1, which saves the division."""

    def source(place, stride, outputs):
        o = place if unit else place // stride
        return o if place >= 0 and o < outputs and (unit or o * stride == place) else -1

    return device_function(source)
