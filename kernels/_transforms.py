"""Ops under torch.func's transforms and in forward mode, where torch.library's own rules are missing or silent.

A torch.library op knows no forward-mode derivative, and lets tangents fall without a word; and functorch does not
take its backward. So, under a transform, an op is an autograd.Function with every rule, around the same versions.
"""

import threading
from collections import namedtuple

import torch
from torch.autograd import Function, forward_ad

ONCE = "this op is differentiable once; it has no second derivative"
_here = threading.local()

# forward(options, x, *parameters) -> y; backward(options, g, x, *parameters) -> gradients to x and perhaps to the
# parameters; jvp(forward, options, tensors, tangents) -> the tangent of y
Rules = namedtuple("Rules", "name forward backward jvp")


def transformed():
    """Whether a transform of torch.func, or forward mode, is at work."""
    if forward_ad._current_level >= 0:
        return True
    return not torch.compiler.is_compiling() and torch._C._functorch.peek_interpreter_stack() is not None


def check_forward_mode(name):
    """Refuse a bare torch.library op, compiled or exported, in forward mode: its tangents would be lost."""
    if forward_ad._current_level >= 0 and not getattr(_here, "inside", False):
        raise RuntimeError(f"efficient3d::{name}, compiled or exported, has no forward-mode derivative: run it eagerly")


def inside(function, *arguments):
    """Call it as a part of a rule, which looks after tangents itself."""
    before, _here.inside = getattr(_here, "inside", False), True
    try:
        return function(*arguments)
    finally:
        _here.inside = before


def one_by_one(apply, size, in_dims, tensors):
    """The results of apply(*tensors) along vmap's axis: every slice by itself, stacked."""
    sliced = [[t if d is None else t.select(d, i) for t, d in zip(tensors, in_dims, strict=True)] for i in range(size)]
    found = [apply(*slices) for slices in sliced]
    if isinstance(found[0], tuple):
        return tuple(torch.stack(parts) for parts in zip(*found, strict=True)), (0,) * len(found[0])
    return torch.stack(found), 0


def backward_function(rules):
    """autograd.Function of (options, g, x, *parameters): the gradients."""

    class Backward(Function):
        @staticmethod
        def forward(options, g, *tensors):
            return tuple(inside(rules.backward, options, g, *tensors))

        @staticmethod
        def setup_context(ctx, inputs, output):
            pass

        @staticmethod
        def backward(ctx, *grads):
            raise RuntimeError(f"{rules.name}: {ONCE}")

        @staticmethod
        def jvp(ctx, *tangents):
            raise RuntimeError(f"{rules.name}: {ONCE}")

        @staticmethod
        def vmap(info, in_dims, options, *tensors):
            return one_by_one(lambda *t: Backward.apply(options, *t), info.batch_size, in_dims[1:], tensors)

    return Backward


def forward_function(rules):
    """autograd.Function of (options, x, *parameters): the op."""
    gradients = backward_function(rules)

    class Forward(Function):
        @staticmethod
        def forward(options, *tensors):
            return inside(rules.forward, options, *tensors)

        @staticmethod
        def setup_context(ctx, inputs, output):
            ctx.options, *tensors = inputs
            ctx.set_materialize_grads(False)
            ctx.save_for_backward(*tensors)
            ctx.save_for_forward(*tensors)

        @staticmethod
        def backward(ctx, g):
            found = gradients.apply(ctx.options, g, *ctx.saved_tensors)
            return None, *found, *[None] * (len(ctx.saved_tensors) - len(found))

        @staticmethod
        def jvp(ctx, _, *tangents):
            return rules.jvp(Forward.apply, ctx.options, ctx.saved_tensors, tangents)

        @staticmethod
        def vmap(info, in_dims, options, *tensors):
            return one_by_one(lambda *t: Forward.apply(options, *t), info.batch_size, in_dims[1:], tensors)

    return Forward


def linear(forward, options, tensors, tangents):
    """The tangent of what is linear in x, and whose parameters have none."""
    return forward(options, tangents[0], *tensors[1:])


def bilinear(forward, options, tensors, tangents):
    """The tangent of what is linear in x, and in all parameters together."""
    (x, *parameters), (to_x, *to_parameters) = tensors, tangents
    parts = [] if to_x is None else [forward(options, to_x, *parameters)]
    if any(t is not None for t in to_parameters):
        whole = [torch.zeros_like(p) if t is None else t for p, t in zip(parameters, to_parameters, strict=True)]
        parts.append(forward(options, x, *whole))
    return sum(parts)
