"""A depthwise convolution with a sub-kernel kind per channel, slow and plain: a masked k x k x k convolution."""

import torch

from kernels._format import plain_like
from kernels._kinds import cut, embed


def depthwise_reference(x, weights, stride):
    """x (N, C, T, H, W), weights [(C_kind, 1, t, h, w)], channels in that order -> (N, C, T', H', W')."""
    full = embed(weights)
    y = torch.nn.functional.conv3d(x.to(full.dtype), full, None, stride, full.shape[2] // 2, 1, len(full))
    return plain_like(y.to(x.dtype), x)


def depthwise_backward_reference(g, x, weights, stride):
    """Gradients to x and to every weight: the full kernel's, masked."""
    full = embed(weights)
    padding, both = [full.shape[2] // 2] * 3, (True, True, False)
    options = stride, padding, [1, 1, 1], False, [0, 0, 0], len(full), both
    g, work = g.to(full.dtype), x.to(full.dtype)
    gx, gw, _ = torch.ops.aten.convolution_backward(g, work, full, None, *options)
    return plain_like(gx.to(x.dtype), x), cut(gw, weights)
