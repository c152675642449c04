"""Two nets, over the same training seeds and the same test videos: the one place that words a comparison.

A verdict takes three seeds. With fewer the words are "one seed: no verdict": between seeds a small net's top-1 moves
by several times what the test videos explain. Many comparisons are corrected together.
Bouthillier et al., MLSys 2021, arXiv:2103.03098; Holm, Scandinavian Journal of Statistics 6, 1979 (the correction).
"""

from typing import NamedTuple

import numpy as np

from lib.evaluate.intervals import paired_difference, wilson_interval
from lib.evaluate.seeds import ALPHA, Estimate, estimate, hits, seen_from

SEEDS_FOR_A_VERDICT = 3
UNDECIDED = "not distinguishable"
ALONE = "apart alone, not among {}"  # comparisons: had nothing else been asked, it would be a verdict
TOO_FEW = {0: "no seed in common: no verdict", 1: "one seed: no verdict", 2: "two seeds: no verdict"}


class Comparison(NamedTuple):
    """One row of a table of differences: top-1 of `a` minus that of `b`, in points. None where seeds are too few."""

    a: str
    b: str
    seeds: int  # that both were trained with
    points: float | None
    low: float | None  # 95 %, over seeds, on these test videos
    high: float | None
    videos_low: float | None  # 95 %, over seeds and test videos, never the narrower; with one seed over the videos
    videos_high: float | None
    sd: float | None  # of the difference, between seeds
    error: float | None  # standard error over seeds
    videos_error: float | None  # over seeds and test videos
    p: float | None
    p_holm: float | None  # corrected for all comparisons of the table
    comparisons: int  # that the table decides: those with enough seeds
    seen_from: float | None  # points from which on this comparison would have been decided
    verdict: str


def no_verdict(seeds):
    """Why so few seeds decide nothing, in words; "" where they are enough."""
    return TOO_FEW.get(seeds, "")


def summary(tests):
    """One net's mean top-1 over its seeds, in points.  -> `Estimate`

    tests  {seed: what lib.evaluate.accuracies returns}
    """
    right = hits(tests)
    return estimate(right, [100 * end for end in wilson_interval(int(right[0].sum()), right.shape[1])])


def compare(pairs):
    """Compare all pairs of a table at once, since what one difference proves depends on how many were looked at.

    pairs  [(name a, tests a, name b, tests b)], tests {seed: what lib.evaluate.accuracies returns}
    -> [Comparison]. A verdict rests on the seeds' paired differences and has to stand when the videos are resampled
    too: its p is the larger of the two. ValueError: two nets of a pair answered other videos.
    """
    found = [_paired(a, b) for _, a, _, b in pairs]
    decided = [place for place, (seeds, _) in enumerate(found) if not no_verdict(seeds)]
    corrected = dict(zip(decided, holm([found[place][1].p for place in decided]), strict=True))
    rows = []
    for place, ((name_a, _, name_b, _), (seeds, known)) in enumerate(zip(pairs, found, strict=True)):
        p = corrected.get(place)
        better = name_a if known and known.mean > 0 else name_b
        p_alone = known.p if p is not None else None
        verdict = no_verdict(seeds) or worded(f"{better} is better", p_alone, p, len(decided))
        seen = seen_from(known.errors, ALPHA / len(decided)) if p is not None else None
        ends = (known.mean, *known[1:6]) if known else (None,) * 6
        errors = [error for error, _ in known.errors] if known and known.errors else (None, None)
        rows.append(Comparison(name_a, name_b, seeds, *ends, *errors, p_alone, p, len(decided), seen, verdict))
    return rows


def worded(found, p, p_holm, comparisons):
    """What may be said: `found`, if it holds among all that were compared; else whether it would alone."""
    if p_holm < ALPHA:
        return found
    return ALONE.format(comparisons) if p < ALPHA else UNDECIDED


def holm(p_values):
    """Holm's corrected p values, in the given order: below 0.05 each, all of them hold together with 95 %.

    ValueError: one is no number from 0 to 1
    """
    if wrong := [p for p in p_values if not 0 <= p <= 1]:
        raise ValueError(f"p values are from 0 to 1, not {wrong[0]}")
    corrected, so_far = [0.0] * len(p_values), 0.0
    for rank, place in enumerate(np.argsort(p_values, kind="stable")):
        so_far = max(so_far, min(1.0, (len(p_values) - rank) * p_values[place]))
        corrected[place] = so_far
    return corrected


def _paired(a, b):
    """(seeds in common, `Estimate` of a minus b or None)."""
    common = sorted(a.keys() & b.keys())
    if not common:
        return 0, None
    right_a, right_b = (hits({seed: tests[seed] for seed in common}) for tests in (a, b))
    test_a, test_b = a[common[0]], b[common[0]]
    if test_a["labels"] != test_b["labels"]:
        raise ValueError("the two nets answered other test videos: there is no paired difference")
    alone = paired_difference(test_a["predicted"], test_b["predicted"], test_a["labels"])[1:]
    return len(common), estimate(right_a.astype(int) - right_b.astype(int), alone, limits=(-100, 100))


__all__ = ["Comparison", "Estimate", "compare", "holm", "no_verdict", "summary"]
