"""Long-tailed sets: how often each class is drawn, and how much its clips weigh in the loss.

Kang et al., Decoupling Representation and Classifier, ICLR 2020, arXiv:1910.09217, sec. 3: a clip's class is drawn in
proportion to n ** q, with n training videos of that class. Cui et al., CVPR 2019, arXiv:1901.05555: effective numbers.
"""

import math

import numpy as np

# q of that paper: as the videos are; square-root; class-balanced
SAMPLING = {"natural": 1.0, "square_root": 0.5, "balanced": 0.0}
BETA = 0.9999  # of the effective number, (1 - BETA**n) / (1 - BETA)
# weight of a class with n clips, up to a factor
WEIGHTING = {
    "inverse": lambda n: 1 / n,
    "square_root": lambda n: n**-0.5,
    "effective": lambda n: (1 - BETA) / (1 - BETA**n),
}


def draw(labels, sampling, rng):
    """The order of an epoch.  -> [(item, how often it was drawn before)], as many as there are items

    labels    (N,) of the items
    sampling  a key of SAMPLING
    rng       a NumPy Generator
    Of every class as many items are drawn as its share of the epoch says, rounded up or down; an item comes again only
    after all others of its class came.
    """
    labels = np.asarray(labels)
    shares = _drawn(np.bincount(labels), sampling)
    edges = np.minimum(np.floor(len(labels) * np.cumsum(shares) + rng.random()), len(labels))
    edges[-1] = len(labels)  # whatever the sum was rounded to; the last class has items
    items = []
    for label, count in enumerate(np.diff(edges, prepend=0).astype(int)):
        members = np.flatnonzero(labels == label)
        rounds = -(-count // len(members)) if len(members) else 0
        again = [(int(i), number) for number in range(rounds) for i in rng.permutation(members)]
        items += again[:count]
    return [items[k] for k in rng.permutation(len(items))]


def class_counts(clips, sampling="natural"):
    """How many clips of each class an epoch shows, on average.  -> (K,), float

    clips  a training ClipDataset: where it mirrors, half of a class' clips become those of its partner
    """
    counts = len(clips) * _drawn(np.bincount(clips.labels, minlength=clips.classes), sampling)
    found = np.zeros_like(counts)
    for label, count in enumerate(counts):
        shown = clips.shows(label)
        found[list(shown)] += count / len(shown)
    return found


def class_weights(weighting, clips, sampling="natural"):
    """What a clip's loss is multiplied by, for each class: 1 on average over the clips of an epoch.  -> (K,), or None

    weighting  "equal" (None is returned), a key of WEIGHTING, or a number for each class, of which the ratio counts
    sampling   what it changes is taken into account: under "balanced", "inverse" weighs all classes alike
    A class that is never shown weighs 0. ValueError: not as many numbers as classes
    """
    if weighting == "equal":
        return None
    counts = class_counts(clips, sampling)
    if isinstance(weighting, str):
        weights = np.array([WEIGHTING[weighting](n) if n > 0 else 0.0 for n in counts])
    else:
        check_length(weighting, len(counts))
        weights = np.array(weighting, float)
    total = float((counts * weights).sum())
    if not total > 0:
        raise ValueError(f"class_weights: {weighting} gives every training clip the weight 0")
    return weights * (counts.sum() / total)


def check_length(weighting, classes):
    """ValueError unless a list of weights has a number for each class."""
    if not isinstance(weighting, str) and len(weighting) != classes:
        raise ValueError(f"class_weights has {len(weighting)} numbers, but the videos have {classes} classes")


def _drawn(counts, sampling):
    """The share of each class among the clips that are drawn: n ** q, of those that have clips."""
    weights = np.array([math.pow(n, SAMPLING[sampling]) if n else 0.0 for n in counts])
    return weights / weights.sum()
