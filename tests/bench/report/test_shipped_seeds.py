"""A suite of one seed shows what several shipped seeds gave; every shipped row is walked back to its run's record."""

import json

import matplotlib.pyplot as plt
import pandas as pd
import pytest
from helpers.suite_runs import home_of, write_runs

from bench.report.csv_files import read_table, write
from bench.report.rematch import rematch
from bench.report.searches import search_runs, searches
from bench.report.shipped_runs import check_epochs, runs_of
from bench.report.shipped_seeds import (
    of_several_seeds,
    recipe_of,
    shipped_claims,
    shipped_searches,
    with_shipped_seeds,
)
from bench.report.text import shown
from bench.report.trade_off_figure import draw_trade_off
from bench.report.trainings import differences, trade_off, trainings
from bench.report.verdicts import as_read, in_words
from bench.runner.suite import load_suite
from lib.files import read_json
from lib.run import ROOT

COSTS = {"ircsn_nano": 0.03, "p3d_nano": 0.05}
MANY = [("ircsn_nano", {0: 80, 1: 77, 2: 84}), ("p3d_nano", {0: 77, 1: 33, 2: 76}, {"epochs": 16})]
TABLES = {"trade_off": trade_off, "runs": trainings, "differences": differences, "searches": searches}
TABLES |= {"search_runs": search_runs, "rematch": rematch}
SHIPPED = ROOT / "results" / "shipped"


@pytest.fixture
def one_seed(tmp_path):
    """The table of one seed, beside shipped tables of three: one net of the same recipe, one of another."""
    many = write_runs(tmp_path / "many", MANY, COSTS, videos=100)
    write(trade_off(many), tmp_path / "shipped" / "quick_seeds", "trade_off")
    runs = write_runs(tmp_path / "runs", [("ircsn_nano", {0: 80}), ("p3d_nano", {0: 77})], COSTS, videos=100)
    return with_shipped_seeds(trade_off(runs), "quick", tmp_path / "shipped"), trade_off(runs)


def test_the_range_stands_in_the_table(one_seed, tmp_path):
    table, _ = one_seed
    assert table.note[0] == "one seed: no verdict; 3 seeds shipped: lowest 77.0 and highest 84.0"
    assert table.note[1] == "one seed: no verdict"  # 8 epochs are no 16
    write(table, tmp_path / "results", "trade_off")
    assert "3 seeds shipped: lowest 77.0 and highest 84.0" in (tmp_path / "results" / "trade_off.md").read_text()
    again = read_table(tmp_path / "results" / "trade_off.csv")
    assert again.shipped_min[0] == 77 and again.shipped_max[0] == 84 and again.shipped_suite[0] == "quick_seeds"


def test_the_range_lies_grey_behind_its_point(one_seed):
    for table, grey in zip(one_seed, (1, 0), strict=True):
        ax = draw_trade_off(table)
        behind = [line for line in ax.lines if line.get_color() == "0.82"]
        assert len(behind) == grey and all(list(line.get_ydata()) == [77, 84] for line in behind)
        assert all(line.get_zorder() < 2 for line in behind)
        words = " ".join(text.get_text() for text in ax.get_legend().get_texts())
        assert ("3 seeds shipped of the same" in words) == bool(grey)
        plt.close("all")


def test_a_lesson_reads_the_searches_that_are_shipped_once_they_are_shipped(tmp_path):
    assert shipped_searches("11_search_sub_kernels", tmp_path) is None
    table = read_table(SHIPPED / "quick" / "searches.csv")
    write(table, tmp_path / "searches", "searches")
    found = shipped_searches("12_plan_the_optimization", tmp_path)
    rows = table[table.notebook == "12_plan_the_optimization"]
    assert found.variant.tolist() == rows.variant.tolist() and found.top1.tolist() == rows.top1.tolist()
    assert found.seeds.map(str).tolist() == ["1"] * len(found), "a count is whole"
    known = ["search", "variant", "seeds", "top1", "points", "low", "high", "verdict"]
    costs = ["top1_by_seed", "train_gmacs", "search_gmacs", "comparisons"]  # no gmacs of a schedule
    costs += ["difference_videos_low", "difference_videos_high"]
    assert found.columns.tolist() == [*known, *costs]
    write(table.drop(columns="verdict"), tmp_path / "searches", "searches")
    with pytest.raises(ValueError, match="verdict"):
        shipped_searches("11_search_sub_kernels", tmp_path)


@pytest.mark.parametrize("notebook", ["11_search_sub_kernels", "12_plan_the_optimization"])
def test_a_lesson_reads_what_was_asked_on_top_in_words_and_numbers(notebook):
    """Whichever verdicts there are: the words hold the ratio of the costs, so those are numbers."""
    more = shipped_searches(notebook, table="rematch")
    cost = "gmacs" if notebook.startswith("11") else "train_gmacs"
    rows = more.assign(verdict=["", *["apart alone, not among 29"] * (len(more) - 1)])
    assert in_words(rows, cost).count("times its cost") == len(more) - 1
    assert len(as_read(more)) == len(more) and more.seeds.min() >= 5


def test_a_lesson_reads_the_rows_of_its_claim():
    """All comparisons planned for it, and only those, with what the table measured."""
    table = read_table(SHIPPED / "standard" / "claims.csv")
    for number, rows in table.groupby("claim"):
        found = shipped_claims(number)
        assert found.compared.tolist() == rows.compared.tolist()
        assert found.verdict.tolist() == rows.verdict.tolist() and found.note.tolist() == rows.note.tolist()
    assert len(shipped_claims(6)) == 0


def test_a_page_of_search_runs_says_which_seed_each_row_is_of():
    table = read_table(SHIPPED / "searches" / "search_runs.csv")
    assert shown(table).seed.tolist() == [f"{seed:.0f}" for seed in table.seed]


def test_no_suite_lies_behind_itself_or_behind_several_seeds(one_seed, tmp_path):
    _, plain = one_seed
    assert with_shipped_seeds(plain, "quick_seeds", tmp_path / "shipped").equals(plain)
    many = read_table(tmp_path / "shipped" / "quick_seeds" / "trade_off.csv")
    assert with_shipped_seeds(many, "quick", tmp_path / "shipped") is many


def test_quick_seeds_is_quick_with_more_seeds():
    one, many = (load_suite(name) for name in ("quick", "quick_seeds"))
    trained = [{job.id for job in suite.jobs if job.rule == "train"} for suite in (one, many)]
    assert trained[0] < trained[1] and len(trained[1]) == 3 * len(trained[0])
    recipes = [{recipe_of({"options": job.options}) for job in s.jobs if job.rule == "train"} for s in (one, many)]
    assert recipes[0] == recipes[1] and not [job for job in many.jobs if job.rule == "search"]


@pytest.mark.parametrize("base, message", [("quickest", "no suite 'quickest'"), ("quick_seeds", "has a base itself")])
def test_a_base_is_a_suite_without_one(tmp_path, base, message):
    (tmp_path / "mine.yaml").write_text(f"base: {base}\n")
    with pytest.raises(ValueError, match=f"mine.yaml: base: .*{message}"):
        load_suite(tmp_path / "mine.yaml")


def test_what_is_shipped_is_known_to_have_its_runs():
    tables = {path.parent for path in SHIPPED.glob("*/trade_off.csv")}
    assert not {path.name for path in tables if not (path / "runs" / "jobs.json").is_file()}


@pytest.mark.parametrize("runs", sorted(SHIPPED.glob("*/runs")), ids=lambda path: path.parent.name)
def test_shipped_rows_are_those_of_the_shipped_records(runs, tmp_path):
    check_walk(runs, tmp_path)


def test_the_walk_sees_a_row_of_another_run(tmp_path):
    runs = write_runs(tmp_path / "x" / "runs", MANY, COSTS, videos=100)
    for name, make in list(TABLES.items())[:3]:
        write(make(runs), tmp_path / "x", name)
    check_walk(runs, tmp_path / "again")
    record = json.loads((home_of(runs, "run-0") / "done.json").read_text())
    record["test"] = {**record["test"], "top1": 81.0, "predicted": [0] * 81 + [1] * 19}
    (home_of(runs, "run-0") / "done.json").write_text(json.dumps(record))
    with pytest.raises((AssertionError, ValueError)):
        check_walk(runs, tmp_path / "again")


def check_walk(runs, again):
    """Every table beside `runs` again from the records, figure by figure; every curve from its metrics."""
    home, jobs = runs.parent, {job["id"] for job in read_json(runs / "jobs.json")["jobs"]}
    assert runs_of(home) <= jobs
    for name, make in TABLES.items():
        if not (home / f"{name}.csv").is_file():
            continue
        write(make(runs), again, name)
        made, there = (read_table(folder / f"{name}.csv") for folder in (again, home))
        kept = [column for column in made if column not in ("other_commit", "note", "rise")]
        assert made[kept].equals(there[kept]), name
        if "rise" in made:  # of 5.625 a line fitted on another processor makes 5.62 or 5.63
            pd.testing.assert_series_equal(made.rise, there.rise, rtol=0, atol=0.0101)
    for folder in filter(lambda path: (path / "metrics.jsonl").is_file(), runs.iterdir()):
        check_epochs(folder, read_json(folder / "done.json"))


def test_what_several_seeds_gave_is_shown_once_it_is_shipped(tmp_path):
    assert of_several_seeds(["ircsn_nano"], shipped=tmp_path) == (None, None)
    runs = write_runs(tmp_path / "many", MANY, COSTS, videos=100)
    for name, table in (("runs", trainings(runs)), ("differences", differences(runs))):
        write(table, tmp_path / "quick_seeds", name)
    table, verdicts = of_several_seeds(["ircsn_nano", "p3d_nano", "ipcsn_nano"], shipped=tmp_path)
    first = table.set_index("net").loc["ircsn_nano"]
    assert (first["top1 min"], first["top1 max"], first.seeds, first.suite) == (77, 84, 3, "quick_seeds")
    assert verdicts[["a", "b"]].to_numpy().tolist() == [["ircsn_nano", "p3d_nano"]]
    assert of_several_seeds(["c2d_nano"], shipped=tmp_path) == (None, None)
    assert of_several_seeds(["ircsn_nano"], shipped=tmp_path, suites=("standard",)) == (None, None)
