"""The torch.library side of both sub-kernel convolutions: op(x, weights, stride, backend) and its backward."""

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
        gx, *gw = backward_op(g, x, weights, ctx.stride, ctx.backend)
        return gx, gw, None, None

    op.register_autograd(backward, setup_context=remember)
    differentiable_once(backward_op)

    def gradients(options, g, x, *weights):
        return backward_op(g, x, weights, *options)

    rules = Rules(name, lambda options, x, *weights: op(x, weights, *options), gradients, bilinear)
    return op, backward_op, forward_function(rules).apply
