"""Scores of views to scores of videos, and what counts as right. NumPy; scores (videos, classes), labels (videos,).

Definitions of mmaction2 (CSN), Efficient-3DCNNs and Optimization Planning, so that published figures can be compared.
One rule is ours: a tie is no answer. Theirs give it to the class with the lower number, so that a net that says the
same of all classes is right in the share of class 0.
"""

import numpy as np

from lib.evaluate.checks import checked_ks, checked_labels, checked_scores

NO_ANSWER = -1


def softmax(scores):
    """exp(s) / sum exp(s) over the last axis, in float64."""
    scores = np.asarray(scores, dtype=np.float64)
    powers = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


AVERAGES = {
    "prob": lambda scores: softmax(scores).mean(axis=1),
    "score": lambda scores: scores.mean(axis=1),
    None: lambda scores: scores,
}
VIEWS = ("videos", "views", "classes")


def average_views(scores, average="prob"):
    """(videos, views, classes) -> (videos, classes): the mean of softmax ("prob") or of raw scores ("score").

    The two can choose different classes. None leaves the views as they are.
    """
    if average not in AVERAGES:
        raise ValueError(f"no average {average!r}; there are {', '.join(map(str, AVERAGES))}")
    return AVERAGES[average](checked_scores(scores, VIEWS))


def best_views(scores, k):
    """(videos, views, classes) -> (videos, classes): per class the mean of its k largest views.

    Optimization Planning prints the best k of all, chosen on the test labels; k = views is the plain mean.
    """
    scores = checked_scores(scores, VIEWS)
    (k,) = checked_ks([k], scores.shape[1])
    return np.sort(scores, axis=1)[:, -k:].mean(axis=1)


def top_k_accuracy(scores, labels, ks=(1, 5)):
    """Share (0 to 1) of videos whose label is among the k largest scores, one per k.  -> list of float

    Where other classes score the same as the label, it counts only if it is among the k in every order of them.
    """
    scores = checked_scores(scores, ("videos", "classes"))
    labels = checked_labels(labels, *scores.shape)
    at_least = (scores >= scores[np.arange(len(labels)), labels][:, None]).sum(axis=1)  # its rank, the last of its ties
    return [float((at_least <= k).mean()) for k in checked_ks(ks)]


def answers(scores):
    """The class of the largest score, (videos,) int64; NO_ANSWER where several are largest."""
    scores = checked_scores(scores, ("videos", "classes"))
    alone = (scores == scores.max(axis=1, keepdims=True)).sum(axis=1) == 1
    return np.where(alone, scores.argmax(axis=1), NO_ANSWER)


def confusion_matrix(predicted, labels, normalize=None):
    """Rows true, columns predicted, over the sorted union of the classes that occur in either.

    predicted  may be NO_ANSWER: such a video stands in no column
    normalize  None: counts; "true": rows sum to 1; "pred": columns do; "all": the matrix does; an empty one stays 0
    """
    if normalize not in _CONFUSION_AXES:
        raise ValueError(f"no normalize {normalize!r}; there are {', '.join(map(str, _CONFUSION_AXES))}")
    labels = checked_labels(labels, np.size(labels))
    predicted = checked_labels(predicted, len(labels), what="predicted classes", least=NO_ANSWER)
    classes, places = np.unique(np.concatenate([predicted, labels]), return_inverse=True)
    counts = np.zeros((len(classes), len(classes)), dtype=np.int64)
    np.add.at(counts, (places[len(predicted) :], places[: len(predicted)]), 1)
    counts = counts[np.ix_(classes != NO_ANSWER, classes != NO_ANSWER)]
    if normalize is None:
        return counts
    totals = counts.sum(axis=_CONFUSION_AXES[normalize], keepdims=True)
    return counts / np.maximum(totals, 1)


_CONFUSION_AXES = {None: (), "true": 1, "pred": 0, "all": (0, 1)}


def class_accuracies(scores, labels):
    """Share of right videos per class of `confusion_matrix`; a class that is predicted but never true counts 0."""
    labels = checked_labels(labels, *np.shape(checked_scores(scores, ("videos", "classes"))))
    return np.diag(confusion_matrix(answers(scores), labels, "true"))


def mean_class_accuracy(scores, labels):
    """Mean of `class_accuracies`: mmaction2's, lower than macro recall where a class is predicted but never true."""
    return float(class_accuracies(scores, labels).mean())
