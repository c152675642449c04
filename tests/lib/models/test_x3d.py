"""X3D beyond the logits: sizes, widths, the head at several positions, first weights, what a file says and does not."""

import math

import pytest
import torch
from stand_in import GOLDEN, golden, golden_input, write_stand_in
from torch import nn

from lib import create_model, load_published
from lib.models.x3d import INNER, NETS, SQUEEZED, WIDTHS, Block

PROTOCOL = golden("x3d/protocol")


@pytest.mark.parametrize("name", NETS)
def test_widths_and_depths(name):
    said = PROTOCOL["widths_and_depths"][name.removeprefix("x3d_").upper()]
    assert (list(NETS[name][0]), list(WIDTHS[1:])) == (said["blocks"], said["out"])
    assert (list(INNER), list(SQUEEZED)) == (said["inner"], said["se"])


@pytest.mark.parametrize(("size", "params", "tensors"), [("xs", 3_794_322, 568), ("l", 6_153_432, 1146)])
def test_published_sizes(size, params, tensors):
    with torch.device("meta"):
        net = create_model(f"x3d_{size}")
        bare = create_model(f"x3d_{size}", shortcut_norm=False)
    assert sum(p.numel() for p in net.parameters()) == params and len(net.state_dict()) == tensors
    assert sum(p.numel() for p in bare.parameters()) == params - 48 and len(bare.state_dict()) == tensors - 5


def test_published_views(tmp_path):
    """At a test crop the head classifies at 2 x 2 positions; SlowFast averages their softmax, not their logits."""
    loaded = load_published("x3d_s", write_stand_in("x3d/x3d_s", tmp_path))
    for case in (golden("x3d/x3d_s"), golden("x3d/x3d_s")["views"]):
        clip, scale = golden_input(case["input_shape"]), case["logits_abs_max"]
        with torch.no_grad():
            torch.testing.assert_close(
                loaded.model(clip)[:, :10], torch.tensor(case["logits"]), rtol=0, atol=1e-4 * scale
            )
            each = loaded.model.positions(clip)[:, :, :3]
            assert each.shape[1] == math.prod(case["positions"])
            for got, want in zip(each, case.get("logits_by_position", []), strict=False):
                torch.testing.assert_close(got, torch.tensor(want), rtol=0, atol=1e-4 * scale)
            fc = loaded.model.fc  # stand-in weights give logits in the hundreds
            fc.weight.mul_(case["projection_scale"]), fc.bias.mul_(case["projection_scale"])
            probabilities = loaded.model.probabilities(clip)
            fc.weight.div_(case["projection_scale"]), fc.bias.div_(case["projection_scale"])
        torch.testing.assert_close(probabilities[:, :10], torch.tensor(case["probs"]), rtol=0, atol=1e-4)
        top = probabilities.topk(5)
        for row, want in enumerate(case["probs_top5"]):
            assert top.indices[row].tolist() == [label for label, _ in want]
            assert top.values[row].tolist() == pytest.approx([value for _, value in want], abs=1e-4)


def test_initial_weights():
    """Depthwise convolutions by fan-out over all groups; every block starts as its shortcut."""
    torch.manual_seed(0)
    net = create_model("x3d_xs", num_classes=10)
    block = net.stages[3][1]
    assert block.filter[0].weight.std().item() == pytest.approx(math.sqrt(2 / (27 * 432)), rel=0.05)
    assert net.fc.weight.std().item() == pytest.approx(0.01, rel=0.1) and (net.fc.bias == 0).all()
    assert net.hidden.weight.std().item() == pytest.approx(math.sqrt(2 / 2048), rel=0.05)
    for module in net.modules():
        if isinstance(module, Block):
            assert (module.project[1].weight == 0).all() and (module.expand[1].weight == 1).all()
            gated = isinstance(module.gate, nn.Identity) or (module.gate.expand.bias == 0).all()
            assert gated
    assert [isinstance(block.gate, nn.Identity) for block in net.stages[0]] == [False, True, False]


def test_a_file_says_what_it_can(tmp_path):
    """The layout decides the net's options and the pixels; which of XS, S and M it is, no file says."""
    mmaction = load_published("x3d_m", write_stand_in("x3d/mmaction2_x3d_m", tmp_path))
    assert mmaction.report.layout == "mmaction2" and mmaction.model.head_pool is None
    video = load_published("x3d_xs", write_stand_in("x3d/pytorchvideo_x3d_xs", tmp_path))
    assert video.report.options["shortcut_norm"] is False and len(video.model.stages[0][0].shortcut) == 1
    said = video.preprocessing
    assert (said.frames, said.frame_stride, said.size, said.pixels.channel_order) == (4, 12, 160, "RGB")
    assert "a file does not say" in said.note
    with pytest.raises(ValueError, match="does not fit x3d_l"):
        load_published("x3d_l", tmp_path / "X3D_XS.pyth")


def test_small_files(tmp_path):
    """A file as SlowFast writes it around pytorchvideo's net: every key begins with `model.`."""
    path = write_stand_in("x3d/pytorchvideo_x3d_xs", tmp_path)
    tensors = torch.load(path, weights_only=True)["model_state"]
    torch.save({"model_state": {f"model.{key}": value for key, value in tensors.items()}}, tmp_path / "s.pyth")
    loaded = load_published("x3d_xs", tmp_path / "s.pyth")
    assert loaded.report.layout == "pytorchvideo" and not loaded.report.missing + loaded.report.unused


def test_golden_files_are_all_compared():
    names = {path.name.split(".")[0] for path in (GOLDEN / "x3d").glob("*.keys.json")}
    assert names == {"x3d_xs", "x3d_s", "x3d_l", "pytorchvideo_x3d_xs", "mmaction2_x3d_m", "efficient_x3d_xs"}
