"""A three-tap filter along time, slow and plain."""

import torch
from torch.nn.functional import pad

from kernels._format import plain_like


def neighbours(x):
    """x[t - 1], x[t], x[t + 1] of a clip (N, C, T, H, W), 0 past its ends."""
    frames, padded = x.shape[2], pad(x, (0, 0, 0, 0, 1, 1))
    return [padded[:, :, k : k + frames] for k in range(3)]


def filter_reference(x, taps):
    """out[n, c, t] = sum over k of taps[c, k] * x[n, c, t + k - 1]. x (N, C, T, H, W), taps (C, 3)."""
    weights = taps.T[:, None, :, None, None, None]
    y = sum(weight * value for weight, value in zip(weights, neighbours(x.to(taps.dtype)), strict=True))
    return plain_like(y.to(x.dtype), x)


def filter_backward_reference(g, x, taps):
    """Gradients to x and to the taps."""
    g, work = g.to(taps.dtype), x.to(taps.dtype)
    gx = filter_reference(g, taps.flip(1))
    return plain_like(gx.to(x.dtype), x), torch.stack([(g * value).sum((0, 2, 3, 4)) for value in neighbours(work)], 1)
