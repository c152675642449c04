"""CAKES' convolution: the published code's numbers, and the kind-by-kind version against the masked dense one."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as some
from kernel_cases import FORMATS, assert_golden, assert_versions_agree, golden_cases, golden_convolution, in_format

from kernels import subkernel_conv3d
from kernels._kinds import KINDS, kernel_size

BACKENDS = ["reference", "cpu"]


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("case", golden_cases("cakes/ops"), ids=lambda case: f"{case['op']}_{case['c_out']}")
def test_golden(case, backend):
    x, weights, stride, norm = golden_convolution(case)
    assert_golden(case, subkernel_conv3d(x, weights, stride, backend=backend), norm)


@some.composite
def cases(draw):
    kinds = draw(some.lists(some.sampled_from(KINDS), min_size=1, max_size=8, unique=True))
    k = draw(some.sampled_from([3, 5]))
    size = some.sampled_from([1, 2, 5])
    torch.manual_seed(draw(some.integers(0, 99)))
    clips, channels = draw(some.sampled_from([1, 2])), draw(some.sampled_from([1, 3]))
    x = torch.randn(clips, channels, *(draw(size) for _ in range(3)), dtype=torch.float64)
    counts = [1, *(draw(some.sampled_from([0, 1, 3])) for _ in kinds[1:])]
    weights = {
        kind: torch.randn(n, x.shape[1], *kernel_size(kind, k)).double().requires_grad_()
        for kind, n in zip(kinds, counts, strict=True)
    }
    x = in_format(x, draw(some.sampled_from(FORMATS))).requires_grad_()
    stride = draw(some.sampled_from([1, (1, 2, 2), 2]))
    return x, weights, stride, draw(some.sampled_from(FORMATS))


@given(cases())
def test_kind_by_kind_equals_masked_dense(case):
    x, weights, stride, g_layout = case

    def op(x, *values, backend):
        return subkernel_conv3d(x, dict(zip(weights, values, strict=True)), stride, backend=backend)

    assert_versions_agree(op, (x, *weights.values()), g_layout, own=False, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("backend", BACKENDS)
def test_gradcheck(backend):
    torch.manual_seed(0)
    x = torch.randn(1, 2, 3, 3, 3, dtype=torch.float64, requires_grad=True)
    kinds = KINDS[1:4]
    weights = [torch.randn(2, 2, *kernel_size(kind, 3), dtype=torch.float64, requires_grad=True) for kind in kinds]

    def op(x, *weights):
        return subkernel_conv3d(x, dict(zip(kinds, weights, strict=True)), (1, 2, 2), backend=backend)

    assert torch.autograd.gradcheck(op, (x, *weights))


WRONG = {
    "must be a dict": lambda x: subkernel_conv3d(x, torch.ones(3, 2, 3, 3, 3)),
    "the kind '3x3x3'": lambda x: subkernel_conv3d(x, {"3x3x3": torch.ones(3, 2, 3, 3, 3)}),
    "sizes must be odd": lambda x: subkernel_conv3d(x, {"kxkxk": torch.ones(3, 2, 2, 2, 2)}),
    r"weights\['1xkxk'\] has shape": lambda x: subkernel_conv3d(x, {"1xkxk": torch.ones(3, 2, 3, 3, 3)}),
    "stride is": lambda x: subkernel_conv3d(x, {"kxkxk": torch.ones(3, 2, 3, 3, 3)}, (2, 2)),
}


@pytest.mark.parametrize("message", WRONG)
def test_errors(message):
    with pytest.raises(ValueError, match=message):
        WRONG[message](torch.randn(1, 2, 3, 4, 4))
