"""Learned shifts and sub-kernel convolutions: a torch reference, Numba on the CPU, Numba on CUDA, one op on top."""

from kernels.shift.op import shift2d, shift3d

__all__ = ["shift2d", "shift3d"]
