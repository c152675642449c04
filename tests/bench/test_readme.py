"""README's section "Your own data", walked by its own commands: videos, a published checkpoint, a row of the table."""

import csv
import re
import subprocess
import sys

import pytest
import torch
import yaml
from video_files import moving_pattern, write_video

from lib import create_model
from lib.run import ROOT
from lib.weights.published import save_published

SECTION = (ROOT / "README.md").read_text(encoding="utf-8").split("## Your own data")[1].split("\n## ")[0]
CLASSES = ("ApplyEyeMakeup", "ApplyLipstick")
SMALL = {"size": 32, "epochs": 1, "batch_size": 2}  # what the test changes of README's experiment


@pytest.fixture(scope="module")
def here(tmp_path_factory):
    """A folder with UCF-101's tree in miniature, its label files, a stand-in for the checkpoint, the experiment."""
    folder = tmp_path_factory.mktemp("own_data")
    videos = [f"{name}/v_{name}_g{group:02}_c01.avi" for name in CLASSES for group in (1, 8, 9, 10)]
    for seed, video in enumerate(videos):
        write_video(folder / "UCF-101" / video, moving_pattern(18, 36, 48, seed=seed), b_frames=0, codec="mpeg4")
    test, train = ([v for v in videos if ("_g01_" in v) == wanted] for wanted in (True, False))
    labels = folder / "ucfTrainTestlist"
    labels.mkdir()
    (labels / "classInd.txt").write_text("".join(f"{i + 1} {name}\n" for i, name in enumerate(CLASSES)))
    (labels / "trainlist01.txt").write_text("".join(f"{v} {1 + CLASSES.index(v.split('/')[0])}\n" for v in train))
    (labels / "testlist01.txt").write_text("".join(f"{v}\n" for v in test))
    net = create_model("mobilenetv2_3d", num_classes=600, width=0.45)
    save_published("mobilenetv2_3d", net, folder / "kinetics_mobilenetv2_0.45x_RGB_16_best.pth")
    (suite,) = re.findall(r"```yaml\n(.*?)```", SECTION, re.DOTALL)
    suite = yaml.safe_load(suite)
    suite["train"]["defaults"] |= SMALL
    (folder / "fine_tuning.yaml").write_text(yaml.safe_dump(suite))
    return folder


def test_the_commands_end_in_a_row(here):
    commands = re.findall(r"^    (\.venv/bin/python -m .*?)\s*(?:#.*)?$", SECTION, re.MULTILINE)
    assert [command.split()[2] for command in commands] == ["data_prep", "data_prep", "bench", "bench"]
    for command in commands:
        words = [sys.executable, *command.split()[1:]]
        words += ["--out", "."] if "run" in words else []  # else the clone keeps the run
        done = subprocess.run(words, cwd=here, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
        if "checkpoint" in words:
            assert "mobilenetv2_3d" in done.stdout and "channel_order=BGR" in done.stdout
    (row,) = csv.DictReader((here / "results" / "fine_tuning" / "trade_off.csv").open())
    assert (row["model"], row["labels"], row["videos"]) == ("mobilenetv2_3d", "split1", "2")
    assert row["weights"].startswith("kinetics_mobilenetv2_0.45x_RGB_16_best.pth-")
    assert float(row["gmacs"]) > 0 and float(row["videos_low"]) <= float(row["top1"]) <= float(row["videos_high"])
    assert row["note"] == "one seed: no verdict"
    check_the_net(here)


def check_the_net(here):
    """The best weights: the published backbone, bit for bit, under a head of two classes that has learnt."""
    (best,) = here.glob("runs/fine_tuning/mobilenetv2_3d*/best.pt")
    net = torch.load(best, weights_only=True)["net"]
    file = torch.load(here / "kinetics_mobilenetv2_0.45x_RGB_16_best.pth", weights_only=True)["state_dict"]
    assert torch.equal(net["stem.0.weight"], file["module.features.0.0.weight"])
    assert torch.equal(net["last.1.running_var"], file["module.features.18.1.running_var"])
    assert net["fc.weight"].shape == (2, 1280)
