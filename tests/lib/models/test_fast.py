"""Our kernels inside nets: what is chosen when, that nothing else changes, and that it can be switched off."""

import copy

import pytest
import torch
from family_nets import NETS, small_net
from torch import nn

from kernels._backend import PAYS
from lib import create_model, measure_cost
from lib.models import in_format, use_backend
from lib.models.fast import DepthwiseConv
from lib.models.swap import with_deal

HEAVY = "lgd_p3d_50", "c3d", "r2p1d_18", "p3da_18", "tsm_50", "gst_50"
NET, CLIP = "mobilenetv2_3d_nano", (3, 8, 32, 32)


@pytest.fixture
def calls(monkeypatch):
    """How often our depthwise op ran inside a net."""
    seen, op = [], DepthwiseConv.forward.__globals__["depthwise_subkernel_conv3d"]
    monkeypatch.setattr("lib.models.fast.depthwise_subkernel_conv3d", lambda *a, **k: seen.append(a[0]) or op(*a, **k))
    return seen


def twins(name=NET, **options):
    """The same net by our kernels, and by PyTorch's operators."""
    nets = []
    for backend in ("auto", "reference"):
        torch.manual_seed(0)
        nets.append(small_net(name, backend=backend, **options)[0])
    return nets


def step(net, x):
    """Loss and all gradients of a training step, and what its norms remember."""
    torch.manual_seed(2)  # dropout
    net.zero_grad()
    heads = net(x)
    loss = sum(head.square().mean() for head in (heads if isinstance(heads, tuple) else [heads]))
    loss.backward()
    return [loss.detach(), *(p.grad for p in net.parameters() if p.grad is not None), *map(torch.clone, net.buffers())]


@pytest.mark.parametrize("name", [name for name in NETS if name not in HEAVY])
def test_a_training_step_is_the_same(name, monkeypatch):
    """Loss, every gradient, running statistics; in float64, at all sizes, where only a mistake can make a difference.
    State dicts, and their order, are PyTorch's."""
    for op, measured in PAYS.items():
        monkeypatch.setitem(PAYS, op, {**measured, ("cpu", torch.float64): 1})
    own, plain = twins(name)
    assert list(own.state_dict()) == list(plain.state_dict())
    torch.manual_seed(1)
    clip = torch.randn(2, *small_net(name)[1]).double()
    for x in (clip, in_format(own, clip)):
        for got, want in zip(step(own.double(), x), step(plain.double(), x), strict=True):
            scale = want.abs().max().item() if want.numel() else 0
            torch.testing.assert_close(got, want, rtol=1e-7, atol=1e-12 + 1e-7 * scale)


def test_who_computes_what(calls):
    """Training of large enough clips is ours; evaluation, costs, export, compilation, other types are PyTorch's."""
    net, x = create_model(NET, num_classes=3), torch.randn(2, *CLIP)
    depthwise = [m for m in net.modules() if isinstance(m, nn.Conv3d) and m.groups > 1]
    assert depthwise and all(type(m) is DepthwiseConv for m in depthwise)
    net(x)
    large = len(calls)
    assert 0 < large <= len(depthwise) and all(clip.numel() >= 1 << 13 for clip in calls)
    with torch.no_grad():
        net(x)
    net.double()(x.double())
    net.float()
    measure_cost(net, CLIP, fvcore=True)
    program = torch.export.export(net, (x,))
    torch.compile(net, backend="eager")(x)
    torch.func.vjp(net.eval(), x)
    assert len(calls) == large
    assert not [node for node in program.graph.nodes if "efficient3d" in str(node.target)]


def test_a_cost_is_the_same():
    own, plain = twins()
    assert measure_cost(own, CLIP, fvcore=True) == measure_cost(plain, CLIP, fvcore=True)


def test_switched_off_and_on_again(calls):
    net, x = create_model(NET, num_classes=3, backend="reference"), torch.randn(2, *CLIP)
    assert {type(m) for m in net.modules() if isinstance(m, nn.Conv3d)} == {nn.Conv3d}
    net(x)
    assert not calls
    assert use_backend(net) is net
    net(x)
    assert calls
    for build in (lambda: create_model(NET, backend="numba"), lambda: use_backend(net, None)):
        with pytest.raises(ValueError, match="backend=.*; it can be 'auto' or 'reference'"):
            build()


@pytest.mark.parametrize("name", ["rubiksnet_nano", "cakes_nano", "tsm_50", NET])
def test_the_reference_runs_no_kernel(name, monkeypatch):
    """Of no op of ours, also in layers that came later."""
    net, clip = small_net(name, backend="reference")
    net = with_deal(net) if name == NET else net
    for op in ("shift", "frame_shift", "temporal_filter", "depthwise_subkernel_conv3d"):
        module = __import__(f"kernels.{op}.op", fromlist=["VERSIONS"])
        monkeypatch.setitem(module.VERSIONS, "cpu", None)
    net(torch.randn(2, *clip))[0].sum().backward()


def test_what_our_op_cannot_do_stays():
    others = [nn.Conv3d(4, 4, 3, groups=4), nn.Conv3d(4, 4, 3, padding=1, groups=2, bias=False)]
    others += [nn.Conv3d(4, 4, (1, 3, 3), padding=(0, 1, 1), groups=4, bias=False), nn.Conv3d(4, 8, 3, padding=1)]
    others += [nn.Conv3d(4, 4, 5, padding=2, groups=4, bias=False), nn.Conv3d(4, 4, 3, padding=1, groups=4)]
    assert not any(isinstance(m, DepthwiseConv) for m in use_backend(nn.ModuleList(others)).modules())


def test_second_derivatives():
    """A penalty on a gradient, as people train with: the op has one derivative of its own, PyTorch's have the rest."""
    results = []
    for net in twins():
        net, x = net.eval(), torch.ones(2, *CLIP).requires_grad_()
        (gx,) = torch.autograd.grad(net(x).square().sum(), x, create_graph=True)
        results.append(torch.autograd.grad(gx.square().sum(), [p for p in net.parameters() if p.ndim > 2]))
    for got, want in zip(*results, strict=True):
        torch.testing.assert_close(got, want, rtol=1e-3, atol=1e-3 * want.abs().max().item())


def test_hooks_and_copies_stay():
    seen = []
    net = create_model(NET, num_classes=3)
    for module in net.modules():
        if isinstance(module, DepthwiseConv):
            module.register_forward_hook(lambda *_: seen.append(1))
    copy.deepcopy(net)(torch.randn(2, *CLIP))
    assert len(seen) == sum(isinstance(m, DepthwiseConv) for m in net.modules())
