"""The planner with its real trainer: killed it goes on, and ends with the same schedule."""

import json
import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch

from lib.data import build_cache, read_manifest
from lib.run import ROOT
from lib.search.schedule import EdgeTrainer, find_schedule, grid_graph, planner_metric
from lib.search.schedule.staged import build_stage, stage_clips

KEYS = ("num_segments", "clip_length", "num_steps", "batch_size", "iter_size", "frozen_bn", "base_learning_rate")
SETTINGS = [
    dict(zip(KEYS, values, strict=True)) for values in [(2, 1, 1, 4, 1, False, 0.02), (2, 2, 1, 2, 2, True, 0.01)]
]
OPTIONS = {"attempt_epochs": 2, "cap": 3, "on_cap": "best"}


def run(data, folder):
    """Search 2 settings x 2 rates with 8 clips an epoch; says on stdout which epochs it trains."""
    torch.set_num_threads(1)
    manifest = read_manifest(Path(data) / "shape")
    cache = build_cache(manifest, Path(data) / "cache", 32, progress=False)
    clips = partial(stage_clips, manifest=manifest, size=16, cache=cache)

    class Telling(EdgeTrainer):
        def epoch(self, edge, n):
            print(edge.index, n, int(self._training.epoch < n), flush=True)
            return super().epoch(edge, n)

    build = partial(build_stage, model="p3d_nano", num_classes=8, dropout=0.2)
    trainer = Telling(folder, build, clips, clips_per_epoch=8, save_minutes=0, progress=False)
    return trainer, find_schedule(trainer, grid_graph(2, (1, 0.1)), SETTINGS, folder=folder, **OPTIONS)


@pytest.fixture(scope="module")
def whole(tiny_shapes, tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole") / "search"
    return folder, *run(tiny_shapes, folder)


def results(folder):
    return [(folder / name).read_bytes() for name in ("schedule.json", "record.json")]


def recorded(folder):
    records = [json.loads(path.read_text()) for path in folder.glob("edges/*/edge.json")]
    return {(r["edge"], n + 1) for r in records for n in range(len(r.get("accuracies", ())))}


def test_a_real_plan_keeps_one_model_an_edge_and_can_load_it(whole):
    folder, trainer, (schedule, record) = whole
    assert len(record["edges"]) == 6 and set(schedule["clip_length"]) <= {1, 2}
    kept = {str(path.relative_to(folder)) for path in folder.glob("edges/*/*.pt")}
    assert kept == {edge["model"] for edge in record["edges"] if edge["selected_epoch"]}
    assert schedule["model"] in kept | {None}
    net = trainer.net(schedule["model"], frozen_bn=True).eval()
    assert net(torch.zeros(1, 3, 4, 16, 16)).shape == (1, 8)
    assert all(0 <= metric <= 1 for edge in record["edges"] for metric in edge["accuracies"])


def test_killed_by_the_system_it_goes_on_and_ends_the_same(whole, tiny_shapes, tmp_path):
    command = (
        f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r})\n"
        "import test_edge_trainer as t; t.run(*sys.argv[1:])"
    )
    process = [sys.executable, "-c", command, str(tiny_shapes), str(tmp_path)]
    trained, at_kills = [], []
    for enough in (2, 7, 1000):
        child = subprocess.Popen(process, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        for line in child.stdout:
            trained.append(tuple(map(int, line.split())))
            if len(trained) == enough:
                time.sleep(0.02)  # into the epoch
                os.kill(child.pid, signal.SIGKILL)
        at_kills.append((child.wait(), len(trained), recorded(tmp_path)))
    assert [code for code, *_ in at_kills] == [-signal.SIGKILL, -signal.SIGKILL, 0]
    assert results(tmp_path) == results(whole[0])
    for _, told, finished in at_kills[:2]:
        again = {(edge, n) for edge, n, trains in trained[told:] if trains}
        assert finished and not finished & again


def test_killed_at_every_file_it_ends_the_same(whole, tiny_shapes, tmp_path, monkeypatch):
    replace, left = os.replace, [0]

    def replace_until_killed(*paths):
        left[0] -= 1
        if left[0] == 0:
            raise KeyboardInterrupt
        replace(*paths)
        if left[0] == 1:  # once killed before, once after a file is there
            left[0] = 0
            raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", replace_until_killed)
    for kill in range(1, 1000):
        left[0] = 5 + kill % 7
        try:
            run(tiny_shapes, tmp_path)
            break
        except KeyboardInterrupt:
            pass
    assert kill > 10 and results(tmp_path) == results(whole[0])


def test_the_metric_is_the_mean_of_top_1_3_and_5():
    logits = torch.tensor([[[6.0, 5, 4, 3, 2, 1]]]).repeat(4, 1, 1)
    assert planner_metric(logits, torch.tensor([0, 2, 4, 5])) == pytest.approx(np.mean([1 / 4, 2 / 4, 3 / 4]))
    assert planner_metric(logits[..., :3], torch.tensor([0, 1, 2, 2])) == pytest.approx(np.mean([1 / 4, 2 / 4, 2 / 4]))


def test_another_number_of_threads_is_another_search(whole, tiny_shapes):
    try:
        torch.set_num_threads(2)
        with pytest.raises(
            ValueError, match=r"threads: 1 there, 2 asked for\); it goes on with torch.set_num_threads\(1"
        ):
            whole[1]._claim()
    finally:
        torch.set_num_threads(1)


def test_a_search_in_memory_cannot_train(whole, tmp_path):
    _, trainer, _ = whole
    with pytest.raises(ValueError, match="needs a folder"):
        find_schedule(trainer, grid_graph(2, (1, 0.1)), SETTINGS, **OPTIONS)
