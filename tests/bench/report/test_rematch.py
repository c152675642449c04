"""What is asked on top of searches: another one in the found one's place, and nets that only one search has trained."""

import pandas as pd
import pytest
from suite_runs import a_test, write_search

from bench.report.rematch import rematch
from bench.report.searches import searches
from lib.files import read_json, write_json
from lib.run import ROOT

COST = {0: (70, 60, 40), 1: (66, 65, 42), 2: (71, 58, 43)}  # seed: top-1 of the found one, the even one, the flat one
PERFORMANCE = {0: (80, 60), 1: (74, 65), 2: (79, 58)}
NAMES = ("searched", "uniform", "1xkxk alone")


def both(folder, cost=COST, performance=PERFORMANCE, notebook="deals", **further):
    """A suite's run folder of two searches of one notebook."""
    jobs = []
    for priority, seeds in (("cost", cost), ("performance", performance)):
        tell = {"priority": priority, "channels_moved": 9.0, "op": "x", "gmacs": 0.02, "params_m": 0.3, "deal": "[]"}
        tops = {
            (notebook if priority == "performance" else "deals", seed): dict(
                zip(NAMES, [(top, tell) for top in each], strict=False)
            )
            for seed, each in seeds.items()
        }
        write_search(folder, tops, priority=priority, **(further if priority == "performance" else {}))
        jobs += read_json(folder / "jobs.json")["jobs"]
        for job in jobs[-len(seeds) :]:  # no two records are alike, to the letter
            path = folder / job["id"] / "done.json"
            record = read_json(path)
            write_json(path, {**record, "provenance": {**record["provenance"], "date": job["id"]}})
    write_json(folder / "jobs.json", {"jobs": jobs})
    return folder


def test_a_search_takes_the_nets_of_one_kind_of_its_twin(tmp_path):
    runs = both(tmp_path)
    rows = rematch(runs)
    assert rows.search.tolist() == ["deals priority=performance"] * 2
    assert rows.variant.tolist() == ["searched", "1xkxk alone"]
    assert rows.in_place_of.tolist() == ["searched of deals priority=cost"] * 2
    wanted = [PERFORMANCE[seed][0] - COST[seed][2] for seed in COST]
    assert rows.points[1] == pytest.approx(sum(wanted) / 3, abs=0.01)
    asked = searches(runs).p.notna().sum()
    assert rows.comparisons[1] == asked + 1, "on top of all that searches.csv holds"
    assert len(rows.runs[1].split()) == 6, "of both searches"
    assert rows[["op", "gmacs", "params_m", "deal"]].to_numpy().tolist() == [["x", 0.02, 0.3, "[]"]] * 2
    assert not {"channels_moved", "priority"} & set(rows), "which are of the search that trained them"


def altered(runs, seed, **changes):
    """The even net of priority performance, with another test in one seed."""
    jobs = read_json(runs / "jobs.json")["jobs"]
    job = next(j for j in jobs if (j["options"]["priority"], j["options"]["seed"]) == ("performance", seed))
    path = runs / job["id"] / "done.json"
    record = read_json(path)
    record["variants"]["uniform"]["test"] = a_test(**changes)
    write_json(path, record)
    return runs


def test_the_even_nets_show_whether_the_trainings_are_equal(tmp_path):
    """The same accuracy by other answers is another training."""
    even = {"top1": PERFORMANCE[1][1], "videos": 100}
    assert len(rematch(altered(both(tmp_path / "a"), 1, **even))) == 2
    assert not len(rematch(altered(both(tmp_path / "b"), 1, **even, turn=1)))


@pytest.mark.parametrize(
    "further", [{"size": 32}, {"model": "c2d_nano"}, {"data": "shapes-2"}, {"labels": "shape"}, {"epochs": 9}]
)
def test_other_trainings_are_no_twins(tmp_path, further):
    assert not len(rematch(both(tmp_path, **further)))


def test_even_nets_that_say_one_class_show_nothing(tmp_path):
    flat = {seed: (top, 0, alone) for seed, (top, _, alone) in COST.items()}
    assert not len(rematch(both(tmp_path, cost=flat, performance={seed: (80, 0) for seed in flat})))


def test_how_it_was_searched_makes_no_other_training(tmp_path):
    assert len(rematch(both(tmp_path, strength=0.5, search_epochs=9, random_deals=3))) == 2


def test_a_search_of_another_notebook_lends_nothing(tmp_path):
    assert len(rematch(both(tmp_path / "a"))) == 2 and not len(rematch(both(tmp_path / "b", notebook="other")))


def test_a_search_with_nets_of_one_kind_needs_no_others(tmp_path):
    own = {seed: (*tops, 41) for seed, tops in PERFORMANCE.items()}
    assert not len(rematch(both(tmp_path, performance=own)))


def test_every_seed_has_to_be_there(tmp_path):
    assert len(rematch(both(tmp_path / "a", performance={seed: PERFORMANCE[seed] for seed in (1, 2)}))) == 2
    assert not len(rematch(both(tmp_path / "b", cost={seed: COST[seed] for seed in (0, 2)})))


def test_what_only_some_seeds_of_the_twin_have_is_not_taken(tmp_path):
    assert not len(rematch(both(tmp_path, cost={**COST, 2: COST[2][:2]})))


def test_the_shipped_searches_have_both_priorities_against_one_kind_alone():
    home = ROOT / "results" / "shipped" / "searches"
    found, more = pd.read_csv(home / "searches.csv"), pd.read_csv(home / "rematch.csv")
    asked = pd.concat([found[found.points.notna()], more[more.points.notna()]])
    for priority in ("cost", "performance"):
        mine = asked[asked.search == f"11_search_sub_kernels priority={priority}"]
        assert {"kxkxk alone", "1xkxk alone", "uniform", *(f"random {n}" for n in range(1, 6))} == set(mine.variant)
        assert mine.seeds.min() >= 5 and mine.verdict.notna().all()
