"""Sub-kernel convolutions: ops and dropping ops on golden files, deals, inflation kind by kind."""

import json

import pytest
import torch
from stand_in import GOLDEN, fill, golden, golden_input
from torch import nn

from lib import create_model
from lib.models.subkernels import (
    KINDS,
    OPS,
    PUBLISHED_DEALS,
    DroppingConv,
    SubKernelConv,
    any_counts,
    any_subset,
    inflated,
    read_deal,
    uniform,
)

NAMES = {"Conv3D": "conv3d", "Conv2D": "conv2d", "ConvST": "convst", "Conv1_2D": "conv1_2d",
         "Conv1_2_3D": "conv1_2_3d", "MixConv1D": "mixconv1d", "Conv1_2D_Dropout": "conv1_2d_dropout",
         "ConvST_Dropout": "convst_dropout"}  # fmt: skip


def load_op(op, case):
    """Fill an op from a golden case, whose keys are the published ones."""
    own = [key for key in op.state_dict() if "num_batches" not in key]
    theirs = [key for key in case["state_dict"] if "num_batches" not in key]
    values = {mine: fill(key, case["state_dict"][key]) for mine, key in zip(own, theirs, strict=True)}
    op.load_state_dict(values, strict=False)
    return op


@pytest.mark.parametrize("case", golden("cakes/ops")["cases"], ids=lambda case: f"{case['op']} {case['stride']}")
def test_ops(case):
    kinds, counts, s = OPS[NAMES[case["op"]]], case["conv_config"], case["stride"]
    op = load_op(SubKernelConv(case["c_in"], counts or uniform(kinds, case["c_out"]), (1, s, s)), case).eval()
    out = op(golden_input(case["input_shape"])).relu()
    assert list(out.shape) == case["output_shape"]
    close = {"rtol": 1e-5, "atol": 1e-5 * max(case["output_channel_sums"])}
    torch.testing.assert_close(out.sum((0, 2, 3, 4)), torch.tensor(case["output_channel_sums"]), **close)
    torch.testing.assert_close(out.flatten()[:6], torch.tensor(case["output_first"]), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("case", golden("cakes/dropout_ops")["cases"], ids=lambda case: case["op"])
def test_dropping_ops(case):
    """Forward and gradients of the norm's scales for given kept channels; running statistics stay."""
    s = case["stride"]
    op = load_op(DroppingConv(case["c_in"], case["planes"], NAMES[case["op"]], (1, s, s)), case)
    op.draw = lambda kinds, channels: torch.tensor(case["keep"])
    before, x = op.norm.running_mean.clone(), golden_input(case["input_shape"]).requires_grad_()
    out = op(x).relu()
    out.square().mean().backward()
    torch.testing.assert_close(out.sum((0, 2, 3, 4)), torch.tensor(case["output_channel_sums"]), rtol=1e-5, atol=0)
    torch.testing.assert_close(op.norm.weight.grad, torch.tensor(case["gamma_grad"]), rtol=0, atol=2e-6)
    assert x.grad.abs().sum().item() == pytest.approx(case["input_grad_abs_sum"], rel=1e-5)
    assert torch.equal(op.norm.running_mean, before) and op.norm.num_batches_tracked == 0


def test_draws_of_the_dropping_ops():
    """`channels` candidates, each once; any_counts takes them of one kind alone as often as half and half."""
    torch.manual_seed(0)
    firsts = []
    for draw, kinds in ((any_subset, 3), (any_counts, 2)):
        for _ in range(300):
            kept = draw(kinds, 4)
            assert len(set(kept.tolist())) == 4 and 0 <= kept.min() and kept.max() < kinds * 4
            firsts.append(int((kept < 4).sum()))
    share = [firsts[300:].count(n) / 300 for n in range(5)]
    assert all(0.1 < each < 0.3 for each in share)
    assert firsts[:300].count(4) < 15  # all of one kind of three: 1 draw in 495


def test_a_dropping_net_evaluates_what_it_kept():
    """Unset it refuses; with `kept` set, training moves those running statistics alone, and evaluation uses them."""
    op, x = DroppingConv(5, 4, "convst_dropout", (1, 1, 1)), torch.randn(2, 5, 3, 6, 6)
    with pytest.raises(ValueError, match="kept"):
        op.eval()(x)
    op.kept = torch.tensor([0, 2, 5, 6])
    for _ in range(200):
        trained = op.train()(x)
    torch.testing.assert_close(op.eval()(x), trained, rtol=1e-2, atol=1e-2)
    assert [i for i in range(8) if op.norm.running_mean[i] != 0] == op.kept.tolist()


@pytest.mark.parametrize("kinds", [OPS["mixconvall"], ("kx1x1", "1xkxk"), ("1x1xk",)], ids=len)
def test_a_mixture_is_a_dense_convolution_with_zeros(kinds):
    """Any kind may be absent; all have one stride."""
    op, x = SubKernelConv(3, {kind: i + 1 for i, kind in enumerate(kinds)}, (1, 2, 2)), torch.randn(2, 3, 4, 7, 6)
    dense, start = torch.zeros(op.channels, 3, 3, 3, 3), 0
    for kind, weight in op.weights().items():
        t, h, w = (slice(None) if k == 3 else slice(1, 2) for k in KINDS[kind])
        dense[start : start + len(weight), :, t, h, w] = weight.detach()
        start += len(weight)
    want = nn.functional.conv3d(x, dense, stride=(1, 2, 2), padding=1)
    torch.testing.assert_close(op.eval()(x), want / (1 + op.norm.eps) ** 0.5, rtol=1e-5, atol=1e-5)


def test_deals(tmp_path):
    assert PUBLISHED_DEALS == json.loads((GOLDEN / "cakes/published_configs.json").read_text())
    planes = [16, 32, 64]
    path = tmp_path / "deal.json"
    path.write_text(json.dumps([{"kx1x1": 16}, {"1xkxk": 20, "kxkxk": 12}, {"1xkxk": 64}]))
    net = create_model("cakes_nano", plan=str(path))
    assert [block.middle.kinds for block in net.blocks()] == [("kx1x1",), ("kxkxk", "1xkxk"), ("1xkxk",)]
    assert uniform(OPS["mixconvall"], 16) == dict.fromkeys(OPS["mixconvall"], 2) | {"kxkxk": 4}
    wrong = {
        "no deal 'CAKES3D'": "CAKES3D",
        "layer 0 of the deal has 15 channels; the layer has 16": [{"kx1x1": 15}, {}, {}],
        "the deal CAKES12D_P has 16 layers; the net has 3": "CAKES12D_P",
        "'1x1xk', op 'conv1_2d' has not.*mixconv1d": [{"1x1xk": 16}, {}, {}],
        "whole numbers": [{"kx1x1": 16.0}, {}, {}],
    }
    for message, deal in wrong.items():
        with pytest.raises(ValueError, match=message):
            read_deal(deal, "conv1_2d", planes)


def test_inflation_goes_by_the_kinds_name():
    """A deal without its op's first kind, and ResNet-101, are filled too."""
    flat = {"conv2": torch.arange(4 * 2 * 9.0).reshape(4, 2, 3, 3)}
    op = SubKernelConv(2, {"kxkxk": 0, "1xkxk": 1, "kx1x1": 3}, (1, 1, 1))
    norm = {name: torch.arange(4.0) for name in ("weight", "bias", "running_mean", "running_var")}
    op.fill(flat["conv2"], norm)
    assert torch.equal(op.weights()["1xkxk"][:, :, 0], flat["conv2"][:1])
    assert torch.equal(op.weights()["kx1x1"][0, 0, :, 0, 0], flat["conv2"][1, 0].sum().expand(3) / 3)
    assert torch.equal(op.norm.bias, torch.arange(4.0))
    line = torch.randn(1, 1, 3, 3)
    assert torch.equal(inflated(line, "kx1xk")[0, 0, :, 0], line[0, 0])
    assert torch.equal(inflated(line, "kxkx1")[0, 0, :, :, 0], line[0, 0].T)
    # on a clip that never changes, a kernel and its inflation agree away from the clip's ends
    x, weight = torch.randn(1, 2, 1, 6, 6).expand(-1, -1, 5, -1, -1), torch.randn(4, 2, 3, 3)
    op = SubKernelConv(2, {"kxkxk": 4}, (1, 1, 1)).eval()
    op.fill(weight, {**norm, "running_var": torch.ones(4), "weight": torch.ones(4)})
    want = (nn.functional.conv2d(x[:, :, 0], weight, padding=1) - norm["bias"][:, None, None]) / (1 + 1e-5) ** 0.5
    torch.testing.assert_close(op(x)[:, :, 2], want + norm["bias"][:, None, None], rtol=1e-4, atol=1e-4)
