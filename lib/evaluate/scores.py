"""Scores of every view in a file, and their merging: a test in two steps, as Optimization Planning's.

A file is .npz, for numpy.load:
    scores  (videos, crops, clips, classes) float32: raw logits, the mean over a net's heads
    labels  (videos,) int64
    paths   (videos,) text: the videos, as their manifest names them
    average how the views are to be averaged: "prob" or "score"
    protocol  JSON: what the net saw, `Protocol.plain`
Each crop, or each part of the views, may have a file of its own: they are merged over the crops.
"""

import json
from itertools import combinations
from typing import NamedTuple

import numpy as np

from lib.evaluate.checks import checked_labels, checked_scores
from lib.evaluate.metrics import best_views, softmax, top_k_accuracy
from lib.evaluate.npz import read_arrays
from lib.evaluate.predictions import accuracies, predict, predict_videos
from lib.files import replacing


class Scores(NamedTuple):
    """What a file holds."""

    scores: np.ndarray
    labels: np.ndarray
    paths: np.ndarray
    average: str = "score"
    protocol: str = ""


def extract_scores(path, net, dataset, **how):
    """Run a net over every view of a ClipDataset with train=False and write the file `path`; returns its `Scores`.

    how  as lib.evaluate.predictions.predict takes it: batch_size, device, workers
    """
    logits, labels = predict(net, dataset, **how)
    videos, _, classes = logits.shape
    scores = logits.numpy().reshape(videos, dataset.protocol.crops, -1, classes)
    return _keep(path, scores, labels.numpy(), dataset.videos, dataset.protocol, dataset.protocol.average)


def extract_averaged(path, net, manifest, split, protocol, **how):
    """The same where videos have unlike numbers of views: a video's are averaged at once, the file has one of each."""
    scores, labels = predict_videos(net, manifest, split, protocol, **how)
    return _keep(path, scores[:, None, None], labels, manifest.split(split), protocol, "score")


def _keep(path, scores, labels, videos, protocol, average):
    paths = np.array([video.path for video in videos])
    found = Scores(scores.astype(np.float32), labels, paths, average, json.dumps(protocol.plain()))
    write_scores(path, found)
    return found


def write_scores(path, scores):
    """Write `Scores` atomically."""
    with replacing(path) as temporary, open(temporary, "wb") as file:
        np.savez(file, **scores._asdict())


def read_scores(path):
    """The `Scores` of a file; ValueError, naming it, if it holds something else. Nothing in it is executed."""
    arrays = read_arrays(path)
    if missing := [name for name in Scores._fields[:3] if name not in arrays]:
        raise ValueError(f"{path} holds no scores: {', '.join(missing)} missing")
    found = Scores(**{name: arrays[name] for name in Scores._fields[:3]}, **_said(arrays, path))
    try:
        checked_scores(found.scores, ("videos", "crops", "clips", "classes"))
        checked_labels(found.labels, len(found.scores), found.scores.shape[-1])
    except ValueError as error:
        raise ValueError(f"{path}: {_named(error, found)}") from None
    if found.paths.shape != found.labels.shape or found.paths.dtype.kind != "U":
        raise ValueError(f"{path}: paths must be one text per video, not {found.paths.dtype} of {found.paths.shape}")
    _check_once(path, found)
    if found.average == "prob" and _are_shares(found.scores):
        raise ValueError(f"{path}: its scores are probabilities already; their average is 'score', not 'prob'")
    return found


def _check_once(path, found):
    """ValueError: a video stands there twice with the same scores, unless all rows have the same.

    Parts of a video have one path and scores of their own; of a net that says the same of everything nobody can tell.
    """
    seen = {}
    if len(set(found.paths)) > 1 and _says_one_thing(found.scores):
        return
    for row, (name, scores) in enumerate(zip(found.paths, found.scores, strict=True)):
        if (first := seen.setdefault((str(name), scores.tobytes()), row)) != row:
            raise ValueError(
                f"{path}: rows {first} and {row} are both {name}, with the same scores: it counts once; of two parts "
                "of a video that shows one picture all along leave one out"
            )


def _says_one_thing(scores):
    """Whether the scores are the same for all videos."""
    return bool((scores == scores[:1]).all())


def _are_shares(scores):
    """Whether the scores of every view are what a softmax gives: not negative, with the sum 1."""
    return bool((scores >= 0).all() and np.allclose(scores.sum(-1, dtype=np.float64), 1, atol=1e-2))


def _said(arrays, path):
    said = {name: str(arrays[name]) for name in Scores._fields[3:] if name in arrays}
    try:
        known = isinstance(json.loads(said.get("protocol") or "{}"), dict)
    except (ValueError, RecursionError):
        known = False
    if not known or said.get("average", "score") not in ("prob", "score"):
        raise ValueError(f"{path}: its protocol or average is not what `extract` writes")
    return said


def _named(error, found):
    """The message, with the first bad video's path where it is known."""
    if found.scores.dtype.kind != "f" or found.scores.ndim != 4 or len(found.paths) != len(found.scores):
        return error
    bad = ~np.isfinite(found.scores).all((1, 2, 3))
    return f"{error} ({found.paths[int(np.argmax(bad))]})" if bad.any() else error


def merge_scores(paths):
    """The mean over the crops of all files, of softmax where their protocol averages it.

    -> scores (videos, clips, classes) float64, labels (videos,)
    ValueError: the files are not of the same videos and clips, or not of one protocol but for its crop.
    """
    files = {str(path): read_scores(path) for path in paths}
    if not files:
        raise ValueError("no files of scores to merge")
    name, first = next(iter(files.items()))
    for path, file in files.items():
        if not (np.array_equal(file.paths, first.paths) and np.array_equal(file.labels, first.labels)):
            raise ValueError(f"{path} is of other videos or labels than {name}")
        if file.scores.shape[2:] != first.scores.shape[2:]:
            raise ValueError(f"{path} has {file.scores.shape[2:]} clips and classes, not {first.scores.shape[2:]}")
        if other := _differences(file, first):
            raise ValueError(f"{path} is of another protocol than {name}: {', '.join(other)} differ")
    for (path, file), (other, same) in combinations(files.items(), 2):
        crop = _crop(file) if _crop(file) == _crop(same) else ""
        told_apart = _crop(file) and _crop(same) and not crop
        if crop or _views(file, told_apart) & _views(same, told_apart):
            raise ValueError(
                f"{other} holds the very views of {path}{', crop ' * bool(crop)}{crop}: each may count once"
            )
    views = np.concatenate([file.scores for file in files.values()], 1)
    return (softmax(views) if first.average == "prob" else views).mean(1, dtype=np.float64), first.labels


def _crop(file):
    """The crop that a file's protocol names, "" if it names none."""
    return str(json.loads(file.protocol or "{}").get("crop") or "")


def _views(file, telling=False):
    """The content of each crop: two files may share one of several. `telling`: of those that differ between videos."""
    crops = np.moveaxis(file.scores, 1, 0)
    return {crop.tobytes() for crop in crops if not (telling and _says_one_thing(crop))}


def _differences(file, other):
    """What two files' protocols say differently, but for their crops: those are what is merged."""
    mine, theirs = (json.loads(each.protocol or "{}") | {"average": each.average} for each in (file, other))
    keys = [key for key in {**mine, **theirs} if key not in ("name", "crop")]
    return [key for key in keys if mine.get(key) != theirs.get(key)]


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
