"""Every CUDA kernel in Numba's simulator, on tiny awkward shapes; test_cuda.py runs this in a process of its own.

A pass here is not a pass on a GPU: the arithmetic and the indices are checked, not memory, timing or occupancy.
"""

from numbers import Integral

import pytest
import torch
from cuda_cases import CASES, launch_cases
from kernel_cases import (
    assert_golden,
    golden_cases,
    golden_clips,
    golden_convolution,
    golden_tensors,
    in_file_order,
)

from kernels import _cuda, tsm_offset
from kernels._cuda import cuda
from kernels.shift.numba_cuda import shift_backward_cuda, shift_cuda
from kernels.shift.reference import shift_backward_reference
from kernels.subkernel_conv3d.numba_cuda import subkernel_cuda

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


SHIFTS = golden_cases("rubiksnet/ops")


@pytest.mark.parametrize("case", SHIFTS, ids=[case["name"] for case in SHIFTS])
def test_shift_golden(case):
    x, shift, g = (tensor.detach() for tensor in golden_tensors(case))
    dims = len(shift)
    x, g = (x, g) if dims == 3 else (x.unsqueeze(2), g.unsqueeze(2))
    axes = [1] * (3 - dims) + case["stride"], [0] * (3 - dims) + case["padding"]
    y = shift_cuda(x, shift, *axes, case["quantize"], "published")
    found = [y, *shift_backward_cuda(g, x, shift, *axes, case["quantize"], "published", False, 1.0)]
    for got, entry in zip(found, ("output", "grad_x", "grad_shift"), strict=True):
        want = torch.tensor(case[entry], dtype=torch.float64).flatten()
        got = in_file_order(got) if dims == 3 and got.dim() == 5 else got.flatten()
        torch.testing.assert_close(got, want, rtol=1e-5, atol=1e-5)  # 6 digits in the file


@pytest.mark.parametrize("case", golden_cases("rubiksnet/tsm"), ids=["div8", "div4"])
def test_tsm_golden(case):
    """On CUDA a shift by whole frames is the learned shift's kernel's work."""
    x = golden_clips(case, 1)
    shift = torch.zeros(3, x.shape[1])
    shift[0] = tsm_offset(x.shape[1], case["shift_div"])
    y = shift_cuda(x, shift, [1, 1, 1], [0, 0, 0], False, "central")
    want = torch.tensor(case["output"])
    torch.testing.assert_close(y.transpose(1, 2).flatten(), want, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("case", [c for c in golden_cases("cakes/ops") if c["stride"] == 2], ids=lambda c: c["op"])
def test_subkernel_golden(case):
    x, weights, stride, norm = golden_convolution(case)
    assert_golden(case, subkernel_cuda(x, list(weights.values()), stride), norm)


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_non_finite_shifts_read_nothing(bad):
    x, shift = torch.ones(1, 2, 1, 2, 2), torch.zeros(3, 2)
    shift[2, 1] = bad
    options = [1, 1, 1], [0, 0, 0], False, "central"
    y, (gx, gs) = shift_cuda(x, shift, *options), shift_backward_cuda(x, x, shift, *options, False, 1.0)
    for a in (y, gx, gs):
        assert a[:, 0].isfinite().all() and a[:, 1].isnan().all()


@pytest.mark.parametrize("stride", [1, 2])
def test_what_no_tap_reads_counts_for_nothing(stride):
    """A nan in x: the shift's gradient has numbers where the reference has."""
    shift, options = torch.tensor([[0.0, 1.0], [0.5, -1.0], [1.0, 0.0]]), ([0, 0, 0], False, "central")
    for place in ((0, 0, 0, 0, 0), (0, 0, 0, 1, 2), (0, 1, 0, 0, 1), (0, 1, 1, 1, 2)):
        x = torch.randn(1, 2, 2, 2, 3)
        x[place] = float("nan")
        g = torch.ones_like(shift_cuda(x, shift, [stride] * 3, *options))
        arguments = g, x, shift, [stride] * 3, *options, False, 1.0
        for got, want in zip(shift_backward_cuda(*arguments), shift_backward_reference(*arguments), strict=True):
            torch.testing.assert_close(got, want, equal_nan=True)
