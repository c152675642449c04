"""The planner's decisions: against the goldens, and on the awkward curves."""

import json
from pathlib import Path

import pytest
from schedule_cases import find_in_case

from lib.search.schedule import TableTrainer, find_schedule, grid_graph, stopping
from lib.search.schedule.planner import choose

GOLDEN = Path(__file__).parents[3] / "golden" / "optplan"
KEYS = ("num_segments", "clip_length", "num_steps", "batch_size", "iter_size", "frozen_bn", "base_learning_rate")
SETTINGS = [dict(zip(KEYS, (1, frames, 1, 4, 1, False, 0.01), strict=True)) for frames in (8, 16)]
ONE_EDGE = {"states": [None, [0, 1]], "edges": [[0, 1]]}
CHAIN = {"states": [None, [0, 1], [0, 0.1]], "edges": [[0, 1], [1, 2]]}


def bump(epochs, peak, height=0.5):
    """A curve with its only maximum `height` at epoch `peak`, as the fit's family has it."""
    return [height - 1e-3 * (n - peak) ** 2 for n in range(epochs + 1)]


def curve(epochs, peak, height=0.5, start=1):
    metrics = bump(epochs, peak, height)
    return {"initial": metrics[0] if start else None, "accuracies": metrics[1:]}


def fits_from(monkeypatch, results):
    """Let every fit to n + 1 metrics give results(n): the rule alone is looked at."""
    monkeypatch.setattr(stopping, "fit_curve", lambda metrics: results(len(metrics) - 1))


@pytest.mark.parametrize("name", ["planner_base_smooth", "planner_base_noisy"])
def test_goldens(name):
    case = json.loads((GOLDEN / f"{name}.golden.json").read_text())
    expected = case["expected"]
    schedule, record = find_in_case(case)
    for got, want, log in zip(record["edges"], expected["edges"], case["fit_log"], strict=True):
        for key in ("edge", "start", "end", "epochs_trained", "selected_epoch"):
            assert got[key] == want[key], want
        assert got["score"] == pytest.approx(want["score"], abs=case["score_tolerance"])
        assert [fit[0] for fit in got["fits"]] == [fit[0] for fit in log]
    for key in ("father", "path", "total_epochs_trained", "outcome"):
        assert record[key] == expected[key]
    assert record["node_scores"] == pytest.approx(expected["node_scores"], abs=case["score_tolerance"])
    assert {key: schedule[key] for key in expected["strategy"]} == expected["strategy"]
    assert not any(schedule["capped"]) and schedule["total_epochs"] == sum(schedule["epochs"])


def test_edge_out_of_node_0_ignores_a_measured_initial_metric():
    plain, measured = curve(30, 6, start=0), curve(30, 6) | {"initial": 0.49}
    _, one = find_schedule(TableTrainer({(0, 1): plain}), ONE_EDGE, SETTINGS, attempt_epochs=5)
    _, other = find_schedule(TableTrainer({(0, 1): measured}), ONE_EDGE, SETTINGS, attempt_epochs=5)
    assert one == other and one["edges"][0]["initial"] == 0.0


def test_other_edges_need_a_measured_initial_metric():
    curves = {(0, 1): curve(30, 6), (1, 2): curve(30, 6) | {"initial": None}}
    with pytest.raises(ValueError, match=r"edge 1 \(1->2\), start model.*None.*finite"):
        find_schedule(TableTrainer(curves), CHAIN, SETTINGS, attempt_epochs=5)


def test_a_metric_that_is_not_finite_is_refused():
    curves = {(0, 1): {"initial": None, "accuracies": [0.1, float("nan")]}}
    with pytest.raises(ValueError, match=r"edge 0 \(0->1\), epoch 2.*nan"):
        find_schedule(TableTrainer(curves), ONE_EDGE, SETTINGS)


def test_an_edge_that_peaks_at_epoch_0_keeps_its_start_model_and_is_no_stage():
    curves = {(0, 1): curve(30, 6), (1, 2): curve(30, 0, height=0.7)}
    schedule, record = find_schedule(TableTrainer(curves), CHAIN, SETTINGS, attempt_epochs=4)
    edge = record["edges"][1]
    assert (edge["epochs_trained"], edge["selected_epoch"], edge["model"]) == (4, 0, "0-1@6")
    assert edge["score"] == pytest.approx(0.7, abs=1e-3) and edge["score"] != edge["initial"]  # the fit's value
    assert record["path"] == [[1, 6], [2, 0]]
    assert schedule["nodes"] == [1] and schedule["zero_epoch_nodes"] == [2] and schedule["epochs"] == [6]
    assert schedule["model"] == "0-1@6" and schedule["clip_length"] == [8]


def test_an_edge_out_of_node_0_may_keep_the_initial_model(monkeypatch):
    fits_from(monkeypatch, lambda n: (0, 0.2))
    schedule, record = find_schedule(TableTrainer({(0, 1): curve(30, 6)}), ONE_EDGE, SETTINGS, attempt_epochs=3)
    assert record["path"] == [[1, 0]] and schedule["model"] is None and schedule["epochs"] == []


def test_ties():
    def winner(*scores):
        return choose([{"edge": i, "score": score} for i, score in enumerate(scores)])["edge"]

    assert winner(0.5, 0.5, 0.5) == 2  # the edge just finished
    assert winner(0.7, 0.7, 0.5) == 0  # others beat it, and tie: the first
    assert winner(0.5, 0.7, 0.7) == 2 and winner(0.7, 0.5, 0.7) == 2 and winner(0.5, 0.7, 0.5) == 1


def test_a_three_way_tie_in_the_extended_graph(monkeypatch):
    fits_from(monkeypatch, lambda n: (1, 0.5))
    graph = grid_graph(3, extended=True)
    settings = [SETTINGS[0]] * 3
    curves = {tuple(edge): curve(5, 1) for edge in graph["edges"]}
    _, record = find_schedule(TableTrainer(curves), graph, settings, attempt_epochs=2)
    assert record["father"] == {"1": 0, "2": 4, "3": 5, "4": 1, "5": 7, "6": 8, "7": 4, "8": 7, "9": 8}


def test_edges_train_at_their_end_node_and_are_all_measured_on_the_last_setting():
    seen = {}

    class Spy(TableTrainer):
        def start(self, edge, model):
            seen[edge.start, edge.end] = edge, model
            return super().start(edge, model)

    graph = {"states": [None, [1, 1], [0, 0.1]], "edges": [[0, 1], [1, 2]]}
    find_schedule(Spy({(0, 1): curve(30, 6), (1, 2): curve(30, 8)}), graph, SETTINGS, attempt_epochs=3)
    (first, initial), (second, kept) = seen[0, 1], seen[1, 2]
    assert (first.setting, first.learning_rate, initial) == (SETTINGS[1], 0.01, None)
    assert (second.setting, second.learning_rate, kept) == (SETTINGS[0], 0.001, "0-1@6")
    assert first.evaluation == second.evaluation == SETTINGS[1]
