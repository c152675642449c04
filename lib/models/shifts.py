"""The learned shift as a layer, and what its values are at the start.

Paper   Fan et al., RubiksNet: Learnable 3D-Shift for Efficient Video Action Recognition, ECCV 2020, section 3
        (not on arXiv)
Origin  TSM's row: Lin, Gan, Han, TSM, ICCV 2019, arXiv:1811.08383; the cube is ours
"""

import re

import torch
from torch import nn

from kernels import shift2d, shift3d, tsm_offset
from lib.bounds import shown


def grid_shift(channels, size=3):
    """Rows H, W: the channels take turns over a size x size neighbourhood, as in a fixed 2D shift net.  (2, C)"""
    place = torch.arange(channels) % size**2
    return torch.stack([place % size, place // size]).float() - size // 2


def frame_row(channels, mode="tsm"):
    """Row T: "tsm", 1/8 of the channels look one frame ahead, 1/8 back; "tsm-g0.1", the same plus normal noise of that
    deviation; "uni0.5", uniform in -0.5 to 0.5.  (C,)"""
    found = re.fullmatch(r"tsm(-g(\d*\.?\d*))?|uni(\d*\.?\d+)", mode)
    if not found:
        raise ValueError(f"no temporal shift {shown(mode)}; there are 'tsm', 'tsm-g<deviation>' and 'uni<reach>'")
    if found[3]:
        return (2 * torch.rand(channels) - 1) * float(found[3])
    noise = (float(found[2] or 0) or 0.01) if found[1] else 0.0
    return tsm_offset(channels) + noise * torch.randn(channels)


def _fixed(rows, channels):
    return torch.cat([frame_row(channels)[None], grid_shift(channels)])[-rows:]


def _cube(rows, channels):
    """The channels take turns over the 27 neighbours in time, height and width.  (rows, channels)"""
    place = torch.arange(channels) % 27
    return (torch.stack([place // 9, place // 3 % 3, place % 3]).float() - 1)[-rows:]


# how a net shifts: value at the start, (rows, C), and whether it learns
SHIFTS = {
    "learned": (lambda *size: 2 * torch.rand(size) - 1, True),
    "learned-tsm": (_fixed, True),
    "learned-cube": (_cube, True),
    "fixed": (_fixed, False),
    "fixed-cube": (_cube, False),
    "none": (torch.zeros, False),
}
CUBE = ("learned-cube", "fixed-cube")


class Shift(nn.Module):
    """The learned shift, in 3D or within each frame, with the block's stride (t, h, w)."""

    op_backend = "auto"

    def __init__(self, channels, stride, rows, kind):
        super().__init__()
        start, learns = SHIFTS[kind]
        self.shift = nn.Parameter(start(rows, channels), requires_grad=learns)
        self.op, self.stride = {3: (shift3d, stride), 2: (shift2d, stride[1:])}[rows]
        self.frames = 1 if rows == 3 else stride[0]  # shift2d strides no time

    def forward(self, x):  # (N, C, T, H, W) -> (N, C, T/t, H/h, W/w)
        how = {} if self.op_backend == "auto" else {"backend": self.op_backend}
        return self.op(x[:, :, :: self.frames], self.shift, self.stride, **how)
