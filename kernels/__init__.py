"""Learned shifts and sub-kernel convolutions: a torch reference, Numba on the CPU, Numba on CUDA, one op on top."""

from kernels.frame_shift.op import frame_cache, frame_shift, tsm_offset
from kernels.shift.op import shift2d, shift3d
from kernels.temporal_filter.op import temporal_filter

__all__ = ["frame_cache", "frame_shift", "shift2d", "shift3d", "temporal_filter", "tsm_offset"]
