"""Suites of nets that are equal in truth, to see how often a rule calls them different."""

import numpy as np
from scipy.special import ndtri


def equal_nets(rng, *, nets=2, seeds=3, videos=256, accuracy=75.0, sd=5.0, video=1.0, taste=0.5):
    """The tests of nets that only luck tells apart: [{seed: test}], as `lib.evaluate.comparisons.compare` takes them.

    accuracy, sd  top-1 in points: the mean over seeds and the standard deviation between them, of every net
    video         how much harder one video is than the next, for all nets alike, on the probit scale
    taste         the same for each net by itself: over other videos the nets are equal, over these they need not be
    """
    spread = np.sqrt(1 + video**2 + taste**2)
    hard = video * rng.standard_normal(videos)
    found = []
    for _ in range(nets):
        own = hard + taste * rng.standard_normal(videos)
        trained = np.clip(rng.normal(accuracy, sd, seeds), 1, 99) / 100
        right = ndtri(trained)[:, None] * spread + own + rng.standard_normal((seeds, videos)) > 0
        found.append({seed: _test(row) for seed, row in enumerate(right)})
    return found


def _test(right):
    """As much of a test's record as a comparison needs: label 0, answered 0 where right."""
    return {"labels": [0] * len(right), "predicted": np.where(right, 0, 1).tolist()}
