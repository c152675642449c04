"""Reading along one axis at whole distances, and giving back: what the reference of the shift is made of.

A tap (distance (C,), weight (C,)): output o of channel c reads place o*stride - padding + distance of its axis.
What lies outside, or has weight 0, is not read. Tensors are (N, C, T, H, W); axis is 2, 3 or 4.
"""

import torch

NEARLY_WHOLE = 1e-7  # a fraction below this counts as a whole shift in the gradient to the shift
FARTHEST = 1e9  # distances are cut here: past any clip, and still an integer


def output_size(size, stride, padding):
    return (size + 2 * padding - 1) // stride + 1


def split(s):
    """Whole and fractional part of the shifts s (C,); (0, 0) for those that are not finite."""
    s = torch.where(s.isfinite(), s, 0.0)
    return s.floor().clamp(-FARTHEST, FARTHEST).long(), s - s.floor()


def along(values, axis):
    """(C,) or (C, O) -> broadcastable over (N, C, T, H, W), O on `axis`."""
    shape = [1, len(values), 1, 1, 1]
    if values.dim() == 2:
        shape[axis] = values.shape[1]
    return values.reshape(shape)


def places(tap, axis, outputs, size, stride, padding):
    """The place that each output reads, and its weight there, 0 outside: broadcastable, outputs on `axis`."""
    distance, weight = tap
    place = torch.arange(outputs, device=distance.device) * stride - padding + distance[:, None]
    weight = torch.where((place >= 0) & (place < size), weight[:, None], 0.0)
    return along(place.clamp(0, size - 1), axis), along(weight, axis)


def resized(x, axis, size):
    return [size if d == axis else n for d, n in enumerate(x.shape)]


def read(x, axis, taps, stride, padding):
    """y[.., o, ..] = sum over taps of weight * x[.., o*stride - padding + distance, ..]"""
    outputs = output_size(x.shape[axis], stride, padding)
    y = x.new_zeros(resized(x, axis, outputs))
    for tap in taps:
        place, weight = places(tap, axis, outputs, x.shape[axis], stride, padding)
        y = y + torch.where(weight != 0, weight * x.gather(axis, place.expand_as(y)), 0.0)
    return y


def spread(g, axis, taps, size, stride, padding):
    """The adjoint of `read`: the gradient of every output goes back to where it was read."""
    gx = g.new_zeros(resized(g, axis, size))
    for tap in taps:
        place, weight = places(tap, axis, g.shape[axis], size, stride, padding)
        gx = gx.scatter_add(axis, place.expand_as(g), torch.where(weight != 0, weight * g, 0.0))
    return gx
