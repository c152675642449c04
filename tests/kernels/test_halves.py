"""bfloat16 on a CPU: bit for bit what comes of float32, rounded at the end, and no tensor is turned as a whole."""

from importlib import import_module

import numpy as np
import pytest
import torch

from kernels import depthwise_subkernel_conv3d, shift3d, temporal_filter
from kernels._halves import copy, store
from kernels.depthwise_subkernel_conv3d import numba_cpu
from kernels.depthwise_subkernel_conv3d.numba_cpu import depthwise_backward_cpu

FORMATS = (torch.contiguous_format, torch.channels_last_3d)


def both(op, x, parameter, g=None):
    """(output, gradients) in bfloat16; and in float32, its output and gradient to x rounded."""
    found = []
    for kind in (torch.bfloat16, torch.float32):
        a, b = x.to(kind).detach().clone().requires_grad_(), parameter.clone().requires_grad_()
        y = op(a, b)
        g = torch.randn_like(y, dtype=torch.bfloat16) if g is None else g
        y.backward(g.to(kind))
        found.append([y.detach().bfloat16(), a.grad.bfloat16(), b.grad])
    return zip(*found, strict=True)


def same(a, b):
    """Equal with nan where nan is, in the same memory format."""
    return (
        torch.equal(a.isnan(), b.isnan()) and torch.equal(a.nan_to_num(), b.nan_to_num()) and a.stride() == b.stride()
    )


@pytest.mark.parametrize("finite", [True, False])  # rows of channels_last_3d leave what is not finite to planes
@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize(
    "op, rows",
    [
        (shift3d, 3),
        (lambda x, s: shift3d(x, s, (1, 2, 2)), 3),
        (lambda x, s: shift3d(x, 5 * s, 2, 1), 3),  # far apart
        (lambda x, s: shift3d(x, s, quantize=True), 3),
        (lambda x, w: temporal_filter(x, w.T.contiguous(), torch.tensor(1.0)), 3),
    ],
)
def test_an_op_gives_its_float32_answer_rounded(op, rows, form, threads, finite):
    torch.manual_seed(0)
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        x = torch.randn(2, 21, 6, 14, 15).bfloat16().to(memory_format=form)
        if not finite:
            x[0, 1, 2, 3, 4], x[1, 5, 0, 0, 0] = torch.nan, torch.inf
        assert all(same(*pair) for pair in both(op, x, torch.rand(rows, 21) * 2 - 1))
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("stride", [[1, 1, 1], [2, 2, 2]])
def test_the_depthwise_backward_gives_its_float32_answer_rounded(form, stride):
    torch.manual_seed(0)
    x, weights = torch.randn(2, 21, 4, 9, 10).bfloat16().to(memory_format=form), [torch.randn(21, 1, 3, 3, 3)]
    g = torch.randn([2, 21, *((n - 1) // s + 1 for n, s in zip(x.shape[2:], stride, strict=True))]).bfloat16()
    g = g.contiguous(memory_format=form)
    gx, gw = depthwise_backward_cpu(g, x, weights, stride)
    wide, exact = depthwise_backward_cpu(g.float(), x.float(), weights, stride)
    assert same(gx, wide.bfloat16()) and torch.equal(gw[0], exact[0])


LOOPS = ("shift.numba_cpu", "shift.cpu_last", "temporal_filter.numba_cpu", "depthwise_subkernel_conv3d.numba_cpu")


@pytest.mark.parametrize("form", FORMATS)
def test_loops_get_the_bfloat16_itself(form, monkeypatch):
    seen = []
    for name in LOOPS:
        module = import_module(f"kernels.{name}")

        def spy(alone, parallel, items, elements, *work, inner=module.run):
            seen.extend(a.dtype for a in work if isinstance(a, np.ndarray) and a.size == elements)
            inner(alone, parallel, items, elements, *work)

        monkeypatch.setattr(module, "run", spy)
    x, g = (torch.randn(2, 24, 4, 6, 7).bfloat16().to(memory_format=form) for _ in range(2))
    for op in (shift3d, lambda x, w: temporal_filter(x, w.T.contiguous(), torch.tensor(1.0))):
        op(x.requires_grad_(), torch.rand(3, 24)).backward(g)
    depthwise_backward_cpu(g, x, [torch.randn(24, 1, 3, 3, 3)], [1, 1, 1])
    assert len(seen) == 13 and set(seen) == {np.dtype(np.uint16)}  # x, y; g, x, its gradient


def test_every_bfloat16_comes_back_and_floats_are_rounded_as_torch_rounds():
    halves = np.arange(1 << 16, dtype=np.uint16)
    room, back = np.empty(halves.size, np.float32), np.empty_like(halves)
    copy(room, halves)
    store(back, room)
    numbers = ~np.isnan(room)
    assert (back[numbers] == halves[numbers]).all() and (back[~numbers] & 0x7FFF > 0x7F80).all()
    torch.manual_seed(0)
    bits = torch.randint(-(1 << 31), 1 << 31, (100_000,), dtype=torch.int64).int()  # every kind of float
    floats = bits.view(torch.float32)
    halves = np.empty(floats.numel(), np.uint16)
    store(halves, floats.numpy())
    assert same(torch.from_numpy(halves).view(torch.bfloat16), floats.bfloat16())


@pytest.mark.parametrize("library", [True, False])
@pytest.mark.parametrize("weights_fit", [True, False])
def test_a_depthwise_convolution_is_of_bfloat16_where_its_weights_are(weights_fit, library, monkeypatch):
    """Under autocast and in a net in bfloat16 no tensor is turned, if the library can; float32 weights keep all digits.

    The library's part is played in float32: CPUs without bfloat16 test the choice too.
    """
    types, inner = [], torch.nn.functional.conv3d

    def conv3d(x, weight, *rest):
        types.append((x.dtype, weight.dtype))
        return inner(x.float(), weight.float(), *rest).to(x.dtype)

    monkeypatch.setattr(torch.nn.functional, "conv3d", conv3d)
    monkeypatch.setattr(numba_cpu, "library_has_bf16", lambda: library)
    torch.manual_seed(0)
    x, weight = torch.randn(2, 24, 4, 9, 10), torch.randn(24, 1, 3, 3, 3)
    with torch.autocast("cpu", torch.bfloat16, enabled=weights_fit):
        got = depthwise_subkernel_conv3d(x if weights_fit else x.bfloat16(), {"kxkxk": weight}, 2)
    weight = weight.bfloat16().float() if weights_fit else weight
    exact = inner(x.bfloat16().double(), weight.double(), None, 2, 1, 1, 24)
    assert types == [(torch.bfloat16 if weights_fit and library else torch.float32,) * 2]
    torch.testing.assert_close(got.double(), exact, rtol=2**-8, atol=1e-5)  # one rounding, at the end
