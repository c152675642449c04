"""One compilation, one export, for every batch, length and size: of every op."""

import pytest
import torch
from op_cases import OPS

from kernels import frame_cache, frame_shift, shift3d, temporal_filter, tsm_offset

SIZES = [(5, 6, 7, 11, 13), (7, 6, 8, 12, 15), (9, 6, 10, 14, 17)]  # no two axes alike: torch.compile would tie them
EXTRA = {
    "shift3d t_factor": (lambda x, s: shift3d(x, s, t_factor="auto"), OPS["shift3d"][1]),
    "online": (lambda x, o: frame_shift(x, o, cache=frame_cache_like(x))[0], lambda: [tsm_offset(6, 3, causal=True)]),
    "temperature": (lambda x, w: temporal_filter(x, w, torch.tensor(1.5)), OPS["temporal_filter"][1]),
}
CASES = {**OPS, **EXTRA}


def frame_cache_like(x):
    return x.new_zeros(x.shape[0], 2, 1, *x.shape[3:])


class Module(torch.nn.Module):
    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x, *parameters):
        return self.function(x, *parameters)


def any_size(x):
    return {axis: torch.export.Dim.DYNAMIC for axis in range(x.dim()) if axis != 1}


@pytest.fixture(autouse=True)
def fresh():
    torch._dynamo.reset()
    with torch._dynamo.config.patch(error_on_recompile=True):
        yield


@pytest.mark.parametrize("name", CASES)
def test_an_op_is_compiled_once(name):
    op, make_parameters = CASES[name]
    compiled, parameters = torch.compile(op, backend="aot_eager", fullgraph=True, dynamic=True), make_parameters()
    for size in SIZES:
        x = torch.randn(size).requires_grad_()
        got, want = compiled(x, *parameters), op(x, *parameters)
        torch.testing.assert_close(got, want, rtol=0, atol=0)
        (gx,), (good,) = torch.autograd.grad(got.sum(), x), torch.autograd.grad(want.sum(), x)
        torch.testing.assert_close(gx, good, rtol=0, atol=0)


@pytest.mark.parametrize("name", CASES)
def test_an_op_is_exported_once(name):
    op, make_parameters = CASES[name]
    x, parameters = torch.randn(SIZES[0]), [p.detach() for p in make_parameters()]
    shapes = (any_size(x), *([tuple(None for _ in parameters)] if parameters else []))
    exported = torch.export.export(Module(op), (x, *parameters), dynamic_shapes=shapes).module()
    for size in SIZES:
        x = torch.randn(size)
        torch.testing.assert_close(exported(x, *parameters), op(x, *parameters), rtol=0, atol=0)


@pytest.mark.parametrize("backend", ["eager", "aot_eager"])
def test_a_cache_that_does_not_fit(backend):
    """Compiled code looks, too: frames would come from elsewhere."""
    offset = tsm_offset(6, 3, causal=True)
    compiled = torch.compile(lambda x, o, c: frame_shift(x, o, cache=c), backend=backend, fullgraph=True)
    x = torch.randn(SIZES[0])
    cache = frame_cache(x, offset)
    assert torch.equal(compiled(x, offset, cache)[0], frame_shift(x, offset, cache=cache)[0])
    for wrong in (offset - 1, -offset, offset.flip(0)):
        with pytest.raises(RuntimeError, match="offset must be -K to 0"):
            compiled(x, wrong, cache)
    exported = torch.export.export(Module(lambda x, o, c: frame_shift(x, o, cache=c)), (x, offset, cache)).module()
    with pytest.raises(RuntimeError, match="offset must be -K to 0"):
        exported(x, offset - 1, cache)


def test_a_temperature_that_is_none():
    x, weight = torch.randn(SIZES[0]), torch.rand(6, 3)
    compiled = torch.compile(temporal_filter, backend="aot_eager", fullgraph=True)
    compiled(x, weight, torch.tensor(1.0))
    with pytest.raises(RuntimeError, match="temperature must be above 0"):
        compiled(x, weight, torch.tensor(0.0))
