"""Figures in files: the same table gives the same bytes."""

from contextlib import contextmanager
from pathlib import Path

import matplotlib
import matplotlib.pyplot as plt

from bench.report import rows_figure, search_figure, trade_off_figure
from bench.report.names_in_figures import plain
from lib.files import file_name, replacing


@contextmanager
def own_style():
    """Draw and save with matplotlib's own defaults: a user's matplotlibrc or style would change the bytes."""
    ours = {name: value for name, value in matplotlib.rcParamsDefault.items() if not name.startswith("backend")}
    with matplotlib.rc_context(ours):
        yield


def save(figure, path):
    """Write `figure` as <path>.svg and <path>.png, reproducibly; returns the PNG's path.

    The name is kept whole: of "width_0.25" nothing is a suffix.
    """
    path = Path(path)
    with matplotlib.rc_context({"svg.hashsalt": path.name}):
        for suffix, metadata in ((".svg", {"Date": None}), (".png", {"Software": None})):
            with replacing(path.with_name(path.name + suffix)) as temporary:
                figure.savefig(temporary, format=suffix[1:], metadata=metadata, dpi=160)
    return path.with_name(path.name + ".png")


def draw_accuracy(table, x="gmacs", labels=None):
    """Accuracy against the cost `x`, of rows of trade_off.csv; where all nets cost the same, a row per net.  -> axes

    labels  the label set; the table's first
    """
    one_cost = rows_figure.one_cost(table, x, labels)
    return (rows_figure.draw_rows if one_cost else trade_off_figure.draw_trade_off)(table, x, labels)


@own_style()
def draw_suite(table, folder, x="gmacs"):
    """Draw the accuracy of a suite's table into `folder`.  -> the PNG, or None if no cost was measured"""
    if not table[x].notna().any():
        return None
    ax = draw_accuracy(table, x)
    path = save(ax.figure, Path(folder) / "trade_off")
    plt.close(ax.figure)
    return path


@own_style()
def draw_searches(table, folder):
    """Draw the figures of a suite's table of searches into `folder`, one for each.  -> their PNGs

    Searches of one net share their axis.
    """
    paths = []
    for name, rows in table.groupby("search", sort=False):
        alike = table[table.model.eq(rows.model.iloc[0]) & table["size"].eq(rows["size"].iloc[0])]
        ax = search_figure.draw_search(rows, span=search_figure.span_of(alike))
        ax.set_title(plain(f"{name}: {rows.model.iloc[0]}, {rows['size'].iloc[0]:g} pixels", 80), fontsize=9)
        paths.append(save(ax.figure, Path(folder) / file_name(name, "search")))
        plt.close(ax.figure)
    return paths
