"""The costs of a figure, of a clip or of a video, and their axis: logarithmic, with a place for a cost of nothing."""

import numpy as np
import pandas as pd
from matplotlib.ticker import FixedLocator, NullFormatter, NullLocator

COSTS = {
    "gmacs": "GMACs per clip",
    "params_m": "parameters, millions",
    "mbytes_moved": "MB moved per clip",
    "latency_ms_p50": "latency, ms, batch 1 (median)",
    "peak_memory_mb": "peak memory, MB",
}
# those that are of one clip, and what they are called when all clips of a video are counted
PER_VIDEO = {
    "gmacs": "GMACs per test video",
    "mbytes_moved": "MB moved per test video",
    "latency_ms_p50": "latency, ms, a video's clips one by one (median)",
}
APART = 0.12  # of the axis, from one tick to the next: the width of "0.005"
ROUNDEST = (1, 2, 5, 3, 7, 1.5, 4)  # of the ticks in a decade


def per_video(table):
    """A table of nets whose costs are those of a test video: of one clip, times the clips that a net is tested on.

    Where all nets have equally many it is returned as it is: costs of one clip compare them.
    """
    views = _views(table)
    if views.nunique() < 2:
        return table
    return table.assign(**{cost: table[cost] * views for cost in PER_VIDEO if cost in table})


def title_of(table, x):
    """Of the axis of `per_video`'s cost."""
    return COSTS[x] if _views(table).nunique() < 2 else PER_VIDEO.get(x, COSTS[x])


def _views(table):
    return table.views.fillna(1) if "views" in table else pd.Series(1, table.index)


def cost_axis(ax, costs):
    """Make x of `ax` the axis of `costs`.  -> where each cost stands on it

    A cost of 0 has no logarithm: it stands at the left, apart from the others, under a tick "0".
    ValueError: a negative cost, or one that is no number
    """
    costs = np.asarray(costs, dtype=float)
    if not np.isfinite(costs).all() or (costs < 0).any():
        raise ValueError(f"a cost is a number from 0 on, not {costs[~(np.isfinite(costs) & (costs >= 0))][0]}")
    priced = costs[costs > 0]
    least, most = (priced.min(), priced.max()) if len(priced) else (1.0, 1.0)
    margin = max(1.6, (most / least) ** 0.15)
    nothing = least / margin**2
    left = nothing / margin if len(priced) < len(costs) else least / margin
    ax.set_xscale("log")
    ax.set_xlim(left, most * margin)
    ticks = _ticks(least / margin, most * margin) if len(priced) else []
    names = [f"{tick:g}" for tick in ticks]
    if len(priced) < len(costs):
        ticks, names = [nothing, *ticks], ["0", *names]
        if len(priced):
            ax.axvline((nothing * least) ** 0.5, color="0.85", lw=0.8)
    ax.xaxis.set_major_locator(FixedLocator(ticks))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.xaxis.set_minor_formatter(NullFormatter())
    ax.set_xticks(ticks, names)
    return np.where(costs > 0, costs, nothing)


def _ticks(low, high):
    """Round numbers between low and high, the roundest first, none nearer to another than its text is wide."""
    decades = range(int(np.floor(np.log10(low))), int(np.ceil(np.log10(high))) + 1)
    taken, apart = [], APART * np.log10(high / low)
    for step in ROUNDEST:
        for tick in (step * 10.0**decade for decade in decades):
            if low <= tick <= high and all(abs(np.log10(tick / other)) >= apart for other in taken):
                taken.append(tick)
    return sorted(taken)
