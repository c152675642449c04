"""One channel of the shift on a CPU: its sizes and options, and where it reads along each axis."""

from collections import namedtuple

import numpy as np

from kernels._threads import exact_jit, jit
from kernels.shift import taps

split, reads_away_from_0 = exact_jit(taps.split), exact_jit(taps.reads_away_from_0)
value_weights, slope_weights = exact_jit(taps.value_weights), exact_jit(taps.slope_weights)
TOGETHER = 4096  # pixels: smaller planes go through the scratch planes several at a time

# size, out_size, stride, padding: (t, h, w). published: the published rule (published.py)
Case = namedtuple("Case", "size out_size stride padding quantize published channels_last")
Axis = namedtuple("Axis", "f r low high first")  # whole part, fraction, weights at f and f + 1, first index that counts


def pack(x, y, stride, padding, quantize, rule, channels_last):
    """A Case as numbers: a parallel loop takes arrays only. x, y: tensors (N, C, T, H, W), in the same format."""
    return np.array([*x.shape[2:], *y.shape[2:], *stride, *padding, quantize, rule == "published", channels_last])


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
def slope_taps(shift, axis, c, case):
    """Weights at f - 1, f, f + 1: of the values, of the differences. In 2D there is no slope along T."""
    row = axis - 3 + shift.shape[0]
    if row < 0:
        return (0.0, 1.0, 0.0), (0.0, 0.0, 0.0)
    return slope_weights(split(np.float64(shift[row, c]))[1], case.published and shift.shape[0] == 3)
