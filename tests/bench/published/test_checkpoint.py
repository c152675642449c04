"""`bench checkpoint`: the net is guessed, the report is printed, the weights are converted and read again."""

import json
import pickle

import numpy as np
import pytest
import torch
from stand_in import stand_in, write_stand_in

from bench.__main__ import main
from bench.published.checkpoint import inspect
from lib import create_model
from lib.weights.loading import load_weights
from lib.weights.published import load_published
from lib.weights.safetensors import sha256

# stand-in: the net that its file's name and tensors tell
FILES = {
    "efficient3dcnns/shufflenet_0.5x_g3": "shufflenet3d",
    "efficient3dcnns/resnet_18_A": "resnet3d_18",
    "csn/ircsn_r50": "ircsn_50",
}


@pytest.mark.parametrize("name", FILES)
def test_the_net_is_guessed(name, tmp_path, capsys):
    path = write_stand_in(name, tmp_path)
    assert inspect(path) == FILES[name]
    said = capsys.readouterr().out
    assert "warning" not in said
    assert sha256(path) in said and "unused         none" in said


def test_a_file_without_a_name_is_known_by_its_tensors(tmp_path, capsys):
    path = write_stand_in("efficient3dcnns/mobilenetv2_0.7x", tmp_path).rename(tmp_path / "weights.pth")
    assert inspect(path) == "mobilenetv2_3d"
    said = capsys.readouterr().out
    assert "width=0.7" in said and "num_classes=600" in said


def test_a_wrong_name_is_a_warning(tmp_path, capsys):
    path = write_stand_in("efficient3dcnns/shufflenet_0.5x_g3", tmp_path)
    inspect(path.rename(tmp_path / "kinetics_shufflenet_1.5x_G3_RGB_16_best.pth"))
    assert "says width=1.5, the tensors width=0.5" in capsys.readouterr().out


def test_conversion_keeps_everything(tmp_path, capsys):
    """Weights, options, preprocessing come back; the metadata names the source by its SHA-256."""
    from safetensors import safe_open

    path, out = write_stand_in("efficient3dcnns/shufflenet_0.5x_g3", tmp_path), tmp_path / "model.safetensors"
    main(["checkpoint", str(path), "--out", str(out)])
    assert str(out) in capsys.readouterr().out
    loaded, again = load_published("shufflenet3d", path), load_weights("shufflenet3d", out)
    assert again.preprocessing == loaded.preprocessing and not again.model.training
    want = loaded.model.state_dict()
    assert again.model.state_dict().keys() == want.keys()
    assert all(torch.equal(value, want[key]) for key, value in again.model.state_dict().items())
    with safe_open(out, "pt") as file:
        metadata = file.metadata()
    assert metadata["source_sha256"] == sha256(path) and metadata["source"] == path.name
    assert json.loads(metadata["options"]) == {"num_classes": 600, "width": 0.5, "groups": 3}


def test_a_net_that_does_not_fit_is_refused(tmp_path):
    path = write_stand_in("efficient3dcnns/shufflenet_0.5x_g3", tmp_path)
    with pytest.raises(SystemExit, match=r"does not fit ircsn_26.*shufflenet3d.*fits"):
        main(["checkpoint", str(path), "--as", "ircsn_26", "--out", str(tmp_path / "model.safetensors")])
    assert not (tmp_path / "model.safetensors").exists()


def test_tensors_of_no_net_name_the_nearest(tmp_path):
    tensors = {key: value for key, value in stand_in("csn/ircsn_r26").items() if "layer4.1" not in key}
    torch.save(tensors, tmp_path / "weights.pth")
    with pytest.raises(ValueError, match="fits none of our nets; ircsn_26 .*nearest"):
        inspect(tmp_path / "weights.pth")


@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_caffe2_is_refused_with_the_reason(protocol, tmp_path):
    path = tmp_path / "irCSN_152_ft_kinetics_from_ig65m_f126851907.pkl"
    path.write_bytes(pickle.dumps({"blobs": {"conv1_w": np.zeros((2, 3), np.float32)}}, protocol))
    with pytest.raises(ValueError, match=r"Caffe2 pickle.*mmaction2 publishes the same weights.*vmz_ircsn"):
        inspect(path)


def test_a_safetensors_file_of_others(tmp_path):
    """It is a net's if its tensors are; what its pixels are it does not say."""
    from safetensors.torch import save_file

    save_file({"weight": torch.zeros(2)}, tmp_path / "other.safetensors")
    with pytest.raises(ValueError, match="other.safetensors does not fit c3d"):
        load_weights("c3d", tmp_path / "other.safetensors")
    net = create_model("c2d_nano", num_classes=3)
    save_file(net.state_dict(), tmp_path / "own.safetensors")
    assert load_weights("c2d_nano", tmp_path / "own.safetensors").preprocessing.pixels is None
    (tmp_path / "text.safetensors").write_text("hello, this is not one")
    with pytest.raises(ValueError, match="text.safetensors was not loaded: .* but text: 'hello, this is not one'"):
        load_weights("c3d", tmp_path / "text.safetensors")


def test_what_nothing_says_is_unknown(tmp_path, capsys):
    path = write_stand_in("efficient3dcnns/shufflenet_0.5x_g3", tmp_path).rename(tmp_path / "weights.pth")
    inspect(path)
    assert "pixels=unknown: training and extracting ask for --pixels" in capsys.readouterr().out
