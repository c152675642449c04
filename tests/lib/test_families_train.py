"""Every family trains: two steps through the trainer, by its nano net or its smallest member."""

import json

import pytest
import torch
from family_clips import splits
from family_nets import NETS, small_net

from lib.train import fit


@pytest.mark.parametrize("name", NETS)
def test_two_steps(name, tmp_path):
    torch.manual_seed(0)
    net, (_, frames, size, _) = small_net(name)
    before = {key: parameter.detach().clone() for key, parameter in net.named_parameters()}
    recipe = {"epochs": 1, "batch_size": 2, "learning_rate": 0.01, "warmup_epochs": 0.0}
    record = fit(tmp_path / "run", net, *splits(tmp_path / "noise", frames, size), **recipe)
    json.dumps(record, allow_nan=False)
    still = [key for key, parameter in net.named_parameters() if torch.equal(parameter, before[key])]
    assert not still, f"did not move: {still}"
