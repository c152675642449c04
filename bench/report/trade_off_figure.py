"""Accuracy against cost, a point per net, drawn from the table alone: the same CSV gives the same file."""

import itertools
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.lines import Line2D

from bench.report.cost_axis import COSTS, cost_axis, per_video, title_of
from bench.report.names_in_figures import name_points, plain, short_names
from bench.report.seeds_in_figures import (
    GREY_THICK,
    RISING,
    SHIPPED_GREY,
    explained_rise,
    explained_seeds,
    rising_ones,
    seeds_of,
)
from lib.evaluate.comparisons import SEEDS_FOR_A_VERDICT

# colour-blind safe (Okabe and Ito), and different enough in grey with their markers
LOOKS = {
    "Efficient-3DCNNs": ("#0072B2", "o", "Efficient-3DCNNs"),
    "CSN": ("#D55E00", "s", "CSN"),
    "RubiksNet": ("#009E73", "D", "RubiksNet"),
    "CAKES": ("#CC79A7", "^", "CAKES"),
    "Optimization Planning": ("#E69F00", "v", "Optimization Planning's\nnets, usual schedule"),
    "X3D": ("0.35", "P", "X3D, a guest"),  # not one of the five
}
OTHERS = [("0.45", "X"), ("0.1", "*"), ("0.6", "p")]  # further systems, in turn
NEEDED = ("net", "system", "labels", "seeds", "top1", "top1_low", "top1_high", "top1_by_seed", "videos_low")
NEEDED += ("videos_high", "chance", *COSTS)  # columns of trade_off.csv that the figure is made of


def pareto_front(costs, scores):
    """Indices, cheapest first, of the points that no other beats in both: lower cost and higher score."""
    order = sorted(range(len(costs)), key=lambda i: (costs[i], -scores[i]))
    front, best = [], float("-inf")
    for i in order:
        if scores[i] > best:
            front.append(i)
            best = scores[i]
    return front


def draw_trade_off(table, x="gmacs", labels=None, ax=None, legend=True):
    """Mean top-1 with its 95 % interval over seeds against the cost `x`, every seed a dot, front and chance.  -> axes

    table   rows of trade_off.csv
    labels  the label set that is shown; the table's first
    A net of one seed is hollow: no interval says what another training would give. Its dotted line is of the test
    videos alone.
    """
    own = ax is None
    ax = ax or plt.subplots(figsize=(8, 4.6), layout="constrained")[1]
    handles, listed, write_names = _panel(table, x, labels, ax)
    if legend:
        _legend(ax, handles, listed, own)
    write_names()
    return ax


def draw_costs(table, costs, labels=None):
    """`draw_trade_off` under several costs, two panels in a row, one legend for all.  -> figure

    Many nets are numbers in every panel: the nets on one cost's front are not those on another's.
    """
    rows = -(-len(costs) // 2)
    figure, axes = plt.subplots(rows, 2, figsize=(12, 3.75 * rows), layout="constrained", squeeze=False)
    panels = [_panel(table, x, labels, ax, False) for ax, x in zip(axes.flat, costs, strict=False)]
    for ax in axes.flat[len(costs) :]:
        ax.set_axis_off()
    handles = {str(handle.get_label()): handle for panel in panels for handle in panel.handles}
    listed = {line for panel in panels for line in panel.listed}
    entries, small = _entries(handles.values(), sorted(listed, key=lambda line: int(line.split()[0])))
    figure.legend(handles=entries, loc="outside right upper", **small)
    for panel in panels:  # all panels first: where a name fits depends on the room that they leave each other
        panel.write_names()
    return figure


class _Panel(NamedTuple):
    handles: list  # of the legend
    listed: list[str]  # "number  name" of each net that is a number in the panel
    write_names: Callable


def _panel(table, x, labels, ax, front_is_named=True):
    """Draw all but the legend and the names.  -> what these need"""
    if x not in COSTS:
        raise ValueError(f"no cost {x!r}; there are {', '.join(COSTS)}")
    labels = labels or table.labels.iloc[0]
    table = table[table.labels == labels].reset_index(drop=True)
    title, table = title_of(table, x), per_video(table)
    measured = table[table[x].notna()]
    numbers, measured = (measured.index + 1).tolist(), measured.reset_index(drop=True)
    ax.set(xlabel=title, ylabel=plain(f"top-1 on {labels}, %", 60), ylim=(0, 100))
    ax.grid(alpha=0.25, lw=0.5)
    ax.spines[["top", "right"]].set_visible(False)
    places, handles, front = _draw(ax, measured, measured[x].to_numpy(float)) if len(measured) else ([], [], [])
    rising = rising_ones(measured)
    handles += explained_rise(rising)
    names, listed = short_names(measured.net.tolist(), set(front) if front_is_named else (), numbers)
    names = [name + RISING * up for name, up in zip(names, rising, strict=True)]
    note_left_out(ax, [name for name in table.net if name not in set(measured.net)], len(measured))
    low, high = (_ends(measured, end) for end in ("low", "high"))
    lines = [_steps(places, measured, front)] if front else []
    write_names = partial(name_points, ax, names, places, measured.top1, low, high, lines)
    return _Panel(handles, listed, write_names)


def _draw(ax, table, costs):
    """All points, front and chance.  -> where they stand on x, the legend's handles, rows of the front"""
    places = cost_axis(ax, costs)
    handles = []
    for (colour, marker, name), rows in by_system(table):
        for row in rows:
            _draw_net(ax, places[row], table.iloc[row], colour, marker)
        handles.append(Line2D([], [], color=colour, marker=marker, ms=7, ls="none", label=name))
    front = pareto_front(costs.tolist(), table.top1.tolist())
    ax.step(places[front], table.top1[front], where="post", color="0.35", lw=1.2, ls="--", zorder=0)
    if (chance := table.chance.dropna()).size:
        ax.axhline(chance.iloc[0], color="0.6", lw=1, ls=":", zorder=0)
    handles += _explained(table)
    return places, handles, front


def _steps(places, table, front):
    """The corners of the front's line."""
    x, y = places[front], table.top1.to_numpy()[front]
    return np.column_stack([np.repeat(x, 2)[1:], np.repeat(y, 2)[:-1]])


def _ends(table, end):
    """The end of all that is drawn above and below a net's mark: its interval, its seeds, the grey behind it."""
    furthest = min if end == "low" else max
    seeds = [furthest(seeds_of(row.top1_by_seed) or [row.top1]) for row in table.itertuples()]
    ends = [table[f"top1_{end}"].fillna(table[f"videos_{end}"]).fillna(table.top1), pd.Series(seeds, table.index)]
    if "shipped_min" in table:
        ends.append(table["shipped_min" if end == "low" else "shipped_max"].astype(float))
    return pd.DataFrame(ends).agg(furthest.__name__)


def by_system(table):
    """[((colour, marker, name), rows)], the five systems first, then the guest."""
    others = itertools.cycle(OTHERS)
    order = [*(name for name in LOOKS if name in set(table.system)), *sorted(set(table.system) - set(LOOKS))]
    return [
        (LOOKS.get(system) or (*next(others), plain(system, 28)), np.flatnonzero(table.system == system))
        for system in order
    ]


def _draw_net(ax, x, row, colour, marker):
    """One net: its mean with the interval over seeds, and its seeds; of one seed, the videos' interval, dotted.

    In grey behind it what several shipped seeds of the same recipe gave, from the lowest to the highest.
    """
    if row.get("shipped_seeds", 0) > 0:
        ax.plot(
            [x, x],
            [row.shipped_min, row.shipped_max],
            color=SHIPPED_GREY,
            lw=GREY_THICK,
            solid_capstyle="butt",
            zorder=0.5,
        )
    look = {"color": colour, "lw": 1, "zorder": 2, "clip_on": False}
    if row.seeds > 1:
        ax.plot([x, x], [row.top1_low, row.top1_high], **look)
        ax.plot([x, x], [row.top1_low, row.top1_high], ls="none", marker="_", ms=6, **look)
        ax.plot(x, row.top1, marker=marker, ms=7, **look)
        tops = seeds_of(row.top1_by_seed)
        ax.plot(
            [x] * len(tops),
            tops,
            ls="none",
            marker=".",
            ms=5,
            mfc="white",
            mew=0.7,
            color="0.1",
            zorder=3,
            clip_on=False,
        )
    else:
        ax.plot([x, x], [row.videos_low, row.videos_high], ls=(0, (1, 2)), **look)
        ax.plot(x, row.top1, marker=marker, ms=7, mfc="white", mew=1.3, **look)


def _explained(table):
    """The legend's entries that are no system."""
    dashed = {"color": "0.35", "lw": 1.2, "ls": "--"}
    ranked = (table.seeds >= SEEDS_FOR_A_VERDICT).all()
    front = "Pareto front of the means" if ranked else "front of these runs, which is\nno ranking"
    lines = [Line2D([], [], label=front, **dashed), Line2D([], [], color="0.6", lw=1, ls=":", label="chance")]
    return [*explained_seeds(table), *lines]


def note_left_out(ax, names, drawn):
    """Say which nets the figure lacks, because nobody measured this cost of theirs."""
    if not names:
        return
    told = f"cost not measured: {', '.join(names[:4])}" + (f" and {len(names) - 4} more" if len(names) > 4 else "")
    place = {"xy": (0.5, 0.5), "ha": "center"} if not drawn else {"xy": (0.01, 1.0), "ha": "left"}
    ax.annotate(plain(told, 60), xycoords="axes fraction", va="bottom", fontsize=7, color="0.35", **place)
    if not drawn:
        ax.set_xticks([])


def _legend(ax, handles, listed, own):
    """Beside the axes; under the looks the list of numbered names. A figure of ours grows with it."""
    entries, small = _entries(handles, listed)
    if own and listed:
        lines = sum(str(entry.get_label()).count("\n") + 1 for entry in entries)
        ax.figure.set_size_inches(9.5, max(4.6, 0.8 + 0.165 * lines))
    if entries:
        ax.legend(handles=entries, loc="upper left", bbox_to_anchor=(1, 1), **small)


def _entries(handles, listed):
    """(all entries of a legend, how small they are)"""
    names = [Line2D([], [], ls="none", label=plain(line, 44)) for line in listed]
    small = {"fontsize": 7 if names else 8, "handletextpad": 0.4 if names else 0.8, "frameon": False}
    return [*handles, *names], small
