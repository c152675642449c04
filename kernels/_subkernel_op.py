"""The torch.library side of both sub-kernel convolutions: op(x, weights, stride, backend) and its backward."""

import torch
from torch import Tensor

from kernels._autograd import differentiable_once, library_op
from kernels._backend import choose
from kernels._format import empty_for, plain, plain_like
from kernels._kinds import output_size
from kernels._transforms import Rules, bilinear, forward_function


def subkernel_ops(name, versions):
    """(op, its backward, op under transforms) efficient3d::name, for versions {backend: (forward, backward)}."""

    @library_op(name)
    def op(x: Tensor, weights: list[Tensor], stride: list[int], backend: str) -> Tensor:
        forward, _ = versions[choose(name, backend, x)]
        return forward(plain(x), [w.contiguous() for w in weights], stride)

    @library_op(f"{name}_backward")
    def backward_op(g: Tensor, x: Tensor, weights: list[Tensor], stride: list[int], backend: str) -> list[Tensor]:
        _, backward = versions[choose(name, backend, x)]
        gx, gw = backward(plain_like(g, x), plain(x), [w.contiguous() for w in weights], stride)
        return [gx, *gw]

    @op.register_fake
    def _(x, weights, stride, backend):
        return empty_for(x, (x.shape[0], sum(w.shape[0] for w in weights), *output_size(x, stride)))

    @backward_op.register_fake
    def _(g, x, weights, stride, backend):
        return [empty_for(x, x.shape), *(w.new_empty(w.shape) for w in weights)]

    def remember(ctx, inputs, output):
        x, weights, ctx.stride, ctx.backend = inputs
        ctx.save_for_backward(x, *weights)

    def backward(ctx, g):
        x, *weights = ctx.saved_tensors
        if torch.is_grad_enabled() and _is_one_depthwise(x, weights):
            return *_differentiable_backward(g, x, *weights, ctx.stride), None, None
        gx, *gw = backward_op(g, x, weights, ctx.stride, ctx.backend)
        return gx, gw, None, None

    op.register_autograd(backward, setup_context=remember)
    differentiable_once(backward_op)

    def gradients(options, g, x, *weights):
        return backward_op(g, x, weights, *options)

    rules = Rules(name, lambda options, x, *weights: op(x, weights, *options), gradients, bilinear)
    return op, backward_op, forward_function(rules).apply


def _is_one_depthwise(x, weights):
    """A plain depthwise convolution, such as nets have: the one case in which people ask for second derivatives."""
    return len(weights) == 1 and weights[0].shape[:2] == (x.shape[1], 1)


def _differentiable_backward(g, x, weight, stride):
    """The gradients of a convolution with one kind, by PyTorch's operators, which have derivatives of their own."""
    padding, work = [n // 2 for n in weight.shape[2:]], x.to(weight.dtype)
    options = stride, padding, [1, 1, 1], False, [0, 0, 0], len(weight), (True, True, False)
    gx, gw, _ = torch.ops.aten.convolution_backward(g.to(weight.dtype), work, weight, None, *options)
    return gx.to(x.dtype), [gw]
