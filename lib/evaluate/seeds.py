"""One net over its training seeds: the mean, how far it can be trusted, and how far apart the seeds are.

Two intervals, 95 % each, in points of top-1:
    seeds             Student's t over the seeds: what another training would give, on these very test videos
    seeds and videos  the test videos are resampled as well: what other videos of the same kind would give; never the
                      narrower one, though its Student's t has more degrees of freedom
Bouthillier et al., Accounting for Variance in Machine Learning Benchmarks, MLSys 2021, arXiv:2103.03098, sec. 3.
"""

from typing import NamedTuple

import numpy as np
from scipy.special import stdtr, stdtrit

from lib.evaluate.checks import checked_scores

ALPHA = 0.05


class Estimate(NamedTuple):
    """A mean over seeds, in points, with what is known of its error. None where the seeds are too few to say."""

    mean: float
    low: float | None  # of the seeds' interval
    high: float | None
    videos_low: float  # of the interval over seeds and videos; over the videos alone where there is one seed
    videos_high: float
    sd: float | None  # standard deviation between seeds
    errors: tuple | None  # (standard error, degrees of freedom) over seeds, and over seeds and videos
    p: float | None  # that a mean of 0 would lie as far out as this one: the larger of what the two errors give


def hits(tests):
    """Which videos each training got right: (seeds, videos) bool, seeds in rising order.

    tests  {seed: what lib.evaluate.accuracies returns}
    ValueError: no seed, or the trainings' test videos have other labels
    """
    if not tests:
        raise ValueError("no seed: there is nothing to compare")
    first = next(iter(tests.values()))["labels"]
    for seed, test in tests.items():
        if test["labels"] != first or len(test["predicted"]) != len(first):
            raise ValueError(f"seed {seed} answered other test videos than seed {next(iter(tests))}")
    if not len(first):
        raise ValueError("no videos to compare")
    return np.array([tests[seed]["predicted"] for seed in sorted(tests)]) == np.array(first)


def estimate(scores, one_seed, limits=(0, 100)):
    """`Estimate` of the mean of `scores`, in points.

    scores    (seeds, videos): 0 or 1 of a net, -1, 0 or 1 of a difference
    one_seed  (low, high) over the videos, in points, where there is one seed
    limits    no interval leaves them
    """
    scores = checked_scores(np.multiply(scores, 100), ("seeds", "videos"))
    seeds, means, mean = len(scores), scores.mean(1), float(scores.mean())
    if seeds < 2:
        return Estimate(mean, None, None, *one_seed, None, None, None)
    # An accuracy is a whole number of videos: equal seeds do not show that the spread between them is 0.
    grain = 100 / scores.shape[1] * np.sqrt((limits[1] - limits[0]) / 100 / 12)
    error = float(max(means.std(ddof=1), grain) / np.sqrt(seeds))
    errors = errors_of(error, max(error, crossed_error(scores)), seeds)
    ends = _interval(mean, errors[:1], limits) + _interval(mean, errors, limits)
    p = max(_p(mean, *each) for each in errors)
    return Estimate(mean, *ends, float(means.std(ddof=1)), errors, p)


def errors_of(error, wide, seeds):
    """((standard error, degrees of freedom) over seeds, and over seeds and videos), of the two standard errors.

    Satterthwaite's degrees: the videos' part of `wide` is known far better than the seeds'.
    """
    return (error, seeds - 1), (wide, (seeds - 1) * (wide / error) ** 4)


def seen_from(errors, alpha):
    """Points from which on a mean with these `errors`, of an `Estimate`, has a p below `alpha`."""
    return max(critical(degrees, alpha) * error for error, degrees in errors)


def crossed_error(scores):
    """Standard error of the mean of a table (seeds, videos) when its rows and its columns are both resampled.

    The bootstrap that draws seeds and, for all of them alike, videos, with replacement, in closed form: the standard
    deviation of infinitely many resamples. Of S seeds it draws S - 1, so that its variance over seeds is s^2 / S.
    Owen, The pigeonhole bootstrap, Annals of Applied Statistics 1(2), 2007, arXiv:0712.1111: never too small on
    average. A video is the same in every seed, so drawing other videos for every seed would understate the error.
    """
    seeds, videos = scores.shape
    drawn = seeds - 1
    both, rows, columns, cells = (
        scores.sum() ** 2,
        (scores.sum(1) ** 2).sum(),
        (scores.sum(0) ** 2).sum(),
        (scores**2).sum(),
    )
    # E[w w'] of two rows' counts is `apart`, of a row with itself `apart + same`; of the columns' likewise
    row_apart, row_same = drawn * (drawn - 1) / seeds**2, drawn / seeds
    column_apart, column_same = (videos - 1) / videos, 1.0
    square = row_apart * (column_apart * both + column_same * columns)
    square += row_same * (column_apart * rows + column_same * cells)
    return float(np.sqrt(max(0.0, square / (drawn * videos) ** 2 - scores.mean() ** 2)))


def paired_t(differences, grain):
    """Student's paired t over seeds, in any unit.  -> (mean, low, high, p, standard error), 95 %; of one seed the mean

    grain  what the figure is rounded to: equal differences do not show that the spread between seeds is 0
    """
    apart = checked_scores(differences, ("seeds",), what="differences")
    mean, degrees = float(apart.mean()), len(apart) - 1
    if degrees < 1:
        return mean, None, None, None, None
    error = float(max(apart.std(ddof=1), grain / np.sqrt(6)) / np.sqrt(len(apart)))  # of two figures, rounded each
    return mean, *_interval(mean, [(error, degrees)], (-np.inf, np.inf)), _p(mean, error, degrees), error


def critical(degrees, alpha=ALPHA):
    """Student's t that is exceeded, on either side, with probability `alpha`."""
    return float(stdtrit(degrees, 1 - alpha / 2))


def _interval(mean, errors, limits):
    """The 95 % interval that stands by all of `errors`."""
    half = seen_from(errors, ALPHA)
    return float(max(limits[0], mean - half)), float(min(limits[1], mean + half))


def _p(mean, error, degrees):
    return float(2 * stdtr(degrees, -abs(mean) / error))
