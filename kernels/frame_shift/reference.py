"""A shift by whole frames, slow and plain."""

import torch

from kernels._format import plain_like


def frame_shift_reference(x, offset):
    """out[n, c, t] = x[n, c, t + offset[c]], 0 past the clip's ends. x (N, C, T, H, W), offset (C,) int64.

    Source  Lin, Gan, Han, TSM: Temporal Shift Module, ICCV 2019, arXiv:1811.08383, section 3
    """
    frames = x.shape[2]
    source = torch.arange(frames, device=x.device) + offset.clamp(-frames, frames)[:, None]  # (C, T)
    inside = ((source >= 0) & (source < frames))[None, :, :, None, None]
    source = source.clamp(0, frames - 1)[None, :, :, None, None].expand_as(x)
    return plain_like(torch.where(inside, x.gather(2, source), 0), x)
