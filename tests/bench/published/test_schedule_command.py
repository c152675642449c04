"""A published schedule can be read, and trained on one's own videos."""

import pytest
import torch

from bench.__main__ import main
from bench.published import schedule as command
from lib.search.schedule import build_stage, published_schedules
from lib.weights.fine_tune import start_from
from lib.weights.published import save_published


def test_the_stages_are_printed(capsys):
    main(["schedule", "op-kinetics-p3d-resnet50", "--gpus", "4"])
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert len(lines) == 6 and [line[-1] for line in lines[1:]] == ["58", "108", "26", "10", "18"]
    assert lines[1] == "16 1 run 1. frame 16 x 16 0.04 train 58".split() and lines[4][-2] == "frozen"
    with pytest.raises(SystemExit, match="no schedule 'op-kinetics'"):
        main(["schedule", "op-kinetics"])


def test_a_schedule_is_trained(tiny_shapes, tmp_path, monkeypatch):
    """HMDB51's, all five stages, with a small net, small clips and one epoch each."""
    published = published_schedules()["op-hmdb51-dg-p3d-resnet50"]
    small = {"model": "p3d_nano", "crop_size": 16, "num_segments": [1, 1, 2, 2, 2], "epochs": [1] * 5,
             "batch_size": [2] * 5, "iter_size": [1] * 5}  # fmt: skip
    monkeypatch.setattr(command, "load_schedule", lambda name: {**published, **small})
    record = command.train("small", tiny_shapes / "shape", tmp_path, gpus=2, clips_per_epoch=8, progress=False)
    assert [len(stage) for stage in record["history"]] == [1] * 5 and record["test"]["videos"] == 10
    assert {path.name for path in tmp_path.glob("stage_*")} == {f"stage_{i}" for i in range(1, 6)}


def test_start_weights(tmp_path):
    torch.manual_seed(0)
    kinetics = build_stage(False, model="p3d_18", num_classes=400)
    save_published("p3d_18", kinetics, tmp_path / "kinetics.pth")
    net = build_stage(False, model="p3d_18", num_classes=101)
    found = start_from("p3d_18", tmp_path / "kinetics.pth", num_classes=101)[0].state_dict()
    assert torch.equal(
        found["stages.0.0.first.spatial.weight"], kinetics.state_dict()["stages.0.0.first.spatial.weight"]
    )
    assert found["fc.weight"].shape == net.fc.weight.shape and set(found) == set(net.state_dict())
