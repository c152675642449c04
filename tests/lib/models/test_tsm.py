"""TSM: its size, its shifts, its published layout."""

import torch

from lib import create_model, load_published, measure_cost
from lib.weights.published import save_published


def test_size_of_tsm():
    """23 508 032 parameters and 2049 per class; shifts cost nothing."""
    with torch.device("meta"):
        cost = measure_cost(create_model("tsm_50"), (3, 8, 224, 224))
    assert (cost.params, round(cost.macs / 1e7)) == (24_327_632, 3270)


def test_a_frame_reaches_its_neighbours():
    """One shifted block lets a frame's logits see one frame further on both sides; without shifts, none."""
    x = torch.zeros(1, 3, 9, 32, 32)
    moved = x.clone()
    moved[:, :, 4] += 1
    for div, reach in ((8, [3, 4, 5]), (0, [4])):
        block = create_model("tsm_50", div=div).eval().stages[0][0]
        with torch.no_grad():
            change = block(moved[:, :1].expand(-1, 64, -1, -1, -1)) - block(x[:, :1].expand(-1, 64, -1, -1, -1))
        assert change.abs().amax((0, 1, 3, 4)).nonzero().flatten().tolist() == reach


def test_tsm_in_its_published_layout(tmp_path):
    net = create_model("tsm_50", num_classes=5)
    save_published("tsm_50", net, tmp_path / "tsm.pth.tar")
    keys = torch.load(tmp_path / "tsm.pth.tar", weights_only=True)["state_dict"].keys()
    shifted = "module.base_model.layer1.0.conv1.net.weight"
    assert {
        shifted,
        "module.base_model.conv1.weight",
        "module.base_model.layer4.2.bn2.bias",
        "module.new_fc.bias",
    } <= keys
    loaded = load_published("tsm_50", tmp_path / "tsm.pth.tar")
    for key, value in loaded.model.state_dict().items():
        assert torch.equal(value, net.state_dict()[key])
    assert loaded.report.missing == loaded.report.unused == []
