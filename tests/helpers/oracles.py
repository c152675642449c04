"""What the original code also computes, and no command of ours: it stands here beside its golden figures."""

import numpy as np

from lib.evaluate.metrics import class_accuracies


def top_k_classes(scores, labels, k, mode="accurate"):
    """The k best ("accurate") or worst ("inaccurate") classes, that end first.  -> list of (class's place, accuracy)

    The place is the one in the sorted union of `confusion_matrix`, as in mmaction2.
    """
    if mode not in ("accurate", "inaccurate"):
        raise ValueError(f"no mode {mode!r}; there are accurate, inaccurate")
    found = class_accuracies(scores, labels)
    order = np.argsort(-found if mode == "accurate" else found, kind="stable")[:k]
    return [(int(place), float(found[place])) for place in order]


def listed_accuracy(predictions, truth, k=1):
    """Efficient-3DCNNs' video accuracy: the share of `truth`'s videos whose label is among the k best listed ones.

    predictions  video -> list of (label, score), any order; a video without any counts as wrong
    truth        video -> label
    """

    def hit(video):
        best = sorted(predictions.get(video, ()), key=lambda entry: -entry[1])[:k]
        return any(label == truth[video] for label, _ in best)

    return sum(hit(video) for video in truth) / len(truth)


def undeal(parts, items):
    """Items that were dealt to processes in turn, the last rounds padded, in their order again.

    parts  a (items of the process, ...) array each: one crop's all_scores_{processes * crop + rank}.npy, rank by rank
    items  how many there are: videos x clips, from the list (the published code guesses it from the padded total)
    """
    longest = max(len(part) for part in parts)
    if any(len(part) != longest for part in parts) or not items <= longest * len(parts):
        raise ValueError(f"parts of {[len(part) for part in parts]} items are not {items} items dealt in turn")
    return np.stack(parts, 1).reshape(-1, *parts[0].shape[1:])[:items]


def even_only(frames_in_video, rng=None, *, sampler):
    """RubiksNet's default while it trains: every second frame, from the second on, is the video that `sampler` sees."""
    return np.minimum(2 * sampler(max(1, frames_in_video // 2), rng=rng) + 1, frames_in_video - 1)
