"""Deals of several seeds beside blind ones: what is shared is seen, what is drawn blindly is called so."""

import json

import pandas as pd
import pytest
import torch

from bench.report.csv_files import read_table, write
from bench.report.deals_apart import apart_as_read, apart_in_words, deals_apart
from lib.run import ROOT
from lib.search.subkernels.search import prune

KINDS = ("kxkxk", "1xkxk", "kx1x1")
EVEN = [{"kxkxk": 16, "1xkxk": 16, "kx1x1": 16}, {"kxkxk": 32, "1xkxk": 32, "kx1x1": 32}]
LESSON = "11_search_sub_kernels"


def blind(seed):
    rng = torch.Generator().manual_seed(seed)
    return [prune(torch.rand(3 * sum(split.values()), generator=rng), KINDS) for split in EVEN]


def leaning(seed):
    """Half of the whole kernels are given to lines along time, by every seed; the rest is that seed's own."""
    return [{**s, "kxkxk": s["kxkxk"] - (cut := s["kxkxk"] // 2), "kx1x1": s["kx1x1"] + cut} for s in blind(seed)]


def searched(folder, make, seeds=5):
    rows = [
        {"search": f"{LESSON} priority=x", "notebook": LESSON, "seed": seed, "variant": variant, "deal": json.dumps(it)}
        for seed in range(seeds)
        for variant, it in (("searched", make(seed + 1)), ("uniform", EVEN))
    ]
    write(pd.DataFrame(rows).assign(top1=50.0, run="r"), folder / "searches", "search_runs")
    return deals_apart(LESSON, folder, draws=100)


def test_what_is_drawn_blindly_is_called_so(tmp_path):
    said = apart_in_words(searched(tmp_path, blind))
    assert "priority=x: " in said and said.endswith(", as blind deals lie: no order that the seeds share stands out")


def test_what_all_seeds_share_is_seen(tmp_path):
    found = searched(tmp_path, leaning)
    assert apart_in_words(found).endswith("not as blind deals lie: nearer to each other than to the even one")
    assert found.even[0] > 2 * found.blind_even_high[0] and found.pairs[0] < found.even[0]


def test_one_deal_found_by_all_seeds_is_no_blind_one(tmp_path):
    """It lies as far from even as a blind one does, but every seed finds it."""
    found = searched(tmp_path, lambda _: blind(3))
    assert found.pairs[0] == found.pairs_high[0] == 0 and ": nearer to each other" in apart_in_words(found)


def test_deals_that_lie_apart_more_than_chance_share_nothing(tmp_path):
    """Each seed has another kind alone: far from even, and far from each other. Both are said as they are."""
    found = searched(tmp_path, lambda seed: [{KINDS[seed % 3]: sum(s.values())} for s in EVEN], seeds=3)
    assert found.pairs[0] == pytest.approx(100) and found.even[0] == pytest.approx(200 / 3)
    assert apart_in_words(found).endswith("not as blind deals lie: no nearer to each other than to the even one")


def test_without_seeds_or_tables_there_is_nothing_to_compare(tmp_path):
    assert deals_apart(LESSON, tmp_path) is None
    assert searched(tmp_path, blind, seeds=1) is None
    assert deals_apart("12_plan_the_optimization", tmp_path) is None


def test_of_the_shipped_searches_the_distances_are_the_tables_own():
    """`channels_moved` of the even deal, in the rows of the runs, is its distance from the searched one."""
    runs = read_table(ROOT / "results" / "shipped" / "searches" / "search_runs.csv")
    rows, found = runs[runs.variant == "uniform"], deals_apart(LESSON, draws=20)
    for row in found.itertuples():
        moved = rows.channels_moved[rows.search == row.search].astype(float)
        told = (moved.mean(), moved.min(), moved.max())  # in tenths
        assert (row.even, row.even_low, row.even_high) == pytest.approx(told, abs=0.06)
        assert row.seeds == len(moved) and row.pairs <= 2 * row.even
    shown = apart_as_read(found)
    assert shown.search.tolist() == ["priority=cost", "priority=performance"] and shown.shape == (2, 6)
