"""Staged training: a schedule is trained as it says, resumed exactly, and the published ones expand."""

from functools import partial

import pytest
import torch
from dying import dies_after

from lib import train
from lib.data import build_cache, read_manifest
from lib.models.layers import FrozenBatchNorm
from lib.pace import CLOCKS
from lib.recipe import complete
from lib.search.schedule import build_stage, fit_schedule, published_schedules, stage_clips, stages
from lib.search.schedule.staged import schedule_clips, schedule_recipe, stage_recipe
from lib.weights.loading import load_state

SCHEDULE = {
    "num_segments": [2, 2], "clip_length": [1, 2], "num_steps": [1, 2], "batch_size": [4, 2], "iter_size": [1, 2],
    "frozen_bn": [False, True], "base_learning_rate": [0.02, 0.002], "epochs": [2, 1], "loss_weight": 2.0,
}  # fmt: skip
build = partial(build_stage, model="p3d_nano", num_classes=8, dropout=0.2)


@pytest.fixture(scope="module")
def clips(tiny_shapes):
    manifest = read_manifest(tiny_shapes / "shape")
    cache = build_cache(manifest, tiny_shapes / "cache", 32, progress=False)
    return partial(stage_clips, manifest=manifest, size=16, cache=cache)


def fit(folder, clips, **changes):
    return fit_schedule(folder, build, clips, {**SCHEDULE, **changes}, clips_per_epoch=12, save_minutes=0)


def weights(folder, stage):
    return torch.load(folder / f"stage_{stage}" / "last.pt", weights_only=True)["net"]


def without_clock(record):
    return [[{k: v for k, v in row.items() if k not in CLOCKS} for row in stage] for stage in record["history"]]


@pytest.mark.parametrize("steps", [1, 5, 7, 9])
def test_a_killed_schedule_ends_like_an_undisturbed_one(steps, clips, tmp_path):
    whole = fit(tmp_path / "whole", clips)
    with dies_after(steps - 1):
        fit(tmp_path / "killed", clips)
    again = fit(tmp_path / "killed", clips)
    assert again["test"] == whole["test"] and without_clock(again) == without_clock(whole)
    assert [len(stage) for stage in again["history"]] == [2, 1] and again["test"]["average"] == "score"
    assert torch.equal(weights(tmp_path / "killed", 2)["fc.weight"], weights(tmp_path / "whole", 2)["fc.weight"])
    with pytest.raises(ValueError, match="holds another run .stages"):
        fit(tmp_path / "killed", clips, epochs=[2, 2])


def test_a_stage_starts_from_the_last_one_with_clips_and_batch_norms_of_its_own(clips, tmp_path, monkeypatch):
    seen = []
    real = train.Training.__init__

    def spy(self, folder, net, recipe, *more):
        real(self, folder, net, recipe, *more)
        frozen = [isinstance(module, FrozenBatchNorm) for module in net.modules() if hasattr(module, "running_mean")]
        start = {key: value.clone() for key, value in net.state_dict().items()}
        seen.append((start, frozen, recipe, len(self.stepper.optimizer.state)))

    monkeypatch.setattr(train.Training, "__init__", spy)
    fit(tmp_path, clips)
    (_, free, first, _), (start, frozen, second, momentum) = seen
    before, after = weights(tmp_path, 1), weights(tmp_path, 2)
    assert all(torch.equal(start[key], before[key]) for key in start) and not momentum
    assert not any(free) and not frozen[0] and all(frozen[1:])
    assert first | {"seed": 0} == complete(
        {**stage_recipe(stages(SCHEDULE)[0]), "loss_weight": 2.0, "clips_per_epoch": 12}
    )
    assert (second["learning_rate"], second["accumulate"], second["batch_size"]) == (0.002, 2, 2)
    moved = {key for key in after if not torch.equal(after[key], before[key])}
    assert {key for key in moved if "running" in key} == {"stem.0.1.running_mean", "stem.0.1.running_var"}
    assert any(key.startswith("stages") and key.endswith("middle.norm.weight") for key in moved)


def test_clips_of_a_stage(clips):
    stage = {"num_segments": 2, "clip_length": 2, "num_steps": 2}
    train_clips, val_clips = clips("train", stage), clips("val", stage, views=3)
    assert train_clips[0, 0][0].shape == (3, 4, 16, 16) and (train_clips.views, val_clips.views) == (1, 3)
    assert clips("val", stage).protocol.sampler(12).tolist() == [[0, 2, 6, 8]], "the segments' starts"


def test_clips_of_a_published_schedule(clips):
    schedule = published_schedules()["op-ssv1-dg-p3d-resnet50"]
    options = {**schedule_clips(schedule), "size": 16, "short_side": 24}
    train_clips = clips("train", stages(schedule)[0], **options)
    assert train_clips[0, 0][0].shape == (3, 32, 16, 16) and not train_clips.mirror
    assert schedule_clips(schedule)["size"] == 224 and train_clips._of_clips
    val_clips = clips("val", stages(schedule)[-1], **options)
    assert val_clips.views == 1 and not val_clips._of_clips


@pytest.mark.parametrize("name", published_schedules())
def test_published_schedules_are_runnable(name):
    schedule = published_schedules()[name]
    common = schedule_recipe(schedule)
    assert (common["loss_weight"], common["clip_norm"], common["weight_decay"]) == (
        4 if schedule["dataset"] == "kinetics" else 1, 40, 1e-4)  # fmt: skip
    for stage in stages(schedule):
        recipe = complete({**stage_recipe(stage, gpus=4), **common})
        assert recipe["batch_size"] * recipe["accumulate"] == 256 and recipe["epochs"] == stage["epochs"]
        planned = "nodes" in schedule
        assert (recipe["schedule"], recipe["warmup_epochs"]) == (("constant", 0.0) if planned else ("cosine", 1.0))
    with torch.device("meta"):
        net = build_stage(stage["frozen_bn"], model=schedule["model"], num_classes=schedule["num_classes"])
        frames = stage["num_segments"] * stage["clip_length"]
        assert net.eval()(torch.zeros(1, 3, frames, 64, 64)).shape == (1, schedule["num_classes"])


def test_weights_move_between_frozen_and_free_batch_norms():
    free, frozen = build(False), build(True)
    load_state(frozen, free.state_dict())
    load_state(free, frozen.state_dict())
    with pytest.raises(ValueError, match="do not fit Net, such as fc.bias"):
        load_state(free, {key: value for key, value in frozen.state_dict().items() if key != "fc.bias"})
    with pytest.raises(ValueError, match="ircsn_nano has no option frozen_bn"):
        build_stage(True, model="ircsn_nano")
