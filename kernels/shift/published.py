"""integer_rule="published": where RubiksNet's published kernels differ from reference.py, for nets trained with them.

- Gradient to x, quantized: halves of -s are rounded up, so that a half goes back to the other neighbour.
- Gradient to the shift at a whole shift, in 3D: the whole difference x[f+1] - x[f-1] and not half of it, and the
  slopes of the other axes read this one at f - 1.
- Quantized in 2D, the *coordinate* is rounded, halves away from zero: a shift of n + 1/2 never lands on place 0.
- At unit length, a gradient that has nothing to divide by stays as it is, also if t_factor takes it away.

taps.py has the same for the compiled versions. Source  Fan et al., RubiksNet, ECCV 2020, the code's CUDA kernels
"""

import torch

from kernels.shift.reading import NEARLY_WHOLE, along, split


def back_taps(s, quantize):
    f, r = split(s)
    return [(f + (r > 0.5), torch.ones_like(r))] if quantize else [(f, 1 - r), (f + 1, r)]


def slope_taps(s, dims):
    """Values and slopes along one axis. The published 2D kernel has the central rule's."""
    f, r = split(s)
    whole = r == 0 if dims == 3 else r < NEARLY_WHOLE
    r, below = torch.where(whole, 0.0, r), f - whole.long()
    step = torch.where(whole & (dims == 2), 0.5, torch.ones_like(r))
    return [(below if dims == 3 else f, 1 - r), (f + 1, r)], [(below, -step), (f + 1, step)]


def seen(x, axis, s, quantize, dims):
    """x without place 0 of an axis, in channels whose quantized coordinate is rounded away from it."""
    if not quantize or dims == 3:
        return x
    away = (split(s)[1] == 0.5) & s.isfinite()
    first = torch.arange(x.shape[axis], device=x.device) == 0
    return torch.where(along(away[:, None] & first, axis), 0.0, x)


def unit_length(gs, weighted):
    length = weighted.norm(dim=0)
    return torch.where(length > 0, weighted / length, gs)
