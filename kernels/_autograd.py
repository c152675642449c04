"""Autograd, shared by all ops."""


def differentiable_once(backward_op):
    """Let the gradient of a backward op raise: without this, double backward silently returns wrong numbers."""

    def raise_error(ctx, *grads):
        raise RuntimeError(f"{backward_op._qualname}: this op is differentiable once; it has no second derivative")

    backward_op.register_autograd(raise_error)
