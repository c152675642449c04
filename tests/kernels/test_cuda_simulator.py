"""Every CUDA kernel in Numba's simulator, on tiny awkward shapes; test_cuda.py runs this in a process of its own.

A pass here is not a pass on a GPU: the arithmetic and the indices are checked, not memory, timing or occupancy.
"""

from numbers import Integral

import pytest
import torch
from cuda_cases import CASES, launch_cases

from kernels import _cuda
from kernels._cuda import cuda

pytestmark = pytest.mark.simulator


@pytest.fixture(autouse=True)
def no_negative_index(monkeypatch):
    """The simulator's arrays are NumPy's: a negative index would wrap, where a GPU reads outside."""
    from numba.cuda.simulator.cudadrv.devicearray import FakeCUDAArray

    def guarded(method):
        def checked(self, index, *value):
            indices = index if isinstance(index, tuple) else (index,)
            assert all(not isinstance(i, Integral) or i >= 0 for i in indices), f"index {index} is outside"
            return method(self, index, *value)

        return checked

    for name in ("__getitem__", "__setitem__"):
        monkeypatch.setattr(FakeCUDAArray, name, guarded(getattr(FakeCUDAArray, name)))


def test_the_guard_guards():
    def reads_outside(x):
        x[0] = x[cuda.threadIdx.x - 1]

    with pytest.raises(AssertionError, match="outside"):
        cuda.jit(reads_outside)[1, 1](torch.zeros(3).numpy())


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
@pytest.mark.parametrize("name", CASES)
def test_in_the_simulator(name, dtype):
    assert _cuda.SIMULATED, "run with NUMBA_ENABLE_CUDASIM=1, or through test_cuda.py"
    launch_cases(name, dtype, "cpu", large=False)
