"""What moves a result: which of several things was trained, or the seed of its training.

The analysis of variance with random effects, one-way, or two-way without interaction where every seed trains every
group; intervals for the share of the groups as in Searle, Casella and McCulloch, Variance Components, Wiley 1992,
section 3.5 (exact where all groups have as many trainings), for two ways alike.
"""

from typing import NamedTuple

import numpy as np
from scipy.special import fdtrc, fdtri

from lib.evaluate.checks import checked_scores
from lib.evaluate.seeds import ALPHA

SAME = 1e-9  # of the values: what lies closer differs by rounding


class Split(NamedTuple):
    """The two standard deviations, in the unit of the values, and whether the groups differ at all."""

    groups: int
    trainings: int
    within: float  # standard deviation between trainings of one group; of blocks, what group and block leave over
    between: float  # standard deviation between the groups' own means; 0 if they lie closer than trainings scatter
    between_low: float  # of a 95 % interval, exact for the ratio to `within`, which is taken as known
    between_high: float
    f: float  # mean square between over mean square within
    degrees: tuple[int, int]
    p: float  # that groups without any difference would give such an f


def split_variance(groups, blocks=False):
    """`Split` of trainings by group.

    groups  a list per group, of as many values each
    blocks  the n-th training of every group has the same seed, and what all of these share is taken out first
    ValueError: fewer than two groups, one training a group, groups of different sizes, a value that is not finite; or
    no scatter within the groups
    """
    sizes = sorted({len(group) for group in groups})
    if len(groups) < 2 or len(sizes) != 1 or sizes[0] < 2:
        raise ValueError(f"{len(groups)} groups of {sizes}; it takes two groups or more, of equally many, two or more")
    values = checked_scores(groups, ("groups", "trainings"), what="groups")
    count, each = values.shape
    degrees = count - 1, (count - 1 if blocks else count) * (each - 1)
    among = each * float(values.mean(1).var(ddof=1))
    rest = values - values.mean(1, keepdims=True) - (values.mean(0) - values.mean() if blocks else 0)
    within = float((rest**2).sum()) / degrees[1]
    if within <= (SAME * float(np.abs(values).max())) ** 2:
        same = "what its seed shares with the others" if blocks else "the same value"
        raise ValueError(f"all trainings of a group have {same}: nothing is known of their scatter")
    f = among / within
    low, high = (_ratio(f, fdtri(*degrees, share), each) for share in (1 - ALPHA / 2, ALPHA / 2))
    sd = within**0.5
    between = sd * _ratio(f, 1.0, each) ** 0.5
    return Split(count, count * each, sd, between, sd * low**0.5, sd * high**0.5, f, degrees, float(fdtrc(*degrees, f)))


def _ratio(f, quantile, each):
    """The variance between groups in units of the one within, if f is `quantile` times what chance gives; 0 or more."""
    return max(0.0, (f / float(quantile) - 1) / each)
