"""One table of all ops, for tests of what every op promises, whatever it computes."""

import torch

from kernels import (
    depthwise_subkernel_conv3d,
    frame_shift,
    shift2d,
    shift3d,
    subkernel_conv3d,
    temporal_filter,
    tsm_offset,
)

CLIP = (2, 6, 4, 5, 6)


def shifts(rows):
    return (torch.rand(rows, CLIP[1]) * 3 - 1.5).requires_grad_()


def random(*shape):
    return torch.randn(shape).requires_grad_()


def subkernels(x, a, b, **options):
    return subkernel_conv3d(x, {"kxkxk": a, "1xkxk": b}, **options)


def depthwise(x, a, b, **options):
    return depthwise_subkernel_conv3d(x, {"kxkxk": a, "1xkxk": b}, **options)


# name: the op as a function of x and its parameters, what makes the parameters
OPS = {
    "shift3d": (shift3d, lambda: [shifts(3)]),
    "shift3d strided": (lambda x, s, **k: shift3d(x, s, (1, 2, 2), **k), lambda: [shifts(3)]),
    "shift2d": (shift2d, lambda: [shifts(2)]),
    "frame_shift": (frame_shift, lambda: [tsm_offset(CLIP[1], 3)]),
    "temporal_filter": (temporal_filter, lambda: [torch.rand(CLIP[1], 3).requires_grad_()]),
    "subkernel_conv3d": (subkernels, lambda: [random(2, 6, 3, 3, 3), random(3, 6, 1, 3, 3)]),
    "depthwise_subkernel_conv3d": (depthwise, lambda: [random(2, 1, 3, 3, 3), random(4, 1, 1, 3, 3)]),
}


def make(name, dtype=torch.float32):
    torch.manual_seed(0)
    op, parameters = OPS[name]
    return op, torch.randn(CLIP, dtype=dtype), parameters()
