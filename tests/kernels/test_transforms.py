"""torch.func's transforms and forward mode: every op has every rule, or says by name that it has none."""

from functools import partial

import pytest
import torch
import torch.autograd.forward_ad as forward_ad
from op_cases import OPS

from kernels import shift3d

SHAPE = (1, 6, 3, 3, 4)
every_op = pytest.mark.parametrize("name", OPS)
backends = pytest.mark.parametrize("backend", ["reference", "cpu"])


def make(name, backend):
    """The op of x and its floating parameters, in float64, and a value and a direction for each."""
    torch.manual_seed(1)
    op, parameters = OPS[name]
    options = {"normalize_grad": False} if "shift" in name and "frame" not in name else {}
    inputs = [torch.randn(SHAPE, dtype=torch.float64)]
    inputs += [p.detach().double() if p.is_floating_point() else p for p in parameters()]
    learned = [i for i, value in enumerate(inputs) if value.is_floating_point()]

    def function(*values):
        whole = list(inputs)
        for i, value in zip(learned, values, strict=True):
            whole[i] = value
        return op(*whole, backend=backend, **options)

    values = [inputs[i] for i in learned]
    return function, values, [torch.randn_like(value) for value in values]


def difference(function, values, directions, step=1e-6):
    """The derivative along the directions, by differences."""
    ahead, back = ([v + sign * d for v, d in zip(values, directions, strict=True)] for sign in (step, -step))
    return (function(*ahead) - function(*back)) / (2 * step)


@every_op
@backends
def test_forward_mode(name, backend):
    """jvp, dual tensors, jacfwd: of x alone, and of x and the parameters."""
    function, values, directions = make(name, backend)
    for moved in ([True] + [False] * (len(values) - 1), [True] * len(values)):
        along = [d if move else torch.zeros_like(d) for d, move in zip(directions, moved, strict=True)]
        want = difference(function, values, along)
        assert want.abs().max() > 0.1
        y, got = torch.func.jvp(function, tuple(values), tuple(along))
        torch.testing.assert_close(y, function(*values), rtol=0, atol=0)
        torch.testing.assert_close(got, want, rtol=1e-5, atol=1e-5)
        line = torch.func.jacfwd(lambda a: function(*(v + a * d for v, d in zip(values, along, strict=True))))  # noqa: B023
        torch.testing.assert_close(line(torch.zeros((), dtype=torch.float64)), want, rtol=1e-5, atol=1e-5)
        with forward_ad.dual_level():
            duals = [forward_ad.make_dual(v, d) if m else v for v, d, m in zip(values, along, moved, strict=True)]
            tangent = forward_ad.unpack_dual(function(*duals)).tangent
        torch.testing.assert_close(tangent, want, rtol=1e-5, atol=1e-5)


@every_op
@backends
def test_vmap_and_gradients(name, backend):
    """vmap over x, or over a parameter; grad, jacrev and vmap of grad against autograd, clip by clip."""
    function, values, _ = make(name, backend)
    for i in range(len(values)):
        many = [torch.stack([v, 2 * v, -v]) if k == i else v for k, v in enumerate(values)]
        one = [[m[j] if k == i else m for k, m in enumerate(many)] for j in range(3)]
        dims = tuple(0 if k == i else None for k in range(len(values)))
        want = torch.stack([function(*single) for single in one])
        torch.testing.assert_close(torch.vmap(function, dims)(*many), want, rtol=1e-9, atol=1e-9)
        gradient = torch.func.grad(lambda *v: function(*v).square().sum(), tuple(range(len(values))))
        got = torch.vmap(gradient, dims)(*many)
        for j in range(3):
            leaves = [v.clone().requires_grad_() for v in one[j]]
            good = torch.autograd.grad(function(*leaves).square().sum(), leaves)
            for a, b in zip(got, good, strict=True):
                torch.testing.assert_close(a[j], b, rtol=1e-9, atol=1e-9)
    rows = torch.func.jacrev(lambda *v: function(*v).sum((0, 2, 3, 4)))(*values)
    assert rows.shape == (want.shape[2], *values[0].shape) and rows.abs().max() > 0


@every_op
def test_a_second_derivative_is_refused(name):
    function, values, _ = make(name, "reference")
    with pytest.raises(RuntimeError, match="differentiable once"):
        torch.func.hessian(lambda x: function(x, *values[1:]).square().sum())(values[0])


def test_a_gradient_of_unit_length_is_no_derivative():
    x, shift = torch.randn(SHAPE), torch.rand(3, 6)
    with pytest.raises(RuntimeError, match="use normalize_grad=False"):
        torch.func.jvp(lambda s: shift3d(x, s), (shift,), (shift,))


@pytest.mark.parametrize("name", [name for name in OPS if name != "subkernel_conv3d"])  # on a CPU PyTorch's own
def test_compiled_and_exported_ops_refuse_forward_mode(name):
    op, parameters = OPS[name]
    x, parameters = torch.randn(SHAPE), [p.detach() for p in parameters()]

    class Net(torch.nn.Module):
        def forward(self, x):
            return op(x, *parameters)

    exported = torch.export.export(Net(), (x,)).module()
    compiled = torch.compile(partial(torch.func.jvp, Net()), backend="aot_eager")
    for function in (partial(torch.func.jvp, exported), compiled):
        with pytest.raises(RuntimeError, match="has no forward-mode derivative: run it eagerly"):
            function((x,), (x,))
