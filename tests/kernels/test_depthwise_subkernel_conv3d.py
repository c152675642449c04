"""Depthwise sub-kernels: the reference against torch's grouped convolution, the CPU version against the reference."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as some
from kernel_cases import FORMATS, assert_versions_agree, gradients, in_format

from kernels import depthwise_subkernel_conv3d
from kernels._kinds import KINDS, kernel_size
from kernels.depthwise_subkernel_conv3d import numba_cpu

BACKENDS = ["reference", "cpu"]


def by_kind(kinds, counts, k=3, dtype=torch.float64):
    return {
        kind: torch.randn(n, 1, *kernel_size(kind, k), dtype=dtype).requires_grad_()
        for kind, n in zip(kinds, counts, strict=True)
    }


def as_op(weights, stride):
    """The op as a function of x and every weight."""
    return lambda x, *w, backend="auto": depthwise_subkernel_conv3d(
        x, dict(zip(weights, w, strict=True)), stride, backend=backend
    )


@some.composite
def cases(draw):
    kinds = draw(some.lists(some.sampled_from(KINDS), min_size=1, max_size=8, unique=True))
    counts = [draw(some.sampled_from([1, 7, 16])), *(draw(some.sampled_from([0, 1, 5, 17])) for _ in kinds[1:])]
    torch.manual_seed(draw(some.integers(0, 99)))
    weights = by_kind(kinds, counts, draw(some.sampled_from([3, 3, 5])))
    size = some.sampled_from([1, 2, 3, 5, 9])
    x = torch.randn(draw(some.sampled_from([1, 2])), sum(counts), *(draw(size) for _ in range(3)), dtype=torch.float64)
    stride = draw(some.sampled_from([1, 2, (1, 2, 2), (3, 1, 2)]))
    x = in_format(x, draw(some.sampled_from(FORMATS))).requires_grad_()
    return x, weights, stride, draw(some.sampled_from(FORMATS))


@given(cases())
def test_cpu_agrees_with_reference(case):
    x, weights, stride, g_layout = case
    assert_versions_agree(as_op(weights, stride), (x, *weights.values()), g_layout, rtol=1e-9, atol=1e-9)


@given(cases())
def test_input_gradient_is_the_adjoint(case):
    x, weights, stride, _ = case
    y = as_op(weights, stride)(x, *weights.values())
    g = torch.randn_like(y)
    torch.testing.assert_close((y * g).sum(), (x * gradients(y, (x,), g)[0]).sum(), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("stride", [1, (1, 2, 2)])
def test_one_kind_is_a_grouped_convolution(kind, stride, backend):
    torch.manual_seed(0)
    x, weights = torch.randn(2, 5, 4, 6, 7, dtype=torch.float64), by_kind([kind], [5])
    padding = [n // 2 for n in kernel_size(kind, 3)]
    want = torch.nn.functional.conv3d(x, weights[kind], None, stride, padding, groups=5)
    torch.testing.assert_close(depthwise_subkernel_conv3d(x, weights, stride, backend=backend), want)


@pytest.mark.parametrize("layout", ["contiguous", "channels_last_3d"])
@pytest.mark.parametrize("shape", [(2, 64, 4, 28, 28), (2, 40, 4, 14, 14), (1, 33, 3, 7, 7)])
def test_real_sizes_in_float32(shape, layout):
    """Whole and cut blocks of channels and tiles of pixels; float32 sums in another order, hence 1e-4."""
    torch.manual_seed(0)
    x = in_format(torch.randn(shape), layout).requires_grad_()
    weights = by_kind(["kxkxk", "1xkxk"], [shape[1] - 8, 8], dtype=torch.float32)
    y = as_op(weights, 1)(x, *weights.values())
    exact = [t.detach().double().requires_grad_() for t in (x, *weights.values())]
    want, g = as_op(weights, 1)(*exact, backend="reference"), torch.randn_like(y)
    torch.testing.assert_close(y.double(), want, rtol=1e-4, atol=1e-4)
    for got, good in zip(gradients(y, (x, *weights.values()), g), gradients(want, exact, g.double()), strict=True):
        torch.testing.assert_close(got.double(), good, rtol=1e-4, atol=1e-4 * good.abs().max().item())


@pytest.mark.parametrize("backend", BACKENDS)
def test_gradcheck(backend):
    torch.manual_seed(0)
    x, weights = torch.randn(1, 4, 3, 4, 3, dtype=torch.float64, requires_grad=True), by_kind(KINDS[:2], [1, 3])
    op = as_op(weights, (1, 2, 1))
    assert torch.autograd.gradcheck(lambda *a: op(*a, backend=backend), (x, *weights.values()))


@pytest.mark.parametrize("k", [1, 3])
def test_points_alone(k, monkeypatch):
    """1x1x1 is a factor per channel, whatever the size of kinds without channels; and no reason to be slow."""
    monkeypatch.setattr(numba_cpu, "depthwise_backward_reference", None)
    x, weights = torch.randn(2, 20, 2, 3, 5, requires_grad=True), by_kind(["1x1x1"], [20], dtype=torch.float32)
    weights["kx1x1"] = torch.randn(0, 1, k, 1, 1)
    y = depthwise_subkernel_conv3d(x, weights, backend="cpu")
    factor = weights["1x1x1"].view(20, 1, 1, 1)
    torch.testing.assert_close(y, factor * x)
    g = torch.randn_like(y)
    got, want = gradients(y, (x, weights["1x1x1"]), g), gradients(factor * x, (x, weights["1x1x1"]), g)
    for a, b in zip(got, want, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-4)


def test_a_weight_reaches_what_it_weighs_alone():
    """At stride 2 an even place has one tap, an odd one two: the zeros between the pixels of g multiply nothing."""
    torch.manual_seed(0)
    x, weight, g = torch.randn(2, 18, 5, 9, 9), torch.randn(18, 1, 3, 3, 3), torch.randn(2, 18, 3, 5, 5)
    weight[:, :, 0], weight[:, :, 1, 0], weight[:, :, 1, 1, 0] = torch.inf, torch.inf, torch.inf
    got, want = (backward(g, x, [weight], [2, 2, 2])[0] for backward in
                 (numba_cpu.depthwise_backward_cpu, numba_cpu.depthwise_backward_reference))  # fmt: skip
    odd = [torch.arange(n) % 2 == 1 for n in x.shape[2:]]
    reached = odd[0][:, None, None] | odd[1][:, None] | odd[2]
    assert (got.isfinite() == ~reached).all()
    torch.testing.assert_close(got[..., ~reached], want[..., ~reached], rtol=1e-4, atol=1e-4, equal_nan=True)


def test_channels_must_add_up():
    with pytest.raises(ValueError, match="weights has 3 channels in all; x has 4"):
        depthwise_subkernel_conv3d(torch.randn(1, 4, 2, 3, 3), {"kxkxk": torch.randn(3, 1, 3, 3, 3)})
