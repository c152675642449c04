"""Several processes are one: the same clips, the same losses, the same weights, and the same when one is killed."""

import os
import signal
from functools import partial

import numpy as np
import pytest
import torch
from processes import in_processes
from torch import nn

from lib import create_model
from lib.data import ClipDataset, build_cache, own_protocol, read_manifest
from lib.distributed import place, shares
from lib.run import result
from lib.train import fit
from lib.train_steps import Stepper

# loss by loss and score by score: what is left of float64 after sums in another order
EQUAL = {"rtol": 1e-9, "atol": 1e-9}
RECIPE = {"epochs": 2, "batch_size": 7, "clips_per_epoch": 14, "learning_rate": 0.05, "seed": 3, "progress": False}


class Small(nn.Module):
    """With batch norm and dropout, in float32."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.conv, self.norm = nn.Conv3d(3, 6, 3, (1, 4, 4), bias=False), nn.BatchNorm3d(6)
        self.dropout, self.fc = nn.Dropout(0.3), nn.Linear(6, 8)

    def forward(self, x):  # (N, 3, T, H, W)
        return self.fc(self.dropout(self.norm(self.conv(x)).relu().mean((2, 3, 4))))


class Exact(nn.Module):
    """A net in float64, so that what differs is wrong, and not rounded."""

    def __init__(self, name, dtype=torch.float64, **options):
        super().__init__()
        torch.manual_seed(0)
        self.net, self.dtype = create_model(name, num_classes=8, **options).to(dtype), dtype

    def forward(self, x):  # (N, 3, T, H, W)
        return self.net(x.to(self.dtype))

    def parameter_groups(self):
        own = getattr(self.net, "parameter_groups", lambda: [{"params": list(self.parameters())}])
        return own()


@pytest.fixture(scope="module")
def splits(tiny_shapes):
    manifest = read_manifest(tiny_shapes / "shape")
    cache, protocol = build_cache(manifest, tiny_shapes / "cache", 32, progress=False), own_protocol(4, 32)
    names = ("train", "val", "test")
    return [ClipDataset(manifest, name, protocol, train=name == "train", cache=cache) for name in names]


def training(folder, build, splits, **recipe):
    fit(folder, build(), *splits, **{**RECIPE, **recipe})


def outcome(folder):
    """Losses and measures of the epochs, what was tested, the best weights."""
    record = result(folder)
    rows = [[row["train_loss"], row["val_top1"], row["val_top5"]] for row in record["history"]]
    return rows, record["test"], torch.load(folder / "best.pt", weights_only=True)["net"]


FAMILIES = {
    "mobilenetv2_3d_nano": ({"dropout": 0.3}, {"mixup": 0.8, "cutmix": 1.0}),
    "ircsn_nano": ({"dropout": 0.3}, {"accumulate": 2, "last_step": "keep", "clips_per_epoch": 17}),
    "rubiksnet_nano": ({}, {"accumulate": 2, "class_weights": "inverse"}),
}


@pytest.mark.parametrize("name", FAMILIES)
def test_two_processes_equal_one(name, splits, tmp_path):
    options, recipe = FAMILIES[name]
    build = partial(Exact, name, **options)
    training(tmp_path / "1", build, splits, **recipe)
    assert in_processes(2, tmp_path, training, tmp_path / "2", build, splits, **recipe) == {}
    (rows, test, weights), (rows_of_2, test_of_2, weights_of_2) = outcome(tmp_path / "1"), outcome(tmp_path / "2")
    np.testing.assert_allclose(rows_of_2, rows, **EQUAL)
    assert test_of_2 == test, "every video once, in the manifest's order"
    for key, value in weights.items():
        torch.testing.assert_close(weights_of_2[key], value, **EQUAL)


@pytest.mark.long
@pytest.mark.parametrize("count", [2, 3])
@pytest.mark.parametrize("name", FAMILIES)
def test_in_float32_rounding_alone_differs(name, count, splits, tmp_path):
    """One epoch of two steps or more: what is in the last bits of the first has grown a little in the next."""
    options, recipe = FAMILIES[name]
    build = partial(Exact, name, dtype=torch.float32, **options)
    training(tmp_path / "1", build, splits, **{**recipe, "epochs": 1})
    assert in_processes(count, tmp_path, training, tmp_path / "n", build, splits, **{**recipe, "epochs": 1}) == {}
    (losses,), (losses_of_n,) = ([row[0] for row in outcome(tmp_path / folder)[0]] for folder in ("1", "n"))
    np.testing.assert_allclose(losses_of_n, losses, rtol=1e-5)


def lose(number, at, how, folder, splits, **recipe):
    """Train; process `number` is lost at its step `at`."""
    take, left = Stepper.take, [at]

    def taken(*arguments):
        left[0] -= place() == number
        if left[0] < 0:
            how()
        return take(*arguments)

    Stepper.take = taken
    training(folder, Small, splits, save_minutes=0, **recipe)


def killed():
    os.kill(os.getpid(), signal.SIGKILL)


def failed():
    raise OSError("the disk is full")


WHOLE = {"epochs": 3, "accumulate": 2, "mixup": 0.8}


@pytest.mark.parametrize(
    ("number", "how", "said"), [(1, killed, "it was killed, hangs"), (0, failed, "OSError: the disk is full")]
)
def test_a_lost_process_ends_all_and_the_same_command_goes_on(number, how, said, splits, tmp_path):
    for name in ("store1", "store2", "store3"):
        (tmp_path / name).mkdir()
    assert in_processes(2, tmp_path / "store1", training, tmp_path / "whole", Small, splits, **WHOLE) == {}
    ended = in_processes(2, tmp_path / "store2", lose, number, 2, how, tmp_path / "lost", splits, **WHOLE)
    assert ended[number] == (-9 if how is killed else "OSError: the disk is full")
    assert f"process {number} of 2 is lost: {said}" in ended[1 - number]
    assert "the same command goes on" in ended[1 - number] and not result(tmp_path / "lost")
    assert in_processes(2, tmp_path / "store3", training, tmp_path / "lost", Small, splits, **WHOLE) == {}
    (*facts, weights), (*facts_then, weights_then) = outcome(tmp_path / "whole"), outcome(tmp_path / "lost")
    assert facts == facts_then
    assert all(torch.equal(value, weights_then[key]) for key, value in weights.items()), "not to the last bit"


def test_norms_of_ones_own_clips_are_another_training(splits, tmp_path):
    """Beside it: what `whole` does is not what happens anyhow; and all measure the first one's running statistics."""
    for norms in ("whole", "own"):
        (tmp_path / norms).mkdir()
        assert in_processes(2, tmp_path / norms, training, tmp_path / norms, Small, splits, norms=norms) == {}
    (rows, *_), (rows_of_own, *_) = outcome(tmp_path / "whole"), outcome(tmp_path / "own")
    assert np.abs(np.subtract(rows, rows_of_own))[:, 0].max() > 1e-3


@pytest.mark.parametrize("mixed", [False, True])
@pytest.mark.parametrize(("count", "parts"), [(16, 2), (7, 3), (5, 2), (1, 1), (2, 3)])
def test_shares_hold_every_clip_once(count, parts, mixed):
    found = shares(count, parts, mixed)
    assert sorted(sum(found, [])) == list(range(count)) and len(found) == parts
    assert max(map(len, found)) - min(map(len, found)) <= (2 if mixed else 1)
    for own in found if mixed else ():
        assert [count - 1 - i for i in own] == own[::-1], "a clip and its partner are together"


def differ(folder, splits):
    training(folder, Small, splits, learning_rate=0.1 * (1 + place()))


def test_processes_that_train_something_else_are_told(splits, tmp_path):
    ended = in_processes(2, tmp_path, differ, tmp_path / "run", splits)
    assert len(ended) == 2
    assert all("the processes differ in what they train: recipe is" in said for said in ended.values())


def test_too_few_clips_for_the_processes_are_refused(splits, tmp_path):
    ended = in_processes(2, tmp_path, training, tmp_path / "run", Small, splits, batch_size=2, mixup=0.8)
    assert "2 clips in a forward pass are too few for 2 processes" in ended[0] and ended[0] == ended[1]


def test_a_run_of_two_processes_is_not_gone_on_with_by_one(splits, tmp_path):
    """But whoever asks for the record of a finished one may be alone."""
    (tmp_path / "begun").mkdir()
    ended = in_processes(2, tmp_path, lose, 1, 1, failed, tmp_path / "begun", splits)
    assert "OSError" in ended[1]
    with pytest.raises(ValueError, match="it goes on with torchrun --nproc-per-node 2 and norms='whole'"):
        training(tmp_path / "begun", Small, splits)
    (tmp_path / "2").mkdir()
    assert in_processes(2, tmp_path / "2", training, tmp_path / "ended", Small, splits) == {}
    record = fit(tmp_path / "ended", Small(), *splits, **RECIPE)
    assert record == result(tmp_path / "ended") and record["provenance"]["processes"] == 2
