"""The kinds of sub-kernel of CAKES, and the dict of weights that both sub-kernel convolutions take.

A kind says for each axis t, h, w whether the kernel has its full size k there, or 1.
"""

from collections.abc import Mapping

import torch
from torch.nn.functional import pad

from kernels._checks import axes, check, check_like, check_tensor, parameter_dtypes

KINDS = ("kxkxk", "1xkxk", "kx1xk", "kxkx1", "kx1x1", "1xkx1", "1x1xk", "1x1x1")


def kernel_size(kind, k):
    """(t, h, w) of a kind: "1xkxk" with k = 3 is (1, 3, 3)."""
    return tuple(k if axis == "k" else 1 for axis in kind.split("x"))


def check_weights(weights, x, depthwise):
    """{kind: (C_kind, C_in or 1, t, h, w)} -> the list of its weights, in the mapping's order."""
    mapping = isinstance(weights, Mapping | torch.nn.ParameterDict)
    check(mapping and weights, "weights must be a dict {kind: weight} with at least one kind")
    weights = dict(weights.items())
    for kind, w in weights.items():
        check(kind in KINDS, lambda kind=kind: f"weights has the kind {kind!r}; there are {', '.join(KINDS)}")
        name = f"weights[{kind!r}]"
        check_tensor(name, w, "(C_kind, C_in, t, h, w)")
        check(w.dim() == 5, lambda n=name, w=w: f"{n} has shape {tuple(w.shape)}; it must be (C_kind, C_in, t, h, w)")
    k = max(size for w in weights.values() for size in w.shape[2:])
    check(k % 2 == 1, lambda: f"weights has a kernel of size {k}; sizes must be odd")
    for kind, w in weights.items():
        shape = (w.shape[0], 1 if depthwise else x.shape[1], *kernel_size(kind, k))
        check_like(f"weights[{kind!r}]", w, x, shape, parameter_dtypes(x))
    types = {str(w.dtype) for w in weights.values()}
    check(len(types) == 1, lambda: f"weights has {' and '.join(sorted(types))}; they must be of one type")
    channels = sum(w.shape[0] for w in weights.values())
    if depthwise:
        check(channels == x.shape[1], lambda: f"weights has {channels} channels in all; x has {x.shape[1]}")
    check(channels > 0, "weights has no channels")
    return list(weights.values())


def check_stride(stride):
    return axes("stride", stride, 3, 1)


def output_size(x, stride):
    """T', H', W': with padding k // 2 the kernel's size does not matter."""
    return [(n - 1) // s + 1 for n, s in zip(x.shape[2:], stride, strict=True)]


def full_size(weights):
    """k: the size of the full kernel that all sub-kernels lie in."""
    return max(max(w.shape[2:]) for w in weights)


def embed(weights, least=1):
    """One kernel k x k x k (k at least `least`) for all channels, 0 outside each channel's centred sub-kernel."""
    k = max(least, full_size(weights))
    if len(weights) == 1 and tuple(weights[0].shape[2:]) == (k, k, k):
        return weights[0].detach()
    margins = [[(k - size) // 2 for size in reversed(w.shape[2:]) for _ in range(2)] for w in weights]
    return torch.cat([pad(w.detach().contiguous(), margin) for w, margin in zip(weights, margins, strict=True)])


def centres(full, weights):
    """Where each weight lies in the full kernel: views, in the weights' order."""
    k, start, views = full.shape[2], 0, []
    for w in weights:
        views.append(full[start : start + len(w)])
        for axis, size in enumerate(w.shape[2:], 2):
            views[-1] = views[-1].narrow(axis, (k - size) // 2, size)
        start += len(w)
    return views


def packed(weights):
    """The kinds as a tuple of integers, which a kernel takes as it is, one per kind of KINDS (more are not possible).

    8 * the first channel after it, + 4, 2, 1 where it has more than one tap along t, h, w.
    """
    codes, end = [], 0
    for w in weights:
        end += len(w)
        codes.append(8 * end + sum(bit for bit, size in zip((4, 2, 1), w.shape[2:], strict=True) if size > 1))
    return tuple(codes + [8 * end] * (len(KINDS) - len(codes)))


def cut(full, weights):
    """The part of a full kernel (a gradient) that belongs to each weight: tensors of their own."""
    return [part.clone(memory_format=torch.contiguous_format) for part in centres(full, weights)]
