"""The loader: every way a file may be written, every way it may be wrong."""

import argparse
import os
import pickle
from collections import OrderedDict

import numpy as np
import pytest
import torch
from stand_in import stand_in, write_stand_in

from lib import create_model, load_published
from lib.weights.published import save_published

NAME, FILE = "efficient3dcnns/shufflenet_0.5x_g3", "shufflenet3d"


@pytest.fixture(scope="module")
def tensors():
    return stand_in(NAME)


def bare(tensors):
    return {key.removeprefix("module."): value for key, value in tensors.items()}


WAYS = {
    "as published": lambda tensors: {"state_dict": tensors, "epoch": 3, "best_prec1": torch.tensor(0.5)},
    "bare": bare,
    "ordered": lambda tensors: {"state_dict": OrderedDict(tensors), "arch": "resnet-50"},
    "under model": lambda tensors: {"model": bare(tensors), "opt": argparse.Namespace(lr=0.1, steps=[1, 2])},
    "with numpy's numbers": lambda tensors: {"state_dict": tensors, "best_prec1": np.float64(0.5), "n": np.int64(3)},
    "without counters": lambda tensors: {key: value for key, value in tensors.items() if "num_batches" not in key},
}


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "legacy"])
@pytest.mark.parametrize("way", WAYS)
def test_ways_a_file_is_written(way, zipped, tensors, tmp_path):
    path = tmp_path / "renamed.pth"
    torch.save(WAYS[way](tensors), path, _use_new_zipfile_serialization=zipped)
    loaded = load_published(FILE, path)
    assert not loaded.model.training
    assert loaded.report.options == {"num_classes": 600, "width": 0.5, "groups": 3}
    assert torch.equal(loaded.model.fc.bias, tensors["module.classifier.1.bias"])
    assert loaded.report.renamed["conv1.0.weight"] == "stem.0.weight"
    assert loaded.report.unused == []
    assert all(key.endswith("num_batches_tracked") for key in loaded.report.missing)


class Payload:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "legacy"])
def test_code_in_a_file_is_refused_before_it_runs(zipped, tensors, tmp_path):
    trap = tmp_path / "trap"
    torch.save(
        {"state_dict": tensors, "epoch": Payload(trap)}, tmp_path / "bad.pth", _use_new_zipfile_serialization=zipped
    )
    with pytest.raises(ValueError, match="more than data.*mkdir"):
        load_published(FILE, tmp_path / "bad.pth")
    assert not trap.exists()


def test_a_plain_pickle_is_refused(tmp_path):
    trap = tmp_path / "trap"
    (tmp_path / "bad.pth").write_bytes(pickle.dumps(Payload(trap)))
    with pytest.raises(ValueError, match="bad.pth"):
        load_published(FILE, tmp_path / "bad.pth")
    assert not trap.exists()


def test_no_weights_in_it(tmp_path):
    torch.save({"epoch": 3}, tmp_path / "none.pth")
    with pytest.raises(ValueError, match="no state dict.*epoch"):
        load_published(FILE, tmp_path / "none.pth")
    (tmp_path / "text.pth").write_text("hello")
    with pytest.raises(ValueError, match="text.pth"):
        load_published(FILE, tmp_path / "text.pth")


def test_a_file_of_another_net_names_the_right_one(tmp_path):
    path = write_stand_in("csn/ircsn_r26", tmp_path)
    with pytest.raises(ValueError, match=r"does not fit mobilenetv2_3d.*ircsn_26 .*fits"):
        load_published("mobilenetv2_3d", path)


def test_a_wrong_option_is_named(tensors, tmp_path):
    torch.save(tensors, tmp_path / "file.pth")
    with pytest.raises(ValueError, match=r"width': 0.5.*fits"):
        load_published(FILE, tmp_path / "file.pth", width=1.0)


def test_a_key_too_many_or_too_few_is_an_error(tensors, tmp_path):
    more = {**tensors, "module.extra.weight": torch.zeros(1)}
    less = {key: value for key, value in tensors.items() if key != "module.layer1.0.bn1.weight"}
    for wrong, key in ((more, "extra.weight is not in the net"), (less, "layer1.0.bn1.weight is missing")):
        torch.save(wrong, tmp_path / "file.pth")
        with pytest.raises(ValueError, match=key):
            load_published(FILE, tmp_path / "file.pth")


def test_a_headless_csn_leaves_the_head_as_it_was(tmp_path):
    body = {
        key.removeprefix("backbone."): value for key, value in stand_in("csn/ircsn_r26").items() if "fc_cls" not in key
    }
    torch.save({"state_dict": body}, tmp_path / "ircsn_from_scratch_r26_ig65m.pth")
    loaded = load_published("ircsn_26", tmp_path / "ircsn_from_scratch_r26_ig65m.pth", num_classes=10)
    assert loaded.report.missing == ["fc.weight", "fc.bias"]
    assert torch.equal(loaded.model.stem[0].weight, body["conv1.conv.weight"])


def test_nets_without_published_weights_say_so(tensors, tmp_path):
    torch.save(tensors, tmp_path / "file.pth")
    with pytest.raises(ValueError, match="no published layout"):
        load_published("c2d_nano", tmp_path / "file.pth")
    with pytest.raises(ValueError, match="efficient-3dcnns"):
        save_published(FILE, create_model(FILE), tmp_path / "out.pth", layout="VMZ")
