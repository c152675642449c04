"""supernets and dealt nets by name: CAKES' own, swapped ones, inflated ones."""

import pytest
import torch

from lib import create_model
from lib.models.subkernels import DroppingConv, SuperConv
from lib.models.swap import SummedConv, SwappedConv, super_layers
from lib.search.subkernels.nets import build_dealt, build_supernet

DEAL = [{"kxkxk": 4, "1xkxk": 12, "kx1x1": 0}, {"kxkxk": 32}, {"1xkxk": 30, "kx1x1": 34}]


def test_by_options_or_by_swapping():
    kinds = {("cakes_nano", "cost"): SuperConv, ("cakes_nano", "performance"): DroppingConv,
             ("cakes_deep_nano", "cost"): SummedConv, ("cakes_deep_nano", "performance"): DroppingConv,
             ("i3d_nano", "cost"): SummedConv}  # fmt: skip
    for (model, priority), layer in kinds.items():
        net = build_supernet(model, "conv1_2_3d", priority, num_classes=8)
        assert {type(each) for each in super_layers(net)} == {layer} and net.fc.out_features == 8
    own = build_dealt("cakes_nano", "conv1_2_3d", DEAL, num_classes=8)
    assert [block.middle.kinds for block in own.blocks()] == [
        ("kxkxk", "1xkxk"), ("kxkxk",), ("1xkxk", "kx1x1")]  # fmt: skip
    swapped = build_dealt("i3d_nano", "conv1_2_3d", DEAL, num_classes=8)
    assert [m.kinds for m in swapped.modules() if isinstance(m, SwappedConv)] == [b.middle.kinds for b in own.blocks()]


@pytest.mark.parametrize(("arguments", "message"), [
    (("cakes_nano", "conv1_2_3d", "speed"), "it can be 'cost', 'performance'"),
    (("cakes_nano", "mixconvall", "performance"), "the ops conv1_2d, convst, conv1_2_3d"),
    (("i3d_nano", "convst", "performance"), "it is for cakes_"),
])  # fmt: skip
def test_what_there_is_not(arguments, message):
    with pytest.raises(ValueError, match=message):
        build_supernet(*arguments, num_classes=8)


def test_inflated(tmp_path):
    """From the 2D weights of a net: with 1x3x3 kernels alone, the dealt net computes what the 2D net does."""
    flat_net = create_model("cakes_nano", num_classes=8, op="conv2d").eval()
    names = {"stem.0.": "conv1.", "stem.1.": "bn1.", "reduce.0": "conv1", "reduce.1": "bn1", "middle.convs.0": "conv2",
             "middle.norm": "bn2", "expand.0": "conv3", "expand.1": "bn3", "shortcut.0": "downsample.0",
             "shortcut.1": "downsample.1", **{f"stages.{i}.": f"layer{i + 1}." for i in range(3)}}  # fmt: skip
    flat = {}
    for key, value in flat_net.state_dict().items():
        for ours, theirs in names.items():
            key = key.replace(ours, theirs)
        flat[key] = value.squeeze(2) if value.ndim == 5 else value
    torch.save(flat, tmp_path / "flat.pth")
    deal = [{"1xkxk": 16}, {"1xkxk": 32}, {"1xkxk": 64}]
    net = build_dealt("cakes_nano", "conv1_2_3d", deal, weights=tmp_path / "flat.pth", num_classes=8).eval()
    net.fc = flat_net.fc
    x = torch.randn(1, 3, 4, 32, 32)
    torch.testing.assert_close(net(x), flat_net(x), rtol=1e-4, atol=1e-5)
    supernet = build_supernet("cakes_nano", "convst", weights=tmp_path / "flat.pth", num_classes=8)
    assert torch.equal(supernet.blocks()[0].middle.norm.weight, flat["layer1.0.bn2.weight"].repeat(2))
    with pytest.raises(ValueError, match="i3d_nano is none"):
        build_dealt("i3d_nano", "convst", None, weights=tmp_path / "flat.pth", num_classes=8)
