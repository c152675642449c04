"""A search's curves, played back: the planner finds its path again, and a record that tells another is named."""

import numpy as np
import pytest
from suite_runs import write_search

from bench.report.records import record_of
from bench.report.replayed import Replay, paths, replayed
from bench.runner.listed import listed_jobs
from lib.files import read_json, write_json
from lib.run import ROOT
from lib.search.schedule import TableTrainer, clip_settings, find_schedule, grid_graph, planner_metric
from lib.search.schedule.stopping import fit_curve

OPTIONS = {"segments": [1, 2], "run": 4, "factors": [1, 0.1], "attempt_epochs": 2, "cap": 7}
GRAPH = grid_graph(2, (1, 0.1))
CHANCE = (1 + 3 + 5) / 8 / 3  # of eight classes
KEPT = ("start", "end", "outcome", "selected_epoch", "initial", "accuracies")


def searched(lost=(), rising=0.0):
    """The planner's record on made-up curves: `lost` states or edges stay at chance, others may be `rising` on."""

    def curve(start, end):
        steps = [rising * n if rising else -0.001 * (n - 4) ** 2 for n in range(12)]
        metrics = [CHANCE] * 12 if {end, (start, end)} & set(lost) else [0.5 + 0.05 * end + step for step in steps]
        return {"initial": metrics[0], "accuracies": metrics[1:]}

    curves = {(start, end): curve(start, end) for start, end in GRAPH["edges"]}
    return find_schedule(
        TableTrainer(curves), GRAPH, clip_settings("uniform")[:2], attempt_epochs=2, cap=7, on_cap="best"
    )[1]


def shipped(folder, records):
    """A suite's run folder of these records, a seed each."""
    told = {seed: {"train_epochs": sum(epochs for _, epochs in record["path"]), "outcome": record["outcome"],
                   "search_epochs": record["total_epochs_trained"]} for seed, record in records.items()}  # fmt: skip
    write_search(folder, {("plan", s): {"planned": (50 + s, told[s]), "cosine": 40} for s in records}, **OPTIONS)
    for job in read_json(folder / "jobs.json")["jobs"]:
        path = folder / job["id"] / "done.json"
        edges = [{key: edge[key] for key in KEPT} for edge in records[job["options"]["seed"]]["edges"]]
        write_json(path, {**read_json(path), "edges": edges})
    return folder


def test_the_planner_finds_its_path_again(tmp_path):
    records = {0: searched(), 3: searched(lost=(1, 2))}
    found = replayed(shipped(tmp_path, records))
    assert set(found) == {("plan", 0), ("plan", 3)}
    for seed, record in records.items():
        again = found["plan", seed].record
        assert again["path"] == record["path"] and again["node_scores"] == record["node_scores"]
        assert again["total_epochs_trained"] == record["total_epochs_trained"]
        assert found["plan", seed].chance == pytest.approx(CHANCE) and found["plan", seed].clips == [
            "4 frames",
            "8 frames",
        ]


def test_the_chance_is_that_of_the_planners_metric():
    guesses = np.random.default_rng(0)
    scores, labels = guesses.normal(size=(20000, 1, 8)), guesses.integers(8, size=20000)
    assert planner_metric(scores, labels) == pytest.approx(CHANCE, abs=0.01)


def test_what_was_left_at_chance_is_counted(tmp_path):
    table = paths(replayed(shipped(tmp_path, {0: searched(), 1: searched(lost=(1, 2))}))).set_index("seed")
    assert table["left at chance"][0].startswith("0 of")
    lost = [edge for edge in searched(lost=(1, 2))["edges"] if edge["end"] in (1, 2)]
    assert table["left at chance"][1] == f"2 of {len(GRAPH['edges'])}, {sum(e['epochs_trained'] for e in lost)} epochs"


def test_the_longest_clips_at_the_full_rate_have_a_column(tmp_path):
    """State 3 of four: as the path goes over it, and where it goes around."""
    over, around = searched(lost=[2]), searched(lost=[(3, 4)])
    table = paths(replayed(shipped(tmp_path, {0: over, 1: around}))).set_index("seed")
    assert [state for state, _ in over["path"]][-2:] == [3, 4] and 3 not in dict(around["path"])
    edge = next(edge for edge in over["edges"] if (edge["start"], edge["end"]) == (over["father"]["3"], 3))
    assert edge["selected_epoch"] < edge["epochs_trained"]
    said = table["full rate, longest clips"]
    assert said[0] == f"{edge['selected_epoch']} of {edge['epochs_trained']}" and said[1] == "not on the path"
    assert table.path[0] == " ".join(f"{state} ({epochs})" for state, epochs in over["path"])
    assert table.epochs[0] == sum(epochs for _, epochs in over["path"])


def test_a_capped_edge_is_called_so_and_steps_are_in_points(tmp_path):
    replay = replayed(shipped(tmp_path, {0: searched(rising=0.02)}))
    row = paths(replay).iloc[0]
    assert row["full rate, longest clips"] == "7 of 7, capped" and row["from epoch to epoch"] == pytest.approx(2)


def test_the_columns_are_of_the_epochs_that_they_name():
    """Chance is near within 5 points, by the epoch that was kept; a step is the median one, at the full rate alone."""
    record = searched()
    for edge in record["edges"]:
        steps = [0.01, 0.01, 0.07] if edge["end"] in (1, 3) else [0.1, 0.1, 0.1]
        edge |= {"initial": 0.6, "accuracies": [0.6, *(0.6 + np.cumsum(steps))], "selected_epoch": 1}
    low, near, above = record["edges"][:3]
    low |= {"initial": CHANCE + 0.04, "selected_epoch": 0}
    near |= {"initial": CHANCE, "selected_epoch": 0}
    above |= {"initial": CHANCE + 0.06, "selected_epoch": 0}
    row = paths({("plan", 0): Replay(GRAPH, record, CHANCE, [])}).iloc[0]
    assert row["left at chance"].startswith("2 of ") and row["from epoch to epoch"] == pytest.approx(1)


def test_another_processors_fit_changes_no_path(tmp_path, monkeypatch):
    """The last bit of a sum can move a fitted peak by epochs; what was decided is in the record."""
    record = searched()
    runs = shipped(tmp_path, {0: record})
    monkeypatch.setattr("bench.report.replayed.fit_curve", lambda metrics: (0, fit_curve(metrics)[1] + 1e-9))
    again = replayed(runs)["plan", 0].record
    kept = [edge["selected_epoch"] for edge in record["edges"]]
    assert again["path"] == record["path"] and [edge["selected_epoch"] for edge in again["edges"]] == kept


def damaged(folder, change):
    folder = shipped(folder, {0: searched()})
    path = next(folder.glob("*/done.json"))
    record = read_json(path)
    change(record)
    write_json(path, record)
    return folder, path


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda it: it["edges"][0].update(outcome="capped"), "make outcome capped, and the planned schedule says ok"),
        (lambda it: it["edges"][0].update(selected_epoch=99), "0 to 1 keeps epoch 99 of "),
        (lambda it: it["edges"][0].update(accuracies=[1.5]), "accuracies, entry 1 must be a number from 0 to 1"),
        (lambda it: it["edges"][0].update(end=99), "the search's graph has"),
        (lambda it: it["edges"].insert(0, it["edges"][0]), "the search's graph has"),
        (lambda it: it["edges"][0]["accuracies"].append(0.5), "make search_epochs"),
        (lambda it: it["variants"]["planned"].update(train_epochs=999), "make train_epochs .* says 999"),
    ],
)
def test_a_changed_record_is_named(tmp_path, change, said):
    folder, path = damaged(tmp_path, change)
    with pytest.raises(ValueError, match=said) as error:
        replayed(folder)
    assert str(path) in str(error.value)


def test_a_search_of_ones_own_may_have_edges_of_its_own(tmp_path):
    folder = write_search(tmp_path, {("mine", 0): {"found": 50, "other": 40}})
    path = next(folder.glob("*/done.json"))
    write_json(path, {**read_json(path), "edges": [[0, 1], [1, 2]]})
    assert replayed(folder) == {}


def test_searches_without_curves_are_left_out(tmp_path):
    assert replayed(write_search(tmp_path, {("plan", 0): {"planned": 50, "cosine": 40}})) == {}


def test_every_shipped_path_is_the_one_that_was_trained_again():
    runs = ROOT / "results" / "shipped" / "searches" / "runs"
    found = replayed(runs)
    plans = [job for job in listed_jobs(runs) if job["notebook"] == "12_plan_the_optimization"]
    told = {job["options"]["seed"]: record_of(runs, job)["variants"]["planned"] for job in plans}
    assert set(found) == {("12_plan_the_optimization", seed) for seed in told} and len(told) >= 5
    for seed, planned in told.items():
        record = found["12_plan_the_optimization", seed].record
        assert sum(epochs for _, epochs in record["path"]) == planned["train_epochs"]
        assert (record["total_epochs_trained"], record["outcome"]) == (planned["search_epochs"], planned["outcome"])
