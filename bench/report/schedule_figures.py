"""Figures of a searched schedule, drawn from its record: the graph with the chosen path, the curve of every edge."""

from itertools import pairwise

import matplotlib.pyplot as plt

from lib.search.schedule.stopping import fitted_curve

CHOSEN, CAPPED = "#D55E00", "#0072B2"  # their line styles differ too, for grey prints


def draw_graph(graph, record, names=None, ax=None):
    """The graph: clip settings from left to right, rates falling downwards, the chosen path bold.  -> axes

    record  of the planner. A node shows its score. An edge shows the epochs that it keeps (and was trained), and is
            dashed with a * where it ended at its cap
    names   of the clip settings
    """
    settings = 1 + max(setting for setting, _ in graph["states"][1:])
    ax = ax or plt.subplots(figsize=(2.6 * settings + 2.2, 4.2), layout="constrained")[1]
    factors = sorted({factor for _, factor in graph["states"][1:]}, reverse=True)
    positions = [(-1, 0.5)] + [(setting, -factors.index(factor)) for setting, factor in graph["states"][1:]]
    path = set(pairwise([0, *(node for node, _ in record["path"])]))
    for edge in record["edges"]:
        _draw_edge(ax, positions[edge["start"]], positions[edge["end"]], edge, (edge["start"], edge["end"]) in path)
    on_path = {0, *(node for node, _ in record["path"])}
    for node, (x, y) in enumerate(positions):
        score = f"\n{record['node_scores'][str(node)]:.3f}" if node else "\nstart"
        look = {"boxstyle": "round,pad=0.45", "fc": "white", "ec": CHOSEN if node in on_path else "0.5"}
        ax.text(x, y, f"{node}{score}", ha="center", va="center", fontsize=9, zorder=3, bbox=look | {"lw": 1.6})
    ax.set_xticks(range(settings), names or [f"setting {i}" for i in range(settings)])
    ax.set_yticks([-i for i in range(len(factors))], [f"rate x {factor:g}" for factor in factors])
    ax.set(xlim=(-1.3, settings - 0.6), ylim=(0.4 - len(factors), 0.95))
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    return ax


def _draw_edge(ax, start, end, edge, chosen):
    """An arrow between two nodes that ends at their boxes, and its epochs near its middle."""
    capped = edge["outcome"] == "capped"
    look = {"arrowstyle": "-|>", "shrinkA": 20, "shrinkB": 20, "color": CHOSEN if chosen else "0.65"}
    look |= {"lw": 2.6 if chosen else 1, "ls": "--" if capped else "-", "mutation_scale": 13}
    ax.annotate("", end, start, arrowprops=look, zorder=2 if chosen else 1)
    text = f"{edge['selected_epoch']} ({edge['epochs_trained']}){'*' if capped else ''}"
    share = 0.4 if start[0] != end[0] and start[1] != end[1] else 0.5  # diagonals cross others in their middle
    x, y = (a + share * (b - a) for a, b in zip(start, end, strict=True))
    look = {"fc": "white", "ec": "none", "pad": 0.8}
    ax.text(x, y, text, ha="center", va="center", fontsize=8, color=CHOSEN if chosen else "0.35", bbox=look, zorder=2)


def draw_curves(record, columns=3, ylabel="metric on val"):
    """A panel per edge with its measured metric, its last fit and the epoch that is kept.  -> figure"""
    edges = record["edges"]
    rows = -(-len(edges) // columns)
    figure, axes = plt.subplots(
        rows, columns, figsize=(3 * columns, 1.9 * rows), sharex=True, sharey=True, layout="constrained", squeeze=False
    )
    path = set(pairwise([0, *(node for node, _ in record["path"])]))
    for ax, edge in zip(axes.flat, edges, strict=False):
        _draw_curve(ax, edge, (edge["start"], edge["end"]) in path)
    for ax in axes.flat[len(edges) :]:
        ax.set_axis_off()
    for ax in axes[-1]:
        ax.set_xlabel("epoch of the edge")
    for ax in axes[:, 0]:
        ax.set_ylabel(ylabel)
    return figure


def _draw_curve(ax, edge, chosen):
    first = 0 if edge["start"] else 1  # at node 0 the metric is not measured
    metrics = [edge["initial"], *edge["accuracies"]]
    fitted = fitted_curve(metrics)
    if fitted is not None:
        ax.plot(fitted[: len(metrics)], color="0.6", lw=1.2)
    ax.plot(range(first, len(metrics)), metrics[first:], "o", ms=3, color="0.15")
    capped = edge["outcome"] == "capped"
    ax.axvline(edge["selected_epoch"], color=CAPPED if capped else CHOSEN, lw=1.5, ls="--" if capped else "-")
    how = "capped, best measured" if capped else "fitted peak"
    title = f"{edge['start']} to {edge['end']}: {how}, epoch {edge['selected_epoch']}"
    ax.set_title(title, fontsize=8, color=CHOSEN if chosen else "0.1", fontweight="bold" if chosen else "normal")
    ax.spines[["top", "right"]].set_visible(False)
    ax.xaxis.get_major_locator().set_params(integer=True)
