"""Numbers that stop being numbers, and classes that do not match: said before they are believed."""

import pytest
import torch
from family_clips import splits
from torch import nn

from lib.evaluate.predictions import check_classes, predict
from lib.not_finite import not_finite
from lib.train import fit

RECIPE = {"epochs": 2, "batch_size": 2, "learning_rate": 0.05, "progress": False}


class Small(nn.Module):
    def __init__(self, classes=3):
        super().__init__()
        self.conv, self.fc = nn.Conv3d(3, 4, 3, padding=1), nn.Linear(4, classes)

    def forward(self, x):
        return self.fc(self.conv(x).relu().mean((2, 3, 4)))


class Steep(Small):
    """Its second step meets weights that the first one threw far away."""

    def forward(self, x):
        return super().forward(x) * 1e30


class Spoilt(Small):
    """Its answers are no numbers in eval mode, as of a batch norm whose statistics overflowed."""

    def forward(self, x):
        return super().forward(x) * (1 if self.training else float("nan"))


def test_a_loss_that_is_no_number(tmp_path):
    """Which epoch and step, which files, what was not finite first, what is left."""
    train, val, _ = splits(tmp_path / "data", 4, 16)
    words = "epoch 1, step 2: the loss is .*; the .* not finite first.*: .*mp4, .*mp4; no state was kept"
    with pytest.raises(FloatingPointError, match=words):
        fit(tmp_path / "fast", Steep(), train, val, **RECIPE | {"learning_rate": 1.0, "warmup_epochs": 0.0})


class Late(Small):
    """Its answers are no numbers in the second epoch's training."""

    seen = 0

    def forward(self, x):
        self.seen += self.training
        return super().forward(x) * (float("nan") if self.seen > 2 else 1)


def test_the_last_good_state_is_named(tmp_path):
    train, val, _ = splits(tmp_path / "data", 4, 16)
    with pytest.raises(FloatingPointError, match=f"epoch 2, step 1: .*the last good state is {tmp_path}/run/last.pt; "):
        fit(tmp_path / "run", Late(), train, val, **RECIPE)
    assert (tmp_path / "run" / "last.pt").exists()


@pytest.mark.parametrize("spoil", ["input", "weights", "conv", "loss"])
def test_what_was_not_finite_first(spoil):
    net, clips = Small(), torch.zeros(2, 3, 4, 8, 8)
    if spoil == "input":
        clips[1, 0, 0, 0, 0] = float("inf")
    if spoil == "weights":
        net.conv.bias.data[1] = float("nan")
    if spoil == "conv":
        net.conv.register_forward_hook(lambda module, inputs, output: output / 0)
    said = not_finite(net, clips, [f"{i}.mp4" for i in range(6)])
    expected = {
        "input": "the input was",
        "conv": "the output of conv was",
        "weights": "the weights were",
        "loss": "the loss alone is not",
    }[spoil]
    assert expected in said and "0.mp4, 1.mp4, 2.mp4, 3.mp4 and 2 more" in said


def test_scores_that_are_no_numbers_name_the_video(tmp_path):
    train, val, test = splits(tmp_path / "data", 4, 16)
    with pytest.raises(ValueError, match="the net's scores of 5.mp4 are not finite"):
        predict(Spoilt(), test)
    with pytest.raises(ValueError, match="scores of 4.mp4 are not finite"):
        fit(tmp_path / "run", Spoilt(), train, val, **RECIPE)
    assert not (tmp_path / "run" / "best.pt").exists(), "an epoch without a measure is no best one"


def test_other_classes_than_the_videos_have(tmp_path):
    train, val, test = splits(tmp_path / "data", 4, 16)
    words = "the net scores 400 classes, but these videos have 3"
    with pytest.raises(ValueError, match=words):
        predict(Small(400), test)
    with pytest.raises(ValueError, match=words):
        fit(tmp_path / "run", Small(400), train, val, test, **RECIPE)
    assert not (tmp_path / "run" / "last.pt").exists()
    net = Small().train()
    check_classes(net, [val])
    assert net.training


def test_pixels_must_agree(tmp_path):
    from lib.data import PIXELS

    train, val, _ = splits(tmp_path / "data", 4, 16)
    _, other, _ = splits(tmp_path / "data", 4, 16, pixels=PIXELS["imagenet"])
    with pytest.raises(ValueError, match="val has .*0.485.*, but training .*0.45"):
        fit(tmp_path / "run", Small(), train, other, **RECIPE)
    fit(tmp_path / "run", Small(), train, val, **RECIPE)
    (tmp_path / "run" / "result.json").unlink()
    train, val, _ = splits(tmp_path / "data", 4, 16, pixels=PIXELS["imagenet"])
    with pytest.raises(ValueError, match="holds another run .protocol: "):
        fit(tmp_path / "run", Small(), train, val, **RECIPE)


def test_an_epoch_that_has_no_measure_is_never_the_best(tmp_path):
    """val 25, NaN, 75: with the first NaN kept, a maximum would take it."""
    from lib.recipe import complete
    from lib.training import Training

    training = Training(tmp_path, Small(), complete({}))
    training.history = [{"epoch": k, "val_top1": top1} for k, top1 in enumerate([float("nan"), 75.0, 75.0])]
    with pytest.raises(ValueError, match="epoch 1 has no top-1 on val"):
        _ = training.best_epoch
    training.history = training.history[1:]
    assert training.best_epoch == 1
