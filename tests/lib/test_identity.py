"""A run's record says what it uses, so that another net or other videos are never taken for it."""

import importlib.util

import pytest
import torch
from family_clips import splits
from torch import nn

from lib import create_model
from lib.identity import used
from lib.train import fit

CODE = """
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(3, 2)

    def forward(self, x):
        return self.fc(x.mean((2, 3, 4))){}
"""


def net_from(path, change):
    path.write_text(CODE.format(change))
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.Net()


@pytest.fixture(scope="module")
def sets(tmp_path_factory):
    return splits(tmp_path_factory.mktemp("noise"), 8, 32)


def test_options_that_no_name_says_change_the_tensors(sets):
    clips = sets[0]
    a, b = (used(create_model("mobilenetv2_3d_nano", num_classes=2, width=width), clips) for width in (1.0, 0.5))
    assert a["net"]["name"] == b["net"]["name"] and a != b


def test_a_readers_own_code_counts(sets, tmp_path):
    clips = sets[0]
    first, again = (used(net_from(tmp_path / f"mine_{i}.py", ""), clips) for i in (1, 2))
    other = used(net_from(tmp_path / "mine_3.py", " * 2"), clips)
    assert first == again and first["net"]["tensors"] == other["net"]["tensors"] and first != other


def test_weights_and_wrappers_do_not_count(sets):
    clips, net = sets[0], create_model("c2d_nano", num_classes=2)
    before = used(net, clips)
    with torch.no_grad():
        net.fc.bias.add_(1)
    assert used(net, clips) == used(nn.DataParallel(net), clips) == before


def test_a_folder_of_another_net_is_refused(sets, tmp_path):
    train, val, _ = sets
    options = {"epochs": 1, "batch_size": 2, "progress": False}
    fit(tmp_path, create_model("c2d_nano", num_classes=3), train, val, **options)
    with pytest.raises(ValueError, match="holds another run .*used"):
        fit(tmp_path, create_model("i3d_nano", num_classes=3), train, val, **options)
