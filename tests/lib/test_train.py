"""The trainer: it learns, it resumes to the bit, it refuses what it should."""

import json

import pytest
import torch
from dying import die_after, dies_after
from torch import nn

from lib import checkpoints, create_model, train, training
from lib.data import ClipDataset, build_cache, own_protocol, read_manifest
from lib.data.loading import Loader
from lib.losses import heads_loss
from lib.pace import CLOCKS
from lib.recipe import complete
from lib.run import result
from lib.train import fit
from lib.train_steps import Stepper, parameter_groups

RECIPE = {"epochs": 3, "batch_size": 4, "accumulate": 2, "learning_rate": 0.05, "seed": 3}


class Net(nn.Module):
    """Small, with batch norm and dropout: both would show a resume that is not exact."""

    def __init__(self, classes):
        super().__init__()
        self.conv = nn.Conv3d(3, 6, 3, (1, 4, 4), bias=False)
        self.norm, self.dropout, self.fc = nn.BatchNorm3d(6), nn.Dropout(0.3), nn.Linear(6, classes)

    def forward(self, x):  # (N, 3, T, H, W)
        return self.fc(self.dropout(self.norm(self.conv(x)).relu().mean((2, 3, 4))))


@pytest.fixture(scope="module")
def splits(tiny_shapes):
    manifest = read_manifest(tiny_shapes / "shape")
    cache = build_cache(manifest, tiny_shapes / "cache", 32, progress=False)
    protocol = own_protocol(4, 32)
    return [
        ClipDataset(manifest, name, protocol, train=name == "train", cache=cache) for name in ("train", "val", "test")
    ]


def new_net():
    torch.manual_seed(0)
    return Net(8)


def outcome(folder):
    """What a run leaves, without its clock and its place."""
    record, weights = result(folder), torch.load(folder / "best.pt", weights_only=True)["net"]
    history = [{key: row[key] for key in row if key not in CLOCKS} for row in record["history"]]
    return history, record["test"], {key: value.tolist() for key, value in weights.items()}


def home_of(name):
    """Where a function of the trainer, its stepper or its checkpoints lives."""
    return next(home for home in (train, training, Stepper, checkpoints) if hasattr(home, name))


@pytest.mark.parametrize(
    ("name", "calls"),
    [("take", 0), ("take", 2), ("take", 5), ("predict", 1), ("predict", 3), ("replacing", 1), ("replacing", 2),
     ("write_text", 0), ("write_text", 2), ("finish", 0)],
)  # fmt: skip
def test_a_killed_run_ends_like_an_undisturbed_one(name, calls, splits, tmp_path):
    fit(tmp_path / "whole", new_net(), *splits, save_minutes=0, **RECIPE)
    with dies_after(calls, name, home_of(name)):
        fit(tmp_path / "killed", new_net(), *splits, save_minutes=0, **RECIPE)
    assert not result(tmp_path / "killed")
    fit(tmp_path / "killed", new_net(), *splits, save_minutes=0, **RECIPE)
    assert outcome(tmp_path / "killed") == outcome(tmp_path / "whole")
    rows = [json.loads(line) for line in (tmp_path / "killed" / "metrics.jsonl").read_text().splitlines()]
    assert [row["epoch"] for row in rows] == [0, 1, 2]


def test_a_finished_run_is_not_trained_again(splits, tmp_path, monkeypatch):
    first = fit(tmp_path, new_net(), *splits, **RECIPE)
    die_after(monkeypatch, 0)
    assert fit(tmp_path, new_net(), *splits, **RECIPE) == first
    assert not (tmp_path / "done.json").exists(), "that a run is done is said by a suite's job, last of all"


def test_the_number_of_workers_changes_nothing(splits, tmp_path):
    for workers in (0, 2):
        fit(tmp_path / str(workers), new_net(), *splits, workers=workers, **{**RECIPE, "epochs": 1})
    assert outcome(tmp_path / "0") == outcome(tmp_path / "2")


def test_a_net_learns_what_it_sees_often(splits, tmp_path):
    torch.manual_seed(0)
    net = create_model("mobilenetv2_3d_nano", num_classes=8, dropout=0.0)
    history = fit(tmp_path, net, *splits, **{**RECIPE, "epochs": 10, "accumulate": 1})["history"]
    assert history[-1]["train_loss"] < 0.9 * history[0]["train_loss"]


def test_without_a_learning_rate_no_weight_moves(splits, tmp_path):
    net = new_net()
    before = net.fc.weight.clone()
    fit(tmp_path, net, *splits, **{**RECIPE, "learning_rate": 0.0})
    assert torch.equal(net.fc.weight, before)


def test_the_loss_weight_multiplies_the_step_and_not_the_loss_that_is_told(splits):
    clips, labels = torch.stack([splits[1][0, i][0] for i in range(4)]), torch.tensor([0, 1, 2, 3])
    steps, losses = [], []
    for weight in (1.0, 4.0):
        net = new_net().eval()  # without dropout
        start = net.fc.weight.detach().clone()
        stepper = Stepper(net, complete({"batch_size": 2, "accumulate": 2, "loss_weight": weight, "weight_decay": 0}))
        losses.append(stepper.take(clips, labels, splits[0].pixels))
        steps.append(net.fc.weight.detach() - start)
    torch.testing.assert_close(steps[1], 4 * steps[0])
    assert losses[0] == losses[1]


@pytest.mark.parametrize("mixing", [{"mixup": 0.8}, {"cutmix": 1.0, "mixup": 0.8}])
def test_mixed_clips_train_and_resume_alike(mixing, splits, tmp_path, monkeypatch):
    recipe = {**RECIPE, **mixing, "epochs": 1}
    fit(tmp_path / "whole", new_net(), *splits, save_minutes=0, **recipe)
    with dies_after(2):
        fit(tmp_path / "killed", new_net(), *splits, save_minutes=0, **recipe)
    fit(tmp_path / "killed", new_net(), *splits, save_minutes=0, **recipe)
    assert outcome(tmp_path / "killed") == outcome(tmp_path / "whole")


def test_an_epoch_may_be_a_part_of_the_clips_drawn_anew(splits, tmp_path, monkeypatch):
    seen, real = [], Loader.epoch

    def epoch(*order, shuffle, **options):
        for batch in real(*order, shuffle=shuffle, **options):
            seen.extend([batch[2].tolist()] if shuffle else [])  # val is not shuffled
            yield batch

    monkeypatch.setattr(Loader, "epoch", epoch)
    fit(tmp_path, new_net(), *splits, **{**RECIPE, "epochs": 2, "clips_per_epoch": 17})
    assert [len(part) for part in seen] == [8] * 4, "two steps of 8 clips an epoch"
    assert sorted(seen[0] + seen[1]) != sorted(seen[2] + seen[3])


def test_the_test_split_is_seen_once_and_by_the_best_weights(splits, tmp_path, monkeypatch):
    seen = []
    real = train.predict
    monkeypatch.setattr(
        train, "predict", lambda net, data, **o: seen.append(data.train or data) or real(net, data, **o)
    )
    record = fit(tmp_path, new_net(), *splits, **RECIPE)
    assert seen == [splits[1]] * 3 + [splits[2]]
    best = max(record["history"], key=lambda row: row["val_top1"])
    assert record["best_epoch"] == best["epoch"], "the first of the best epochs"


@pytest.mark.parametrize(
    ("changes", "message"),
    [({"epoch": 3}, "no training option 'epoch'"), ({"schedule": "cosin"}, "schedule must be 'cosine'"),
     ({"batch_size": 64}, "do not fill one step"), ({"learning_rate": 1e6}, "lower learning_rate")],
)  # fmt: skip
def test_bad_recipes_say_what_is_wrong(changes, message, splits, tmp_path):
    with pytest.raises((ValueError, FloatingPointError), match=message):
        fit(tmp_path, new_net(), *splits, **{**RECIPE, **changes})


def test_a_folder_holds_one_run(splits, tmp_path):
    fit(tmp_path, new_net(), *splits, identity={"model": "a"}, **{**RECIPE, "epochs": 1})
    with pytest.raises(ValueError, match="model: 'a' there, 'b' asked for"):
        fit(tmp_path, new_net(), *splits, identity={"model": "b"}, **{**RECIPE, "epochs": 1})


def test_a_net_may_set_its_own_groups():
    net = Net(8)
    net.parameter_groups = lambda: [
        {"params": [net.conv.weight], "rate": 0.01, "decay": 0},
        {"params": [p for name, p in net.named_parameters() if name != "conv.weight"]},
    ]
    slow, rest = parameter_groups(net, 0.1, 1e-4)
    assert (slow["base_rate"], slow["weight_decay"]) == (pytest.approx(0.001), 0)
    assert (rest["base_rate"], rest["weight_decay"]) == (0.1, 1e-4)
    net.parameter_groups = lambda: [{"params": [net.conv.weight]}]
    with pytest.raises(ValueError, match="every parameter exactly once"):
        parameter_groups(net, 0.1, 1e-4)


def test_the_losses_of_several_heads_are_summed():
    a, b, labels = torch.randn(4, 8), torch.randn(4, 8), torch.tensor([0, 1, 2, 3])
    both = heads_loss((a, b), labels)
    torch.testing.assert_close(both, heads_loss(a, labels) + heads_loss(b, labels))
