"""What must not go wrong: bad arguments, shifts that are no numbers, kernels in forked workers."""

import multiprocessing
from functools import partial

import pytest
import torch
from kernel_cases import in_format

from kernels import depthwise_subkernel_conv3d, kernel_size, shift2d, shift3d, temporal_filter

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


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize("layout", ["contiguous", "channels_last_3d"])
def test_what_no_tap_reads_counts_for_nothing(bad, layout):
    """A nan or infinity in x, wherever it lies: the shift's and the weights' gradients are the reference's."""
    torch.manual_seed(0)
    clean = torch.randn(1, 3, 3, 4, 4)
    for place in [(0, 1, t, h, w) for t in (0, 2) for h in (0, 3) for w in (0, 2, 3)]:
        x = in_format(clean.clone().index_put_(tuple(map(torch.tensor, place)), torch.tensor(bad)), layout)
        for name, (op, parameters) in far_cases().items():
            inputs = [x.clone().requires_grad_(), *(p.clone().requires_grad_() for p in parameters)]
            found = []
            for backend in ("cpu", "reference"):
                y = op(*inputs, backend=backend)
                found.append((y, *torch.autograd.grad(y, inputs, torch.ones_like(y))))
            for got, want in zip(*found, strict=True):
                torch.testing.assert_close(got, want, equal_nan=True, msg=lambda m, n=name, p=place: f"{n} {p}: {m}")


def far_cases():
    """Ops that leave parts of x unread, with their parameters."""
    far = torch.tensor([[0.0, 1.0, -1.5], [0.5, 2.0, -1.0], [1.0, -2.25, 0.0]])
    cases = {
        f"shift3d {rule} {quantize} {stride}": (
            partial(shift3d, stride=stride, integer_rule=rule, quantize=quantize, normalize_grad=False),
            [far],
        )
        for rule in ("central", "published")
        for quantize in (False, True)
        for stride in (1, (1, 2, 2), 3)
    }
    cases["temporal_filter"] = (temporal_filter, [torch.tensor([[0.0, 1.0, 2.0]] * 3)])
    for stride in (1, 3):
        kinds = {"kxkxk": 1, "1xkx1": 1, "kx1x1": 1}
        weights = [torch.randn(n, 1, *kernel_size(kind, 3)) for kind, n in kinds.items()]

        def depthwise(x, *weights, backend, stride=stride, kinds=tuple(kinds)):
            return depthwise_subkernel_conv3d(x, dict(zip(kinds, weights, strict=True)), stride, backend=backend)

        cases[f"depthwise {stride}"] = (depthwise, weights)
    return cases
