"""Figures of sub-kernels: the kernels themselves, a search's gammas over its epochs, deals layer by layer."""

import numpy as np
from matplotlib.colors import ListedColormap

from kernels import kernel_size
from lib.models.subkernels import KINDS
from lib.search.subkernels.search import kept_channels

# by the axes in which a kernel is 3: time among them or not matters more than how many
COLOURS = {
    "kxkxk": "#D55E00",
    "1xkxk": "#009E73",
    "kx1xk": "#56B4E9",
    "kxkx1": "#E69F00",
    "kx1x1": "#0072B2",
    "1xkx1": "#CC79A7",
    "1x1xk": "#F0E442",
    "1x1x1": "#999999",
}
SIDES = {"time": (1.5, -0.9, -0.2), "width": (3.8, 1.5, -0.2), "height": (-0.6, -0.6, 1.5)}  # beside `draw_kernel`'s
NAMES = {3: "3D", 2: "2D", 1: "1D", 0: "point"}


def kind_name(kind):
    """ "1xkxk" -> "1 x 3 x 3, 2D"."""
    return f"{kind.replace('k', '3').replace('x', ' × ')}, {NAMES[kind.count('k')]}"


def kernel_cells(kind):
    """Which cells of the 3 x 3 x 3 grid a kernel has.  -> bool (3, 3, 3), as (t, h, w)"""
    inside = np.zeros((3, 3, 3), bool)
    inside[tuple(slice(1 - n // 2, 2 + n // 2) for n in kernel_size(kind, 3))] = True
    return inside


def draw_kernel(ax, kind):
    """The cells of a kernel in the 3 x 3 x 3 grid, on 3D axes: time to the right, width to the back, height up."""
    inside = kernel_cells(kind)
    ax.voxels(~inside.transpose(0, 2, 1), facecolors="#00000008", edgecolors="#00000018", linewidth=0.4)
    ax.voxels(inside.transpose(0, 2, 1), facecolors=COLOURS[kind], edgecolors="white", linewidth=0.6)
    ax.set_box_aspect((1, 1, 1), zoom=0.95)
    ax.view_init(22, -56)
    ax.set_axis_off()


def draw_mask(ax, split):
    """The dense kernel that a split stands for: a column per channel, a row per cell, white where the kernel is 0.

    Cells go frame by frame, in a frame row by row, in a row column by column."""
    split = {kind: count for kind, count in split.items() if count}
    cells = np.concatenate([np.repeat(kernel_cells(kind).reshape(27, 1), count, 1) for kind, count in split.items()], 1)
    kinds = np.repeat(np.arange(len(split)), list(split.values()))
    colours = ListedColormap([COLOURS[kind] for kind in split])
    shown = np.where(cells, kinds, np.nan)
    ax.imshow(shown, cmap=colours, vmin=-0.5, vmax=len(split) - 0.5, aspect="auto", interpolation="none")
    counts = np.array(list(split.values()))
    ax.set_xticks(np.cumsum(counts) - counts / 2 - 0.5, split, fontsize=9)
    ax.set_yticks([4, 13, 22], ["t - 1", "t", "t + 1"])
    ax.yaxis.remove_overlapping_locs = False  # a row in the middle of a frame has two labels
    ax.set_yticks(range(1, 27, 3), 3 * ["h - 1", "h", "h + 1"], fontsize=6, minor=True)
    ax.tick_params("y", which="major", pad=26, length=0)
    for line in (8.5, 17.5):
        ax.axhline(line, color="0.8", lw=0.8)
    ax.set(xlabel="output channels, kind by kind", ylabel="cell of the kernel")


def draw_gammas(axes, history, layer, kinds):
    """|gamma| of a layer's candidates over the epochs, a kind per axes; the kept ones are strong lines, others faint.

    axes     as many as kinds, in their order, on one scale: a line through all shows the least that is kept
    history  of the record that `lib.search.subkernels.search.search` returns; before the first epoch all gammas are 1
    -> the numbers of the kept candidates
    """
    import torch

    values = np.array([row["gammas"][layer] for row in history])  # (epochs, candidates)
    values = np.concatenate([np.ones_like(values[:1]), values])
    planes = values.shape[1] // len(kinds)
    kept = kept_channels(torch.from_numpy(values[-1]), planes).tolist()
    last = len(values) - 1
    for i, (ax, kind) in enumerate(zip(axes, kinds, strict=True)):
        mine = values[:, i * planes : (i + 1) * planes]
        chosen = np.isin(np.arange(i * planes, (i + 1) * planes), kept)
        ax.plot(mine[:, ~chosen], color="0.75", lw=0.6, zorder=1)
        ax.plot(mine[:, chosen], color=COLOURS[kind], lw=1.1, zorder=2)
        ax.plot(mine.mean(1), "--", color="k", lw=1.6, zorder=3)
        ax.axhline(values[-1][kept].min(), color="k", lw=0.8, zorder=1.5)
        ax.text(0.03, 0.97, f"{chosen.sum()} of {planes} stay", fontsize=8, va="top", transform=ax.transAxes)
        ax.set(xlim=(0, last), xticks=range(0, last + 1, max(1, last // 6)))
        ax.ticklabel_format(axis="y", useOffset=False)
        ax.spines[["top", "right"]].set_visible(False)
    return kept


def draw_deal(ax, deal, title="", names=True):
    """A deal layer by layer, the first on top: a bar per layer, a cell per channel, coloured by kind."""
    for row, split in enumerate(deal):
        start, total, ends = 0, sum(split.values()), np.cumsum(list(split.values()))
        for kind, count in split.items():
            ax.barh(row, count / total, left=start / total, height=0.82, color=COLOURS[kind], lw=0)
            if count / total > 0.055:
                ax.text((start + count / 2) / total, row, count, ha="center", va="center", color="white", fontsize=10)
            start += count
        edges = np.arange(1, total) / total
        ax.vlines(edges, row - 0.41, row + 0.41, color="white", lw=0.6 if total <= 32 else 0.35, alpha=0.8)
        ax.vlines(
            ends[:-1] / total, row - 0.41, row + 0.41, color="k", lw=2
        )  # seen in grey, where the kinds look alike
    ax.set(xlim=(0, 1), ylim=(len(deal) - 0.5, -0.5), xticks=[])
    ax.set_yticks(range(len(deal)), [f"layer {row + 1}" for row in range(len(deal))] if names else [])
    ax.set_title(title, fontsize=10)
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)


def draw_deals(figure, deals, notes):
    """All deals beside each other, under a legend of their kernels.

    deals  {name: deal}
    notes  {name: text under the name}
    """
    kinds = [kind for kind in KINDS if any(kind in split for deal in deals.values() for split in deal)]
    above, below = figure.subfigures(2, 1, height_ratios=(1, max(1.4, 0.4 * len(next(iter(deals.values()))))))
    for ax, kind in zip(above.subplots(1, len(kinds), subplot_kw={"projection": "3d"}), kinds, strict=True):
        draw_kernel(ax, kind)
        for name, place in SIDES.items():
            ax.text(*place, name, fontsize=7, color="0.35", ha="center", va="center")
        volume = int(np.prod(KINDS[kind]))
        ax.set_title(f"{kind_name(kind)}\n{volume} products", fontsize=9, color=COLOURS[kind], fontweight="bold")
    axes = np.atleast_1d(below.subplots(1, len(deals)))
    for i, (ax, (name, deal)) in enumerate(zip(axes, deals.items(), strict=True)):
        draw_deal(ax, deal, f"{name}\n{notes[name]}", names=i == 0)
