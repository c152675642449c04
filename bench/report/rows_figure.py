"""Accuracy by net, a row each, for a table whose nets all cost the same: against the cost they would be one line."""

import matplotlib.pyplot as plt
from matplotlib.lines import Line2D

from bench.report.cost_axis import per_video, title_of
from bench.report.names_in_figures import plain
from bench.report.search_figure import draw_row
from bench.report.seeds_in_figures import (
    GREY_THICK,
    RISING,
    SHIPPED_GREY,
    explained_rise,
    explained_seeds,
    rising_ones,
)
from bench.report.trade_off_figure import by_system, note_left_out
from lib.evaluate.comparisons import SEEDS_FOR_A_VERDICT

INCHES = 0.16  # of a line of text


def one_cost(table, x, labels=None):
    """Whether two nets or more of this label set have the cost `x`, and all of them the same.

    labels  the label set; the table's first
    """
    costs = per_video(table[table.labels == (labels or table.labels.iloc[0])])[x].dropna()
    return len(costs) > 1 and costs.nunique() == 1


def draw_rows(table, x="gmacs", labels=None):
    """Mean top-1 with its 95 % interval over seeds, every seed a dot, the highest mean on top; parameters at the right.

    table   rows of trade_off.csv that satisfy `one_cost`  -> axes
    labels  the label set that is shown; the table's first
    """
    shown = per_video(of_set := table[table.labels == (labels or table.labels.iloc[0])])
    rows = shown[shown[x].notna()].sort_values("top1", ascending=False, kind="stable").reset_index(drop=True)
    rising = rising_ones(rows)
    names = [plain(name, 44) + RISING * up for name, up in zip(rows.net, rising, strict=True)]
    lines = sum(name.count("\n") + 1 for name in names)
    ax = plt.subplots(figsize=(9, 1.6 + INCHES * (lines + len(rows))), layout="constrained")[1]
    handles, systems = _draw(ax, rows), by_system(rows)
    colour, marker, _ = systems[0][0] if len(systems) == 1 else ("0.3", "o", "")
    handles += explained_seeds(rows, marker, colour)
    if (rows.seeds < SEEDS_FOR_A_VERDICT).any():
        handles.append(Line2D([], [], ls="none", label="the order is no ranking"))
    ax.set_yticks(range(len(rows)), names, fontsize=8)
    chance = rows.chance.dropna()
    told = f" (chance {chance.iloc[0]:g})" if len(chance) else ""
    cost = f"all at the same cost, {title_of(of_set, x)}: {rows[x].iloc[0]:.3g}"
    ax.set_xlabel(f"{plain(f'top-1 on {shown.labels.iloc[0]}', 60)}, %{told}; {cost}", fontsize=9)
    low, high = ax.get_xlim()
    ax.set_xlim(max(low, -2), min(high, 102))  # an interval of few seeds may leave the percents
    ax.set_ylim(len(rows) - 0.4, -0.6)
    ax.grid(axis="x", alpha=0.25, lw=0.5)
    ax.spines[["top", "right"]].set_visible(False)
    note_left_out(ax, [name for name in shown.net if name not in set(rows.net)], len(rows))
    ax.figure.legend(handles=[*handles, *explained_rise(rising)], frameon=False, fontsize=8, loc="outside lower center",
                     ncols=3)  # fmt: skip
    return ax


def _draw(ax, rows):
    """All rows, the shipped range grey behind them, the parameters beside them.  -> the legend's handles of systems"""
    handles = []
    for (colour, marker, name), places in by_system(rows):
        handles.append(Line2D([], [], color=colour, marker=marker, ms=7, ls="none", label=name))
        for y in places:
            row = rows.iloc[y]
            if row.get("shipped_seeds", 0) > 0:
                ends = [row.shipped_min, row.shipped_max]
                ax.plot(ends, [y, y], color=SHIPPED_GREY, lw=GREY_THICK, solid_capstyle="butt", zorder=0.5)
            draw_row(ax, y, row, colour, marker)
    right = {"xycoords": ax.get_yaxis_transform(), "va": "center", "ha": "right", "fontsize": 8}
    if rows.params_m.nunique() > 1:
        for y, params in enumerate(rows.params_m):
            ax.annotate("" if params != params else f"{params:.3f}", (1.1, y), **right)
        ax.annotate("M params", (1.1, -0.9), **right)
    return handles
