"""What must not go wrong: bad arguments, shifts that are no numbers, kernels in forked workers."""

import multiprocessing

import pytest
import torch

from kernels import shift2d, shift3d

WRONG = {
    "x has shape": lambda x, s: shift3d(x[0], s),
    "only the batch": lambda x, s: shift3d(x[:, :, :0], s),
    "x is torch.int64": lambda x, s: shift3d(x.long(), s),
    "shift has shape": lambda x, s: shift3d(x, s[:2]),
    "shift is torch.float64": lambda x, s: shift3d(x, s.double()),
    "shift is on meta": lambda x, s: shift3d(x, s.to("meta")),
    "stride is": lambda x, s: shift3d(x, s, stride=(1, 2)),
    "stride is 0": lambda x, s: shift3d(x, s, stride=0),
    "padding is": lambda x, s: shift3d(x, s, padding=-1),
    "t_factor is": lambda x, s: shift3d(x, s, t_factor="T"),
    "integer_rule is": lambda x, s: shift3d(x, s, integer_rule="proper"),
    "backend is 'gpu'": lambda x, s: shift3d(x, s, backend="gpu"),
    "backend is 'cuda'": lambda x, s: shift3d(x, s, backend="cuda"),
    r"\(N, C, H, W\) or": lambda x, s: shift2d(x[0, 0], s[:2]),
}


@pytest.mark.parametrize("message", WRONG)
def test_errors_name_what_is_wrong(message):
    with pytest.raises(ValueError, match=message):
        WRONG[message](torch.randn(2, 6, 4, 5, 6), torch.rand(3, 6))


@pytest.mark.parametrize("quantize", [False, True])
@pytest.mark.parametrize("backend", ["reference", "cpu"])
@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf"), 3e38])
def test_non_finite_shifts_stay_inside(bad, backend, quantize):
    """Such a channel is nan, in value and gradients; the others are right. One that is only far away holds 0."""
    torch.manual_seed(0)
    x, shift = torch.randn(2, 4, 4, 5, 6), torch.rand(3, 4)
    options = {"stride": (1, 2, 1), "quantize": quantize, "normalize_grad": False, "backend": backend}
    for row in range(3):
        broken = shift.clone()
        broken[row, 1] = bad
        inputs = [x.clone().requires_grad_(), broken.requires_grad_()]
        good = [x.clone().requires_grad_(), shift.clone().requires_grad_()]
        got, want = shift3d(*inputs, **options), shift3d(*good, **options)
        found = got, *torch.autograd.grad(got.sum(), inputs)
        for a, b in zip(found, (want, *torch.autograd.grad(want.sum(), good)), strict=True):
            torch.testing.assert_close(a[:, [0, 2, 3]], b[:, [0, 2, 3]])
            assert (a[:, 1] == 0).all() if bad == 3e38 else a[:, 1].isnan().all()


class Shifting(torch.utils.data.Dataset):
    """A data set whose workers run a kernel, as an augmentation might."""

    def __len__(self):
        return 2

    def __getitem__(self, index):
        return shift3d(torch.ones(1, 8, 8, 32, 32), torch.full((3, 8), 0.5))


@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="workers are never forks here")
def test_forked_worker_after_a_parallel_kernel():
    """GNU OpenMP kills a fork that runs a parallel loop, if the parent ran one."""
    torch.set_num_threads(2)
    try:
        want = Shifting()[0]  # parallel, here
        loader = torch.utils.data.DataLoader(Shifting(), 2, num_workers=1, multiprocessing_context="fork")
        (got,) = list(loader)
    finally:
        torch.set_num_threads(1)
    torch.testing.assert_close(got[0], want, rtol=0, atol=0)
