"""What every op promises, whatever it computes: torch.library, compilation, formats, types, threads."""

import pytest
import torch
from kernel_cases import FORMATS, assert_versions_agree, in_format
from op_cases import CLIP, OPS, make, random, shifts
from torch.library import opcheck
from torch.utils._pytree import tree_map_only

from kernels import arithmetic, tsm_offset
from kernels.depthwise_subkernel_conv3d import op as separable
from kernels.frame_shift import op as frames
from kernels.shift import op as shift
from kernels.subkernel_conv3d import op as dense
from kernels.temporal_filter import op as filtering

every_op = pytest.mark.parametrize("name", OPS)

SHIFT = [1, 2, 2], [0, 0, 0], False, True, 1.0, "central"

# every torch.library op: itself, and its arguments but the backend
LIBRARY = {
    "shift": (shift._op, lambda x: (x, shifts(3), *SHIFT)),
    "shift_backward": (shift._backward_op, lambda x: (random(2, 6, 4, 3, 3), x.detach(), shifts(3).detach(), *SHIFT)),
    "frame_shift": (frames._op, lambda x: (x, tsm_offset(6, 3))),
    "frame_shift_backward": (frames._backward_op, lambda x: (x.detach(), tsm_offset(6, 3))),
    "temporal_filter": (filtering._op, lambda x: (x, random(6, 3))),
    "temporal_filter_backward": (filtering._backward_op, lambda x: (random(*CLIP), x, random(6, 3))),
    "subkernel_conv3d": (dense._op, lambda x: (x, [random(2, 6, 3, 3, 3), random(1, 6, 1, 3, 3)], [1, 2, 2])),
    "subkernel_conv3d_backward": (
        dense._backward_op,
        lambda x: (random(2, 3, 4, 3, 3), x, [random(2, 6, 3, 3, 3), random(1, 6, 1, 3, 3)], [1, 2, 2]),
    ),
    "depthwise_subkernel_conv3d": (separable._op, lambda x: (x, [random(6, 1, 3, 3, 3)], [1, 2, 2])),
    "depthwise_subkernel_conv3d_backward": (
        separable._backward_op,
        lambda x: (random(2, 6, 4, 3, 3), x, [random(2, 1, 3, 3, 3), random(4, 1, 1, 3, 3)], [1, 2, 2]),
    ),
}


def test_every_op_is_in_the_table():
    """Each op, and its backward beside it; a new one that is missing here would be checked by nobody."""
    assert set(LIBRARY) == {*arithmetic.MACS, *(f"{name}_backward" for name in arithmetic.MACS)}


@pytest.mark.parametrize("backend", ["reference", "cpu"])
@pytest.mark.parametrize("name", LIBRARY)
def test_opcheck(name, backend):
    op, arguments = LIBRARY[name]
    backend = "reference" if name.startswith("subkernel") else backend  # on a CPU that one is the library's
    for layout in ("contiguous", "channels_last_3d"):
        x = in_format(torch.randn(CLIP), layout).requires_grad_()
        made = tree_map_only(torch.Tensor, lambda t: t.detach() if "backward" in name else t, (*arguments(x), backend))
        results = opcheck(op, made)
        assert set(results.values()) == {"SUCCESS"}, results


@every_op
@pytest.mark.parametrize("g_layout", FORMATS)
@pytest.mark.parametrize("layout", FORMATS)
def test_formats(name, layout, g_layout):
    op, x, parameters = make(name)
    x = in_format(x, layout).requires_grad_()
    assert_versions_agree(op, (x, *parameters), g_layout, rtol=1e-4, atol=1e-4)  # float32 sums in another order


@every_op
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_computes_in_float32(name, dtype):
    op, x, parameters = make(name)
    x = x.to(dtype).requires_grad_()
    assert_versions_agree(op, (x, *parameters), rtol=2e-2, atol=2e-2)  # one rounding may fall the other way
    torch.testing.assert_close(op(x, *parameters), op(x.float(), *parameters).to(dtype))


@every_op
def test_empty_batch(name):
    op, x, parameters = make(name)
    x = x[:0].requires_grad_()
    for backend in ("reference", "cpu"):
        y = op(x, *parameters, backend=backend)
        y.sum().backward()
        assert y.shape[0] == 0 and x.grad.shape == x.shape
        assert all((p.grad == 0).all() for p in parameters if p.requires_grad)


@every_op
def test_compile_and_export_see_one_operator(name):
    op, x, parameters = make(name)

    class Net(torch.nn.Module):
        def forward(self, x, *parameters):
            return op(x, *parameters)

    x.requires_grad_()
    want, got = op(x, *parameters), torch.compile(op, backend="aot_eager", fullgraph=True)(x, *parameters)
    torch.testing.assert_close(got, want, rtol=0, atol=0)
    inputs = [i for i in (x, *parameters) if i.requires_grad]
    for a, b in zip(torch.autograd.grad(got.sum(), inputs), torch.autograd.grad(want.sum(), inputs), strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=0)
    graph = torch.export.export(Net(), (x.detach(), *parameters)).graph
    targets = [str(node.target) for node in graph.nodes]
    if name == "subkernel_conv3d":  # the library's: a convolution per kind, in plain sight
        assert sum("conv3d" in target for target in targets) == 2 and not any("efficient3d" in t for t in targets)
    else:
        assert sum("efficient3d" in target for target in targets) == 1


@every_op
def test_double_backward_raises(name):
    op, x, parameters = make(name)
    backend = "reference" if name == "subkernel_conv3d" else "auto"
    (gx,) = torch.autograd.grad(
        op(x.requires_grad_(), *parameters, backend=backend).square().sum(), x, create_graph=True
    )
    with pytest.raises(RuntimeError, match="differentiable once"):
        gx.sum().backward()


@every_op
def test_threads_change_nothing(name):
    op, _, parameters = make(name)
    x = torch.randn(4, CLIP[1], 8, 24, 24).requires_grad_()

    def result():
        y = op(x, *parameters)
        return y, *torch.autograd.grad(y.square().sum(), [x, *(p for p in parameters if p.requires_grad)])

    alone = result()
    torch.set_num_threads(2)
    try:
        together = result()
    finally:
        torch.set_num_threads(1)
    tolerance = 1e-4 if name == "subkernel_conv3d" else 0  # that one is the library's
    for a, b in zip(alone, together, strict=True):
        torch.testing.assert_close(a, b, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize(
    "name, missing", [("frame_shift", "cuda"), ("temporal_filter", "cuda"), ("shift3d", "library")]
)
def test_a_backend_that_an_op_lacks(name, missing):
    op, x, parameters = make(name)
    with pytest.raises(ValueError, match=f"backend is '{missing}', but .* has none; it has 'auto', 'reference', 'cpu'"):
        op(x, *parameters, backend=missing)


def test_the_library_can_be_asked_for():
    op, x, weights = make("subkernel_conv3d")
    parts = [torch.nn.functional.conv3d(x, w, padding=[n // 2 for n in w.shape[2:]]) for w in weights]
    assert torch.equal(op(x, *weights, backend="library"), torch.cat(parts, 1))


@every_op
def test_autocast(name):
    """Convolutions compute on what autocast makes of x and weights; all else takes x as it is, and rounds nothing."""
    op, x, parameters = make(name)
    with torch.autocast("cpu", torch.bfloat16):
        got, plain = op(x, *parameters, backend="reference"), op(x, *parameters)
    rounded = x.bfloat16() if "conv" in name else x
    assert got.dtype == plain.dtype == rounded.dtype
    parameters = [p.bfloat16() for p in parameters] if "conv" in name else parameters
    torch.testing.assert_close(got, op(rounded, *parameters, backend="reference"), rtol=0, atol=0)
    torch.testing.assert_close(plain, got, rtol=2e-2, atol=2e-2)


@every_op
def test_parameters_in_the_type_of_x(name):
    """A net after .half(): as with float32 parameters of the same value, gradients in the parameters' type."""
    op, x, parameters = make(name)
    x = x.half()
    half = [p.detach().half().requires_grad_() if p.is_floating_point() else p for p in parameters]
    got, want = op(x, *half), op(x, *(p.float() if p.is_floating_point() else p for p in half))
    torch.testing.assert_close(got, want, rtol=2e-3, atol=5e-3)
    got.sum().backward() if got.requires_grad else None
    assert all(p.grad.dtype == torch.float16 for p in half if p.is_floating_point())
