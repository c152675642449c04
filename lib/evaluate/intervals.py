"""How far an accuracy, and a difference of two, can be trusted: 95 % intervals over the test videos."""

import math

import numpy as np

from lib.evaluate.checks import checked_labels


def wilson_interval(successes, trials, z=1.959964):
    """95 % interval of a proportion (Wilson, JASA 22, 1927); right also near 0 and 1, where the usual +- is not."""
    if not 0 <= successes <= trials:
        raise ValueError(f"{successes} of {trials} is no share")
    if trials == 0:
        return 0.0, 1.0
    p, zz = successes / trials, z * z
    centre = (p + zz / (2 * trials)) / (1 + zz / trials)
    half = z / (1 + zz / trials) * math.sqrt(p * (1 - p) / trials + zz / (4 * trials * trials))
    return min(p, max(0.0, centre - half)), max(p, min(1.0, centre + half))  # rounding must not exclude 0 and 1


def paired_difference(predicted_a, predicted_b, labels, z=1.959964):
    """Accuracy of a minus that of b over the same videos, in points, with its 95 % interval: (difference, low, high).

    Interval of Agresti and Min, Statistics in Medicine 24, 2005: half a video added to each cell of the 2 x 2 table,
    so that few disagreements do not look like certainty. It is about other videos for these two trainings: how far
    other training seeds would move them it cannot know, so it gives no verdict; `lib.evaluate.compare` does.
    """
    if not np.size(labels):
        raise ValueError("no videos to compare")
    labels = checked_labels(labels, np.size(labels))
    told = [checked_labels(p, len(labels), what="predicted classes", least=-1) for p in (predicted_a, predicted_b)]
    a, b = (each == labels for each in told)
    n, only_a, only_b = len(a), int((a & ~b).sum()), int((b & ~a).sum())
    difference = (only_a - only_b) / n
    n, only_a, only_b = n + 2, only_a + 0.5, only_b + 0.5
    centre = (only_a - only_b) / n
    half = z * math.sqrt((only_a + only_b) - (only_a - only_b) ** 2 / n) / n
    return 100 * difference, 100 * max(-1.0, centre - half), 100 * min(1.0, centre + half)
