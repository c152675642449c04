"""When an edge stops: failed fits, the plain call of curve_fit, the cap."""

import numpy as np
import pytest
import scipy.optimize

from lib.search.schedule import NotConverged, Planner, TableTrainer, find_schedule
from lib.search.schedule.stopping import StoppingRule, fit_curve

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


def test_a_failed_fit_decides_nothing(monkeypatch):
    plain = scipy.optimize.curve_fit

    def fails_once(f, x, y, **options):
        if len(y) == 13 + 1:  # where the rule would fire
            raise RuntimeError("Optimal parameters not found")
        return plain(f, x, y, **options)

    monkeypatch.setattr(scipy.optimize, "curve_fit", fails_once)
    curves = {(0, 1): curve(30, 6), (1, 2): curve(30, 8)}
    _, record = find_schedule(TableTrainer(curves), CHAIN, SETTINGS, attempt_epochs=5)
    edge = record["edges"][1]
    assert edge["fits"][-2] == [13, None, None]
    assert (edge["epochs_trained"], edge["selected_epoch"]) == (14, 8)


def test_other_errors_of_the_fit_are_not_hidden(monkeypatch):
    def broken(*_, **__):
        raise ValueError("array must not contain infs or NaNs")

    monkeypatch.setattr("scipy.optimize.curve_fit", broken)
    with pytest.raises(ValueError, match="infs or NaNs"):
        find_schedule(TableTrainer({(0, 1): curve(30, 6)}), ONE_EDGE, SETTINGS, attempt_epochs=3)


def test_curve_fit_is_called_plainly(monkeypatch):
    calls = []

    def spy(f, x, y, **options):
        calls.append(options)
        return np.zeros(5), None

    monkeypatch.setattr("scipy.optimize.curve_fit", spy)
    assert fit_curve([0.0, 0.1, 0.2]) == (0, 0.0)  # of equal values the first epoch
    (lower, upper) = calls[0].pop("bounds")
    assert calls == [{}] and lower == [0, 0, -np.inf, 0, 0] and upper == np.inf


def test_the_rule_fires_attempt_epochs_after_the_fitted_peak(monkeypatch):
    monkeypatch.setattr("lib.search.schedule.stopping.fit_curve", lambda m: (4, 0.9) if len(m) > 6 else (999, 2.0))
    _, record = find_schedule(TableTrainer({(0, 1): curve(30, 6)}), ONE_EDGE, SETTINGS, attempt_epochs=3)
    edge = record["edges"][0]
    assert [fit[0] for fit in edge["fits"]] == [3, 4, 5, 6, 7]
    assert (edge["epochs_trained"], edge["selected_epoch"], edge["score"]) == (7, 4, 0.9)


RISING = {"initial": None, "accuracies": [0.01 * n for n in range(1, 31)]}


def test_a_curve_that_never_peaks_is_not_converged():
    with pytest.raises(NotConverged, match=r"edge 0 \(0->1\) has not converged after 12 epochs.*cap 12.*999") as error:
        find_schedule(TableTrainer({(0, 1): RISING}), ONE_EDGE, SETTINGS, cap=12)
    assert len(error.value.record["accuracies"]) == 12
    with pytest.raises(NotConverged, match="after 30 epochs.*cap None"):  # no cap: the table ends
        find_schedule(TableTrainer({(0, 1): RISING}), ONE_EDGE, SETTINGS, attempt_epochs=25)


def test_without_any_measured_epoch_there_is_nothing_to_choose():
    with pytest.raises(NotConverged, match="after 0 epochs"):
        find_schedule(TableTrainer({(0, 1): RISING | {"accuracies": []}}), ONE_EDGE, SETTINGS, on_cap="best")


@pytest.mark.parametrize("cap, length", [(12, 30), (None, 12), (13, 12)])
def test_a_capped_edge_takes_its_best_measured_epoch_and_is_flagged(cap, length):
    accuracies = RISING["accuracies"][:length]
    accuracies[4] = accuracies[7] = 0.9
    curves = {(0, 1): RISING | {"accuracies": accuracies}, (1, 2): curve(30, 8)}
    schedule, record = find_schedule(TableTrainer(curves), CHAIN, SETTINGS, cap=cap, on_cap="best", attempt_epochs=12)
    edge = record["edges"][0]
    assert edge["outcome"] == "capped" and edge["epochs_trained"] == 12
    assert (edge["selected_epoch"], edge["score"], edge["model"]) == (5, 0.9, "0-1@5")
    assert record["outcome"] == schedule["outcome"] == "capped" and record["capped_edges"][0] == [0, 1]
    assert schedule["capped"][0] is True


def test_a_capped_edge_may_keep_a_measured_start_model_but_not_node_0():
    falling = {"initial": 0.6, "accuracies": [-0.1, -0.2]}
    schedule, record = find_schedule(
        TableTrainer(dict.fromkeys([(0, 1), (1, 2)], falling)), CHAIN, SETTINGS, on_cap="best"
    )
    assert record["path"] == [[1, 1], [2, 0]] and schedule["capped"] == [True]


def test_a_rule_that_fires_at_the_cap_has_converged():
    edge = {"initial": 0.1, "accuracies": bump(12, 8)[1:], "fits": [], "start": 1, "end": 2, "edge": 0}
    decision = StoppingRule(4, cap=12).decide(edge)
    assert (decision["outcome"], decision["selected_epoch"]) == ("ok", 8)


@pytest.mark.parametrize("options, words", [({"cap": 0}, "cap is 0"), ({"attempt_epochs": 0}, "attempt_epochs is 0"),
                                            ({"on_cap": "stop"}, "raise, best")])  # fmt: skip
def test_options_are_checked(options, words):
    with pytest.raises(ValueError, match=words):
        Planner(ONE_EDGE, SETTINGS, **options)


def test_asking_again_in_memory_repeats_no_fit():
    planner = Planner(ONE_EDGE, SETTINGS, attempt_epochs=11, cap=12)
    for _ in range(2):
        with pytest.raises(NotConverged) as error:
            planner.train(0, TableTrainer({(0, 1): RISING}))
        assert [fit[0] for fit in error.value.record["fits"]] == [11, 12]
