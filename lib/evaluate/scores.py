"""Scores of every view in a file, and their merging: a test in two steps, as Optimization Planning's.

A file is .npz, for numpy.load:
    scores  (videos, crops, clips, classes) float32: raw logits, the mean over a net's heads
    labels  (videos,) int64
    paths   (videos,) text: the videos, as their manifest names them
Each crop, or each part of the views, may have a file of its own: they are merged over the crops.
"""

from typing import NamedTuple

import numpy as np

from lib.evaluate.metrics import best_views, top_k_accuracy
from lib.evaluate.predictions import accuracies, predict
from lib.files import replacing


class Scores(NamedTuple):
    """What a file holds."""

    scores: np.ndarray
    labels: np.ndarray
    paths: np.ndarray


def extract_scores(path, net, dataset, crops=1, **reading):
    """Run a net over every view of a ClipDataset with train=False and write the file `path`; returns its `Scores`.

    crops    of which the dataset's views are: a crop's clips lie together
    reading  as lib.evaluate.predictions.predict takes it: mean, std, batch_size, device, workers
    """
    logits, labels = predict(net, dataset, **reading)
    videos, _, classes = logits.shape
    scores = logits.numpy().reshape(videos, crops, -1, classes)
    found = Scores(scores, labels.numpy(), np.array([video.path for video in dataset.videos]))
    write_scores(path, found)
    return found


def write_scores(path, scores):
    """Write `Scores` atomically."""
    with replacing(path) as temporary, open(temporary, "wb") as file:
        np.savez(file, **scores._asdict())


def read_scores(path):
    """The `Scores` of a file; ValueError if it holds something else. Nothing in it is executed."""
    with np.load(path, allow_pickle=False) as file:
        if missing := [name for name in Scores._fields if name not in file]:
            raise ValueError(f"{path} holds no scores: {', '.join(missing)} missing")
        found = Scores(*(file[name] for name in Scores._fields))
    if found.scores.ndim != 4 or not len(found.scores) == len(found.labels) == len(found.paths):
        raise ValueError(f"{path}: scores {found.scores.shape} do not fit {len(found.labels)} labels")
    return found


def merge_scores(paths):
    """The mean over the crops of all files.  -> scores (videos, clips, classes) float64, labels (videos,)

    ValueError: the files are not of the same videos and clips.
    """
    files = {path: read_scores(path) for path in paths}
    if not files:
        raise ValueError("no files of scores to merge")
    first = next(iter(files.values()))
    for path, file in files.items():
        if not (np.array_equal(file.paths, first.paths) and np.array_equal(file.labels, first.labels)):
            raise ValueError(f"{path} is of other videos or labels than {next(iter(files))}")
        if file.scores.shape[2:] != first.scores.shape[2:]:
            raise ValueError(f"{path} has {file.scores.shape[2:]} clips and classes, not {first.scores.shape[2:]}")
    return np.concatenate([file.scores for file in files.values()], 1).mean(1, dtype=np.float64), first.labels


def evaluate_scores(scores, labels):
    """From scores (videos, clips, classes) to what is reported, in percent.

    all_clips                the result: `accuracies` of the mean over all clips
    as_the_reference_prints  {best_k, top1, top3, top5, top1_of_k}: per class the mean of the k largest clips, of all k
                             the best on these very labels. Not a result: k is chosen on the test set
    """
    top1_of_k = {k: top_k_accuracy(best_views(scores, k), labels, [1])[0] for k in range(1, scores.shape[1] + 1)}
    best = max(top1_of_k, key=top1_of_k.get)
    tops = top_k_accuracy(best_views(scores, best), labels, (1, 3, 5))
    printed = {"best_k": best, **{f"top{k}": 100 * top for k, top in zip((1, 3, 5), tops, strict=True)}}
    printed["top1_of_k"] = {k: 100 * top for k, top in top1_of_k.items()}
    return {"all_clips": accuracies(scores, labels, "score"), "as_the_reference_prints": printed}


def undeal(parts, items):
    """Items that were dealt to processes in turn, the last rounds padded, in their order again.

    parts  a (items of the process, ...) array each: one crop's all_scores_{processes * crop + rank}.npy, rank by rank
    items  how many there are: videos x clips, from the list (the published code guesses it from the padded total)
    """
    longest = max(len(part) for part in parts)
    if any(len(part) != longest for part in parts) or not items <= longest * len(parts):
        raise ValueError(f"parts of {[len(part) for part in parts]} items are not {items} items dealt in turn")
    return np.stack(parts, 1).reshape(-1, *parts[0].shape[1:])[:items]
