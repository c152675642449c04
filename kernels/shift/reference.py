"""The learnable shift, slow and plain: every other version is tested against this one.

Axis by axis, output o of channel c reads x at o*stride - padding + s[c]: between two whole positions f = floor(s)
and f + 1 by linear interpolation, or, quantized, at the nearer one; 0 outside. A tap is a pair (offset, weight).
A channel with a shift that is not finite is nan, in value and gradients.

Source  Fan et al., RubiksNet, ECCV 2020. `rule` "central" is ours, "reference" what the published kernels do.
"""

import torch

from kernels._format import plain_like

NEARLY_WHOLE = 1e-7  # a fraction below this counts as a whole shift in the gradient to the shift
FARTHEST = 1e9  # offsets are cut here: past any clip, and still an integer


def split(s):
    """Whole and fractional part of the shifts s (C,). A shift that is not finite gives (0, nan)."""
    whole = torch.where(s.isfinite(), s.floor(), 0.0)
    fraction = torch.where(s.isfinite(), s - whole, torch.nan)
    return whole.clamp(-FARTHEST, FARTHEST).long(), fraction


def value_taps(s, quantize, half_up=True):
    """Where the forward reads along one axis; its adjoint too, but the published one rounds halves of -s up."""
    f, r = split(s)
    if quantize:
        upper = r >= 0.5 if half_up else r > 0.5
        return [(f + upper, torch.where(r.isnan(), r, 1.0))]
    return [(f, 1 - r), (f + 1, r)]


def slope_taps(s, rule, dims):
    """Values and differences along one axis, for the gradient to the shift: slopes of the *interpolated* function.

    At a whole shift it has two slopes. "central" takes their mean, (x[f+1] - x[f-1]) / 2. "reference" is what the
    published 3D kernel does: x[f+1] - x[f-1], and the slopes of the other axes read this one at f - 1.
    """
    f, r = split(s)
    published = rule == "reference" and dims == 3
    whole = r == 0 if published else r < NEARLY_WHOLE
    r = torch.where(whole, 0.0, r)
    below = f - whole.long()
    size = torch.where(whole & (not published), 0.5, torch.ones_like(r)) + 0 * r  # + 0 * r: nan stays nan
    return [(below if published else f, 1 - r), (f + 1, r)], [(below, -size), (f + 1, size)]


def first_index(s, quantize, rule, dims):
    """The lowest index that a quantized tap reads: the published 2D kernel rounds the *coordinate*, halves away from
    zero, so that a shift of n + 1/2 never lands on index 0."""
    away = (split(s)[1] == 0.5) & (quantize and rule == "reference" and dims == 2)
    return away.long()


def along(values, axis):
    """(C,) or (C, O) -> broadcastable over (N, C, T, H, W), O on `axis`."""
    shape = [1, values.shape[0], 1, 1, 1]
    if values.dim() == 2:
        shape[axis] = values.shape[1]
    return values.reshape(shape)


def places(tap, axis, outputs, size, stride, padding):
    """Index that each output reads along one axis, and the weight there (0 outside): broadcastable, O on `axis`."""
    offset, weight = tap
    index = torch.arange(outputs, device=offset.device) * stride - padding + offset[:, None]
    weight = torch.where((index >= 0) & (index < size), weight[:, None], 0.0)
    return along(index.clamp(0, size - 1), axis), along(weight, axis)


def resized(x, axis, size):
    return [size if d == axis else n for d, n in enumerate(x.shape)]


def read(x, axis, taps, outputs, stride, padding, first):
    """y[.., o, ..] = sum over taps of weight * x[.., o*stride - padding + offset, ..]; x from index `first` on."""
    total = x.new_zeros(resized(x, axis, outputs))
    for tap in taps:
        index, weight = places(tap, axis, outputs, x.shape[axis], stride, padding)
        weight = torch.where(index >= along(first, axis), weight, 0.0)
        value = x.gather(axis, index.expand_as(total))
        total = total + torch.where(weight != 0, weight * value, 0.0)
    return total


def spread(g, axis, taps, size, stride, padding, first):
    """The adjoint of `read`: the gradient of every output, from index `first` on, goes back to where it was read."""
    total = g.new_zeros(resized(g, axis, size))
    output = torch.arange(g.shape[axis], device=g.device)
    for tap in taps:
        index, weight = places(tap, axis, g.shape[axis], size, stride, padding)
        weight = torch.where(along((output >= first[:, None]), axis), weight, 0.0)
        total = total.scatter_add(axis, index.expand_as(g), torch.where(weight != 0, weight * g, 0.0))
    return total


def axes_of(shift):
    """(axis of (N, C, T, H, W), its shifts (C,)) for the rows of shift: T, H, W or, in 2D, H, W."""
    return list(zip(range(5 - len(shift), 5), shift, strict=True))


def output_size(size, stride, padding):
    return (size + 2 * padding - 1) // stride + 1


def lose(y, shift):
    """y, nan in every channel of which a shift is not finite."""
    return torch.where(along(shift.isfinite().all(0), 1), y, torch.nan)


def shift_reference(x, shift, stride, padding, quantize, rule):
    """x (N, C, T, H, W), shift (3 or 2, C), stride and padding (t, h, w) -> (N, C, T', H', W')."""
    y = x.to(shift.dtype)
    for axis, s in axes_of(shift):
        k, p = stride[axis - 2], padding[axis - 2]
        first = first_index(s, quantize, rule, len(shift))
        y = read(y, axis, value_taps(s, quantize), output_size(x.shape[axis], k, p), k, p, first)
    return plain_like(lose(y, shift).to(x.dtype), x)


def shift_backward_reference(g, x, shift, stride, padding, quantize, rule, normalize_grad, t_factor):
    """Gradients to x and to the shift, for the gradient g (N, C, T', H', W') to the output."""
    gx, g = g.to(shift.dtype), g.to(shift.dtype)
    for axis, s in axes_of(shift):
        taps = value_taps(s, quantize, half_up=rule == "central")
        first = first_index(s, quantize, rule, len(shift))
        gx = spread(gx, axis, taps, x.shape[axis], stride[axis - 2], padding[axis - 2], first)
    rows = [lose(slope(x.to(shift.dtype), shift, stride, padding, rule, d), shift) for d in range(len(shift))]
    gs = torch.stack([(g * row).sum((0, 2, 3, 4)) for row in rows])
    return plain_like(lose(gx, shift).to(x.dtype), x), normalised(gs, t_factor, rule) if normalize_grad else gs


def slope(x, shift, stride, padding, rule, d):
    """dy / dshift[d]: differences along the axis of row d, values along the others."""
    for row, (axis, s) in enumerate(axes_of(shift)):
        k, p = stride[axis - 2], padding[axis - 2]
        taps = slope_taps(s, rule, len(shift))[row == d]
        x = read(x, axis, taps, output_size(x.shape[axis], k, p), k, p, torch.zeros_like(s, dtype=torch.long))
    return x


def normalised(gs, t_factor, rule):
    """Every channel's gradient at unit length. The time row counts t_factor times; if negative, alone.

    Where there is nothing to divide by, the published code keeps the raw gradient; "central" gives 0.
    """
    if len(gs) == 3:
        factor = gs.new_tensor([t_factor, 1, 1] if t_factor >= 0 else [1, 0, 0])[:, None]
    else:
        factor = gs.new_ones(2, 1)
    weighted = factor * gs
    length = weighted.norm(dim=0)
    nothing = gs if rule == "reference" else weighted
    return torch.where(length > 0, weighted / length, nothing)
