"""What a search found and its rivals, drawn from the table of searches alone."""

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.lines import Line2D

from bench.report.names_in_figures import plain
from bench.report.seeds_in_figures import explained_seeds, seeds_of

NEEDED = ("search", "model", "size", "variant", "seeds", "top1", "top1_low", "top1_high", "videos_low", "videos_high")
NEEDED += ("top1_by_seed", "verdict")  # columns of searches.csv that the figure is made of; of rivals `points` too
FOUND, RIVAL = ("#D55E00", "D"), ("0.35", "o")  # colour, marker
DOTTED = (0, (1, 2))


def draw_search(table, ax=None, span=None, chance=None):
    """Top-1 on test of the found one and its rivals, with the 95 % interval over seeds; at the right the difference.

    table  rows of `bench.report.searches.compared` or of searches.csv, of one search  -> axes
    span   (low, high) of the axis, from `span_of` several searches that are compared; as the table needs
    chance  what guessing gets, in percent: a dashed line
    With one seed the dotted line is of the test videos alone, and no verdict stands at the right.
    """
    names = [plain(name, 34) for name in table.variant]
    height = 1.6 + sum(0.22 + 0.2 * (name.count("\n") + 1) for name in names)
    ax = ax or plt.subplots(figsize=(9, height), layout="constrained")[1]
    right = {"xycoords": ax.get_yaxis_transform(), "va": "center", "fontsize": 8}
    for y, row in enumerate(table.to_dict("records")):
        found = pd.isna(row.get("points", None))
        draw_row(ax, y, row, *(FOUND if found else RIVAL))
        ax.annotate("found" if found else plain(_difference(row)), (1.02, y), **right)
    ax.set_yticks(range(len(table)), names)
    ax.annotate("found - this, points", (1.02, -0.6), **right)
    ax.set(xlabel="top-1 on test, %", ylim=(len(table) - 0.4, -0.6), xlim=span or span_of(table))
    ax.grid(axis="x", alpha=0.25, lw=0.5)
    ax.spines[["top", "right"]].set_visible(False)
    handles = [_explained_found(table), *explained_seeds(table, RIVAL[1], RIVAL[0])]
    if chance is not None:
        handles.append(ax.axvline(chance, color="0.5", ls="--", lw=1.2, zorder=0, label="chance"))
    ax.figure.legend(handles=handles, frameon=False, fontsize=8, loc="outside lower center", ncols=3)
    return ax


def _explained_found(table):
    """The legend's entry of what was found, as `draw_row` draws it."""
    alone = (table.seeds[table.get("points", table.seeds * float("nan")).isna()] < 2).any()
    look = {"mfc": "white", "ls": DOTTED} if alone else {}
    return Line2D([], [], color=FOUND[0], marker=FOUND[1], ms=6, lw=1.4, label="found by the search", **look)


def span_of(table):
    """(low, high) from 0 % to the end of all intervals and seeds of these rows, with room for a mark at either end."""
    ends = table[[f"{over}_{end}" for over in ("top1", "videos") for end in ("low", "high")]].astype(float)
    alone = table.seeds < 2
    shown = [ends.loc[~alone, ["top1_low", "top1_high"]], ends.loc[alone, ["videos_low", "videos_high"]]]
    values = [value for each in shown for value in each.to_numpy().ravel() if value == value]
    values += [top for cell in table.top1_by_seed for top in seeds_of(cell)] + table.top1.tolist()
    room = 0.04 * max(values) or 1
    return -room, max(values) + room


def draw_row(ax, y, row, colour, marker):
    """A mean with its interval over seeds, and its seeds as dots; of one seed hollow, its videos' interval dotted.

    row  {"seeds", "top1", "top1_low", "top1_high", "videos_low", "videos_high", "top1_by_seed"}
    """
    look = {"color": colour, "lw": 1.4}
    alone = row["seeds"] < 2
    ends = ("videos_low", "videos_high") if alone else ("top1_low", "top1_high")
    ax.plot([row[end] for end in ends], [y, y], ls=DOTTED if alone else "-", **look)
    ax.plot(row["top1"], y, marker=marker, ms=6, mfc="white" if alone else look["color"], **look)
    if not alone:
        tops = seeds_of(row["top1_by_seed"])
        ax.plot(tops, [y] * len(tops), ls="none", marker=".", ms=5, mfc="white", mew=0.7, color="0.1", zorder=3)


def _difference(row):
    """The found one minus this one: with its interval over seeds where there is one, and what it proves."""
    interval = "" if pd.isna(row["low"]) else f" [{row['low']:+.1f}, {row['high']:+.1f}]"
    return f"{row['points']:+.1f}{interval}  {row['verdict']}"
