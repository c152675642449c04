"""RubiksNet-AQ's filter: the CPU version against the reference, the reference against its formula."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as some
from kernel_cases import FORMATS, assert_versions_agree, in_format

from kernels import frame_shift, temporal_filter

BACKENDS = ["reference", "cpu"]


@given(
    some.tuples(*[some.sampled_from(s) for s in ([1, 2], [1, 3], [1, 2, 5, 8], [1, 3], [1, 4, 9])]),
    some.sampled_from(FORMATS),
    some.sampled_from(FORMATS),
    some.integers(0, 99),
)
def test_cpu_agrees_with_reference(shape, layout, g_layout, seed):
    torch.manual_seed(seed)
    x = in_format(torch.randn(shape, dtype=torch.float64), layout).requires_grad_()
    weight = torch.rand(shape[1], 3, dtype=torch.float64, requires_grad=True)
    assert_versions_agree(temporal_filter_at_1, (x, weight), g_layout, rtol=1e-9, atol=1e-9)


def temporal_filter_at_1(x, weight, backend):
    return temporal_filter(x, weight, 1.0, backend=backend)


@pytest.mark.parametrize("backend", BACKENDS)
def test_formula(backend):
    """As the published code computes it: a grouped conv1d over time, per pixel."""
    torch.manual_seed(0)
    x, weight = torch.randn(2, 4, 5, 3, 3), torch.rand(4, 3)
    scaled = weight / (weight.std(1, unbiased=True, keepdim=True) + 1e-6)
    taps = torch.softmax(scaled / 2.0, 1)
    rows = x.permute(0, 3, 4, 1, 2).flatten(0, 2)  # (N*H*W, C, T)
    want = torch.nn.functional.conv1d(rows, taps[:, None], padding=1, groups=4)
    want = want.unflatten(0, (2, 3, 3)).permute(0, 3, 4, 1, 2)
    torch.testing.assert_close(temporal_filter(x, weight, backend=backend), want, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("backend", BACKENDS)
def test_gradcheck(backend):
    x, weight = torch.randn(2, 2, 4, 2, 3, dtype=torch.float64), torch.rand(2, 3, dtype=torch.float64)
    inputs = x.requires_grad_(), weight.requires_grad_()
    assert torch.autograd.gradcheck(lambda x, w: temporal_filter(x, w, torch.tensor(2.0), backend=backend), inputs)


@pytest.mark.parametrize("backend", BACKENDS)
def test_cold_filter_is_a_frame_shift(backend):
    x, weight = torch.randn(1, 3, 4, 2, 2), torch.eye(3)
    want = frame_shift(x, torch.tensor([-1, 0, 1]))
    torch.testing.assert_close(temporal_filter(x, weight, 1e-2, backend=backend), want)
