"""The words of a table of searches are its verdicts', whatever it holds; the settings beside it are the suite's."""

import pandas as pd
import pytest

from bench.report.csv_files import read_table
from bench.report.rematch import rematch
from bench.report.settings import everywhere, settings_beside, suite_settings
from bench.report.shipped_seeds import shipped_searches
from bench.report.verdicts import answer, as_read, in_words
from lib.files import write_json
from lib.run import ROOT

SHIPPED = ROOT / "results" / "shipped"
NOBODY = "not distinguishable"
WON, LOST = "searched is better", "random 1 is better"


def table(*rivals, seeds=5):
    """A search against rivals, each (variant, points, verdict)."""
    rows = [("searched", float("nan"), ""), *rivals]
    found = pd.DataFrame(rows, columns=["variant", "points", "verdict"])
    ends = {"low": found.points - 2, "high": found.points + 2, "seen_from": 7.0, "gmacs": 0.02, "comparisons": 19.0}
    return found.assign(search="11_x priority=cost", seeds=float(seeds), top1=70.0, **ends)


@pytest.mark.parametrize(
    ("first", "second", "word"),
    [
        (WON, WON, "Yes:"),
        (WON, NOBODY, "Not throughout:"),
        (NOBODY, NOBODY, "Not shown:"),
        (LOST, NOBODY, "No:"),
        (WON, LOST, "Not throughout:"),
    ],
)
def test_the_answer_is_the_verdicts(first, second, word):
    points = {WON: 9.0, NOBODY: 1.0, LOST: -9.0}
    found = table(("random 1", points[first], first), ("random 2", points[second], second), ("uniform", -50.0, NOBODY))
    said = answer(found, "random", "luck")
    assert f"Better than luck? {word}" in said and "of 2 comparisons" in said and "-50" not in said
    wide = "for all 19 comparisons, with seeds that scatter like these, only a difference of 7 points or more would"
    assert (wide in said) == ("does not make them equal" in said) == (NOBODY in (first, second))


@pytest.mark.parametrize(
    ("seen_from", "said"),
    [
        ([None, 101.0], "no possible difference would have been decided"),
        ([None, 40.0], "only a difference of 40 points or more would have been decided"),
        ([None, 40.0, 60.0], "only a difference of 40 to 60 points or more would have been decided"),
        ([None, 40.0, 160.0], "only one of 40 points or more would have been decided, in some none at all"),
    ],
)
def test_no_two_accuracies_are_more_than_100_points_apart(seen_from, said):
    rivals = [(f"random {number}", 1.0, NOBODY) for number in range(1, len(seen_from))]
    assert answer(table(*rivals).assign(seen_from=seen_from), "random", "luck").endswith(f"{said}.")


def test_one_comparison_and_several_are_told_as_such():
    one = answer(table(("random 1", 1.0, NOBODY)), "random", "luck")
    assert "Not shown:** the one comparison does not decide; the difference is +1.0 points." in one
    both = answer(table(("random 1", 1.0, NOBODY), ("random 2", 2.0, NOBODY)), "random", "luck")
    assert "Not shown:** none of 2 comparisons decides; the differences go from +1.0 to +2.0 points." in both
    assert "of 2 comparisons 1 says better, 0 worse" in answer(
        table(("random 1", 9.0, WON), ("random 2", 2.0, NOBODY)), "random", "luck"
    )


def test_one_seed_answers_nothing():
    few = table(("random 1", 30.0, "one seed: no verdict"), seeds=1)
    nobody = "**Better than luck?** Nobody knows: a verdict takes 3 seeds of each rival."
    assert answer(few, "random", "luck") == nobody
    mixed = table(("random 1", 9.0, WON), ("random 2", 9.0, "one seed: no verdict")).assign(seeds=[3, 3, 1])
    assert answer(mixed, "random", "luck") == nobody, "a rival that nobody can judge is not left out"
    assert "*one seed: no verdict:* `random 1`" in in_words(few, "gmacs")


def test_every_rival_stands_under_its_verdict_with_its_cost():
    rows = [("random 1", -9.0, LOST), ("uniform", 1.0, "apart alone, not among 3"), ("1xkxk alone", 9.0, WON)]
    found = table(*rows).assign(gmacs=[0.02, 0.02, 0.04, 0.01])
    assert in_words(found, "gmacs") == (
        "- priority=cost, searched: *worse than* `random 1` (-9.0 points, -11.0 to -7.0, at 1.00 times its cost); "
        "*apart alone, not among 3:* `uniform` (+1.0 points, -1.0 to +3.0, at 0.50 times its cost); "
        "*better than* `1xkxk alone` (+9.0 points, +7.0 to +11.0, at 2.00 times its cost)."
    )


def test_the_shipped_tables_are_read_with_their_costs():
    dealt, planned = (as_read(shipped_searches(name)) for name in ("11_search_sub_kernels", "12_plan_the_optimization"))
    assert set(dealt.search) == {"priority=cost", "priority=performance"} and "GMACs" in dealt
    assert "search" not in planned and {"GMACs to train", "to search", "each seed"} <= set(planned)
    assert planned["to search"].tolist()[1:] == [""] * (len(planned) - 1) and planned.seeds[0] == "5"


def test_another_variant_stands_in_the_place_of_what_was_found():
    """The schedule trained again, against the rivals: the same seeds, the sign that its own means have."""
    more = rematch(SHIPPED / "searches" / "runs")
    rows = more[more.in_place_of == "planned"]
    shipped = read_table(SHIPPED / "searches" / "searches.csv").set_index("variant")
    assert rows.variant[0] == "planned, trained again" and "planned" not in set(rows.variant)
    assert rows.top1.tolist() == shipped.loc[rows.variant].top1.tolist()
    assert rows.points[1:].to_numpy() == pytest.approx(rows.top1[0] - rows.top1[1:].to_numpy(), abs=0.011)
    assert set(rows.comparisons[1:]) == {shipped.comparisons.max() + more.points.notna().sum()}


def test_only_what_differs_is_a_setting(tmp_path):
    """The lesson run as the suite ran it differs by its seed alone; on other videos, by those."""
    made = {"videos": 2304, "frames": 32, "size": 64, "seed": 2}
    write_json(tmp_path / "moving_shapes.json", {**made, "difficulty": "crowded"})
    here = {"model": "cakes_deep_nano", "size": 64, "epochs": 16, "seed": 0, "frames": 8, "labels": "motion"}
    assert settings_beside(here, tmp_path, "11_search_sub_kernels").index.tolist() == ["training seeds"]
    write_json(tmp_path / "moving_shapes.json", {**made, "videos": 72})
    found = settings_beside({**here, "size": 48, "priority": "cost"}, tmp_path, "11_search_sub_kernels")
    assert found["this page"].to_dict() == {"videos made": "72", "difficulty": "plain", "training seeds": "0",
                                            "size": "48", "priority": "cost"}  # fmt: skip
    assert found.searches["videos made"] == "2304" and found.searches["priority"] == "cost or performance"
    assert settings_beside(here, tmp_path, "11_search_sub_kernels", shipped=tmp_path) is None


def test_the_suites_settings_are_those_of_its_jobs(tmp_path):
    said = suite_settings("standard")
    assert said.startswith("standard: 2304 videos made, difficulty mixed, seed 2; frames: 8; pixels: 48; epochs: 24;")
    assert said.endswith("learning rate: 0.05 or 0.1; schedule: steps at [0.6, 0.75]")
    assert suite_settings("quick").endswith("schedule: steps at [0.6, 0.8]")
    assert suite_settings("standard", tmp_path) == ""


def test_one_net_everywhere_with_what_made_its_numbers():
    rows = everywhere("cakes_deep_nano").set_index(["suite", "how"])
    rows = rows[rows.index.get_level_values("suite").isin(["standard", "searches", "deals"])]
    trade_off = read_table(SHIPPED / "standard" / "trade_off.csv").set_index("net")
    assert rows.loc[("standard", "trained"), "top-1 %"] == f"{trade_off.top1['cakes_deep_nano']:.1f}"
    assert rows.epochs.tolist() == ["16", "16", "24"] and rows.difficulty.tolist() == ["crowded", "crowded", "mixed"]
    assert len(everywhere("no_such_net")) == 0


def test_the_even_deals_of_equal_epochs_are_the_same_trainings():
    """As lesson 11 says: seed by seed, so that only the number of seeds tells their means apart."""
    deals = read_table(SHIPPED / "deals" / "trade_off.csv").set_index("net").top1_by_seed["cakes_deep_nano"]
    searched = read_table(SHIPPED / "searches" / "searches.csv").query("variant == 'uniform'").top1_by_seed
    assert all([float(top) for top in each.split()][:3] == [float(top) for top in deals.split()] for each in searched)
