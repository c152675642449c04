"""A search in a folder: killed anywhere it goes on, retrains nothing that was finished, and ends the same."""

import functools
import json
import os
import threading
from itertools import count

import pytest

from lib.search.schedule import NotConverged, Planner, TableTrainer, clip_settings, find_schedule, stopping

GRAPH = {"states": [None, [0, 1], [1, 1], [1, 0.1]], "edges": [[0, 1], [0, 2], [1, 2], [2, 3]]}
SETTINGS = clip_settings("uniform")[:2]
OPTIONS = {"attempt_epochs": 2, "cap": 4, "on_cap": "best"}
PEAKS = {(0, 1): 20, (0, 2): 2, (1, 2): 1, (2, 3): 0}  # 20: capped; 0: no stage


class Killed(BaseException):
    """As SIGKILL: nothing in the code under test may catch it."""


class Fuse:
    def __init__(self, length=None):
        self.length = length

    def burn(self):
        if self.length is not None:
            self.length -= 1
            if self.length < 0:
                raise Killed


class FileTrainer(TableTrainer):
    """Saves a file per epoch, as a real trainer would; a missing one is an error. Every step may be the last."""

    def __init__(self, folder, fuse):
        curve = {
            edge: [0.5 + 0.01 * sum(edge) - 0.0005 * (n - peak) ** 2 for n in range(20)] for edge, peak in PEAKS.items()
        }
        super().__init__({edge: {"initial": c[0], "accuracies": c[1:]} for edge, c in curve.items()})
        self.folder, self.fuse, self.trained, self.at = folder, fuse, [], None

    def start(self, edge, model):
        self._find(model)
        self.at = (edge.index, 0)
        self.fuse.burn()
        return super().start(edge, model)

    def resume(self, edge, model, n):
        self._find(f"edges/{edge.folder.name}/{n}" if n else model)
        self.at = (edge.index, n)
        self.fuse.burn()

    def epoch(self, edge, n):
        self.fuse.burn()
        assert self.at == (edge.index, n - 1)
        self.at = (edge.index, n)
        (edge.folder / f"{n}").write_text("a model")
        self.trained.append((edge.index, n))
        self.fuse.burn()
        return super().epoch(edge, n)

    def keep(self, edge, n):
        for path in sorted(edge.folder.glob("[0-9]*")):
            if path.name != str(n):
                path.unlink()
                self.fuse.burn()
        return f"edges/{edge.folder.name}/{n}"

    def _find(self, model):
        assert model is None or (self.folder / model).read_text() == "a model"


@pytest.fixture
def run(monkeypatch):
    """run(folder, length): search until the fuse has burnt; writes burn it before and after the file is replaced."""
    replace, fuses = os.replace, [Fuse()]

    def replace_and_burn(*paths):
        fuses[-1].burn()
        replace(*paths)
        fuses[-1].burn()

    fit = functools.cache(stopping.fit_curve)  # real fits, each once
    monkeypatch.setattr(stopping, "fit_curve", lambda metrics: fit(tuple(metrics)))
    monkeypatch.setattr(os, "replace", replace_and_burn)
    monkeypatch.setattr(os, "fsync", lambda file: None)

    def run(folder, length=None):
        fuses.append(Fuse(length))
        trainer = FileTrainer(folder, fuses[-1])
        try:
            find_schedule(trainer, GRAPH, SETTINGS, folder=folder, **OPTIONS)
        except Killed:
            return False, trainer.trained
        return True, trainer.trained

    return run


def results(folder):
    return [(folder / name).read_bytes() for name in ("schedule.json", "record.json")]


def finished_epochs(folder):
    records = [json.loads(path.read_text()) for path in folder.glob("edges/*/edge.json")]
    return {(record["edge"], n + 1) for record in records for n in range(len(record["accuracies"]))}


def test_killed_at_every_step_it_ends_as_if_uninterrupted(run, tmp_path):
    whole = tmp_path / "whole"
    _, trained = run(whole)
    assert len(trained) == len(set(trained)) > 8
    assert json.loads((whole / "schedule.json").read_text())["outcome"] == "capped"
    for length in count():
        folder = tmp_path / str(length)
        if run(folder, length)[0]:
            break
        finished = finished_epochs(folder)
        ended, again = run(folder)
        assert ended and results(folder) == results(whole), length
        assert not finished & set(again) and finished | set(again) == set(trained), length
    assert length > 4 * len(trained)


def test_killed_again_and_again(run, tmp_path):
    run(tmp_path / "whole")
    sessions = 1
    while not run(tmp_path / "often", 9)[0]:
        sessions += 1
    assert sessions > 5 and results(tmp_path / "often") == results(tmp_path / "whole")


def test_a_finished_search_trains_nothing(run, tmp_path):
    run(tmp_path)
    assert run(tmp_path) == (True, [])


def test_ready_edges_in_any_order_and_by_any_planner_end_the_same(run, tmp_path):
    run(tmp_path / "whole")
    folder, order = tmp_path / "parts", []
    while ready := Planner(GRAPH, SETTINGS, folder=folder, **OPTIONS).ready():
        order.append(ready[-1])
        Planner(GRAPH, SETTINGS, folder=folder, **OPTIONS).train(ready[-1], FileTrainer(folder, Fuse()))
    planner = Planner(GRAPH, SETTINGS, folder=folder, **OPTIONS)
    planner.finish()
    assert order != sorted(order) and results(folder) == results(tmp_path / "whole")


def test_two_processes_do_not_train_one_edge_twice(run, tmp_path):
    trainers = [FileTrainer(tmp_path, Fuse()) for _ in range(2)]
    planners = [Planner(GRAPH, SETTINGS, folder=tmp_path, **OPTIONS) for _ in range(2)]
    assert planners[1].ready() == [0, 1]  # it has seen the edge unfinished
    inside, waiting = threading.Event(), threading.Event()
    epoch = trainers[0].epoch

    def slow_epoch(edge, n):
        inside.set()
        assert waiting.wait(10)
        return epoch(edge, n)

    trainers[0].epoch = slow_epoch
    first = threading.Thread(target=planners[0].train, args=(0, trainers[0]))
    second = threading.Thread(target=planners[1].train, args=(0, trainers[1]))
    first.start()
    assert inside.wait(10)
    second.start()
    waiting.set()
    first.join(), second.join()
    assert trainers[0].trained and not trainers[1].trained


def test_edges_wait_for_their_start_node(tmp_path):
    planner = Planner(GRAPH, SETTINGS, folder=tmp_path, **OPTIONS)
    assert planner.ready() == [0, 1]
    with pytest.raises(ValueError, match=r"edge 2 \(1->2\): train every edge into node 1 first"):
        planner.train(2, FileTrainer(tmp_path, Fuse()))
    with pytest.raises(ValueError, match="not trained yet: 0->1, 0->2"):
        planner.finish()


@pytest.mark.parametrize("change", [{"cap": 5}, {"on_cap": "raise"}, {"attempt_epochs": 3}, {"about": {"seed": 1}}])
def test_a_folder_holds_one_search(run, tmp_path, change):
    run(tmp_path, 20)
    with pytest.raises(ValueError, match=f"holds another search .{next(iter(change))}: .* there, .* asked for"):
        Planner(GRAPH, SETTINGS, folder=tmp_path, **{**OPTIONS, **change})


def test_after_not_converged_a_larger_cap_goes_on(run, tmp_path):
    careful = {**OPTIONS, "on_cap": "raise"}
    first = FileTrainer(tmp_path / "a", Fuse())
    with pytest.raises(NotConverged, match="after 3 epochs"):
        find_schedule(first, GRAPH, SETTINGS, folder=tmp_path / "a", **{**careful, "cap": 3})
    with pytest.raises(ValueError, match="cap: 3 there, 2 asked for"):
        Planner(GRAPH, SETTINGS, folder=tmp_path / "a", **{**careful, "cap": 2})
    second = FileTrainer(tmp_path / "a", Fuse())
    find_schedule(second, GRAPH, SETTINGS, folder=tmp_path / "a", **OPTIONS)
    run(tmp_path / "b")
    assert results(tmp_path / "a") == results(tmp_path / "b") and not set(first.trained) & set(second.trained)
