"""Tables hold what runs recorded and nothing else."""

import json
import shutil

import pandas as pd
import pytest
from helpers.suite_runs import a_job, home_of, write_runs, write_search

from bench.report import tables
from bench.report.csv_files import read_table, write
from bench.report.names import unique_names
from bench.report.searches import search_runs, searches
from bench.report.text import to_markdown, to_text
from bench.report.trainings import differences, trade_off, trainings
from bench.runner.suite import load_suite
from lib.files import read_json, write_json

GMACS = {"ircsn_nano": 0.02, "c2d_nano": 0.05, "mobilenetv2_3d_nano": 0.01}
TOPS = {"ircsn_nano": 75.0, "c2d_nano": 12.5, "mobilenetv2_3d_nano": 62.5}


@pytest.fixture
def runs(tmp_path):
    """Three finished trainings of one seed, one that is not finished, one of another suite, and their costs."""
    nets = [(model, {0: top1}) for model, top1 in TOPS.items()]
    write_runs(tmp_path, [*nets, ("i3d_nano", {0: None})], GMACS)
    record = json.loads((home_of(tmp_path, "run-0") / "done.json").read_text())
    write_json(tmp_path / "another-0" / "done.json", record)
    return tmp_path


@pytest.fixture
def seeds(tmp_path):
    """Two nets of three seeds each, and one of two."""
    nets = [("resnet3d_nano", {0: 91, 1: 90, 2: 92}), ("c2d_nano", {0: 12, 1: 14, 2: 13}), ("p3d_nano", {0: 60, 1: 40})]
    return write_runs(tmp_path, nets, {"resnet3d_nano": 0.05, "c2d_nano": 0.04}, videos=100)


def test_only_finished_runs_of_the_plan_are_read(runs):
    table = trade_off(runs)
    assert dict(zip(table.model, table.top1, strict=True)) == TOPS
    assert dict(zip(table.model, table.gmacs, strict=True)) == GMACS
    assert table.other_commit.all(), "made by another state of the code"
    assert set(table.system) == {"CSN", "Optimization Planning", "Efficient-3DCNNs"}
    assert set(table.device) == {"x"} and set(table.latency_device) == {"timed"}, "latency has its own origin"


def test_a_net_s_row_speaks_of_its_seeds(seeds):
    row = trade_off(seeds).set_index("net").loc["resnet3d_nano"]
    assert (row.seeds, row.top1, row.top1_min, row.top1_max, row.top1_sd) == (3, 91, 90, 92, 1)
    assert row.top1_low == pytest.approx(91 - 4.30265 / 3**0.5, abs=0.01), "Student's t with 2 degrees of freedom"
    assert row.top1_by_seed == "91.0 90.0 92.0" and row.seed_numbers == "0 1 2"
    assert row.videos_low < row.top1_low, "other videos are a further reason to err"
    pairs = differences(seeds)
    ends = pairs[["low", "high", "videos_low", "videos_high"]].dropna()
    assert len(ends) and (ends == ends.round(2)).all(axis=None), "the last bit of an end is another SciPy's"
    assert {*pairs.videos} == {100} and {*pairs.dataset} == {"shapes-1"} and "0 1 2" in set(pairs.seed_numbers)
    each = trainings(seeds)
    assert len(each) == 8 and each.top1.tolist()[:3] == [91, 90, 92] and each.seed.tolist()[:3] == [0, 1, 2]


@pytest.mark.parametrize("key, way", [("views", 30), ("protocol", "own(clips=10)")])
def test_seeds_of_a_net_that_were_tested_in_different_ways_are_no_net(seeds, key, way):
    """The first seed's number of views stood in the row for all of them."""
    files = [seeds / job["id"] / "done.json" for job in read_json(seeds / "jobs.json")["jobs"]][:3]
    for file in files:
        write_json(file, {**(record := read_json(file)), "test": {**record["test"], "protocol": "own(clips=1)"}})
    assert len(trade_off(seeds))
    write_json(files[2], {**(record := read_json(files[2])), "test": {**record["test"], key: way}})
    for make in (trade_off, trainings, differences):
        with pytest.raises(ValueError, match=f"has {key} .*, .*run-2.*the seeds of a net are tested alike"):
            make(seeds)


def test_one_seed_has_no_interval_and_no_verdict(runs):
    table, pairs = trade_off(runs), differences(runs)
    assert table.top1_low.isna().all() and table.top1_sd.isna().all() and (table.videos_low < table.top1).all()
    assert len(pairs) == 3 and set(pairs.verdict) == {"one seed: no verdict"} and set(pairs.comparisons) == {0}
    assert pairs.low.isna().all() and (pairs.videos_low < pairs.videos_high).all()


def test_differences_are_of_seeds_and_corrected(seeds):
    pairs = differences(seeds).set_index(["a", "b"])
    far = pairs.loc[("resnet3d_nano", "c2d_nano")]
    assert far.verdict == "resnet3d_nano is better" and far.points == 78 and far.comparisons == 1
    assert pairs.loc[("resnet3d_nano", "p3d_nano")].verdict == "two seeds: no verdict"


def test_a_net_trained_twice_with_a_seed_is_refused(tmp_path):
    write_runs(tmp_path, [("c2d_nano", {0: 50}), ("c2d_nano", {0: 60})])
    with pytest.raises(ValueError, match="c2d_nano was trained twice with seed 0"):
        trade_off(tmp_path)


def test_what_differs_is_named(tmp_path):
    """Whatever option it is, also nested; and a row of it has no twin."""
    further = [
        {},
        {"frames": 16},
        {"weights": "a.pth", "freeze": "backbone"},
        {"recipe": {"mixup": 0.1}},
        {"data": "d-2"},
    ]
    write_runs(tmp_path, [("c2d_nano", {0: 50, 1: 60}, each) for each in further])
    table = trade_off(tmp_path)
    assert len(table) == 5 and table.net.is_unique and (table.seeds == 2).all()
    assert "frames=16" in table.net[1] and "frames=8" in table.net[0] and "recipe.mixup=0.1" in table.net[3]
    assert "freeze=backbone" in table.net[2] and "freeze=none" in table.net[0]
    pairs = differences(tmp_path)
    assert len(pairs) == 6 and (pairs.a != pairs.b).all(), "nets on other data are not compared"


def test_a_name_is_as_short_as_it_can_be():
    net = {"model": "c2d_nano", "options": {"width": 0.5}, "labels": "motion", "data": "d-1", "frames": 8, "seed": 0}
    other = {**net, "model": "i3d_nano", "frames": 16}
    assert unique_names([net, {**net, "seed": 1}, other]) == ["c2d_nano width=0.5"] * 2 + ["i3d_nano width=0.5"]
    odd = {**net, "model": "c2d_nano width=0.5", "options": {}, "frames": 16}
    names = unique_names([net, odd])
    assert len(set(names)) == 2 and all("frames=" in name for name in names)


@pytest.mark.parametrize(
    "change, words",
    [
        ({"top1": 99.0}, "top1 is 99, but its 8 answers give 75"),
        ({"predicted": [0] * 8}, "top1 is 75, but its 8 answers give 100"),
        ({"labels": [0] * 7}, "8 answers and 7 labels for 8 videos"),
        ({"top5": 1000}, "top5 must be a number from 0 to 100, not 1000"),
        ({"predicted": [0.5] * 8}, "predicted, entry 1 must be a whole number from -1 to 7, not 0.5"),
    ],
)
def test_a_record_that_its_predictions_refute_reaches_no_table(runs, change, words):
    path = home_of(runs, "run-0") / "done.json"
    record = json.loads(path.read_text())
    write_json(path, {**record, "test": {**record["test"], **change}})
    for table in (trade_off, trainings, differences):
        with pytest.raises(ValueError, match=f"done.json: .*{words}"):
            table(runs)


def test_a_search_is_compared_with_what_it_found(tmp_path):
    variants = {"found": (70, {"epochs": 9}), "near": (68, {"epochs": 9}), "far": (20, {"outcome": "capped"})}
    write_search(tmp_path, {("search", 0): variants})
    table = searches(tmp_path)
    assert table.variant.tolist() == ["found", "near", "far"] and table.points.tolist()[1:] == [2, 50]
    assert table.verdict.tolist() == ["one seed: no verdict"] * 3
    assert table.epochs.tolist()[:2] == [9, 9] and table.outcome[2] == "capped"
    assert "| near | 68.0 | 1 |" in to_markdown(table)


def test_a_search_over_seeds(tmp_path):
    runs = {
        ("search", seed): {"found": (70 + seed, {"gmacs": seed}), "far": 20 + seed, "near": 69} for seed in range(3)
    }
    table = searches(write_search(tmp_path, runs)).set_index("variant")
    assert table.verdict.tolist() == ["", "found is better", "not distinguishable"]
    assert table.seeds.tolist() == [3, 3, 3] and table.gmacs["found"] == 1 and table.comparisons["far"] == 2
    each = search_runs(tmp_path)
    assert len(each) == 9 and each.gmacs.tolist()[::3] == [0, 1, 2]


def test_two_searches_of_one_notebook_have_two_names(tmp_path):
    write_search(tmp_path, {("search", 0): {"found": 70, "near": 68}})
    listed = json.loads((tmp_path / "jobs.json").read_text())
    further = {"priority": "cost", "alone": ["kxkxk"]}  # more rivals make no other search
    other = a_job("other", "search", {**listed["jobs"][0]["options"], **further}, "search")
    record = json.loads((home_of(tmp_path, "search-0") / "done.json").read_text())
    write_json(tmp_path / other["id"] / "done.json", {**record, "history": "another"})
    write_json(tmp_path / "jobs.json", {"jobs": [*listed["jobs"], other]})
    assert set(searches(tmp_path).search) == {"search priority=none", "search priority=cost"}


def test_two_label_sets_of_one_notebook_are_two_searches(tmp_path):
    """Not one that was searched twice with a seed; and each has a figure of its own name."""
    write_search(tmp_path, {("search", 0): {"found": 70, "near": 68}})
    listed = json.loads((tmp_path / "jobs.json").read_text())
    other = a_job("other", "search", {**listed["jobs"][0]["options"], "labels": "shape"}, "search")
    record = json.loads((home_of(tmp_path, "search-0") / "done.json").read_text())
    write_json(tmp_path / other["id"] / "done.json", {**record, "history": "another"})
    write_json(tmp_path / "jobs.json", {"jobs": [*listed["jobs"], other]})
    table = searches(tmp_path)
    assert list(zip(table.search, table.labels, strict=True))[::2] == [
        ("search labels=motion", "motion"),
        ("search labels=shape", "shape"),
    ]


def test_a_search_without_a_model_has_an_empty_cell(tmp_path):
    write_search(tmp_path, {("search", 0): {"found": 70, "near": 68}})
    listed = json.loads((tmp_path / "jobs.json").read_text())
    options = {name: value for name, value in listed["jobs"][0]["options"].items() if name != "model"}
    job = a_job("search-0", "search", options, "search")
    home_of(tmp_path, "search-0").rename(tmp_path / job["id"])
    write_json(tmp_path / "jobs.json", {"jobs": [job]})
    assert set(searches(tmp_path).model) == set(search_runs(tmp_path).model) == {""}


def test_a_missing_cost_is_empty(runs, tmp_path):
    (home_of(runs, "costs") / "done.json").unlink()
    table = trade_off(runs)
    assert table.gmacs.isna().all() and "ircsn_nano" in to_text(table)
    tables.write_results(runs, tmp_path / "results")
    assert read_table(tmp_path / "results" / "trade_off.csv").gmacs.isna().all()
    assert not list((tmp_path / "results").glob("*.png")), "without a cost there is no trade-off to draw"


def test_one_training_leaves_a_header(tmp_path):
    write_runs(tmp_path, [("c2d_nano", {0: 50})], {"c2d_nano": 0.1})
    tables.write_results(tmp_path, tmp_path / "results")
    written = read_table(tmp_path / "results" / "differences.csv", ("labels", "a", "b", "points", "verdict"))
    assert len(written) == 0
    assert (tmp_path / "results" / "differences.md").read_text().count("\n") == 2


def test_a_suite_s_tables_say_that_one_seed_decides_nothing(runs, tmp_path, capsys):
    tables.write_results(runs, tmp_path / "results")
    assert " better" not in capsys.readouterr().out
    for path in (tmp_path / "results").glob("*.[cm][sd]*"):
        assert " better" not in path.read_text(), path
    svg = (tmp_path / "results" / "trade_off.svg").read_text()
    assert "one seed: no verdict" in svg and "Pareto front" not in svg


def test_ship_copies_tables_and_figures(runs, tmp_path, monkeypatch):
    monkeypatch.setattr(tables, "ROOT", tmp_path / "clone")
    table = trade_off(runs)
    write(table, tmp_path / "results" / "mine", "trade_off")
    with pytest.raises(ValueError, match="has rows of .* runs that .*mine does not hold"):
        tables.ship("mine", tmp_path)
    shutil.copytree(runs, tmp_path / "runs" / "mine")
    tables.ship("mine", tmp_path)
    assert trade_off(tmp_path / "clone/results/shipped/mine/runs").equals(table)
    shipped = pd.read_csv(tmp_path / "clone/results/shipped/mine/trade_off.csv")
    assert shipped.model.tolist() == table.model.tolist()
    with pytest.raises(ValueError, match="holds no tables"):
        tables.ship("another", tmp_path)


def test_the_shipped_tables_are_those_of_the_suite():
    home = tables.ROOT / "results/shipped/quick"
    shipped, each = (read_table(home / f"{name}.csv") for name in ("trade_off", "runs"))
    trained = [job.options for job in load_suite("quick").jobs if job.rule == "train"]
    assert sorted(zip(shipped.net, shipped.labels, strict=True)) == sorted(
        {(name, options["labels"]) for name, options in zip(unique_names(trained), trained, strict=True)}
    )
    assert len(each) == len(trained)
    found = read_table(home / "searches.csv")
    assert set(found.notebook) == {job.notebook for job in load_suite("quick").jobs if job.rule == "search"}
    assert not shipped.other_commit.any() and not found.other_commit.any(), "rows of several states of the code"
    pairs = read_table(home / "differences.csv")
    assert set(pairs.verdict) <= {"one seed: no verdict"} or (pairs.seeds >= 3).all()


def test_a_net_that_still_rises_is_told_where_its_accuracy_stands(tmp_path):
    """Of three seeds the mean rise decides; a net of one seed has its own note; of few epochs nothing is known."""
    ends = {"ircsn_nano": (60, 66), "csn_r3d_nano": (60, 61), "p3d_nano": (60, 90)}  # val at both ends of the quarter
    seeds = dict.fromkeys(range(3), 75)
    nets = [("ircsn_nano", seeds), ("csn_r3d_nano", seeds), ("p3d_nano", {0: 75}), ("c2d_nano", seeds)]
    runs = write_runs(tmp_path / "runs", nets)
    for job in read_json(runs / "jobs.json")["jobs"]:
        if (model := job["options"].get("model")) in ends:
            first, last = ends[model]
            seconds = 1 + job["options"]["seed"] / 10
            history = [{"seconds": seconds, "val_top1": top1} for top1 in [first] * 7 + [last]]
            file = runs / job["id"] / "done.json"
            write_json(file, {**read_json(file), "history": history})
    table = trade_off(runs).set_index("net")
    assert table.note.to_dict() == {
        "ircsn_nano": "val still rises by 6.00 points",
        "csn_r3d_nano": "",
        "p3d_nano": "one seed: no verdict",
        "c2d_nano": "too few epochs to know whether val still rises, fewer than 8",
    }
    assert table.rise.dropna().to_dict() == {"ircsn_nano": 6, "csn_r3d_nano": 1, "p3d_nano": 30}
