"""The learnable shift, slow and plain: every other version is tested against this one.

Axis by axis, output o of channel c reads x at o*stride - padding + s[c]: between two whole positions f = floor(s)
and f + 1 by linear interpolation, or, quantized, at the nearer one; 0 outside. The gradient to the shift is always
that of the interpolated function; at a whole shift, where that has two slopes, it is their mean.
A channel with a shift that is not finite is nan, in value and gradients.

Source  Fan et al., RubiksNet, ECCV 2020. `rule` "central" is this file; what the published kernels do: published.py
"""

from collections import namedtuple

import torch

from kernels._format import plain_like
from kernels.shift import published
from kernels.shift.reading import NEARLY_WHOLE, along, read, split, spread


def value_taps(s, quantize):
    """(distance, weight) that the forward reads along one axis, and that its adjoint gives back to."""
    f, r = split(s)
    return [(f + (r >= 0.5), torch.ones_like(r))] if quantize else [(f, 1 - r), (f + 1, r)]


def slope_taps(s, dims):
    """The interpolated function's value and its slope along one axis, as taps."""
    f, r = split(s)
    whole = r < NEARLY_WHOLE
    r, below = torch.where(whole, 0.0, r), f - whole.long()
    step = torch.where(whole, 0.5, torch.ones_like(r))
    return [(f, 1 - r), (f + 1, r)], [(below, -step), (f + 1, step)]


def unit_length(gs, weighted):
    """Every channel's gradient, weighted, at unit length; 0 where it is 0."""
    length = weighted.norm(dim=0)
    return torch.where(length > 0, weighted / length, weighted)


# back_taps: where the gradient to x goes; seen: what is read of a tensor along an axis
Rule = namedtuple("Rule", "back_taps slope_taps seen unit_length")
RULES = {
    "central": Rule(value_taps, slope_taps, lambda x, *_: x, unit_length),
    "published": Rule(published.back_taps, published.slope_taps, published.seen, published.unit_length),
}


def axes_of(shift, stride, padding):
    """(axis of (N, C, T, H, W), its shifts (C,), stride, padding) for the rows of shift: T, H, W or, in 2D, H, W."""
    axes = list(zip((2, 3, 4), stride, padding, strict=True))[-len(shift) :]
    return [(axis, s, k, p) for (axis, k, p), s in zip(axes, shift, strict=True)]


def shift_reference(x, shift, stride, padding, quantize, rule):
    """x (N, C, T, H, W), shift (3 or 2, C), stride and padding (t, h, w) -> (N, C, T', H', W')."""
    y = x.to(shift.dtype)
    for axis, s, k, p in axes_of(shift, stride, padding):
        y = read(RULES[rule].seen(y, axis, s, quantize, len(shift)), axis, value_taps(s, quantize), k, p)
    return plain_like(lose(y, shift).to(x.dtype), x)


def shift_backward_reference(g, x, shift, stride, padding, quantize, rule, normalize_grad, t_factor):
    """Gradients to x and to the shift, for the gradient g (N, C, T', H', W') to the output."""
    gx, g = g.to(shift.dtype), g.to(shift.dtype)
    for axis, s, k, p in axes_of(shift, stride, padding):
        gx = RULES[rule].seen(gx, axis, s, quantize, len(shift))
        gx = spread(gx, axis, RULES[rule].back_taps(s, quantize), x.shape[axis], k, p)
    rows = [lose(slope(x.to(shift.dtype), shift, stride, padding, rule, d), shift) for d in range(len(shift))]
    gs = torch.stack([(g * row).sum((0, 2, 3, 4)) for row in rows])
    return plain_like(lose(gx, shift).to(x.dtype), x), normalised(gs, t_factor, rule) if normalize_grad else gs


def slope(x, shift, stride, padding, rule, d):
    """dy / dshift[d]: slopes along the axis of row d, values along the others."""
    for row, (axis, s, k, p) in enumerate(axes_of(shift, stride, padding)):
        values, slopes = RULES[rule].slope_taps(s, len(shift))
        x = read(x, axis, slopes if row == d else values, k, p)
    return x


def lose(y, shift):
    """y, nan in every channel of which a shift is not finite."""
    return torch.where(along(shift.isfinite().all(0), 1), y, torch.nan)


def normalised(gs, t_factor, rule):
    """Every channel's gradient at unit length. The time row counts t_factor times; if negative, alone."""
    factor = [t_factor, 1.0, 1.0] if t_factor >= 0 else [1.0, 0.0, 0.0]
    weights = gs.new_tensor(factor if len(gs) == 3 else [1.0, 1.0])
    return RULES[rule].unit_length(gs, weights[:, None] * gs)
