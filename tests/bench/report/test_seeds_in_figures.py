"""Legends: every mark that a figure has is explained, as it looks; a bar that was cut says so."""

import matplotlib.pyplot as plt
import pandas as pd
import pytest
from helpers.odd_tables import table_of

from bench.report.csv_files import read_table
from bench.report.figure_files import draw_searches
from bench.report.rows_figure import draw_rows
from bench.report.search_figure import draw_search, span_of
from bench.report.trade_off_figure import draw_trade_off
from lib.run import ROOT

SHIPPED = ROOT / "results" / "shipped"
CUT = "mean over seeds, 95 % interval;\nlonger bars are cut at {} %"


@pytest.fixture(autouse=True)
def no_figure_is_left():
    yield
    plt.close("all")


def entries(legend):
    """{text: (marker, colour)}"""
    handles = legend.legend_handles
    return {text.get_text(): (h.get_marker(), h.get_color()) for text, h in zip(legend.texts, handles, strict=True)}


def test_a_mean_looks_as_the_nets_do_where_all_are_of_one_system():
    told = entries(draw_rows(read_table(SHIPPED / "deals" / "trade_off.csv")).figure.legends[0])
    assert told["mean over seeds, 95 % interval"] == told["CAKES"] == ("^", "#CC79A7")
    several = entries(draw_rows(table_of([0.05] * 5)).figure.legends[0])
    assert several["mean over seeds, 95 % interval"] == ("o", "0.3")


@pytest.mark.parametrize("suite, ends", [("quick_seeds", "100"), ("standard", None)])
def test_bars_that_were_cut_say_so(suite, ends):
    told = entries(draw_trade_off(read_table(SHIPPED / suite / "trade_off.csv")).get_legend())
    assert (CUT.format(ends) if ends else "mean over seeds, 95 % interval") in told
    both = table_of([0.01, 0.02]).assign(top1_low=0.0, top1_high=100.0)
    assert CUT.format("0 and 100") in entries(draw_trade_off(both).get_legend())


@pytest.mark.parametrize("suite", ["quick", "searches"])
def test_a_search_s_figure_explains_what_it_shows(suite):
    for _, rows in read_table(SHIPPED / suite / "searches.csv").groupby("search"):
        ax = draw_search(rows)
        ax.figure.canvas.draw()
        legend = ax.figure.legends[0]
        told = entries(legend)
        assert told["found by the search"] == ("D", "#D55E00")
        drawn = next(line for line in ax.lines if line.get_marker() == "D")
        assert legend.legend_handles[0].get_markerfacecolor() == drawn.get_markerfacecolor()
        if suite == "quick":
            assert "one seed: no verdict;\ndotted: the test videos alone" in told
        else:
            assert "one training seed" in told and any(text.startswith("mean over seeds") for text in told)
        box = legend.get_window_extent()
        assert not box.overlaps(ax.xaxis.label.get_window_extent()) and box.y0 >= ax.figure.bbox.y0


def test_searches_of_one_net_share_their_axis(tmp_path, monkeypatch):
    table = read_table(SHIPPED / "searches" / "searches.csv")
    spans = {}
    monkeypatch.setattr(
        "bench.report.figure_files.save", lambda figure, path: spans.update({path.name: figure.axes[0].get_xlim()})
    )
    draw_searches(table, tmp_path)
    cost, performance, plan = (spans[name] for name in sorted(spans))
    assert cost == performance != plan
    low, high = span_of(table.assign(top1_high=table.top1_high + 30))
    assert low < 0 and high > table.top1_high.max() + 30 > 100, "an interval is seen to its end, beyond 100 % too"


def test_no_difference_looks_larger_than_it_is():
    """The axis begins at 0, and chance, where it is known, lies on it and in the legend."""
    rows = read_table(SHIPPED / "quick" / "searches.csv").query("notebook == '11_search_sub_kernels'")
    ax = draw_search(rows, chance=12.5)
    low, high = ax.get_xlim()
    assert -5 < low < 0 < 12.5 < high and "chance" in entries(ax.figure.legends[0])
    assert [line.get_xdata() for line in ax.lines if line.get_label() == "chance"] == [[12.5, 12.5]]


def test_a_span_of_one_point_has_room():
    row = {"seeds": 1, "top1": 50.0, "top1_low": None, "top1_high": None, "videos_low": 50.0, "videos_high": 50.0}
    assert span_of(pd.DataFrame([row | {"top1_by_seed": "50"}])) == (-2.0, 52.0)
