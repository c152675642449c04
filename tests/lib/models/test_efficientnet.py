"""EfficientNets: their sizes, the four ways to see a clip, padding, and blocks that are left out in training."""

import pytest
import torch
from torch import nn

from lib import create_model, load_published, measure_cost
from lib.models.efficientnet import SameConv, widened
from lib.weights.published import save_published

# parameters with 400 classes
PARAMS = {"eftnet_b0": 4_519_948, "eftnet_b1": 7_025_584, "eftnet_b2": 8_264_594, "eftnet_b3": 11_311_032,
          "eftnet_b4": 18_265_816, "eftnet_b5": 29_160_384, "eftnet_b6": 41_657_704, "eftnet_b7": 64_811_360,
          "eftnet_b8": 85_722_942, "c2d_eftnet_b0": 4_522_540, "seq_eftnet_b0": 4_522_540,
          "seq_p3d_eftnet_b0": 4_549_420, "seq_p3d_eftnet_b4": 18_353_296}  # fmt: skip


@pytest.mark.parametrize("name", PARAMS)
def test_parameters(name):
    with torch.device("meta"):
        assert sum(p.numel() for p in create_model(name).parameters()) == PARAMS[name]


@pytest.mark.parametrize(("name", "gmacs"), [("c2d_eftnet_b0", 1.667), ("seq_p3d_eftnet_b0", 1.696)])
def test_macs(name, gmacs):
    with torch.device("meta"):
        assert round(measure_cost(create_model(name), (3, 16, 224, 224)).macs / 1e9, 3) == gmacs


def test_widths():
    """Multiples of 8, the nearest that does not fall below nine tenths."""
    assert [widened(c, m) for c, m in ((32, 1.0), (16, 1.1), (32, 1.1), (24, 1.4), (4, 1.0), (10, 1.1))] == [
        32, 16, 32, 32, 8, 16]  # fmt: skip


@pytest.mark.parametrize(("size", "stride", "places"), [(8, 1, 8), (8, 2, 4), (7, 2, 4), (1, 2, 1)])
def test_same_padding(size, stride, places):
    """As many places as TensorFlow's; the odd pixel of padding is right and below."""
    conv = SameConv(1, 1, (1, 3, 3), (1, stride, stride))
    nn.init.ones_(conv.weight)
    with torch.no_grad():
        y = conv(torch.ones(1, 1, 2, size, size))
    assert y.shape == (1, 1, 2, places, places)
    corner = 9 if (size, stride) == (8, 2) else 1 if size == 1 else 4  # pixels that the first place sees
    assert y[0, 0, 0, 0, 0] == corner and y[0, 0, 0, -1, -1] == (1 if size == 1 else 4)


@torch.no_grad()
def test_four_ways_agree_on_a_still_clip():
    """Where nothing moves, they are the 2D net: stems that look at one frame, identities in time."""
    torch.manual_seed(0)
    flat = create_model("eftnet_b0", num_classes=3)
    norms = [module for module in flat.modules() if isinstance(module, nn.BatchNorm3d)]
    for norm in norms:
        norm.momentum = 1.0
    flat.train()(torch.randn(4, 3, 4, 32, 32))  # else activations vanish in evaluation
    flat.eval()
    still = torch.randn(1, 3, 1, 32, 32).expand(-1, -1, 4, -1, -1).contiguous()
    for name in ("seq_eftnet_b0", "seq_p3d_eftnet_b0", "c2d_eftnet_b0"):
        net = create_model(name, num_classes=3, early_stride=1).eval()
        assert not net.load_state_dict(flat.state_dict(), strict=False).unexpected_keys
        for module in net.modules():
            if isinstance(temporal := getattr(module, "temporal", None), nn.Conv3d):
                temporal.weight.zero_()[:, :, 1] = 1
        torch.testing.assert_close(net(still), flat(still), rtol=1e-3, atol=1e-4)
        moving = torch.randn(1, 3, 4, 32, 32)
        same = torch.allclose(net(moving), flat(moving), rtol=1e-3, atol=1e-4)
        assert same == (name != "c2d_eftnet_b0")  # whose squeeze-excitation averages over time


@torch.no_grad()
def test_files(tmp_path):
    """Behind the stem seq stores 2D kernels, of its temporal convolutions (C, 1, 3, 1); they load again."""
    path, net = tmp_path / "net.pth", create_model("seq_p3d_eftnet_b0", num_classes=3).eval()
    save_published("seq_p3d_eftnet_b0", net, path)
    tensors = torch.load(path, weights_only=True)["model"]
    assert tensors["module._conv_stem.weight"].shape == (32, 3, 4, 3, 3)
    assert tensors["module._blocks.1._depthwise_conv_t.conv.weight"].shape == (96, 1, 3, 1)
    assert tensors["module._blocks.1._se_reduce.weight"].shape == (4, 96, 1, 1)
    loaded, x = load_published("seq_p3d_eftnet_b0", path), torch.randn(1, 3, 4, 32, 32)
    torch.testing.assert_close(loaded.model(x), net(x))


@pytest.mark.parametrize(("name", "samples"), [("eftnet_b0", 6), ("c2d_eftnet_b0", 2)])
def test_dropped_blocks(name, samples):
    """In training a sample's residual is left out or made larger; a sample is a time step, or of C2D a clip."""
    torch.manual_seed(0)
    block = create_model(name).blocks[-2]
    assert block.residual and block.drop == pytest.approx(0.2 * 14 / 16)
    block.train()
    rows = [block.thinned(torch.ones(2, 3, 3, 4, 4)).mean((1, 3, 4)) for _ in range(40)]  # (clips, time steps)
    scales = torch.stack(rows).unique()
    torch.testing.assert_close(scales, torch.tensor([0, 1 / (1 - block.drop)]))
    assert any(row.unique().numel() > 1 for row in rows)
    assert any(row[0].unique().numel() > 1 for row in rows) == (samples == 6)  # within one clip
    assert torch.equal(block.eval().thinned(y := torch.ones(2, 3, 3, 4, 4)), y)


def test_frozen_norms():
    """All but the stem's; epsilon and momentum are the zoo's."""
    net = create_model("c2d_eftnet_b0", frozen_bn=True)
    norms = [m for m in net.modules() if isinstance(m, nn.BatchNorm3d)]
    assert [type(norm).__name__ for norm in norms].count("BatchNorm3d") == 1 and type(norms[0]) is nn.BatchNorm3d
    assert {norm.eps for norm in norms} == {1e-3} and norms[0].momentum == 0.01
