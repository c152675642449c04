"""subkernel_conv3d: a convolution whose output channels have kernels of different kinds.

Source  Yu et al., CAKES: Channel-wise Automatic KErnel Shrinking, AAAI 2021, arXiv:2003.12798
"""

import torch
from torch import Tensor

from kernels._autograd import differentiable_once
from kernels._backend import check_backend, choose
from kernels._checks import check_clip
from kernels._format import empty_for, plain, plain_like
from kernels._kinds import check_stride, check_weights, output_size
from kernels.subkernel_conv3d.library import subkernel_backward_library, subkernel_library
from kernels.subkernel_conv3d.numba_cuda import subkernel_backward_cuda, subkernel_cuda
from kernels.subkernel_conv3d.reference import subkernel_backward_reference, subkernel_reference

VERSIONS = {  # forward, backward
    "cuda": (subkernel_cuda, subkernel_backward_cuda),
    "reference": (subkernel_reference, subkernel_backward_reference),
    "cpu": (subkernel_library, subkernel_backward_library),
    "library": (subkernel_library, subkernel_backward_library),
}


def subkernel_conv3d(x, weights, stride=1, *, backend="auto"):
    """A convolution, kind after kind on the channel axis, "same" padding (k // 2 where a kernel is k), no bias.

    It equals a dense k x k x k convolution whose kernels are 0 outside their channel's centred sub-kernel.

    x        (N, C_in, T, H, W)  float16, bfloat16, float32, float64
    weights  {kind: (C_kind, C_in, t, h, w)}  output channels in the dict's order; float32, or float64 if x is.
                                 A kind such as "1xkxk" (kernels._kinds.KINDS) says where the kernel has its size k, odd
    stride   int or (t, h, w)
    out      (N, sum C_kind, T', H', W'), T' = (T - 1) // stride + 1
    """
    check_clip(x)
    weights = check_weights(weights, x, depthwise=False)
    check_backend(backend, x)
    return _op(x, weights, check_stride(stride), backend)


@torch.library.custom_op("efficient3d::subkernel_conv3d", mutates_args=())
def _op(x: Tensor, weights: list[Tensor], stride: list[int], backend: str) -> Tensor:
    forward, _ = VERSIONS[choose("subkernel_conv3d", backend, x)]
    return forward(plain(x), [w.contiguous() for w in weights], stride)


@torch.library.custom_op("efficient3d::subkernel_conv3d_backward", mutates_args=())
def _backward_op(g: Tensor, x: Tensor, weights: list[Tensor], stride: list[int], backend: str) -> list[Tensor]:
    _, backward = VERSIONS[choose("subkernel_conv3d", backend, x)]
    gx, gw = backward(plain_like(g, x), plain(x), [w.contiguous() for w in weights], stride)
    return [gx, *gw]


@_op.register_fake
def _(x, weights, stride, backend):
    return empty_for(x, (len(x), sum(map(len, weights)), *output_size(x, stride)))


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
