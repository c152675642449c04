"""Accuracy against cost as the papers print them, a figure per dataset, drawn from results/published alone."""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.lines import Line2D

from bench.report.cost_axis import cost_axis
from bench.report.figure_files import own_style, save
from bench.report.names_in_figures import name_points, plain
from bench.report.published_rows import DATASETS, accuracy_rows
from bench.report.trade_off_figure import LOOKS
from lib.run import ROOT

PANELS = {"gflops": "GFLOPs, one view; hollow: see the list", "params_m": "parameters, millions"}
LIST_WIDTH = 84  # characters
# what readers of today compare with, in grey: colour, marker; X3D has its look in LOOKS
GUESTS = {
    "MoViNet": ("0.35", "*"),
    "SlowFast": ("0.35", "X"),
    "TSM and TSN": ("0.35", "p"),
    "GST": ("0.35", "h"),
    "I3D, R(2+1)D, C2D": ("0.35", "d"),
}


def draw_published(rows, dataset):
    """Top-1 on `dataset` against GFLOPs and against parameters, each point numbered, the numbers listed.  -> figure

    rows  of `accuracy_rows`
    The five systems are coloured, guests grey. Along x of the GFLOPs a filled point is as printed, and counts
    multiply-adds of one view at the crop it was tested on; a hollow one does not compare: the list says why. Along the
    parameters hollow is what was not printed with this accuracy. The list also says the protocol, since accuracies of
    two protocols do not compare either. A line joins the widths of one net, no more.
    None if no row of the dataset has a cost.
    """
    here = rows[rows.dataset == dataset]
    costly = here[here.gflops.notna() | here.params_m.notna()]
    if not len(costly):
        return None
    order = [*LOOKS, *GUESTS]
    drawn = costly.sort_values(
        ["family", "name", "protocol"], key=lambda c: c.map(order.index) if c.name == "family" else c
    )
    drawn = drawn.reset_index(drop=True)
    panels = [cost for cost in PANELS if drawn[cost].notna().any()]
    wrapped = sum(len(f"{name}: {how} [{why}]") > LIST_WIDTH - 6 for name, how, why in
                  zip(drawn.name, drawn.protocol, drawn.counted, strict=True))  # fmt: skip
    height = max(4.8, 1.2 + 0.17 * (len(drawn) + wrapped + drawn.family.nunique() + 3))
    figure, axes = plt.subplots(1, len(panels), figsize=(4.4 * len(panels) + 5.5, height), sharey=True, squeeze=False,
                                layout="constrained")  # fmt: skip
    points = [_draw(ax, drawn.dropna(subset=[cost]), cost) for ax, cost in zip(axes[0], panels, strict=True)]
    axes[0, 0].set_ylabel(f"top-1 on {dataset}, %")
    _list(axes[0, -1], drawn)
    figure.suptitle(_title(dataset, here.drop(costly.index).family), fontsize=9, x=0.01, ha="left")
    for ax, (x, shown) in zip(axes[0], points, strict=True):  # last: where the text goes depends on the layout
        widths = [line.get_xydata() for line in ax.lines if len(line.get_xdata()) > 1]
        numbers = [str(place + 1) for place in shown.index]
        name_points(ax, numbers, x, shown.top1, shown.top1, shown.top1, widths)
    return figure


def _draw(ax, shown, cost):
    """One panel.  -> (x of every point, its rows)"""
    x = cost_axis(ax, shown[cost])
    for at, row in zip(x, shown.itertuples(), strict=True):
        colour, marker = _look(row.family)
        hollow = row.counted if cost == "gflops" else row.doubt
        ax.plot(
            at, row.top1, marker=marker, ms=6.5, color=colour, mfc="white" if hollow else colour, mew=1.1, ls="none"
        )
    for scale, places in shown.reset_index(drop=True).groupby("scale").groups.items():
        if scale and len(places) > 1:
            line = sorted(zip(x[places], shown.top1.to_numpy()[places], strict=True))
            ax.plot(*np.transpose(line), color=_look(shown.family.iloc[places[0]])[0], lw=0.8, zorder=0, gid=scale)
    ax.set(xlabel=PANELS[cost])
    ax.margins(y=0.08)
    ax.grid(alpha=0.25, lw=0.5)
    ax.spines[["top", "right"]].set_visible(False)
    return x, shown


def _look(family):
    return LOOKS[family][:2] if family in LOOKS else GUESTS[family]


def _list(ax, drawn):
    """The legend: a heading per family with its look, then number, net, frames x size, clips x crops, publisher."""
    entries = []
    for family, rows in drawn.groupby("family", sort=False):
        colour, marker = _look(family)
        entries.append(Line2D([], [], color=colour, marker=marker, ms=6.5, ls="none", label=family))
        for row in rows.itertuples():
            why = row.counted or row.doubt
            text = f"{row.Index + 1}  {row.name}: {row.protocol}" + (f"  [{why}]" if why else "")
            entries.append(Line2D([], [], ls="none", label=plain(text, LIST_WIDTH)))
    look = {"color": "0.2", "marker": "o", "ms": 6.5, "ls": "none"}
    entries.append(Line2D([], [], **look, label="printed; GFLOPs: multiply-adds alone, one view, tested crop"))
    entries.append(
        Line2D([], [], mfc="white", **look, label="not printed, or counted otherwise [how]: x does not compare")
    )
    style = {"fontsize": 8, "handletextpad": 0.3, "labelspacing": 0.25, "borderaxespad": 0}
    ax.legend(handles=entries, frameon=False, loc="upper left", bbox_to_anchor=(1.02, 1), **style)


def _title(dataset, left_out):
    """left_out  the families of the accuracies that no cost is printed with"""
    told = f"{dataset}, as published. Accuracies compare only under one protocol: frames x size, clips x crops."
    counts = ", ".join(f"{n} of {family}" for family, n in left_out.value_counts(sort=False).items())
    return f"{told}\nWithout a cost, so without a place here: {counts}." if counts else told


def figure_name(dataset):
    return dataset.lower().replace(" ", "_").replace("-", "_")


def datasets_printed(rows):
    """A row per dataset of `accuracy_rows`: accuracies, protocols, points whose GFLOPs compare, file of its figure."""
    table = []
    for dataset in DATASETS:
        here = rows[rows.dataset == dataset]
        if len(here):
            compare = int((here.gflops.notna() & (here.counted == "")).sum())
            drawn = here.gflops.notna().any() or here.params_m.notna().any()
            table.append({"dataset": dataset, "accuracies": len(here), "protocols": here.protocol.nunique(),
                          "operations compare": compare,
                          "figure": f"results/published/{figure_name(dataset)}.svg" if drawn else ""})  # fmt: skip
    return pd.DataFrame(table)


@own_style()
def draw_all_published(folder=ROOT / "results" / "published"):
    """Draw <dataset>.svg and .png into `folder`, from its tables alone.  -> the PNGs"""
    rows, paths = accuracy_rows(folder), []
    for dataset in DATASETS:
        if figure := draw_published(rows, dataset):
            paths.append(save(figure, Path(folder) / figure_name(dataset)))
            plt.close(figure)
    return paths
