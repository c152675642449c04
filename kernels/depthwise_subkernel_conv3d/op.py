"""depthwise_subkernel_conv3d: one small kernel per channel, of any kind.

Source  Yu et al., CAKES: Channel-wise Automatic KErnel Shrinking, AAAI 2021, arXiv:2003.12798; with every channel
        "kxkxk" it is the depthwise convolution of Tran et al., CSN, ICCV 2019, arXiv:1904.02811
"""

import torch
from torch import Tensor

from kernels._autograd import differentiable_once
from kernels._backend import check_backend, choose
from kernels._checks import check_clip
from kernels._format import empty_for, plain, plain_like
from kernels._kinds import check_stride, check_weights, output_size
from kernels.depthwise_subkernel_conv3d.numba_cpu import depthwise_backward_cpu, depthwise_cpu
from kernels.depthwise_subkernel_conv3d.numba_cuda import depthwise_backward_cuda, depthwise_cuda
from kernels.depthwise_subkernel_conv3d.reference import depthwise_backward_reference, depthwise_reference

VERSIONS = {  # forward, backward
    "cuda": (depthwise_cuda, depthwise_backward_cuda),
    "reference": (depthwise_reference, depthwise_backward_reference),
    "cpu": (depthwise_cpu, depthwise_backward_cpu),
}


def depthwise_subkernel_conv3d(x, weights, stride=1, *, backend="auto"):
    """Every channel of x filtered by a kernel of its own, "same" padding (k // 2 where the kernel is k), no bias.

    x        (N, C, T, H, W)  float16, bfloat16, float32, float64
    weights  {kind: (C_kind, 1, t, h, w)}  channels of x in the dict's order; float32, or float64 if x is.
                              A kind such as "1xkxk" (kernels._kinds.KINDS) says where the kernel has its size k, odd
    stride   int or (t, h, w)
    out      (N, C, T', H', W'), T' = (T - 1) // stride + 1
    """
    check_clip(x)
    weights = check_weights(weights, x, depthwise=True)
    check_backend(backend, x)
    return _op(x, weights, check_stride(stride), backend)


@torch.library.custom_op("efficient3d::depthwise_subkernel_conv3d", mutates_args=())
def _op(x: Tensor, weights: list[Tensor], stride: list[int], backend: str) -> Tensor:
    forward, _ = VERSIONS[choose("depthwise_subkernel_conv3d", backend, x)]
    return forward(plain(x), [w.contiguous() for w in weights], stride)


@torch.library.custom_op("efficient3d::depthwise_subkernel_conv3d_backward", mutates_args=())
def _backward_op(g: Tensor, x: Tensor, weights: list[Tensor], stride: list[int], backend: str) -> list[Tensor]:
    _, backward = VERSIONS[choose("depthwise_subkernel_conv3d", backend, x)]
    gx, gw = backward(plain_like(g, x), plain(x), [w.contiguous() for w in weights], stride)
    return [gx, *gw]


@_op.register_fake
def _(x, weights, stride, backend):
    return empty_for(x, (*x.shape[:2], *output_size(x, stride)))


@_backward_op.register_fake
def _(g, x, weights, stride, backend):
    return [empty_for(x, x.shape), *(w.new_empty(w.shape) for w in weights)]


def _remember(ctx, inputs, output):
    x, weights, ctx.stride, ctx.backend = inputs
    ctx.save_for_backward(x, *weights)


def _backward(ctx, g):
    x, *weights = ctx.saved_tensors
    gx, *gw = _backward_op(g, x, weights, ctx.stride, ctx.backend)
    return gx, gw, None, None


_op.register_autograd(_backward, setup_context=_remember)
differentiable_once(_backward_op)
