"""Whether a net has learned: what its curve on val still does in the last quarter of its training."""

import numpy as np

FLAT = 2.0  # points
FEWEST = 8  # epochs, so that a line is through 2 points or more
UNKNOWN = f"too few epochs to know whether val still rises, fewer than {FEWEST}"


def has_not_learned(rise):
    """Whether val rises by more than FLAT; `rise` is the mean over a net's seeds, of None or NaN nobody knows."""
    return rise is not None and bool(rise > FLAT)


def still_rises(rise):
    """What to say of a net whose val rises by `rise` points, the mean over its seeds; "" if it has learned.

    rise  None or NaN where a training has fewer epochs than FEWEST
    """
    if rise is None or rise != rise:
        return UNKNOWN
    return f"val still rises by {rise:.2f} points" if has_not_learned(rise) else ""


def last_quarter(val):
    """How far val's top-1 rises over the last quarter of the epochs, points: the least-squares line's two ends.

    val  top-1 after every epoch, percent; of at least FEWEST epochs
    A net has learned where the mean of this over its seeds is at most FLAT: of 256 videos one is 0.4 points, and a
    single epoch strays by more than a cosine's end still gives. A rate that has fallen flattens every curve: this is
    about the training as it was planned, not about what more epochs at a higher rate would add.
    """
    if len(val) < FEWEST:
        raise ValueError(f"{len(val)} epochs have no last quarter that a line could be drawn through; {FEWEST} have")
    return rise(val[-(len(val) // 4) :])


def rise(values):
    """By how much the least-squares line through values of consecutive epochs rises from its first to its last."""
    return float(np.polyfit(np.arange(len(values)), np.asarray(values, float), 1)[0] * (len(values) - 1))
