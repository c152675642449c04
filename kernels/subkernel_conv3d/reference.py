"""CAKES' heterogeneous convolution, slow and plain: a dense k x k x k convolution, masked outside each sub-kernel."""

import torch

from kernels._format import plain_like
from kernels._kinds import cut, embed


def subkernel_reference(x, weights, stride):
    """x (N, C_in, T, H, W), weights [(C_kind, C_in, t, h, w)] -> (N, sum C_kind, T', H', W'), kind after kind."""
    full = embed(weights)
    y = torch.nn.functional.conv3d(x.to(full.dtype), full, None, stride, full.shape[2] // 2)
    return plain_like(y.to(x.dtype), x)


def subkernel_backward_reference(g, x, weights, stride):
    """Gradients to x and to every weight: the dense kernel's, masked."""
    full = embed(weights)
    padding, both = [full.shape[2] // 2] * 3, (True, True, False)
    options = stride, padding, [1, 1, 1], False, [0, 0, 0], 1, both
    gx, gw, _ = torch.ops.aten.convolution_backward(g.to(full.dtype), x.to(full.dtype), full, None, *options)
    return plain_like(gx.to(x.dtype), x), cut(gw, weights)
