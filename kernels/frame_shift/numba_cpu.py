"""A shift by whole frames on a CPU: it only copies, so it copies integers, whatever the float type."""

import torch
from numba import prange

from kernels._format import flat, is_channels_last, roomy
from kernels._threads import jit, parallel_jit, run

WORDS = {2: torch.int16, 4: torch.int32, 8: torch.int64}  # bytes per element: the integer of that size


@jit
def shift_clips(x, offset, y, frames, start, stop):
    """x, y (N, C, T*H*W): of one channel of a clip, one block moves and the rest becomes 0."""
    size = x.shape[2] // frames
    for item in range(start, stop):
        n, c = item // x.shape[1], item % x.shape[1]
        o = min(max(offset[c], -frames), frames)
        ahead, behind = max(o, 0) * size, max(-o, 0) * size
        kept = x.shape[2] - ahead - behind
        y[n, c, :behind] = 0
        y[n, c, behind : behind + kept] = x[n, c, ahead : ahead + kept]
        y[n, c, behind + kept :] = 0


@parallel_jit
def shift_clips_parallel(x, offset, y, frames, chunks):
    items = x.shape[0] * x.shape[1]
    for k in prange(chunks):
        shift_clips(x, offset, y, frames, items * k // chunks, items * (k + 1) // chunks)


@jit
def shift_pixels(x, offset, y, frames, start, stop):
    """x, y (N, T*H*W, C): the channels of a pixel come from as many frames as there are offsets."""
    size = x.shape[1] // frames
    for item in range(start, stop):
        n, t = item // frames, item % frames
        for p in range(t * size, t * size + size):
            for c in range(x.shape[2]):
                s = t + min(max(offset[c], -frames), frames)
                y[n, p, c] = x[n, p + (s - t) * size, c] if 0 <= s < frames else 0


@parallel_jit
def shift_pixels_parallel(x, offset, y, frames, chunks):
    items = x.shape[0] * frames
    for k in prange(chunks):
        shift_pixels(x, offset, y, frames, items * k // chunks, items * (k + 1) // chunks)


def frame_shift_cpu(x, offset):
    """frame_shift_reference, in the format of x."""
    y = roomy(x, x.shape)
    n, c, t = x.shape[:3]
    word = WORDS[x.element_size()]
    work = flat(x.detach().view(word)), offset.detach().numpy(), flat(y.view(word)), t
    if is_channels_last(x):
        run(shift_pixels, shift_pixels_parallel, n * t, x.numel(), *work)
    else:
        run(shift_clips, shift_clips_parallel, n * c, x.numel(), *work)
    return y
