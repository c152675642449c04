"""Nets against the plain way, drawn from a table of `bench training` or `bench latency` alone."""

from pathlib import Path

import matplotlib.pyplot as plt

from bench.report.csv_files import POSITIVE, WHOLE, read_table
from bench.timing.whole_nets import COLUMNS, PLAIN

NUMBERS = {
    **dict.fromkeys("p50 p20 p80 p90 cpu_ms clips_per_s faster peak_memory_mb".split(), POSITIVE),
    "threads": WHOLE,
}
# version: colour, marker, size; different enough in grey
LOOKS = {
    "plain contiguous": ("0.55", "x", 6),
    "ours": ("#0072B2", "o", 7),
    "fused": ("#009E73", "D", 6),
    "ours bf16": ("#D55E00", "s", 6),
    "fused bf16": ("#D55E00", "s", 6),
    "compiled": ("0.2", "+", 8),
}
OTHER = ("0.2", "*", 8)  # a version that another machine's table has


def read_speed(path):
    """A table of whole nets; None if it is not there.  ValueError: a column is missing, or no number."""
    return read_table(path, COLUMNS, NUMBERS) if Path(path).exists() else None


def draw_speed(table, batch):
    """How many times as fast as PyTorch's operators in channels_last_3d: a row per net, a panel per number of threads.

    table  rows of training.csv or latency.csv
    batch  clips in a step or a pass
    -> figure.  ValueError: the table has no row of such a batch
    """
    rows = table[table["shape"].str.startswith(f"{batch}x") & (table["impl"] != PLAIN)]
    if rows.empty:
        raise ValueError(f"no row has {batch} clips; shapes are {', '.join(sorted(set(table['shape'])))}")
    nets, threads = list(dict.fromkeys(rows.op))[::-1], sorted(set(rows.threads))
    size = (1.6 + 3.2 * len(threads), 1.2 + 0.3 * len(nets))
    figure, axes = plt.subplots(1, len(threads), figsize=size, layout="constrained", sharey=True, sharex=True)
    for ax, count in zip([axes] if len(threads) == 1 else axes, threads, strict=True):
        for version, part in rows[rows.threads == count].groupby("impl", sort=False):
            colour, marker, points = LOOKS.get(version, OTHER)
            ax.plot(part.faster, part.op.map(nets.index), marker, color=colour, ms=points, label=version)
        ax.axvline(1, color="0.5", lw=1)
        ax.set(xlabel="times as fast as plain", title=f"{count:.0f} thread{'s' if count > 1 else ''}")
        ax.set_yticks(range(len(nets)), nets)
        ax.spines[["top", "right"]].set_visible(False)
    figure.legend(*ax.get_legend_handles_labels(), loc="outside lower center", ncols=4, fontsize=8, frameon=False)
    return figure
