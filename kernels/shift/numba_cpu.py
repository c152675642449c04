"""The learnable shift on a CPU, in flat planes.

Short rows make a shift slow: a loop over 7 or 14 pixels is over before it is fast. So the loops (planes.py) run over
whole planes, and over several at a time where planes are small:

1. along T, two planes are blended into a scratch plane: contiguous, no edges inside;
2. along H and W together, every output gathers four taps of the scratch plane.

The gradient to x is the same gather over planes of g (spread out first, if strided) with the offsets turned round.
And since <g, dy/ds> = <x, d(gx)/ds>, the slopes come from the very same taps: x and g are read once.
"""

from collections import namedtuple

import numpy as np
import torch
from numba import prange

from kernels._format import flat, is_channels_last, roomy
from kernels._threads import exact_jit, jit, parallel_jit, run
from kernels.shift import taps
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
from kernels.shift.reference import normalised, output_size

split, reads_away_from_0 = exact_jit(taps.split), exact_jit(taps.reads_away_from_0)
value_weights, slope_weights = exact_jit(taps.value_weights), exact_jit(taps.slope_weights)
TOGETHER = 4096  # pixels: smaller planes go through the scratch planes several at a time

# size, out_size, stride, padding: (t, h, w). published: the rules of the published code (reference.py).
Case = namedtuple("Case", "size out_size stride padding quantize published channels_last")
Axis = namedtuple("Axis", "f r low high first")  # whole part, fraction, weights at f and f + 1, first index that counts
Back = namedtuple("Back", "t h w slopes some fused origin lost")


@jit
def unpack(a):
    size, out_size, stride = (a[0], a[1], a[2]), (a[3], a[4], a[5]), (a[6], a[7], a[8])
    return Case(size, out_size, stride, (a[9], a[10], a[11]), a[12] != 0, a[13] != 0, a[14] != 0)


@jit
def axis_taps(shift, axis, c, case, half_up):
    """The taps of channel c along axis 0, 1, 2 = T, H, W. In 2D, shift has two rows and T stays."""
    row = axis - 3 + shift.shape[0]
    f, r = split(np.float64(shift[row, c])) if row >= 0 else (0, 0.0)
    low, high = value_weights(r, case.quantize, half_up)
    return Axis(f, r, low, high, reads_away_from_0(r, case.quantize, case.published and shift.shape[0] == 2))


@exact_jit
def nothing(t, h, w):
    """What a channel that reads nothing holds: 0, or nan if one of its shifts is not finite."""
    return (t.r - t.r) + (h.r - h.r) + (w.r - w.r)


@jit
def item_of(item, clips, channels, channels_last):
    """(n, c): all clips of a channel, which share its bits; or all channels of a clip, which share cache lines."""
    if channels_last:
        return item // channels, item % channels
    return item % clips, item // clips


@jit
def planes_together(planes, pixels, flat):
    """How many planes go through the scratch planes at a time."""
    return max(1, min(planes, TOGETHER // pixels)) if flat else 1


@jit
def forward(x, shift, y, numbers, start, stop):
    """x, y (N, C, T*H*W), or (N, T*H*W, C) if channels_last; items start to stop of the N*C clips of one channel."""
    case = unpack(numbers)
    (T, H, W), (To, Ho, Wo), stride, padding = case.size, case.out_size, case.stride, case.padding
    pixels, out_pixels = H * W, Ho * Wo
    flat = stride[1] == stride[2] == 1 and padding[1] == padding[2] == 0
    group = planes_together(To, pixels, flat)
    margin = (H + 2 * padding[1] + 3) * (W + 2 * padding[2] + 3)  # taps whose bit is not set read, too: in here
    u = np.zeros(group * pixels + 2 * margin, x.dtype)
    bits, rows, cols = np.empty(group * out_pixels, np.int32), np.empty(Ho, np.int32), np.empty(Wo, np.int32)
    source, target = np.empty(T * pixels, x.dtype), np.empty(To * out_pixels, x.dtype)
    known, some, lost, origin, weights, along_t = -1, False, 0.0, 0, (0.0, 0.0, 0.0, 0.0), Axis(0, 0.0, 0.0, 0.0, 0)
    for item in range(start, stop):
        n, c = item_of(item, x.shape[0], shift.shape[1], case.channels_last)
        if c != known:
            known, along_t = c, axis_taps(shift, 0, c, case, True)
            h, w = axis_taps(shift, 1, c, case, True), axis_taps(shift, 2, c, case, True)
            lost = nothing(along_t, h, w)
            some = axis_bits(rows, h.f - padding[1], stride[1], H, h.first, h.low, h.high, TOP, BOTTOM)
            some &= axis_bits(cols, w.f - padding[2], stride[2], W, w.first, w.low, w.high, LEFT, RIGHT)
            some &= lost == 0
            plane_bits(bits, rows, cols)
            weights = (h.low * w.low, h.low * w.high, h.high * w.low, h.high * w.high)
            origin = margin + (h.f - padding[1]) * W + w.f - padding[2]
        if case.channels_last:
            source[:] = x[n, :, c]
        else:
            source, target = x[n, c], y[n, c]
        if not some:
            target[:] = lost
        for t in range(0, To if some else 0, group):
            planes = min(group, To - t)
            run = planes if stride[0] == 1 else 1  # frames that follow each other are mixed together
            for i in range(0, planes, run):
                a = (t + i) * stride[0] - padding[0] + along_t.f
                here = u[margin + i * pixels : margin + (i + run) * pixels]
                mix_frames(here, source, pixels, a, along_t.low, a + 1, along_t.high)
            out = target[t * out_pixels : (t + planes) * out_pixels]
            if flat:
                gather(out, u[origin:], 1, W, bits, weights)
            else:
                gather_rows(out, u[origin:], stride[1] * W, stride[2], W, bits, weights, Wo)
        if case.channels_last:
            y[n, :, c] = target


@parallel_jit
def forward_parallel(x, shift, y, numbers, chunks):
    items = x.shape[0] * shift.shape[1]
    for k in prange(chunks):
        forward(x, shift, y, numbers, items * k // chunks, items * (k + 1) // chunks)


@jit
def slope_taps(shift, axis, c, case):
    """Weights at f - 1, f, f + 1: of the values, of the differences. In 2D there is no slope along T."""
    row = axis - 3 + shift.shape[0]
    if row < 0:
        return (0.0, 1.0, 0.0), (0.0, 0.0, 0.0)
    return slope_weights(split(np.float64(shift[row, c]))[1], case.published and shift.shape[0] == 3)


@jit
def plan_back(shift, c, case, bits, rows, cols):
    """What `backward` needs to know of a channel, and its bits. With the offsets turned round, the low tap of g comes
    from outputs that read their high tap. fused: gx and slopes share their taps, and all of these have a weight."""
    half_up, padding = not case.published, case.padding
    t, h, w = (
        axis_taps(shift, 0, c, case, half_up),
        axis_taps(shift, 1, c, case, half_up),
        axis_taps(shift, 2, c, case, half_up),
    )
    slopes = slope_taps(shift, 0, c, case), slope_taps(shift, 1, c, case), slope_taps(shift, 2, c, case)
    height, pitch = case.size[1] + 2 * padding[1], case.size[2] + 2 * padding[2]
    some = axis_bits(rows, padding[1] - h.f - 1, 1, height, h.first, h.high, h.low, TOP, BOTTOM)
    some &= axis_bits(cols, padding[2] - w.f - 1, 1, pitch, w.first, w.high, w.low, LEFT, RIGHT)
    plane_bits(bits, rows, cols)
    fused = padding[1] == padding[2] == 0 and slopes[0][0] == (0.0, t.low, t.high)
    fused &= h.low * w.low != 0 and slopes[1][0] == (0.0, h.low, h.high) and slopes[2][0] == (0.0, w.low, w.high)
    fused &= h.high * w.high != 0
    origin = (padding[1] - h.f - 1) * pitch + padding[2] - w.f - 1
    return Back(t, h, w, slopes, some, fused, origin, nothing(t, h, w))


@jit
def mix_back(out, g, place, weights, case, compact):
    """Frame i of out = the outputs that read place + i + 1, 0, -1 of the padded time axis, weighted.

    At most two weights are not 0. Frames that follow each other go together; strided ones are mixed in `compact`,
    one by one, and spread out from there.
    """
    kt, kh, kw = case.stride
    pitch, size = (
        case.size[2] + 2 * case.padding[2],
        (case.size[1] + 2 * case.padding[1]) * (case.size[2] + 2 * case.padding[2]),
    )
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
def back_planes(gx, g, x, t, case, plan, scratch, want_slopes):
    """gx and slopes of the frames from t on that fit into gx: flat planes of one channel of one clip."""
    H, W = case.size[1], case.size[2]
    height, pitch = H + 2 * case.padding[1], W + 2 * case.padding[2]
    padded, margin, origin = height * pitch, (height + 3) * (pitch + 3), (height + 3) * (pitch + 3) + plan.origin
    v, u, d, compact, bits = scratch
    by_tap = want_slopes and not plan.fused
    place, here = t + case.padding[0] - plan.t.f, slice(margin, margin + gx.size // (H * W) * padded)
    mix_back(v[here], g, place, (0.0, plan.t.low, plan.t.high), case, compact)
    if want_slopes:
        mix_back(d[here], g, place, plan.slopes[0][1], case, compact)
    if by_tap:
        mix_back(u[here], g, place, plan.slopes[0][0], case, compact)
    sums = (0.0, 0.0, 0.0)
    weights = (plan.h.high * plan.w.high, plan.h.high * plan.w.low, plan.h.low * plan.w.high, plan.h.low * plan.w.low)
    if not plan.some:
        gx[:] = 0
    elif plan.fused and want_slopes:
        v, d = v[origin:], d[origin:]
        sums = gather_and_slopes(gx, x, v, d, pitch, bits, plan.h.high, plan.h.low, plan.w.high, plan.w.low)
    elif padded == H * W:
        gather(gx, v[origin:], 1, pitch, bits, weights)
    else:
        gather_rows(gx, v[origin:], pitch, 1, pitch, bits, weights, W)
    if by_tap:
        start = case.padding[1] - plan.h.f + 1, case.padding[2] - plan.w.f + 1
        for i in range(gx.size // (H * W)):
            here = slice(margin + i * padded, margin + (i + 1) * padded)
            more = slopes_by_tap(
                x[i * H * W :][: H * W], u[here], d[here], W, pitch, start, plan.slopes[1], plan.slopes[2]
            )
            sums = (sums[0] + more[0], sums[1] + more[1], sums[2] + more[2])
    return sums


@jit
def backward(g, x, shift, gx, sums, numbers, want_slopes, start, stop):
    """gx like x; sums (C, N, 3): the slopes along T, H, W, to be added up over the clips."""
    case = unpack(numbers)
    (T, H, W), padding, last = case.size, case.padding, case.channels_last
    height, pitch, pixels = H + 2 * padding[1], W + 2 * padding[2], H * W
    group = planes_together(T, pixels, height * pitch == pixels)
    planes = np.zeros((3, group * height * pitch + 2 * (height + 3) * (pitch + 3)), x.dtype)
    compact = np.empty(case.out_size[1] * case.out_size[2] if max(case.stride[1:]) > 1 else 0, x.dtype)
    bits, rows, cols = np.empty(group * pixels, np.int32), np.empty(H, np.int32), np.empty(W, np.int32)
    scratch = (planes[0], planes[1], planes[2], compact, bits)
    gradient, source, target = (
        np.empty(g[0].size // shift.shape[1], x.dtype),
        np.empty(T * pixels, x.dtype),
        np.empty(T * pixels, x.dtype),
    )
    known, plan = -1, plan_back(shift, 0, case, bits, rows, cols)
    for item in range(start, stop):
        n, c = item_of(item, x.shape[0], shift.shape[1], last)
        if c != known:
            known, plan = c, plan_back(shift, c, case, bits, rows, cols)
        if last:
            gradient[:], source[:] = g[n, :, c], x[n, :, c]
        else:
            gradient, source, target = g[n, c], x[n, c], gx[n, c]
        sums[c, n] = plan.lost
        if plan.lost != 0:
            target[:] = plan.lost
        for t in range(0, 0 if plan.lost != 0 else T, group):
            here = slice(t * pixels, min(T, t + group) * pixels)
            more = back_planes(target[here], gradient, source[here], t, case, plan, scratch, want_slopes)
            for d in range(3):
                sums[c, n, d] += more[d]
        if last:
            gx[n, :, c] = target


@parallel_jit
def backward_parallel(g, x, shift, gx, sums, numbers, want_slopes, chunks):
    items = x.shape[0] * shift.shape[1]
    for k in prange(chunks):
        backward(g, x, shift, gx, sums, numbers, want_slopes, items * k // chunks, items * (k + 1) // chunks)


def pack(x, y, stride, padding, quantize, rule):
    """x, y: tensors (N, C, T, H, W), in the same format. A parallel loop takes arrays, but not a Case."""
    return np.array([*x.shape[2:], *y.shape[2:], *stride, *padding, quantize, rule == "reference", is_channels_last(x)])


def shift_cpu(x, shift, stride, padding, quantize, rule):
    """shift_reference, in the format of x."""
    work = x.to(shift.dtype)
    size = [output_size(*axis) for axis in zip(x.shape[2:], stride, padding, strict=True)]
    y = roomy(work, (*x.shape[:2], *size))
    numbers = pack(work, y, stride, padding, quantize, rule)
    run(forward, forward_parallel, len(x) * x.shape[1], y.numel(), flat(work), shift.detach().numpy(), flat(y), numbers)
    return y.to(x.dtype)


def shift_backward_cpu(g, x, shift, stride, padding, quantize, rule, normalize_grad, t_factor):
    """shift_backward_reference, in the format of x."""
    work, g = x.to(shift.dtype), g.to(shift.dtype)
    gx, sums = roomy(work, x.shape), np.empty((x.shape[1], x.shape[0], 3))
    numbers = pack(work, g, stride, padding, quantize, rule)
    arrays = flat(g), flat(work), shift.detach().numpy(), flat(gx), sums, numbers, True
    run(backward, backward_parallel, len(x) * x.shape[1], x.numel(), *arrays)
    gs = torch.from_numpy(sums.sum(1).T[3 - len(shift) :].copy()).to(shift.dtype)
    return gx.to(x.dtype), normalised(gs, t_factor, rule) if normalize_grad else gs
