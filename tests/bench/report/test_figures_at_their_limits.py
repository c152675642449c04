"""Figures of unusual tables: everything is on them, nothing covers anything that it should not. Looked at, too."""

import itertools
import shutil

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from helpers.odd_tables import ODD, table_of
from matplotlib.text import Text
from matplotlib.transforms import Bbox

from bench.report.cost_axis import cost_axis, per_video
from bench.report.csv_files import read_table
from bench.report.figure_files import draw_searches, save
from bench.report.redraw import redraw
from bench.report.search_figure import draw_search
from bench.report.trade_off_figure import LOOKS, draw_costs, draw_trade_off, pareto_front
from lib.run import ROOT

HUGE = {"60 rows", "200 rows"}


@pytest.fixture(autouse=True)
def no_figure_is_left():
    yield
    plt.close("all")


def boxes(texts):
    """Of the letters: the line that leads from a name to its point is no part of it."""
    return [Text.get_window_extent(text) for text in texts if text.get_text().strip() and text.get_visible()]


def overlaps(some, others):
    return any(a.overlaps(b) for a in some for b in others)


def test_no_name_stands_on_a_point_or_its_intervals():
    """Of the figure that everybody sees first: each name is read with its own point."""
    table = read_table(ROOT / "results" / "shipped" / "quick" / "trade_off.csv")
    ax = draw_trade_off(table, "gmacs", "motion")
    ax.figure.canvas.draw()
    upright = [line for line in ax.lines if len(set(line.get_xdata())) == 1 and line.get_transform() == ax.transData]
    assert len(upright) >= 3 * len(table), "a point, its videos' interval and the grey range of each net"
    covered = [
        (text.get_text(), shared.height)
        for text in ax.texts
        for line in upright
        if (shared := Bbox.intersection(Text.get_window_extent(text), line.get_window_extent()))
    ]
    assert not [name for name, pixels in covered if pixels > 2]


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("name", ODD)
def test_a_figure_shows_all_of_its_table(name):
    table = ODD[name]
    ax = draw_trade_off(table)
    ax.figure.canvas.draw()
    measured = table.dropna(subset=["gmacs"])
    if not len(measured):
        assert "cost not measured: net_0, net_1" in [text.get_text() for text in ax.texts]
        return
    low, high = ax.get_xlim()
    points = [line.get_xydata() for line in ax.lines if line.get_marker() in (*"osD^vPX*p",) and line.get_ls() == "-"]
    assert len(points) == len(measured) and all(low < point[0, 0] < high for point in points)
    ticks = boxes(ax.get_xticklabels())
    assert ticks and not any(a.overlaps(b) for a, b in itertools.pairwise(sorted(ticks, key=lambda box: box.x0)))
    legend = ax.get_legend().get_window_extent()
    assert not overlaps(boxes(ax.texts), [legend]), "no name reaches the legend"
    if name not in HUGE:
        assert ax.figure.bbox.y0 <= legend.y0 and legend.x1 <= ax.figure.bbox.x1
        assert not any(a.overlaps(b) for a, b in itertools.combinations(boxes(ax.texts), 2))
    told = [text.get_text() for text in ax.texts] + [text.get_text() for text in ax.get_legend().get_texts()]
    assert len([text for text in told if text]) >= len(measured), "every net has its name or its number"


def test_a_net_that_still_rises_is_marked_from_three_seeds_on():
    table = read_table(ROOT / "results" / "shipped" / "quick_seeds" / "trade_off.csv")
    table["rise"] = [9.0 if net in ("ircsn_nano", "p3d_nano") else 0.0 for net in table.net]
    table.loc[table.net == "p3d_nano", "seeds"] = 2
    ax = draw_trade_off(table, labels="motion")
    assert [text.get_text() for text in ax.texts if "↑" in text.get_text()] == ["ircsn_nano\u00a0↑"]
    explained = [text.get_text() for text in ax.get_legend().get_texts()]
    assert "↑ val still rises at the end" in explained
    before = draw_trade_off(table.drop(columns="rise"), labels="motion")
    assert not any("↑" in text.get_text() for text in [*before.texts, *before.get_legend().get_texts()])


def test_a_net_that_is_tested_on_many_clips_costs_them_all():
    """Thirty views of the cheaper net: it stood on the front at the cost of one."""
    table = table_of([0.01, 0.02], tops=[90, 60]).assign(views=[30, 1])
    ax = draw_trade_off(table)
    places = [float(line.get_xdata()[0]) for line in ax.lines if line.get_marker() in (*"os",)]
    assert places == pytest.approx([0.3, 0.02]) and ax.get_xlabel() == "GMACs per test video"
    assert [names.get_text() for names in draw_costs(table, ["params_m", "gmacs"]).axes[0].texts if names.get_text()]
    assert per_video(table).params_m.tolist() == table.params_m.tolist()
    alike = table.assign(views=30)
    assert per_video(alike) is alike and draw_trade_off(alike).get_xlabel() == "GMACs per clip"


def test_names_are_text(tmp_path):
    table = table_of([0.01, 0.02, 0.05], ["$a", "a$b$c", r"\$\frac{1$"])
    svg = save(draw_trade_off(table).figure, tmp_path / "dollars").with_name("dollars.svg").read_text()
    assert all(f"<!-- {name} -->" in svg for name in ("$a", "a$b$c"))


def test_many_names_are_listed_and_the_front_is_named():
    table = ODD["60 rows"]
    ax = draw_trade_off(table)
    front = {table.net[place] for place in pareto_front(table.gmacs.tolist(), table.top1.tolist())}
    written = {text.get_text() for text in ax.texts}
    assert front <= written and len(written) == 60 and written - front <= {str(n) for n in range(1, 61)}
    assert "60  net_59" in [text.get_text() for text in ax.get_legend().get_texts()]


def test_systems_differ_in_grey():
    """By their markers, since two of the colours are of one brightness."""
    assert len({marker for _, marker, _ in LOOKS.values()}) == len(LOOKS)


def test_pareto_front():
    assert pareto_front([1, 2, 3, 4, 2], [50, 60, 55, 70, 60]) == [0, 1, 3]
    assert pareto_front([1, 1], [5, 6]) == [1] and pareto_front([0, 1], [5, 6]) == [0, 1]


@pytest.mark.parametrize("cost", [-1.0, np.inf, np.nan])
def test_what_is_no_cost_is_refused(cost):
    with pytest.raises(ValueError, match="a cost is a number from 0 on"):
        cost_axis(plt.figure().subplots(), [1.0, cost])
    with pytest.raises(ValueError, match="no cost 'macs'; there are gmacs"):
        draw_trade_off(ODD["plain"], "macs")


def search_table(rows, seeds=3, **change):
    """Rows of searches.csv: the found one first."""
    table = []
    for number in range(rows):
        row = {"search": "s", "model": "p3d_nano", "size": 48, "variant": f"rival {number}" if number else "found"}
        row |= {"seeds": seeds, "top1": 60.0 - number, "top1_low": 55.0, "top1_high": 65.0, "top1_by_seed": "59 60 61"}
        row |= {"videos_low": 52.0, "videos_high": 68.0, "verdict": "not distinguishable"}
        row |= {"points": float(number), "low": -4.0, "high": 16.0} if number else {}
        row |= {"top1_low": np.nan, "top1_high": np.nan, "low": np.nan, "high": np.nan} if seeds < 2 else {}
        table.append(row | change)
    return pd.DataFrame(table)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("rows, seeds", [(1, 1), (2, 1), (3, 3), (40, 5)])
def test_a_search_s_figure(rows, seeds):
    ax = draw_search(search_table(rows, seeds))
    ax.figure.canvas.draw()
    assert not any(a.overlaps(b) for a, b in itertools.combinations(boxes(ax.get_yticklabels()), 2))
    said = [text.get_text() for text in ax.texts]
    if rows > 1:
        assert ("+1.0  not distinguishable" if seeds < 2 else "+1.0 [-4.0, +16.0]  not distinguishable") in said


def test_a_search_s_figure_is_drawn_again_from_its_table(tmp_path):
    table = search_table(2, search="s 0.25 $x$")
    (first,) = draw_searches(table, tmp_path)
    assert first.name == "s 0.25 $x$.png"
    before = first.read_bytes()
    table.to_csv(tmp_path / "searches.csv", index=False)
    draw_searches(pd.read_csv(tmp_path / "searches.csv"), tmp_path)
    assert first.read_bytes() == before
    with pytest.raises(ValueError, match="search '../up' cannot be part of a path"):
        draw_searches(search_table(2, search="../up"), tmp_path)


def test_a_name_with_a_dot_keeps_it(tmp_path):
    """width_0.25 and width_0.45 were both width_0.png."""
    paths = {save(plt.figure(), tmp_path / name) for name in ("width_0.25", "width_0.45")}
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        *("width_0.25.png", "width_0.25.svg", "width_0.45.png", "width_0.45.svg"),
    ]
    assert {path.name for path in paths} == {"width_0.25.png", "width_0.45.png"}


SHIPPED = sorted({path.parent for path in (ROOT / "results" / "shipped").glob("*/*.svg")})


@pytest.fixture(scope="module")
def redrawn(tmp_path_factory):
    """The tables of all suites that are shipped, in a folder, with figures and claims made of them."""
    folder = tmp_path_factory.mktemp("redrawn")
    for home in SHIPPED:
        (folder / "results" / home.name).mkdir(parents=True)
        for table in home.glob("*.csv"):
            shutil.copyfile(table, folder / "results" / home.name / table.name)
    redraw(folder)
    return folder / "results"


@pytest.mark.parametrize("home", SHIPPED, ids=lambda path: path.name)
def test_the_shipped_figures_are_those_of_the_shipped_tables(home, redrawn):
    drawn = sorted((redrawn / home.name).glob("*.svg"))
    assert [path.name for path in drawn] == sorted(path.name for path in home.glob("*.svg")) != []
    assert all(path.read_bytes() == (home / path.name).read_bytes() for path in drawn)


def test_several_costs_share_a_figure_and_their_numbers():
    """Names are written when all panels have their room; a net has one number, whatever panels lack it."""
    table = table_of(list(np.geomspace(0.01, 3, 30))).assign(mbytes_moved=lambda rows: rows.gmacs.where(rows.index > 4))
    figure = draw_costs(table, ["gmacs", "mbytes_moved", "latency_ms_p50"])
    one, two, three, empty = figure.axes
    assert not empty.axison and any("cost not measured" in text.get_text() for text in three.texts)
    numbers = [{text.get_text() for text in ax.texts if text.get_text().isdigit()} for ax in (one, two)]
    every = {str(number) for number in range(1, 31)}
    assert numbers == [every, every - {"1", "2", "3", "4", "5"}]
    (legend,) = figure.legends
    assert every == {word for text in legend.texts if (word := text.get_text().split()[0]).isdigit()}
    figure = draw_costs(ODD["plain"].assign(mbytes_moved=[5, 4, 3, 2, 1]), ["gmacs", "mbytes_moved"])
    figure.canvas.draw()
    for ax in figure.axes:
        assert not any(a.overlaps(b) for a, b in itertools.combinations(boxes(ax.texts), 2))
