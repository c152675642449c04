"""Figures, drawn from tables alone: the same CSV gives the same file, byte for byte."""

from pathlib import Path

import matplotlib
import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.ticker import LogLocator, NullFormatter
from matplotlib.transforms import Bbox

from lib.files import replacing
from lib.run import ROOT

COSTS = {
    "gmacs": "GMACs per clip",
    "params_m": "parameters, millions",
    "mbytes_moved": "MB moved per clip",
    "latency_ms_p50": "latency, ms, batch 1 (median)",
    "peak_memory_mb": "peak memory, MB",
}
# colour-blind safe (Okabe and Ito), and different enough in grey with their markers
LOOKS = {
    "Efficient-3DCNNs": ("#0072B2", "o", "Efficient-3DCNNs"),
    "CSN": ("#D55E00", "s", "CSN"),
    "RubiksNet": ("#009E73", "D", "RubiksNet"),
    "CAKES": ("#CC79A7", "^", "CAKES"),
    "Optimization Planning": ("#E69F00", "v", "Optimization Planning's\nnets, usual schedule"),
}


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
    """Top-1 with its 95 % interval against the cost `x`, a point per net, Pareto front and chance.  -> axes"""
    if x not in COSTS:
        raise ValueError(f"no cost {x!r}; there are {', '.join(COSTS)}")
    table = table[table.labels == (labels or table.labels.iloc[0])].dropna(subset=[x]).reset_index(drop=True)
    ax = ax or plt.subplots(figsize=(8, 4.6), layout="constrained")[1]
    for system, rows in table.groupby("system"):
        colour, marker, name = LOOKS[system]
        spread = [rows.top1 - rows.top1_low, rows.top1_high - rows.top1]
        ax.errorbar(rows[x], rows.top1, spread, fmt=marker, color=colour, ms=7, capsize=2.5, lw=1, label=name)
    front = table.loc[pareto_front(table[x].tolist(), table.top1.tolist())]
    ax.step(front[x], front.top1, where="post", color="0.35", lw=1.2, ls="--", zorder=0, label="Pareto front")
    ax.axhline(table.chance.iloc[0], color="0.6", lw=1, ls=":", zorder=0, label="chance")
    ax.set_xscale("log")
    ax.xaxis.set_major_locator(LogLocator(subs=(1, 2, 3, 5)))
    ax.xaxis.set_major_formatter("{x:g}")
    ax.xaxis.set_minor_formatter(NullFormatter())
    ax.margins(x=0.2)
    ax.set(xlabel=COSTS[x], ylabel=f"top-1 on {table.labels.iloc[0]}, %", ylim=(0, 100))
    ax.grid(alpha=0.25, lw=0.5)
    ax.spines[["top", "right"]].set_visible(False)
    if legend:
        ax.legend(fontsize=8, frameon=False, loc="upper left", bbox_to_anchor=(1, 1))
    _name_points(ax, table, x)
    return ax


def draw_search(table, ax=None):
    """What a search found and its rivals: top-1 on test with its 95 % interval, and at the right the paired difference.

    table  rows of `bench.report.tables.compared` or `searches`, of one search  -> axes
    """
    ax = ax or plt.subplots(figsize=(8, 0.9 + 0.42 * len(table)), layout="constrained")[1]
    for y, row in enumerate(table.itertuples()):
        found = pd.isna(getattr(row, "points", None))
        spread = [[row.top1 - row.top1_low], [row.top1_high - row.top1]]
        look = {"fmt": "D" if found else "o", "color": "#D55E00" if found else "0.35"}
        ax.errorbar(row.top1, y, xerr=spread, ms=6, capsize=3, lw=1.4, **look)
        text = "found" if found else f"{row.points:+.1f} [{row.low:+.1f}, {row.high:+.1f}]"
        ax.annotate(text, (1.02, y), xycoords=ax.get_yaxis_transform(), va="center", fontsize=8)
    seeds = "  (seed {})" if "seed" in table and table.seed.nunique() > 1 else ""
    names = [
        name + seeds.format(seed) for name, seed in zip(table.variant, table.get("seed", table.variant), strict=True)
    ]
    ax.set_yticks(range(len(table)), names)
    ax.annotate("found - this, points", (1.02, -0.6), xycoords=ax.get_yaxis_transform(), va="center", fontsize=8)
    ax.set(xlabel="top-1 on test, %", ylim=(len(table) - 0.4, -0.6))
    ax.grid(axis="x", alpha=0.25, lw=0.5)
    ax.spines[["top", "right"]].set_visible(False)
    return ax


# of a name from its point: (points right, points up, its edge at the point)
PLACES = [(7, 5, "left"), (7, -12, "left"), (-7, 5, "right"), (-7, -12, "right"), (7, 16, "left"), (7, -23, "left")]


def _name_points(ax, table, x):
    """Write each net beside its point, at the first place inside where it covers no point, interval or other name."""
    ax.figure.canvas.draw()
    point, low, high = (ax.transData.transform(table[[x, top]]) for top in ("top1", "top1_low", "top1_high"))
    taken = [Bbox([xy - 6, xy + 6]) for xy in point]
    taken += [Bbox([bottom - [3, 0], top + [3, 0]]) for bottom, top in zip(low, high, strict=True)]
    for row in table.itertuples():
        for right, up, edge in PLACES:
            place = {"xytext": (right, up), "textcoords": "offset points", "ha": edge, "fontsize": 8}
            text = ax.annotate(row.net, (getattr(row, x), row.top1), **place)
            box = text.get_window_extent()
            free = ax.bbox.x0 < box.x0 and box.x1 < ax.bbox.x1 and not any(box.overlaps(other) for other in taken)
            if free or (right, up, edge) == PLACES[-1]:
                taken.append(box)
                break
            text.remove()


def save(figure, path):
    """Write `figure` as SVG and PNG beside each other, reproducibly; returns the PNG's path."""
    path = Path(path)
    with matplotlib.rc_context({"svg.hashsalt": path.stem}):
        for suffix, metadata in ((".svg", {"Date": None}), (".png", {"Software": None})):
            with replacing(path.with_suffix(suffix)) as temporary:
                figure.savefig(temporary, format=suffix[1:], metadata=metadata, dpi=160)
    return path.with_suffix(".png")


def trade_off(table, folder, x="gmacs"):
    """Draw and save the trade-off figure of a suite's table into `folder`."""
    ax = draw_trade_off(table, x)
    path = save(ax.figure, Path(folder) / "trade_off")
    plt.close(ax.figure)
    return path


def searches(table, folder):
    """Draw and save the figures of a suite's table of searches into `folder`, one for each notebook."""
    for name, rows in table.groupby("search"):
        ax = draw_search(rows)
        ax.set_title(f"{name}: {rows.model.iloc[0]}, {rows['size'].iloc[0]} pixels", fontsize=9)
        save(ax.figure, Path(folder) / name)
        plt.close(ax.figure)


def redraw(out=ROOT):
    """Draw the figures of every trade_off.csv and searches.csv under results/ again."""
    tables = sorted((Path(out) / "results").rglob("trade_off.csv"))
    if not tables:
        raise ValueError(f"no trade_off.csv under {Path(out) / 'results'}; `python -m bench run quick` writes one")
    for path in tables:
        print(trade_off(pd.read_csv(path), path.parent))
    for path in sorted((Path(out) / "results").rglob("searches.csv")):
        searches(pd.read_csv(path), path.parent)
