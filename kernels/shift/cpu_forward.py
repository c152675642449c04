"""The shift's forward on a CPU: clips of one channel, plane by plane, through the loops of planes.py."""

from collections import namedtuple

import numpy as np
from numba import prange

from kernels._halves import floats, keep, place
from kernels._threads import jit, parallel_jit
from kernels.shift.cpu_case import axis_taps, item_of, nothing, planes_together, unpack
from kernels.shift.planes import BOTTOM, LEFT, RIGHT, TOP, axis_bits, gather, gather_rows, mix_frames, plane_bits

# taps along T, whether any tap along H and W counts, what an output is that reads nothing, its first tap, four weights
Channel = namedtuple("Channel", "t some lost origin weights")


@jit
def is_flat(case):
    """Whether the planes of input and output have the same grid, so that many of them are one."""
    return case.stride[1] == case.stride[2] == 1 and case.padding[1] == case.padding[2] == 0


@jit
def margin_of(case):
    """Pixels around the scratch plane: taps whose bit is not set read, too, in here."""
    return (case.size[1] + 2 * case.padding[1] + 3) * (case.size[2] + 2 * case.padding[2] + 3)


@jit
def channel_of(shift, c, case, bits, rows, cols):
    """What `forward` needs to know of a channel, and its bits."""
    (_, H, W), stride, padding = case.size, case.stride, case.padding
    t, h, w = axis_taps(shift, 0, c, case, True), axis_taps(shift, 1, c, case, True), axis_taps(shift, 2, c, case, True)
    lost = nothing(t, h, w)
    some = axis_bits(rows, h.f - padding[1], stride[1], H, h.first, h.low, h.high, TOP, BOTTOM)
    some &= axis_bits(cols, w.f - padding[2], stride[2], W, w.first, w.low, w.high, LEFT, RIGHT)
    some &= lost == 0
    plane_bits(bits, rows, cols)
    origin = margin_of(case) + (h.f - padding[1]) * W + w.f - padding[2]
    return Channel(t, some, lost, origin, (h.low * w.low, h.low * w.high, h.high * w.low, h.high * w.high))


@jit
def forward_clip(target, source, case, channel, u, bits, group):
    """target (To*Ho*Wo) from source (T*H*W), `group` planes at a time through the scratch planes u."""
    (_, H, W), (To, Ho, Wo), stride = case.size, case.out_size, case.stride
    pixels, out_pixels, margin, flat = H * W, Ho * Wo, margin_of(case), is_flat(case)
    if not channel.some:
        target[:] = channel.lost
    for t in range(0, To if channel.some else 0, group):
        planes = min(group, To - t)
        run = planes if stride[0] == 1 else 1  # frames that follow each other are mixed together
        for i in range(0, planes, run):
            a = (t + i) * stride[0] - case.padding[0] + channel.t.f
            here = u[margin + i * pixels : margin + (i + run) * pixels]
            mix_frames(here, source, pixels, a, channel.t.low, a + 1, channel.t.high)
        out = target[t * out_pixels : (t + planes) * out_pixels]
        if flat:
            gather(out, u[channel.origin :], 1, W, bits, channel.weights)
        else:
            gather_rows(out, u[channel.origin :], stride[1] * W, stride[2], W, bits, channel.weights, Wo)


@jit
def forward(x, shift, y, numbers, start, stop):
    """x, y (N, C, T*H*W), floats or bfloat16; items start to stop of the N*C clips of one channel."""
    case = unpack(numbers)
    (_, H, W), (To, Ho, Wo) = case.size, case.out_size
    group = planes_together(To, H * W, is_flat(case))
    u = np.zeros(group * H * W + 2 * margin_of(case), shift.dtype)
    seen, made = np.empty(x.shape[2], shift.dtype), np.empty(y.shape[2], shift.dtype)
    bits, rows, cols = np.empty(group * Ho * Wo, np.int32), np.empty(Ho, np.int32), np.empty(Wo, np.int32)
    known, channel = -1, channel_of(shift, 0, case, bits, rows, cols)
    for item in range(start, stop):
        n, c = item_of(item, x.shape[0], shift.shape[1], False)
        if c != known:
            known, channel = c, channel_of(shift, c, case, bits, rows, cols)
        target = place(y[n, c], made)
        forward_clip(target, floats(x[n, c], seen), case, channel, u, bits, group)
        keep(y[n, c], target)


@parallel_jit
def forward_parallel(x, shift, y, numbers, chunks):
    items = x.shape[0] * shift.shape[1]
    for k in prange(chunks):
        forward(x, shift, y, numbers, items * k // chunks, items * (k + 1) // chunks)
