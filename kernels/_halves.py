"""bfloat16 in CPU kernels: Numba has no such type, so it travels as uint16, the upper half of a float32.

A kernel works on floats. These functions let it read and write memory of either kind; which one is known when it is
compiled, so that floats cost nothing. What is read as bfloat16 is widened into a room of the kernel's own, which stays
in the cache.
"""

import numpy as np
from numba import types
from numba.extending import overload

from kernels._threads import FAST, jit

ALIKE = {"jit_options": {"fastmath": FAST, "error_model": "numpy"}}


def coded(element):
    """A float as it is; of bfloat16, the bits of its float32; of a float32's bits, the nearest bfloat16."""


@overload(coded, **ALIKE)
def _(element):
    def widened(element):
        return np.uint32(element) << np.uint32(16)

    def rounded(element):  # ties to even; nan stays nan. Without a branch, so that loops vectorise
        last = (element >> np.uint32(16)) & np.uint32(1)
        nearest = np.uint32(element + np.uint32(0x7FFF) + last) >> np.uint32(16)
        is_nan = np.uint32(0) - np.uint32((element & np.uint32(0x7FFFFFFF)) > np.uint32(0x7F800000))
        return np.uint16(nearest ^ ((nearest ^ np.uint32(0x7FC0)) & is_nan))

    return {types.uint16: widened, types.uint32: rounded}.get(element, lambda element: element)


def bits(values, memory):
    """Floats that are read from `memory` or written there, as `coded` takes and gives them."""


@overload(bits, **ALIKE)
def _(values, memory):
    return (lambda values, memory: values.view(np.uint32)) if _halved(memory) else (lambda values, memory: values)


@jit
def copy(room, memory):
    """room[: memory.size] = memory"""
    there = bits(room, memory)
    for i in range(memory.size):
        there[i] = coded(memory[i])


@jit
def store(memory, values):
    """memory[:] = values[: memory.size]"""
    there = bits(values, memory)
    for i in range(memory.size):
        memory[i] = coded(there[i])


def floats(memory, room, filled=False):
    """The floats of a contiguous piece of memory: itself, or `room`, which may be filled with them already."""


def place(memory, room):
    """Where to write floats that `keep` then puts into memory: there, or in `room`."""


def keep(memory, values):
    """End what was begun with `place`."""


def _halved(memory):
    return memory.dtype == types.uint16


@overload(floats, **ALIKE)
def _(memory, room, filled=False):
    def itself(memory, room, filled=False):
        return memory

    def widened(memory, room, filled=False):
        if not filled:
            copy(room, memory)
        return room

    return widened if _halved(memory) else itself


@overload(place, **ALIKE)
def _(memory, room):
    return (lambda memory, room: room) if _halved(memory) else (lambda memory, room: memory)


@overload(keep, **ALIKE)
def _(memory, values):
    def there(memory, values):
        pass

    def narrowed(memory, values):
        store(memory, values)

    return narrowed if _halved(memory) else there
