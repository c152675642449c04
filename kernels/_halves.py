"""bfloat16 in CPU kernels: Numba has no such type, so it travels as uint16, the upper half of a float32.

A kernel works on floats. These functions let it read and write memory of either kind; which one is known when it is
compiled, so that floats cost nothing. What is read as bfloat16 is widened into a room of the kernel's own, which stays
in the cache.
"""

import numpy as np
from numba import types
from numba.extending import overload

from kernels._threads import FAST, exact_jit

INLINE = {"jit_options": {"fastmath": FAST, "error_model": "numpy"}}


@exact_jit
def widen(room, halves):
    """room[i] = halves[i]; a room is float32."""
    bits = room.view(np.uint32)
    for i in range(bits.size):
        bits[i] = np.uint32(halves[i]) << np.uint32(16)


@exact_jit
def narrow(halves, room):
    """halves[i] = room[i], rounded to the nearest, ties to even; nan stays nan."""
    bits = room.view(np.uint32)
    for i in range(bits.size):
        rounded = (bits[i] + np.uint32(0x7FFF) + ((bits[i] >> np.uint32(16)) & np.uint32(1))) >> np.uint32(16)
        halves[i] = np.uint16(rounded) if bits[i] & np.uint32(0x7FFFFFFF) <= np.uint32(0x7F800000) else np.uint16(0x7FC0)


def floats(memory, room, filled=False):
    """The floats of a contiguous piece of memory: itself, or `room`, which may be filled with them already."""


def copy(room, memory):
    """room[:] = memory"""


def place(memory, room):
    """Where to write floats that `keep` then puts into memory: there, or in `room`."""


def keep(memory, values):
    """End what was begun with `place`."""


def store(memory, values):
    """memory[:] = values"""


def _halved(memory):
    return memory.dtype == types.uint16


@overload(floats, **INLINE)
def _(memory, room, filled=False):
    def itself(memory, room, filled=False):
        return memory

    def widened(memory, room, filled=False):
        if not filled:
            widen(room, memory)
        return room

    return widened if _halved(memory) else itself


@overload(copy, **INLINE)
def _(room, memory):
    def copied(room, memory):
        room[:] = memory

    def widened(room, memory):
        widen(room, memory)

    return widened if _halved(memory) else copied


@overload(place, **INLINE)
def _(memory, room):
    return (lambda memory, room: room) if _halved(memory) else (lambda memory, room: memory)


@overload(keep, **INLINE)
def _(memory, values):
    def there(memory, values):
        pass

    def narrowed(memory, values):
        narrow(memory, values)

    return narrowed if _halved(memory) else there


@overload(store, **INLINE)
def _(memory, values):
    def copied(memory, values):
        memory[:] = values

    def narrowed(memory, values):
        narrow(memory, values)

    return narrowed if _halved(memory) else copied
