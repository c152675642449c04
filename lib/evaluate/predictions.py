"""From a net and a split to accuracies that know how far they can be trusted."""

from dataclasses import replace

import numpy as np
import torch

from lib.data import ClipDataset, batches, normalize
from lib.distributed import every_other, in_turn
from lib.evaluate.checks import checked_labels, checked_scores
from lib.evaluate.intervals import wilson_interval
from lib.evaluate.metrics import NO_ANSWER, VIEWS, answers, average_views, top_k_accuracy
from lib.memory import keep_freed
from lib.models import in_format


@torch.no_grad()
def predict(net, dataset, *, batch_size=16, device="cpu", workers=0):
    """Logits of every view of every video: (videos, views, classes) float32, and the labels, (videos,).

    net        put in eval mode
    dataset    a ClipDataset with train=False; its protocol says what the pixels become
    Of several processes all must call it. Each takes some of the batches, which are those of one process, so that
    every video is seen once and the logits, which all get whole, are one process's.
    ValueError: the net has other classes than the dataset, or its scores of a video are not finite
    """
    keep_freed()
    net.eval()
    own = []
    for clips, wanted, items in batches(dataset, 0, batch_size, shuffle=False, workers=workers, share=every_other):
        found = net(in_format(net, normalize(clips.to(device), dataset.pixels))).float().cpu()
        _check_classes(found, dataset)
        _check_finite(found, dataset, items)
        own.append((found, wanted))
    logits, labels = zip(*in_turn(own), strict=True)
    logits = torch.cat(logits).unflatten(0, (-1, dataset.views))
    return logits, torch.cat(labels)[:: dataset.views]


def _check_classes(logits, dataset):
    if logits.shape[1:] != (dataset.classes,):
        raise ValueError(f"the net scores {logits.shape[1]} classes, but these videos have {dataset.classes}")


def _check_finite(logits, dataset, items):
    if len(wrong := items[~torch.isfinite(logits).all(1)]):
        names = dict.fromkeys(dataset.describe(int(i)) for i in wrong)
        raise ValueError(f"the net's scores of {next(iter(names))} are not finite, in this batch those of {len(names)}")


@torch.no_grad()
def check_classes(net, datasets, device="cpu"):
    """ValueError: the net scores other classes than a dataset has, seen on one clip of each; the net is as it was."""
    was_training = net.training
    for dataset in filter(None, datasets):
        clip, _, _ = dataset[0, 0]
        _check_classes(net.eval()(in_format(net, normalize(clip[None].to(device), dataset.pixels))), dataset)
    net.train(was_training)


def predict_videos(net, manifest, split, protocol, *, cache=None, reader="decord", **how):
    """Scores of a split's videos, their views averaged, and the labels: (videos, classes), (videos,).

    protocol  its sampler may give every video another number of clips; its `average` says how views are averaged
    how       as for `predict`
    """
    videos, groups = manifest.split(split), {}
    for place, video in enumerate(videos):
        groups.setdefault(protocol.views(len(video.frame_range())), []).append(place)
    scores, labels = [None] * len(videos), [video.label for video in videos]
    for places in groups.values():
        alike = replace(manifest, videos=tuple(videos[place] for place in places))
        dataset = ClipDataset(alike, split, protocol, train=False, cache=cache, reader=reader)
        logits, _ = predict(net, dataset, **how)
        for place, row in zip(places, average_views(logits.numpy(), protocol.average), strict=True):
            scores[place] = row
    return np.stack(scores), np.array(labels)


def by_protocol(logits, labels, protocol):
    """`accuracies`, the views averaged as the protocol says, and the protocol's name."""
    return {**accuracies(logits, labels, protocol.average), "protocol": protocol.name}


def accuracies(logits, labels, average="prob"):
    """Top-1 and top-5 in percent, at clip level (every view for itself) and at video level (views averaged).

    logits  (videos, views, classes)
    labels  (videos,)
    average "prob" averages softmax probabilities, "score" raw logits; the two can disagree
    The interval is Wilson's, 95 %, over videos: views of one video are not independent.
    A video whose largest score several classes share counts as wrong; `ties` says how many, `predicted` has -1 there.
    """
    logits = checked_scores(logits, VIEWS)
    videos, views, classes = logits.shape
    labels = checked_labels(labels, videos, classes)
    video_scores = average_views(logits, average)
    if video_scores.ndim != 2:
        raise ValueError("average must be prob or score, not None: accuracy needs one score per video and class")
    top1, top5 = top_k_accuracy(video_scores, labels)
    clip_top1, clip_top5 = top_k_accuracy(logits.reshape(-1, classes), labels.repeat(views))
    low, high = wilson_interval(round(top1 * videos), videos)
    predicted = answers(video_scores)
    return {
        "top1": 100 * top1,
        "top1_low": 100 * low,
        "top1_high": 100 * high,
        "top5": 100 * top5,
        "clip_top1": 100 * clip_top1,
        "clip_top5": 100 * clip_top5,
        "videos": videos,
        "views": views,
        "classes": classes,
        "average": average,
        "ties": int((predicted == NO_ANSWER).sum()),
        "predicted": predicted.tolist(),
        "labels": labels.tolist(),
    }
