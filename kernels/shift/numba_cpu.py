"""The learnable shift on a CPU, in flat planes.

Short rows make a shift slow: a loop over 7 or 14 pixels is over before it is fast. So the loops (planes.py) run over
whole planes, and over several at a time where planes are small:

1. along T, two planes are blended into a scratch plane: contiguous, no edges inside;
2. along H and W together, every output gathers four taps of the scratch plane.

The gradient to x is the same gather over planes of g (spread out first, if strided) with the offsets turned round.
And since <g, dy/ds> = <x, d(gx)/ds>, the slopes come from the very same taps: x and g are read once.
"""

import numpy as np
import torch

from kernels._format import flat, is_channels_last, last_of, mended, planes_of, readable, roomy
from kernels._threads import run
from kernels.shift.cpu_backward import backward, backward_parallel
from kernels.shift.cpu_case import pack
from kernels.shift.cpu_forward import forward, forward_parallel
from kernels.shift.cpu_last import shift_rows
from kernels.shift.reading import output_size
from kernels.shift.reference import normalised, shift_backward_reference


def shift_cpu(x, shift, stride, padding, quantize, rule):
    """shift_reference, in the format of x; in channels_last_3d what cpu_last.py leaves is turned round and back."""
    work = readable(x, shift.dtype)
    size = [output_size(*axis) for axis in zip(x.shape[2:], stride, padding, strict=True)]
    y = roomy(work, (*x.shape[:2], *size))
    if is_channels_last(x):
        if not quantize and not any(padding) and shift_rows(work, y, shift, stride):
            return y.to(x.dtype)
        return last_of(shift_cpu(planes_of(x), shift, stride, padding, quantize, rule))
    numbers = pack(work, y, stride, padding, quantize, rule, False)
    arrays = flat(work), shift.detach().numpy(), flat(y, work), numbers
    run(forward, forward_parallel, len(x) * x.shape[1], y.numel(), *arrays)
    return y.to(x.dtype)


def shift_backward_cpu(g, x, shift, stride, padding, quantize, rule, normalize_grad, t_factor):
    """shift_backward_reference, in the format of x."""
    work, g = readable(x, shift.dtype), readable(g, shift.dtype)
    gx, sums = roomy(work, x.shape), np.empty((x.shape[1], x.shape[0], 3))
    numbers = pack(work, g, stride, padding, quantize, rule, is_channels_last(work))
    arrays = flat(g, work), flat(work), shift.detach().numpy(), flat(gx, work), sums, numbers
    run(backward, backward_parallel, len(x) * x.shape[1], x.numel(), *arrays)
    gs = torch.from_numpy(sums.sum(1).T[3 - len(shift) :].copy()).to(shift.dtype)
    options = stride, padding, quantize, rule, False, t_factor
    gs = mended(gs, lambda: shift_backward_reference(g.to(gs.dtype), work.to(gs.dtype), shift, *options)[1])
    return gx.to(x.dtype), normalised(gs, t_factor, rule) if normalize_grad else gs
