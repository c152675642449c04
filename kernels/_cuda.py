"""The one place that imports Numba's CUDA target, so that another can take its place.

Kernels are written against `cuda` from here. It may be the real one, Numba's simulator (NUMBA_ENABLE_CUDASIM=1 before
Numba is imported: kernels run in Python on CPU tensors), or absent.
"""

from functools import cache

import numba
import torch

try:
    from numba import cuda
except ImportError:  # a Numba without CUDA target: everything else works
    cuda = None

SIMULATED = bool(numba.config.ENABLE_CUDASIM)


@cache
def usable():
    """Whether kernels can be launched on a GPU."""
    return cuda is not None and not SIMULATED and torch.cuda.is_available() and cuda.is_available()
