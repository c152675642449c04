"""torch.library and autograd, shared by all ops."""

import functools

import torch

from kernels._transforms import ONCE, check_forward_mode


def autocast(device):
    return device != "meta" and torch.is_autocast_enabled(device)


def library_op(name):
    """Decorator: torch.library's custom op efficient3d::name. Autocast ends at its door: it knows its own types."""

    def make(function):
        @functools.wraps(function)
        def without_autocast(x, *rest):
            check_forward_mode(name)
            if not autocast(x.device.type):
                return function(x, *rest)
            with torch.autocast(x.device.type, enabled=False):
                return function(x, *rest)

        return torch.library.custom_op(f"efficient3d::{name}", without_autocast, mutates_args=())

    return make


def as_autocast_asks(*tensors):
    """The tensors in the type that torch.autocast gives a convolution's, if it is on."""
    device = tensors[0].device.type
    if not autocast(device):
        return tensors
    wanted = torch.get_autocast_dtype(device)
    return tuple(t if t.dtype == torch.float64 else t.to(wanted) for t in tensors)


def differentiable_once(backward_op):
    """Let the gradient of a backward op raise: without this, double backward silently returns wrong numbers."""

    def raise_error(ctx, *grads):
        raise RuntimeError(f"{backward_op._qualname}: {ONCE}")

    backward_op.register_autograd(raise_error)
