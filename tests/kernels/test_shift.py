"""The learnable shift: reference against the published code's numbers, the CPU version against the reference."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as some
from kernel_cases import (
    FORMATS,
    assert_versions_agree,
    golden_cases,
    golden_tensors,
    gradients,
    in_file_order,
    in_format,
)

from kernels import shift2d, shift3d
from kernels._format import is_channels_last
from kernels.shift.cpu_last import shift_rows

GOLDEN = golden_cases("rubiksnet/ops")
BACKENDS = ["reference", "cpu"]


def normalised_entries(case):
    """(t_factor, entry) of the golden gradients of unit length."""
    if case["op"] == "rubiks2d":
        return [(None, "grad_shift_normalized")]
    return [
        (1.0, "grad_shift_normalized_t1"),
        ("auto", "grad_shift_normalized_t0.8"),
        (-1.0, "grad_shift_normalized_t_negative"),
    ]


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("case", GOLDEN, ids=[case["name"] for case in GOLDEN])
def test_golden(case, backend):
    x, shift, g = golden_tensors(case)
    op, options = (shift3d, {}) if case["op"] == "rubiks3d" else (shift2d, {})
    options = {"quantize": case["quantize"], "integer_rule": "published", "backend": backend}
    y = op(x, shift, case["stride"], case["padding"], normalize_grad=False, **options)
    gx, gs = gradients(y, (x, shift), g)
    for got, want in ((y, "output"), (gx, "grad_x")):
        want = torch.tensor(case[want], dtype=torch.float64).flatten()
        torch.testing.assert_close(in_file_order(got.detach()), want, rtol=1e-5, atol=1e-5)  # 6 digits in the file
    torch.testing.assert_close(gs, torch.tensor(case["grad_shift"], dtype=torch.float64), rtol=1e-5, atol=1e-5)
    for t_factor, entry in normalised_entries(case):
        factor = {} if t_factor is None else {"t_factor": t_factor}
        y = op(x, shift, case["stride"], case["padding"], **factor, **options)
        want = torch.tensor(case[entry], dtype=torch.float64)
        torch.testing.assert_close(gradients(y, (x, shift), g)[1], want, rtol=1e-5, atol=1e-5)


@some.composite
def cases(draw):
    """Inputs and options of a shift: awkward sizes, whole, half and far shifts, strides, paddings."""
    dims, size = draw(some.sampled_from([2, 3])), some.sampled_from([1, 2, 3, 5, 8])
    shape = (draw(some.sampled_from([1, 2])), draw(some.sampled_from([1, 3])), *(draw(size) for _ in range(3)))
    plain = draw(some.booleans())
    options = {
        "stride": 1 if plain else [draw(some.sampled_from([1, 2, 3])) for _ in range(dims)],
        "padding": 0 if plain or draw(some.booleans()) else [draw(some.integers(0, 2)) for _ in range(dims)],
        "quantize": draw(some.booleans()),
        "integer_rule": draw(some.sampled_from(["central", "published"])),
        "normalize_grad": False,
    }
    distance = some.one_of(some.floats(-2, 2), some.sampled_from([0.0, -0.5, 1.0, 1.5, -3.0, 9.25, 1e30]))
    rows = [[draw(distance) for _ in range(shape[1])] for _ in range(dims)]
    torch.manual_seed(draw(some.integers(0, 99)))
    x = in_format(torch.randn(shape, dtype=torch.float64), draw(some.sampled_from(FORMATS))).requires_grad_()
    return x, torch.tensor(rows, dtype=torch.float64, requires_grad=True), options, draw(some.sampled_from(FORMATS))


@given(cases())
def test_cpu_agrees_with_reference(case):
    x, shift, options, g_layout = case
    op = shift3d if len(shift) == 3 else shift2d
    assert_versions_agree(
        lambda x, s, backend: op(x, s, backend=backend, **options), (x, shift), g_layout, rtol=1e-9, atol=1e-9
    )


@given(cases())
def test_input_gradient_is_the_adjoint(case):
    x, shift, options, _ = case
    op = shift3d if len(shift) == 3 else shift2d
    y = op(x, shift, **(options | {"integer_rule": "central"}))  # the published rule rounds ties another way back
    g = torch.randn_like(y)
    torch.testing.assert_close((y * g).sum(), (x * gradients(y, (x,), g)[0]).sum(), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("shape", [(8, 4, 4, 56, 56), (2, 3, 8, 14, 14), (2, 5, 8, 7, 7), (1, 2, 3, 5, 131)])
@pytest.mark.parametrize("stride", [1, (1, 2, 2)])
def test_real_sizes_in_float32(shape, stride, backend):
    """Vector loops, threads and their leftovers; float32 sums in another order, hence 1e-4 on the shift's gradient."""
    torch.manual_seed(0)
    x, shift = torch.randn(shape, requires_grad=True), (torch.rand(3, shape[1]) * 3 - 1.5).requires_grad_()
    y = shift3d(x, shift, stride, normalize_grad=False, backend=backend)
    x64, s64 = x.detach().double().requires_grad_(), shift.detach().double().requires_grad_()
    want, g = shift3d(x64, s64, stride, normalize_grad=False, backend="reference"), torch.randn_like(y)
    torch.testing.assert_close(y.double(), want, rtol=1e-5, atol=1e-5)
    (gx, gs), (want_x, want_s) = gradients(y, (x, shift), g), gradients(want, (x64, s64), g.double())
    torch.testing.assert_close(gx.double(), want_x, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(gs.double(), want_s, rtol=1e-4, atol=1e-4 * want_s.abs().max().item())


@pytest.mark.parametrize("backend", BACKENDS)
def test_gradcheck(backend):
    torch.manual_seed(1)
    x, shift = torch.randn(1, 2, 3, 4, 3, dtype=torch.float64), torch.rand(3, 2, dtype=torch.float64) * 3 - 1.4
    for stride, padding in ((1, 0), ((1, 2, 2), 0), (2, 1)):
        op = lambda x, s: shift3d(x, s, stride, padding, normalize_grad=False, backend=backend)  # noqa: B023, E731
        assert torch.autograd.gradcheck(op, (x.requires_grad_(), shift.requires_grad_()))


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("dims", [2, 3])
def test_central_rule_is_the_central_difference(dims, backend):
    torch.manual_seed(2)
    x = torch.randn(2, 4, 3, 4, 5, dtype=torch.float64)
    shift = torch.tensor([[0.0, 1.0, -0.3, 0.0], [0.0, -1.0, 0.0, 0.7], [0.0, 0.4, 2.0, -0.2]], dtype=torch.float64)[
        -dims:
    ]
    op = (
        (lambda s: shift3d(x, s, normalize_grad=False, backend=backend))
        if dims == 3
        else (lambda s: shift2d(x, s, normalize_grad=False, backend=backend))
    )
    shift.requires_grad_()
    g = torch.randn_like(op(shift))
    (gs,) = gradients(op(shift), (shift,), g)
    for d in range(dims):
        step = torch.zeros_like(shift)
        step[d] = 1e-6
        slope = (g * (op(shift + step) - op(shift - step))).sum((0, 2, 3, 4)) / 2e-6
        torch.testing.assert_close(gs[d], slope, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32])
def test_one_pixel_is_left(dtype):
    """In channels_last_3d, an output of one pixel has both formats: x decides, or the kernel writes elsewhere."""
    x = in_format(torch.randn(2, 40, 3, 3, 2).to(dtype), "channels_last_3d").requires_grad_()
    shift = (torch.rand(3, 40) * 2 - 1).requires_grad_()
    assert_versions_agree(lambda x, s, backend: shift3d(x, s, 3, backend=backend), (x, shift), rtol=2e-2, atol=2e-2)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32])
@pytest.mark.parametrize("stride", [1, (1, 2, 2), (2, 1, 3)])
@pytest.mark.parametrize("reach", [0, 1, 2, 9])
def test_channels_side_by_side(reach, stride, dtype):
    """In channels_last_3d: whole, near, far shifts, far over the edge; more channels than a vector has."""
    torch.manual_seed(reach)
    x = in_format(torch.randn(2, 37, 5, 9, 6).to(dtype), "channels_last_3d")
    shift = reach * (2 * torch.rand(3, 37) - 1)
    got, want = (shift3d(x, shift, stride, backend=backend) for backend in ("cpu", "reference"))
    assert is_channels_last(got)
    torch.testing.assert_close(got, want, rtol=0, atol=2e-6 if dtype == torch.float32 else 0.02)


@pytest.mark.parametrize("reach, bad, alone", [(1, 0.0, True), (1, float("inf"), False), (9, 0.0, False)])
def test_what_goes_row_by_row(reach, bad, alone):
    """Shifts that are near, unless a place that a channel does not want could show: infinity times weight 0."""
    torch.manual_seed(0)
    x = in_format(torch.randn(1, 20, 4, 6, 6), "channels_last_3d")
    x[0, 3, 1, 2, 2] += bad
    shift, y = reach * (2 * torch.rand(3, 20) - 1), torch.empty_like(x)
    assert shift_rows(x, y, shift, (1, 1, 1)) == alone
    torch.testing.assert_close(shift3d(x, shift), shift3d(x, shift, backend="reference"), rtol=0, atol=2e-6)
