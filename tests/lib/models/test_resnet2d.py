"""2D ResNets on frames: what they share with C2D, how their files differ from it."""

import pytest
import torch
from stand_in import golden, golden_input, stand_in

from lib import create_model, load_published, measure_cost
from lib.weights.published import compare, save_published
from lib.weights.transfer_2d import inflate

# parameters with 400 classes; C2D's of the same depth
PARAMS = {"seq_18": 11_409_936, "seq_50": 24_355_856, "seq_101": 43_347_984, "seq_103": 43_448_720,
          "seq_152": 58_991_632, "seq_resnext50": 23_827_728, "resnet2d_50": 24_327_632}  # fmt: skip


@pytest.mark.parametrize("name", PARAMS)
def test_parameters(name):
    with torch.device("meta"):
        assert sum(p.numel() for p in create_model(name).parameters()) == PARAMS[name]


@pytest.mark.parametrize(("name", "frames", "gmacs"), [("seq_50", 16, 17.77), ("resnet2d_50", 1, 4.09)])
def test_macs(name, frames, gmacs):
    with torch.device("meta"):
        assert round(measure_cost(create_model(name), (3, frames, 224, 224)).macs / 1e9, 2) == gmacs


def test_seq_equals_the_2d_net():
    """From ImageNet's weights: the mean of the 2D net's logits over frames 2, 6, 10, 14, as C2D's golden logits are."""
    case, flat = golden("optplan/transfer")["cases"]["c2d_resnet50"], stand_in("optplan/imagenet_resnet50")
    seq, frame_by_frame = (create_model(name, num_classes=1000).eval() for name in ("seq_50", "resnet2d_50"))
    assert inflate(seq, flat) == inflate(frame_by_frame, flat) == []
    x = golden_input(case["input_shape"])
    with torch.no_grad():
        for logits in (seq(x), frame_by_frame(x[:, :, 2::4])):
            want, reach = torch.tensor(case["logits"]), 1e-4 * float(logits.abs().max())
            torch.testing.assert_close(logits[:, :10], want, rtol=0, atol=reach)


def test_only_the_stem_is_stored_in_3d(tmp_path):
    """A file of seq has 2D kernels behind the stem, of one time step too; it loads, and C2D's file does not."""
    for early_stride in (1, 4):
        net = create_model("seq_18", num_classes=3, early_stride=early_stride).eval()
        save_published("seq_18", net, path := tmp_path / "seq.pth")
        tensors = torch.load(path, weights_only=True)["model"]
        dims = {key: value.ndim for key, value in tensors.items() if value.ndim > 2}
        assert dims.pop("module.conv1.weight") == 5 and set(dims.values()) == {4}
        loaded = load_published("seq_18", path, early_stride=early_stride)
        assert loaded.report.missing == loaded.report.unused == []
        x = torch.randn(1, 3, 4, 32, 32)
        with torch.no_grad():
            torch.testing.assert_close(loaded.model(x), net(x))
    deep = {
        key.removeprefix("module."): value.unsqueeze(2) if value.ndim == 4 else value for key, value in tensors.items()
    }
    (_, match), *_ = compare(deep, "seq_18")
    assert not match.fits


def test_epsilons_of_deep_stems():
    """2e-5, but for C2D's and the first of seq."""
    with torch.device("meta"):
        found = {
            name: [m.eps for m in create_model(name).modules() if isinstance(m, torch.nn.BatchNorm3d)]
            for name in ("seq_103", "resnet2d_103", "seq_50")
        }
    assert found["seq_103"][0] == 1e-5 and set(found["seq_103"][1:]) == {2e-5}
    assert set(found["resnet2d_103"]) == {2e-5} and set(found["seq_50"]) == {1e-5}
