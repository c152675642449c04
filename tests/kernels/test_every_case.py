"""Every op in every layout, type, backend, eager and compiled, from one table: against the reference in float64."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as some
from kernel_cases import FORMATS, in_format
from op_cases import CLIP, OPS

# relative to the largest value: one rounding of the output, and sums in another order
TOLERANCE = {torch.float16: 2e-3, torch.bfloat16: 1.6e-2, torch.float32: 2e-4, torch.float64: 1e-12}
every_op = pytest.mark.parametrize("name", OPS)


def run(op, x, parameters, g, **options):
    """Output and all gradients."""
    x = x.detach().requires_grad_()
    parameters = [p.detach().requires_grad_(p.is_floating_point()) for p in parameters]
    y = op(x, *parameters, **options)
    return y, *torch.autograd.grad(y, [x, *(p for p in parameters if p.requires_grad)], g)


def assert_case(name, shape, layout, g_layout, dtype, seed=0, compiled=False):
    """Both backends; parameters in their usual type, float64 for float64."""
    torch.manual_seed(seed)
    op, make_parameters = OPS[name]
    options = {"normalize_grad": False} if name.startswith(("shift2d", "shift3d")) else {}
    wide = dtype == torch.float64
    parameters = [p.detach().double() if wide and p.is_floating_point() else p for p in make_parameters()]
    x = in_format(torch.randn(shape).to(dtype), layout)
    exact = [p.double() if p.is_floating_point() else p for p in parameters]
    y = op(x.double(), *exact, backend="reference", **options)
    g = in_format(torch.randn(y.shape).to(dtype), g_layout)
    want = run(op, x.double(), exact, g.double(), backend="reference", **options)
    for backend in ("reference", "cpu"):
        function = torch.compile(op, backend="aot_eager", fullgraph=True) if compiled else op
        got = run(function, x, parameters, g, backend=backend, **options)
        assert [t.dtype for t in got] == [dtype, dtype, *(p.dtype for p in parameters if p.is_floating_point())]
        for a, b in zip(got, want, strict=True):
            bound = TOLERANCE[dtype] * max(1.0, b.abs().max().item())
            torch.testing.assert_close(a.double(), b, rtol=0, atol=bound, msg=lambda m, k=backend: f"{k}: {m}")


@every_op
@pytest.mark.parametrize("dtype", TOLERANCE)
def test_eager(name, dtype):
    for layout in FORMATS:
        for g_layout in FORMATS:
            assert_case(name, CLIP, layout, g_layout, dtype)


@every_op
def test_compiled(name):
    torch._dynamo.reset()
    for layout, dtype in [
        ("contiguous", torch.bfloat16),
        ("channels_last_3d", torch.float32),
        ("sliced", torch.float64),
    ]:
        assert_case(name, CLIP, layout, "contiguous", dtype, compiled=True)


@every_op
@settings(max_examples=30)
@given(some.data())
def test_any_shape(name, data):
    size = some.sampled_from([1, 2, 3, 7])
    shape = (data.draw(some.sampled_from([1, 3])), CLIP[1], *(data.draw(size) for _ in range(3)))
    layouts = [data.draw(some.sampled_from(FORMATS)) for _ in range(2)]
    assert_case(name, shape, *layouts, data.draw(some.sampled_from(list(TOLERANCE))), data.draw(some.integers(0, 99)))
