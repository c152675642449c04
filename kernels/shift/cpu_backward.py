"""The shift's backward on a CPU: both gradients from the same taps of g, plane by plane, by the loops of planes.py.

With the offsets turned round, the low tap of g comes from outputs that read their high tap.
"""

from collections import namedtuple

import numpy as np
from numba import prange

from kernels._halves import copy, floats, keep, place, store
from kernels._threads import jit, parallel_jit
from kernels.shift.cpu_case import axis_taps, item_of, nothing, planes_together, slope_taps, unpack
from kernels.shift.planes import (
    BOTTOM,
    LEFT,
    RIGHT,
    TOP,
    axis_bits,
    gather,
    gather_and_slopes,
    gather_rows,
    mix_frames,
    plane_bits,
    slopes_by_tap,
    spread,
)

# fused: gx and slopes share their taps, and all of these have a weight
Channel = namedtuple("Channel", "t h w slopes some fused origin lost")


@jit
def padded(case):
    """Height and width of a plane of g, on the grid of x with its padding."""
    return case.size[1] + 2 * case.padding[1], case.size[2] + 2 * case.padding[2]


@jit
def margin_of(case):
    """Pixels around the scratch planes: taps whose bit is not set read, too, in here."""
    height, pitch = padded(case)
    return (height + 3) * (pitch + 3)


@jit
def channel_of(shift, c, case, bits, rows, cols):
    """What `backward` needs to know of a channel, and its bits."""
    half_up, padding = not case.published, case.padding
    t, h = axis_taps(shift, 0, c, case, half_up), axis_taps(shift, 1, c, case, half_up)
    w = axis_taps(shift, 2, c, case, half_up)
    slopes = slope_taps(shift, 0, c, case), slope_taps(shift, 1, c, case), slope_taps(shift, 2, c, case)
    height, pitch = padded(case)
    some = axis_bits(rows, padding[1] - h.f - 1, 1, height, h.first, h.high, h.low, TOP, BOTTOM)
    some &= axis_bits(cols, padding[2] - w.f - 1, 1, pitch, w.first, w.high, w.low, LEFT, RIGHT)
    plane_bits(bits, rows, cols)
    fused = padding[1] == padding[2] == 0 and slopes[0][0] == (0.0, t.low, t.high)
    fused &= h.low * w.low != 0 and slopes[1][0] == (0.0, h.low, h.high) and slopes[2][0] == (0.0, w.low, w.high)
    fused &= h.high * w.high != 0
    origin = (padding[1] - h.f - 1) * pitch + padding[2] - w.f - 1
    return Channel(t, h, w, slopes, some, fused, origin, nothing(t, h, w))


@jit
def mix_back(out, g, place, weights, case, compact):
    """Frame i of out = the outputs that read place + i + 1, 0, -1 of the padded time axis, weighted.

    At most two weights are not 0. Frames that follow each other go together; strided ones are mixed in `compact`,
    one by one, and spread out from there.
    """
    (kt, kh, kw), (height, pitch) = case.stride, padded(case)
    size = height * pitch
    run = out.size if kt == 1 and not compact.size else size
    skip = 0 if weights[0] == 0 else 1 if weights[1] == 0 else 2
    j, k = (1, 2) if skip == 0 else (0, 2) if skip == 1 else (0, 1)
    for i in range(0, out.size, run):
        a, b = place + i // size + 1 - j, place + i // size + 1 - k
        weight_a, weight_b = weights[j] if a % kt == 0 else 0.0, weights[k] if b % kt == 0 else 0.0
        if compact.size:
            mix_frames(compact, g, compact.size, a // kt, weight_a, b // kt, weight_b)
            spread(out[i : i + run], compact, case.out_size[2], (kh, kw), pitch)
        else:
            mix_frames(out[i : i + run], g, size, a // kt, weight_a, b // kt, weight_b)


@jit
def slopes_of_planes(x, u, d, case, channel):
    """The slopes along T, H, W of whole planes x, tap by tap."""
    (_, H, W), (height, pitch), margin = case.size, padded(case), margin_of(case)
    start = case.padding[1] - channel.h.f + 1, case.padding[2] - channel.w.f + 1
    sums = (0.0, 0.0, 0.0)
    for i in range(x.size // (H * W)):
        here = slice(margin + i * height * pitch, margin + (i + 1) * height * pitch)
        plane = x[i * H * W :][: H * W]
        more = slopes_by_tap(plane, u[here], d[here], W, pitch, start, channel.slopes[1], channel.slopes[2])
        sums = (sums[0] + more[0], sums[1] + more[1], sums[2] + more[2])
    return sums


@jit
def backward_planes(gx, g, x, t, case, channel, scratch):
    """gx and slopes of the frames from t on that fit into gx: flat planes of one channel of one clip."""
    (_, H, W), (height, pitch), margin = case.size, padded(case), margin_of(case)
    v, u, d, compact, bits = scratch
    h, w, origin = channel.h, channel.w, margin + channel.origin
    place = t + case.padding[0] - channel.t.f
    here = slice(margin, margin + gx.size // (H * W) * height * pitch)
    mix_back(v[here], g, place, (0.0, channel.t.low, channel.t.high), case, compact)
    mix_back(d[here], g, place, channel.slopes[0][1], case, compact)
    if not channel.fused:
        mix_back(u[here], g, place, channel.slopes[0][0], case, compact)
    sums = (0.0, 0.0, 0.0)
    weights = (h.high * w.high, h.high * w.low, h.low * w.high, h.low * w.low)
    if not channel.some:
        gx[:] = 0
    elif channel.fused:
        sums = gather_and_slopes(gx, x, v[origin:], d[origin:], pitch, bits, h.high, h.low, w.high, w.low)
    elif height * pitch == H * W:
        gather(gx, v[origin:], 1, pitch, bits, weights)
    else:
        gather_rows(gx, v[origin:], pitch, 1, pitch, bits, weights, W)
    return sums if channel.fused else slopes_of_planes(x, u, d, case, channel)


@jit
def backward_clip(target, g, source, sums, case, channel, scratch, group):
    """gx and slopes of one channel of one clip, `group` planes at a time."""
    T, pixels = case.size[0], case.size[1] * case.size[2]
    sums[:] = channel.lost
    if channel.lost != 0:
        target[:] = channel.lost
    for t in range(0, 0 if channel.lost != 0 else T, group):
        here = slice(t * pixels, min(T, t + group) * pixels)
        more = backward_planes(target[here], g, source[here], t, case, channel, scratch)
        for d in range(3):
            sums[d] += more[d]


@jit
def backward(g, x, shift, gx, sums, numbers, start, stop):
    """gx and g like x, floats or bfloat16; sums (C, N, 3): the slopes along T, H, W, to be added up over the clips."""
    case = unpack(numbers)
    (T, H, W), (height, pitch), size = case.size, padded(case), x[0].size // shift.shape[1]
    group = planes_together(T, H * W, height * pitch == H * W)
    planes = np.zeros((3, group * height * pitch + 2 * margin_of(case)), shift.dtype)
    compact = np.empty(case.out_size[1] * case.out_size[2] if max(case.stride[1:]) > 1 else 0, shift.dtype)
    bits, rows, cols = np.empty(group * H * W, np.int32), np.empty(H, np.int32), np.empty(W, np.int32)
    scratch = (planes[0], planes[1], planes[2], compact, bits)
    rooms = np.empty(g[0].size // shift.shape[1], shift.dtype), np.empty((2, size), shift.dtype)
    gradient, source, target = rooms[0], rooms[1][0], rooms[1][1]
    known, channel = -1, channel_of(shift, 0, case, bits, rows, cols)
    for item in range(start, stop):
        n, c = item_of(item, x.shape[0], shift.shape[1], case.channels_last)
        if c != known:
            known, channel = c, channel_of(shift, c, case, bits, rows, cols)
        if case.channels_last:
            copy(gradient, g[n, :, c])
            copy(source, x[n, :, c])
        else:
            gradient, source = floats(g[n, c], rooms[0]), floats(x[n, c], rooms[1][0])
            target = place(gx[n, c], rooms[1][1])
        backward_clip(target, gradient, source, sums[c, n], case, channel, scratch, group)
        if case.channels_last:
            store(gx[n, :, c], target)
        else:
            keep(gx[n, c], target)


@parallel_jit
def backward_parallel(g, x, shift, gx, sums, numbers, chunks):
    items = x.shape[0] * shift.shape[1]
    for k in prange(chunks):
        backward(g, x, shift, gx, sums, numbers, items * k // chunks, items * (k + 1) // chunks)
