"""Nets of one cost are drawn a row each: the best on top, all seeds as dots, nothing covers anything."""

import itertools

import matplotlib.pyplot as plt
import pytest
from helpers.odd_tables import ODD, table_of

from bench.report.csv_files import read_table
from bench.report.figure_files import draw_suite
from bench.report.rows_figure import draw_rows, one_cost
from bench.report.trade_off_figure import seeds_of
from lib.run import ROOT

EQUAL = {name: ODD[name] for name in ("equal costs", "equal points", "all costs 0")}
EQUAL["one seed"] = table_of([0.05] * 3, seeds=1)
EQUAL["60 rows"] = table_of([0.05] * 60)
EQUAL["dollars"] = ODD["dollars"].assign(gmacs=0.05)
EQUAL["long names"] = ODD["names of 80 characters"].assign(gmacs=0.05)


@pytest.fixture(autouse=True)
def no_figure_is_left():
    yield
    plt.close("all")


def boxes(texts):
    return [text.get_window_extent() for text in texts if text.get_text().strip()]


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("name", EQUAL)
def test_a_row_per_net_the_highest_mean_on_top(name):
    table = EQUAL[name]
    assert one_cost(table, "gmacs")
    ax = draw_rows(table)
    ax.figure.canvas.draw()
    ranked = table.sort_values("top1", ascending=False, kind="stable")
    means = {line.get_ydata()[0]: line.get_xdata()[0] for line in ax.lines if line.get_marker() in (*"os^vD",)}
    assert [means[y] for y in range(len(table))] == ranked.top1.tolist() and ax.yaxis_inverted()
    dots = {line.get_ydata()[0]: list(line.get_xdata()) for line in ax.lines if line.get_marker() == "."}
    assert dots == ({y: seeds_of(cell) for y, cell in enumerate(ranked.top1_by_seed)} if table.seeds[0] > 1 else {})
    low, high = ax.get_xlim()
    assert all(low <= x <= high for line in ax.lines for x in line.get_xdata())
    texts = [*boxes(ax.get_yticklabels()), *boxes(ax.texts), *boxes([ax.xaxis.label])]
    assert not any(a.overlaps(b) for a, b in itertools.combinations(texts, 2))
    legend = ax.figure.legends[0].get_window_extent()
    assert not any(box.overlaps(legend) for box in texts)
    assert all(ax.figure.bbox.x0 <= box.x0 and box.x1 <= ax.figure.bbox.x1 for box in [*texts, legend])


def test_nets_of_one_seed_are_hollow_and_no_verdict():
    ax = draw_rows(EQUAL["one seed"])
    assert all(line.get_mfc() == "white" for line in ax.lines if line.get_marker() in "osD^v" and line.get_marker())
    told = [text.get_text() for text in ax.figure.legends[0].get_texts()]
    assert any("one seed: no verdict" in text for text in told) and "the order is no ranking" in told
    of_many = draw_rows(EQUAL["equal costs"]).figure.legends[0].get_texts()
    assert "the order is no ranking" not in [text.get_text() for text in of_many]


def test_nets_of_as_many_clips_cost_as_much():
    """A net that is tested on ten clips costs ten times one clip of it."""
    assert one_cost(EQUAL["equal costs"].assign(views=10), "gmacs")
    assert not one_cost(EQUAL["equal costs"].assign(views=[1, 1, 1, 10]), "gmacs")


def test_the_parameters_stand_beside_where_they_differ():
    shipped = read_table(ROOT / "results" / "shipped" / "deals" / "trade_off.csv")
    beside = [text.get_text() for text in draw_rows(shipped).texts]
    best = shipped.sort_values("top1", ascending=False)
    assert beside == [*(f"{params:.3f}" for params in best.params_m), "M params"]
    assert not draw_rows(EQUAL["equal costs"]).texts


def test_the_figure_follows_the_costs(tmp_path, monkeypatch):
    """One cost: rows. Two costs, or one net, or other label sets apart: the plane."""
    drawn = []
    monkeypatch.setattr("bench.report.rows_figure.draw_rows", lambda *table: drawn.append("rows") or plt.gca())
    monkeypatch.setattr(
        "bench.report.trade_off_figure.draw_trade_off", lambda *table: drawn.append("plane") or plt.gca()
    )
    two = table_of([0.05, 0.05, 0.07]).assign(labels=["motion", "motion", "shape"])
    for table in (EQUAL["equal costs"], ODD["plain"], ODD["one point"], ODD["a cost missing"], two):
        draw_suite(table, tmp_path)
    assert drawn == ["rows", "plane", "plane", "plane", "rows"]


def test_a_net_without_the_cost_is_named():
    table = table_of([0.05] * 3).assign(gmacs=[0.05, None, 0.05])
    told = [text.get_text() for text in draw_rows(table).texts]
    assert "cost not measured: net_1" in told
