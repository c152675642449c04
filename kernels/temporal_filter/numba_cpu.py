"""A three-tap filter along time on a CPU: one loop per frame, over all its pixels."""

import numpy as np
import torch
from numba import prange

from kernels._format import flat, is_channels_last, readable, roomy
from kernels._halves import copy, floats, keep, place, store
from kernels._threads import jit, parallel_jit, run


@jit
def filter_clip(out, src, frames, w0, w1, w2):
    """One channel of one clip, flat: out[t] = w0 * src[t - 1] + w1 * src[t] + w2 * src[t + 1]."""
    size = out.size // frames
    w0, w1, w2 = out.dtype.type(w0), out.dtype.type(w1), out.dtype.type(w2)
    for i in range(out.size):
        out[i] = w1 * src[i]
    past, ahead = out[size:], out[: out.size - size]
    for i in range(past.size):
        past[i] += w0 * src[i]
    later = src[size:]
    for i in range(ahead.size):
        ahead[i] += w2 * later[i]


@jit
def correlate(a, b):
    """The sum of a * b, flat, b no shorter than a."""
    total = a.dtype.type(0)
    for i in range(a.size):
        total += a[i] * b[i]
    return total


@jit
def forward(x, taps, y, frames, channels_last, start, stop):
    """x, y (N, C, T*H*W), or (N, T*H*W, C) if channels_last, floats or bfloat16; items start to stop of N*C."""
    pixels, channels = x.size // max(1, x.shape[0] * taps.shape[0]), taps.shape[0]
    rooms = np.empty((2, pixels), taps.dtype)
    source, target = rooms[0], rooms[1]
    for item in range(start, stop):
        n, c = item // channels, item % channels
        if channels_last:
            copy(source, x[n, :, c])
        else:
            source, target = floats(x[n, c], rooms[0]), place(y[n, c], rooms[1])
        filter_clip(target, source, frames, taps[c, 0], taps[c, 1], taps[c, 2])
        if channels_last:
            store(y[n, :, c], target)
        else:
            keep(y[n, c], target)


@parallel_jit
def forward_parallel(x, taps, y, frames, channels_last, chunks):
    items = x.shape[0] * taps.shape[0]
    for k in prange(chunks):
        forward(x, taps, y, frames, channels_last, items * k // chunks, items * (k + 1) // chunks)


@jit
def backward(g, x, taps, gx, sums, frames, channels_last, start, stop):
    """gx like x; sums (N, C, 3): the gradient to the taps, to be added up over the clips."""
    pixels, channels = x.size // max(1, x.shape[0] * taps.shape[0]), taps.shape[0]
    size = pixels // frames
    rooms = np.empty((3, pixels), taps.dtype)
    gradient, source, target = rooms[0], rooms[1], rooms[2]
    for item in range(start, stop):
        n, c = item // channels, item % channels
        if channels_last:
            copy(gradient, g[n, :, c])
            copy(source, x[n, :, c])
        else:
            gradient, source = floats(g[n, c], rooms[0]), floats(x[n, c], rooms[1])
            target = place(gx[n, c], rooms[2])
        filter_clip(target, gradient, frames, taps[c, 2], taps[c, 1], taps[c, 0])
        sums[n, c, 0] = correlate(gradient[size:], source)
        sums[n, c, 1] = correlate(gradient, source)
        sums[n, c, 2] = correlate(source[size:], gradient)
        if channels_last:
            store(gx[n, :, c], target)
        else:
            keep(gx[n, c], target)


@parallel_jit
def backward_parallel(g, x, taps, gx, sums, frames, channels_last, chunks):
    items = x.shape[0] * taps.shape[0]
    for k in prange(chunks):
        backward(g, x, taps, gx, sums, frames, channels_last, items * k // chunks, items * (k + 1) // chunks)


def filter_cpu(x, taps):
    """filter_reference, in the format of x."""
    work, items = readable(x, taps.dtype), len(x) * x.shape[1]
    y = roomy(work, x.shape)
    arrays = flat(work), taps.detach().numpy(), flat(y), x.shape[2], is_channels_last(x)
    run(forward, forward_parallel, items, x.numel(), *arrays)
    return y.to(x.dtype)


def filter_backward_cpu(g, x, taps):
    """filter_backward_reference, in the format of x."""
    work, items = readable(x, taps.dtype), len(x) * x.shape[1]
    gx, sums = roomy(work, x.shape), np.empty((*x.shape[:2], 3))
    g, form = readable(g, taps.dtype), (x.shape[2], is_channels_last(x))
    arrays = flat(g), flat(work), taps.detach().numpy(), flat(gx), sums, *form
    run(backward, backward_parallel, items, x.numel(), *arrays)
    return gx.to(x.dtype), torch.from_numpy(sums.sum(0)).to(taps.dtype)
