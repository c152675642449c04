"""A hundred SIGKILLs: whatever is killed, whenever, ends like what nobody disturbed, to the last bit.

Half of them come at random moments, ten each at the instants at which a file says that something is done. The seed is
printed; KILLS_SEED repeats it.
"""

import os
import random
import time
from functools import partial

import pytest
import torch
from kills import MOMENTS, kill_after, kill_at, outcome

from data_prep.moving_shapes import dataset as moving_shapes
from lib import create_model
from lib.data import ClipDataset, build_cache, own_protocol, read_manifest
from lib.search.schedule import EdgeTrainer, find_schedule, grid_graph
from lib.search.schedule.staged import build_stage, stage_clips
from lib.search.subkernels.nets import build_supernet
from lib.search.subkernels.search import search
from lib.train import fit

SEED = int(os.environ.get("KILLS_SEED", "2026"))
RECIPE = {"epochs": 3, "batch_size": 8, "seed": 1, "save_minutes": 0, "progress": False}
SETTING = {"clip_length": 1, "num_steps": 1, "iter_size": 1, "frozen_bn": False}
SETTINGS = [{**SETTING, "num_segments": n, "batch_size": 4, "base_learning_rate": 0.02} for n in (1, 2)]


def sets(data):
    manifest = read_manifest(data / "shape")
    cache, seen = build_cache(manifest, data / "cache", 32, progress=False), own_protocol(4, 24)
    names = ("train", "val", "test")
    return [ClipDataset(manifest, name, seen, train=name == "train", cache=cache) for name in names]


def training(folder, data):
    torch.manual_seed(0)
    fit(folder, create_model("mobilenetv2_3d_nano", num_classes=8), *sets(data), **RECIPE)


def many_ways(folder, data):
    """Passes added up, clips mixed, 16 bits, processes that load."""
    options = {"workers": 2, "accumulate": 2, "mixup": 0.8, "precision": "bf16", **RECIPE, "batch_size": 4}
    torch.manual_seed(0)
    fit(folder, create_model("mobilenetv2_3d_nano", num_classes=8), *sets(data), **options)


def subkernels(folder, data):
    torch.manual_seed(0)
    net = build_supernet("cakes_nano", "conv1_2_3d", "cost", num_classes=8)
    search(folder, net, *sets(data)[:2], **RECIPE)


def schedule(folder, data):
    manifest = read_manifest(data / "shape")
    cache = build_cache(manifest, data / "cache", 32, progress=False)
    build = partial(build_stage, model="p3d_nano", num_classes=8, dropout=0.2)
    clips = partial(stage_clips, manifest=manifest, size=16, cache=cache)
    trainer = EdgeTrainer(folder, build, clips, clips_per_epoch=8, save_minutes=0, progress=False)
    options = {"attempt_epochs": 2, "cap": 3, "on_cap": "best"}
    find_schedule(trainer, grid_graph(2, (1, 0.1)), SETTINGS, folder=folder, **options)


def preparation(folder, _):
    made = moving_shapes.prepare(folder, videos=12, frames=8, size=32, workers=1, progress=False)
    build_cache(made["motion"], folder / "cache", 32, progress=False)


# what: f(folder, data), kills at random moments, the files that say that it is done
WORK = {
    "training": (training, 15, ["result.json"]),
    "many ways": (many_ways, 20, ["result.json"]),
    "subkernels": (subkernels, 10, ["result.json", "deal.json"]),
    "schedule": (schedule, 15, ["edge.json", "schedule.json"]),
    "preparation": (preparation, 10, ["dataset.json", "index.json"]),
}


@pytest.fixture(scope="module", params=WORK)
def work(request, tiny_shapes, tmp_path_factory):
    """(f, kills, names of its done files, the outcome of an undisturbed one, its seconds)."""
    function, kills, names = WORK[request.param]
    return function, kills, names, *undisturbed(function, tiny_shapes, tmp_path_factory.mktemp("whole"))


@pytest.mark.long
def test_killed_at_random_it_ends_the_same(work, tiny_shapes, tmp_path):
    function, kills, _, whole, took = work
    kill_at_random(function, kills, whole, took, tiny_shapes, tmp_path)


def test_two_kills_of_a_training_in_16_bits_with_workers(tiny_shapes, tmp_path):
    whole, took = undisturbed(many_ways, tiny_shapes, tmp_path / "whole")
    kill_at_random(many_ways, 2, whole, took, tiny_shapes, tmp_path)


def undisturbed(function, data, folder):
    """What it leaves, and the seconds that it takes."""
    build_cache(read_manifest(data / "shape"), data / "cache", 32, progress=False)
    started = time.monotonic()
    assert not kill_at("no such file", "before", 1, function, folder, data)
    took = time.monotonic() - started
    return outcome(folder), took


def kill_at_random(function, kills, whole, took, data, home):
    """So many kills, each anywhere in `took` seconds; what ends, in between and at last, is like `whole`."""
    rng, done, number = random.Random(SEED), 0, 0
    while done < kills:
        folder = home / str(number)
        if kill_after(moment := rng.uniform(0, took), function, folder, data):
            done += 1
            print(f"seed {SEED}: kill {done} after {moment:.3f} s, folder {number}", flush=True)
            continue
        assert outcome(folder) == whole, f"seed {SEED}, folder {number}"
        number += 1
    assert not kill_at("no such file", "before", 1, function, folder, data)
    assert outcome(folder) == whole, f"seed {SEED}, the last folder"


@pytest.mark.long
def test_killed_as_it_says_that_it_is_done_it_ends_the_same(work, tiny_shapes, tmp_path):
    function, _, names, whole, _ = work
    for name in names:
        killed = 0
        for number in range(10):
            folder, moment = tmp_path / name / str(number // 5), MOMENTS[number % 3 if number % 5 == 4 else number % 2]
            killed += kill_at(name, moment, 1, function, folder, tiny_shapes)
            if number % 5 == 4:
                assert not kill_at("no such file", "before", 1, function, folder, tiny_shapes)
                assert outcome(folder) == whole, f"{name}, folder {number // 5}"
        assert killed == 10
