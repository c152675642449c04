"""Every family trains: two steps through the trainer, by its nano net or its smallest member."""

import json

import pytest
import torch
from family_clips import splits

from lib import create_model, list_models
from lib.train import fit

# families without a nano net: options, frames, pixels of the smallest that trains
SMALLEST = {
    "mobilenet3d": ({"width": 0.25}, 16, 32),
    "shufflenet3d": ({"width": 0.25, "groups": 1}, 16, 48),
    "squeezenet3d": ({}, 16, 32),
    "c3d": ({"frames": 9, "size": 16}, 9, 16),
    "resnext3d_50": ({"cardinality": 4}, 8, 16),
    "r2p1d_18": ({}, 8, 32),
    "p3da_18": ({}, 8, 32),
    "lgd_p3d_50": ({}, 8, 32),
    "s3dg": ({}, 8, 32),
    "gst_50": ({}, 4, 32),
    "tsm_50": ({}, 8, 32),
}
NETS = {**{name: ({}, 8, 32) for name in list_models("*_nano")}, **SMALLEST}


@pytest.mark.parametrize("name", NETS)
def test_two_steps(name, tmp_path):
    options, frames, size = NETS[name]
    torch.manual_seed(0)
    net = create_model(name, num_classes=3, **options)
    before = {key: parameter.detach().clone() for key, parameter in net.named_parameters()}
    recipe = {"epochs": 1, "batch_size": 2, "learning_rate": 0.01, "warmup_epochs": 0.0}
    record = fit(tmp_path / "run", net, *splits(tmp_path / "noise", frames, size), **recipe)
    json.dumps(record, allow_nan=False)
    still = [key for key, parameter in net.named_parameters() if torch.equal(parameter, before[key])]
    assert not still, f"did not move: {still}"
