"""A fused net gives the logits of the net that it was made of, and says what it is."""

import copy
import pickle

import pytest
import torch
from family_clips import splits
from family_nets import NETS, small_net
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from lib import create_model, fuse, measure_cost
from lib.models import in_format
from lib.models.fused import ACTIVATIONS, FoldedConv
from lib.models.layers import conv_bn, freeze_batch_norms
from lib.models.swap import with_deal
from lib.train import fit

NORM = nn.modules.batchnorm._BatchNorm
# norms that read a sum: of a block's input, and the last one; those behind swapped layers, which take no bias
STAY = {"rubiksnet_nano": 2, "cakes_deep_nano": 9}
HEAVY = {
    "c2d_vit_t_p16",
    "r2p1d_18",
    "p3da_18",
    "resnet2d_18",
    "seq_p3d_eftnet_b0",
    "c3d",
    "lgd_p3d_50",
    "shufflenet3d",
    "resnext3d_50",
    "s3dg",
    "gst_50",
    "tsm_50",
    "mobilenet3d",
    "squeezenet3d",
}
CASES = [pytest.param(name, marks=pytest.mark.long if name in HEAVY else ()) for name in NETS]


def used(net):
    """The net with norms as after a training: every statistic and weight counts."""
    for module in net.modules():
        if isinstance(module, NORM):
            nn.init.normal_(module.running_mean, 0, 0.1)
            nn.init.uniform_(module.running_var, 0.5, 1.5)
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias, 0, 0.1)
    return net


def case(name, **options):
    torch.manual_seed(0)
    net, clip = small_net(name, **options)
    return used(net).eval(), clip, in_format(net, torch.randn(2, *clip))


def norms(net):
    return sum(isinstance(module, NORM) for module in net.modules())


@torch.no_grad()
def assert_alike(net, fused, x):
    want = net(x)
    torch.testing.assert_close(fused(x), want, rtol=0, atol=1e-4 * want.abs().max().clamp(1).item())


@pytest.mark.parametrize("name", CASES)
@torch.no_grad()
def test_every_family(name):
    """Equal logits in float32 and float64, the net untouched, norms gone, the same arithmetic by the same counter."""
    net, clip, x = case(name)
    before = copy.deepcopy(net.state_dict())
    fused = fuse(net.train(), clip)
    assert net.training and not fused.training and all(torch.equal(net.state_dict()[k], v) for k, v in before.items())
    assert norms(fused) == STAY.get(name, 0)
    assert_alike(net.eval(), fused, x)
    plain, cost = measure_cost(net, clip), measure_cost(fused, clip)
    assert (cost.macs, cost.unsupported) == (plain.macs, {}) and (cost.params < plain.params) == (norms(net) > 0)
    assert not norms(net) or cost.bytes_moved < plain.bytes_moved
    want = net.double()(x.double())
    scale = want.abs().max().item()
    torch.testing.assert_close(fuse(net, clip)(x.double()), want, rtol=0, atol=1e-10 * scale)


@pytest.mark.parametrize("options", [{"variant": "rubiks3d-aq"}, {"variant": "rubiks2d"}])
def test_shift_nets(options):
    net, clip, x = case("rubiksnet_nano", **options)
    assert_alike(net, fuse(net, clip), x)


@pytest.mark.parametrize("name, options", [("cakes_nano", {"search": True}), ("cakes_nano", {"op": "mixconvall"})])
def test_one_norm_over_several_convolutions(name, options):
    net, clip, x = case(name, **options)
    fused = fuse(net, clip)
    assert norms(fused) == 0
    assert_alike(net, fused, x)


def test_what_cannot_be_folded_stays():
    """Sub-kernels of a depthwise net; a norm before its convolution; a convolution that somebody else reads, that is
    called twice, whose output a hook sees."""
    net, clip, x = case("ircsn_nano")
    fused = fuse(used(with_deal(net)), clip)
    assert norms(fused) == 1 + len(net.stages)  # the stem has sub-kernels, too
    assert_alike(net, fused, x)
    for build in (Twice, ReadTwice, NormFirst, Hooked):
        net = used(build()).eval()
        fused = fuse(net, (3, 2, 4, 4))
        assert norms(fused) == 1, build
        assert_alike(net, fused, torch.randn(2, 3, 2, 4, 4))


class Foreign(nn.Module):
    def __init__(self):
        super().__init__()
        self.unit, self.act = conv_bn(3, 3, 3, bias=True), nn.ReLU(inplace=True)


class Twice(Foreign):
    def forward(self, x):
        return self.unit[0](self.unit(x))


class ReadTwice(Foreign):
    def forward(self, x):
        y = self.unit[0](x)
        return self.unit[1](y) + y


class NormFirst(Foreign):
    def forward(self, x):
        return self.unit[0](self.act(self.unit[1](x) * 1))


class Hooked(Foreign):
    def __init__(self):
        super().__init__()
        self.unit[0].register_forward_hook(lambda module, inputs, output: output * 2)

    def forward(self, x):
        return self.unit(x)


class Sums(Foreign):
    """Two convolutions, added, then normalised; an activation that reads a norm once, a sum once."""

    def __init__(self):
        super().__init__()
        self.other = nn.Conv3d(3, 3, 1)

    def forward(self, x):
        y = self.act(self.unit[1](self.unit[0](x) + self.other(x)))
        return self.act(y - 0.5)


def test_a_sum_and_a_shared_activation():
    net = used(Sums()).eval()
    fused = fuse(net, (3, 2, 4, 4))
    assert norms(fused) == 0
    assert_alike(net, fused, torch.randn(2, 3, 2, 4, 4))


@torch.no_grad()
def test_activations_are_computed_with_their_convolution(monkeypatch):
    """By one operator, as often as the net has them after convolutions; not elsewhere than on a CPU in float32."""
    net, clip, x = case("mobilenetv2_3d_nano")
    fused, seen = fuse(net, clip), []
    for kind in ACTIVATIONS:
        monkeypatch.setattr(kind, "forward", lambda self, x, f=kind.forward: seen.append(x) or f(self, x))
    fused(x)
    assert sum(getattr(module, "act", None) is nn.ReLU6 for module in fused.modules()) == 11 and not seen
    fused.double()(x.double())
    assert len(seen) == 11


def test_frozen_norms_and_changed_weights():
    """Norms that a fine-tuning froze are folded, too; weights that are laid out are laid out again once they change."""
    net, clip, x = case("ircsn_nano")
    freeze_batch_norms(net)
    fused = fuse(net, clip)
    assert norms(fused) == 0
    assert_alike(net, fused, x)
    with torch.no_grad():
        fused(x)
        next(m for m in fused.modules() if isinstance(m, FoldedConv)).weight.zero_()
        assert not torch.allclose(fused(x), net(x))


def test_it_says_what_it_is(tmp_path):
    net, clip, x = case("mobilenetv2_3d_nano")
    fused = fuse(net, clip)
    with pytest.raises(ValueError, match="a fused MobileNetV2 only evaluates: train the net that it was made of"):
        fused.train()
    with pytest.raises(ValueError, match="a fused MobileNetV2 takes no weights: load them into the net, and fuse it"):
        fused.load_state_dict(net.state_dict())
    train, val, test = splits(tmp_path / "data", *clip[1:3])
    with pytest.raises(ValueError, match="no weight of this Fused learns; a fused net only evaluates: train what it"):
        fit(tmp_path / "run", fused, train, val, test, epochs=1, batch_size=2)
    assert not (tmp_path / "run" / "run.json").exists()
    with pytest.raises(ValueError, match="precision is 'fp8'; it can be 'fp32' or 'bf16'"):
        fuse(net, clip, "fp8")
    assert fused.eval() is fused and not fused.training
    for twin in (pickle.loads(pickle.dumps(fused)), copy.deepcopy(fused), fuse(fused, clip)):
        assert_alike(fused, twin, x)


def test_export_and_gradients():
    """An exported fused net has PyTorch's operators alone; a map of where it looks has gradients."""
    net, clip, x = case("mobilenetv2_3d_nano")
    fused = fuse(net, clip)
    program = torch.export.export(fused, (x,))
    assert not [node for node in program.graph.nodes if "mkldnn" in str(node.target)]
    assert_alike(net, program.module(), x)
    (wanted,), (got,) = (torch.autograd.grad(n(leaf := x.clone().requires_grad_()).sum(), leaf) for n in (net, fused))
    torch.testing.assert_close(got, wanted, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("name", ["mobilenetv2_3d_nano", "rubiksnet_nano", "cakes_nano", "vit_deit_t_p16"])
@torch.no_grad()
def test_bf16_is_near(name):
    """Within 2 % of the largest logit, also where the CPU has no bfloat16 of its own."""
    net, clip, x = case(name)
    got, want = fuse(net, clip, "bf16")(x).float(), net(x)
    assert not torch.equal(got, want)
    torch.testing.assert_close(got, want, rtol=0, atol=0.02 * want.abs().max().item())


@torch.no_grad()
def test_in_bf16_clips_smaller_than_a_kernel_are_computed_in_float32():
    """PyTorch 2.13's convolutions in bfloat16 on a CPU read memory there that nobody wrote. Where oneDNN has bfloat16
    it computes them, too: PyTorch's own kernel in float32 is slower than all of the bfloat16 saves."""
    seen = []

    class Spy(TorchDispatchMode):
        def __torch_dispatch__(self, func, types, args=(), kwargs=None):
            if "convolution" in func.name() and "reorder" not in func.name():
                seen.append((func.name(), args[0].dtype))
            return func(*args, **(kwargs or {}))

    net = nn.Sequential(nn.Conv3d(3, 8, 3, padding=1), nn.BatchNorm3d(8), nn.ReLU()).eval()
    fused, by_onednn = fuse(net, (3, 2, 9, 9), "bf16"), torch.ops.mkldnn._is_mkldnn_bf16_supported()
    for frames, dtype in ((2, torch.float32), (3, torch.bfloat16), (2, torch.float32)):
        x = torch.randn(1, 3, frames, 9, 9)
        with Spy():
            y = fused(x)
        assert seen[-1][1] == dtype and (not by_onednn or seen[-1][0] == "mkldnn::_convolution_pointwise")
        assert y.dtype == torch.bfloat16
        torch.testing.assert_close(y.float(), net(x), rtol=0, atol=0.03)
    assert len(seen) == 3 or not by_onednn


def test_weights_that_overflow_are_not_fused():
    """The net would say NaN; a fused ReLU makes zero of that, and then an answer."""
    net = create_model("mobilenetv2_3d_nano", num_classes=3).eval()
    with torch.no_grad():
        net.stem[0].weight.fill_(1e30)
        net.stem[1].weight.fill_(1e30)
    with pytest.raises(ValueError, match="stem.* is beyond float32 with its norm folded in"):
        fuse(net, (3, 8, 32, 32))
