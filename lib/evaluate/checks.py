"""What a metric takes: scores that are numbers, labels that are classes. Checked once, where they come in."""

import numpy as np


def checked_scores(scores, dimensions, what="scores"):
    """`scores` as float64. ValueError: another number of dimensions, nothing in them, no real numbers, or not finite.

    dimensions  names of the axes, such as ("videos", "views", "classes")
    """
    scores = np.asarray(scores)
    shape = f"({', '.join(dimensions)})"
    if scores.ndim != len(dimensions):
        raise ValueError(f"{what} must be {shape}, not of shape {scores.shape}")
    if scores.dtype.kind not in "iuf":
        raise ValueError(f"{what} must be numbers, not {scores.dtype}")
    if 0 in scores.shape:
        raise ValueError(f"{what} of shape {scores.shape} hold nothing: no {dimensions[scores.shape.index(0)]}")
    finite = np.isfinite(scores).reshape(len(scores), -1).all(1)
    if not finite.all():
        where = "video " if dimensions[0] == "videos" else ""
        told = f"{what} of {(~finite).sum()} {dimensions[0]} are not finite, first of {where}{int(np.argmin(finite))}"
        raise ValueError(told)
    return scores.astype(np.float64)


def checked_labels(labels, videos, classes=None, what="labels", least=0):
    """`labels` as int64 (videos,). ValueError: another shape, no whole numbers, or not from 0 to classes - 1.

    classes  None: any from `least` on
    """
    labels = np.asarray(labels)
    if labels.shape != (videos,):
        raise ValueError(f"{what} must be one per video, ({videos},), not of shape {labels.shape}")
    if labels.dtype.kind not in "iu":
        raise ValueError(f"{what} must be whole numbers, not {labels.dtype}")
    most = None if classes is None else classes - 1
    wrong = (labels < least) | (labels > most if most is not None else False)
    if wrong.any():
        place = int(np.argmax(wrong))
        span = f"{least} on" if most is None else f"{least} to {most}"
        raise ValueError(f"{what} count from {span}, but that of video {place} is {labels[place]}")
    return labels.astype(np.int64)


def checked_ks(ks, most=None):
    """The k's of a top-k accuracy as ints from 1 on, to `most` if given; ValueError for anything else."""
    for k in ks:
        if isinstance(k, bool) or not isinstance(k, int | np.integer) or k < 1 or (most and k > most):
            raise ValueError(f"k must be a whole number from 1{f' to {most}' if most else ' on'}, not {k!r}")
    return [int(k) for k in ks]
