"""Vision transformers: sizes, heads, positions of other sizes, files of the zoo and of DeiT."""

import pytest
import torch
from stand_in import golden, golden_input, stand_in
from torch.nn import functional as F

from lib import create_model, load_published, measure_cost
from lib.data import as_clip
from lib.weights.published import save_published

PARAMS = {"vit_t_p16": 5_567_056, "vit_deit_t_p16": 5_644_640, "c2d_vit_t_p16": 6_009_424}  # 400 classes, 64 pixels


@pytest.mark.parametrize("name", PARAMS)
def test_parameters(name):
    with torch.device("meta"):
        assert sum(p.numel() for p in create_model(name, size=64).parameters()) == PARAMS[name]


@pytest.mark.parametrize("built_for", [224, 64])
def test_macs(built_for):
    """Both products of attention are counted, at any size that the positions were made for."""
    with torch.device("meta"):
        cost = measure_cost(create_model("vit_deit_t_p16", size=built_for), (3, 1, 224, 224))
    detail = golden("optplan/vit_deit_t_p16")["macs_detail"][0]
    assert cost.macs == detail["conv_plus_linear"] and cost.unsupported == {}
    assert {kind: cost.by_operator[kind] for kind in ("conv", "linear", "matmul")} == {
        kind: detail["by_operator"][kind] for kind in ("conv", "linear", "matmul")
    }


def test_the_zoos_small_is_not_deits():
    with torch.device("meta"):
        net = create_model("vit_deit_s_p16")
    attention = net.blocks[0].attn
    assert (len(net.blocks), attention.heads, attention.qkv.bias, attention.scale) == (8, 8, None, 768**-0.5)
    assert net.blocks[0].mlp.fc1.weight.shape == (3 * 768, 768)


def test_deits_own_file(tmp_path):
    """The original's tensors under DeiT's names give the golden logits; the grid's size is the file's."""
    case = golden("optplan/vit_deit_t_p16")
    names = {"fc.": "head.", "fc_dist.": "head_dist."}
    tensors = {}
    for key, value in stand_in("optplan/vit_deit_t_p16").items():
        key = key.removeprefix("module.")
        tensors[next((key.replace(old, new) for old, new in names.items() if key.startswith(old)), key)] = value
    torch.save({"model": tensors}, path := tmp_path / "deit_tiny_distilled.pth")
    loaded = load_published("vit_deit_t_p16", path)
    assert loaded.report.layout == "DeiT" and loaded.report.options["size"] == 64
    with torch.no_grad():
        logits = loaded.model(as_clip(golden_input(case["input_shape"]), 4))
    torch.testing.assert_close(logits[:, :10], torch.tensor(case["logits"]), rtol=0, atol=1e-4 * case["logits_abs_max"])


@torch.no_grad()
def test_positions_of_another_size():
    """As in a net that was built for the clip's size and given the resized grid; patches keep their places."""
    torch.manual_seed(0)
    net, twin = (create_model("vit_t_p16", num_classes=3, size=size).eval() for size in (64, 96))
    weights = net.state_dict()
    token, grid = weights["stem.position"].split([1, 16], 1)
    grid = F.interpolate(grid.transpose(1, 2).unflatten(2, (4, 4)), (6, 6), mode="bilinear").flatten(2).transpose(1, 2)
    twin.load_state_dict({**weights, "stem.position": torch.cat([token, grid], 1)})
    x = torch.randn(1, 3, 2, 96, 96)
    torch.testing.assert_close(net(x), twin(x))
    assert net.feature_map(x[..., :70]).shape == (1, 192, 2, 6, 4)
    with pytest.raises(ValueError, match="at least 16 x 16 pixels"):
        net(x[..., :15])


@torch.no_grad()
def test_groups_of_frames(tmp_path):
    """A kernel that sees one frame of each group is the net on those frames; its file stores it in 3D."""
    torch.manual_seed(0)
    net = create_model("vit_t_p16", num_classes=3, size=32).eval()
    groups = create_model("c2d_vit_t_p16", num_classes=3, size=32).eval()
    kernel = torch.zeros_like(groups.stem.patches.weight)
    kernel[:, :, 2] = net.stem.patches.weight[:, :, 0]
    groups.load_state_dict({**net.state_dict(), "stem.patches.weight": kernel})
    x = torch.randn(2, 3, 8, 32, 32)
    torch.testing.assert_close(groups(x), net(x[:, :, 2::4]))
    with pytest.raises(ValueError, match="multiples of early_stride=4 frames"):
        groups(x[:, :, :6])
    save_published("c2d_vit_t_p16", groups, path := tmp_path / "net.pth")
    assert torch.load(path, weights_only=True)["model"]["module.patch_embed.proj.weight"].shape == (192, 3, 4, 16, 16)
    torch.testing.assert_close(load_published("c2d_vit_t_p16", path).model(x), groups(x))


def test_two_heads():
    net, x = create_model("vit_deit_t_p16", num_classes=3, size=32), torch.randn(2, 3, 2, 32, 32)
    assert [head.shape for head in net.train()(x)] == [(2, 3)] * 2
    with torch.no_grad():
        torch.testing.assert_close(net.eval()(x), sum(net.heads(x)) / 2)
