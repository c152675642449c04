"""Learned shifts and sub-kernel convolutions: a torch reference, Numba on the CPU, Numba on CUDA, one op on top."""

from kernels import arithmetic
from kernels._backend import eager, pays
from kernels._kinds import KINDS, kernel_size
from kernels.depthwise_subkernel_conv3d.op import depthwise_subkernel_conv3d
from kernels.frame_shift.op import frame_cache, frame_shift, tsm_offset
from kernels.shift.op import shift2d, shift3d
from kernels.subkernel_conv3d.op import subkernel_conv3d
from kernels.temporal_filter.op import temporal_filter

__all__ = [
    "KINDS",
    "depthwise_subkernel_conv3d",
    "eager",
    "frame_cache",
    "frame_shift",
    "kernel_size",
    "pays",
    "shift2d",
    "shift3d",
    "subkernel_conv3d",
    "temporal_filter",
    "tsm_offset",
]

arithmetic.register_with_torch()
