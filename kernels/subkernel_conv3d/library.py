"""The library's convolution, kind by kind: as fast as oneDNN or cuDNN is, and no multiplication by a masked 0."""

import torch

from kernels._format import plain_like


def padding_of(w):
    return [size // 2 for size in w.shape[2:]]


def subkernel_library(x, weights, stride):
    """subkernel_reference, in the format of x."""
    work = x.to(weights[0].dtype)
    parts = [torch.nn.functional.conv3d(work, w, None, stride, padding_of(w)) for w in weights if len(w)]
    return plain_like(torch.cat(parts, 1).to(x.dtype), x)


def subkernel_backward_library(g, x, weights, stride):
    """subkernel_backward_reference, in the format of x."""
    work, gx, gw = x.to(weights[0].dtype), 0, []
    for w, part in zip(weights, g.to(work.dtype).split([len(w) for w in weights], 1), strict=True):
        if not len(w) or not len(x):
            gw.append(torch.zeros_like(w))
            continue
        options = stride, padding_of(w), [1, 1, 1], False, [0, 0, 0], 1, (True, True, False)
        to_x, to_w, _ = torch.ops.aten.convolution_backward(part, work, w, None, *options)
        gx = gx + to_x
        gw.append(to_w.contiguous())
    return plain_like((gx if len(x) else torch.empty_like(work)).to(x.dtype), x), gw
