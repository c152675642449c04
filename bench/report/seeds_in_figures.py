"""What figures say about training seeds: a mark and its bar, one dot per seed, an arrow; and the legend of these."""

from matplotlib.lines import Line2D

from bench.report.curves import has_not_learned
from lib.evaluate.comparisons import SEEDS_FOR_A_VERDICT, no_verdict

SHIPPED_GREY, GREY_THICK = "0.82", 7  # points
RISING = "\u00a0↑"  # behind a name, never on a line of its own


def seeds_of(cell):
    """The seeds' accuracies, from the cell `top1_by_seed`; a spreadsheet may have made their points commas."""
    return [float(top) for top in str(cell).replace(",", ".").split()]


def rising_ones(table):
    """Which nets have not learned; of too few seeds none is known."""
    rises = table.rise.where(table.seeds >= SEEDS_FOR_A_VERDICT) if "rise" in table else [0.0] * len(table)
    return [has_not_learned(rise) for rise in rises]


def explained_rise(rising):
    """The legend's entry about the arrow, if a net has one."""
    return [Line2D([], [], ls="none", label="↑ val still rises at the end")] if any(rising) else []


def explained_seeds(table, marker="o", colour="0.3"):
    """The legend's entries about the seeds of a table. What too few of them do not say stands in the figure.

    marker, colour  of a mean; those of the nets, where all nets share them
    """
    seeds, found = table.seeds.astype(int), []
    mean = {"color": colour, "marker": marker, "ms": 7}
    if (seeds > 1).any():
        text = "mean over seeds, 95 % interval" + _cut(table[seeds > 1])
        found += [
            Line2D([], [], lw=1, label=text, **mean),
            Line2D([], [], color="0.1", marker=".", ms=5, mfc="white", mew=0.7, ls="none", label="one training seed"),
        ]
    if (seeds == 1).any():
        text = f"{no_verdict(1)};\ndotted: the test videos alone"
        found.append(Line2D([], [], mfc="white", ls=(0, (1, 2)), lw=1, label=text, **mean))
    if (seeds == 2).any():
        found.append(Line2D([], [], ls="none", label=no_verdict(2)))
    if "shipped_seeds" in table and (counts := table.shipped_seeds.dropna().astype(int)).size:
        many = f"{counts.min()}" if counts.min() == counts.max() else f"{counts.min()} to {counts.max()}"
        text = f"{many} seeds shipped of the same\nrecipe: lowest to highest"
        found.append(Line2D([], [], color=SHIPPED_GREY, lw=GREY_THICK, solid_capstyle="butt", label=text))
    return found


def _cut(table):
    """Where an interval of a few seeds left the percents, its table and its bar end there: said, or it looks sure."""
    ends = [name for name, cut in (("0", table.top1_low <= 0), ("100", table.top1_high >= 100)) if cut.any()]
    return f";\nlonger bars are cut at {' and '.join(ends)} %" if ends else ""
