"""Accuracies and their intervals."""

import math

import pytest
import torch

from lib.evaluate import accuracies, paired_difference, wilson_interval


def test_clip_and_video_level_differ_where_they_should():
    # one video, three views: two weak wrong answers, one strong right one
    logits = torch.tensor([[[0.0, 0.2], [0.0, 0.2], [9.0, 0.0]]])
    result = accuracies(logits, torch.tensor([0]))
    assert result["top1"] == 100 and result["clip_top1"] == pytest.approx(100 / 3)
    assert (result["videos"], result["views"], result["predicted"]) == (1, 3, [0])


def test_prob_and_score_can_choose_different_classes():
    logits = torch.tensor([[[10.0, 0.0, 0.0], [0.0, 3.0, 0.0], [0.0, 3.0, 0.0]]])
    assert accuracies(logits, torch.tensor([1]), "prob")["top1"] == 100
    assert accuracies(logits, torch.tensor([1]), "score")["top1"] == 0
    with pytest.raises(ValueError, match="there are prob, score"):
        accuracies(logits, torch.tensor([1]), "mean")


def test_top5_of_fewer_classes_is_all():
    assert accuracies(torch.randn(4, 1, 3), torch.tensor([0, 1, 2, 0]))["top5"] == 100


def test_wilson_interval_against_its_equation():
    """Its ends are the p with |p - successes/n| = z sqrt(p (1 - p) / n)."""
    for successes, trials in ((0, 10), (3, 10), (128, 256), (256, 256)):
        for p in wilson_interval(successes, trials):
            if 0 < p < 1:
                assert abs(p - successes / trials) == pytest.approx(1.959964 * math.sqrt(p * (1 - p) / trials))
    assert wilson_interval(0, 10)[0] == 0 and wilson_interval(10, 10)[1] == pytest.approx(1)
    assert wilson_interval(0, 0) == (0, 1)
    for trials in range(1, 200):  # at 3, 4, 5 and others, rounding left the share itself out
        assert wilson_interval(0, trials)[0] == 0 and wilson_interval(trials, trials)[1] == 1


def test_paired_difference():
    labels = [0] * 100
    always, often = [0] * 100, [0] * 80 + [1] * 20
    points, low, high = paired_difference(always, often, labels)
    assert points == 20 and 10 < low < 20 < high < 30
    assert paired_difference(often, often, labels)[0] == 0
    points, low, high = paired_difference(often, [1] + [0] * 79 + [1] * 19 + [0], labels)
    assert points == 0 and low < 0 < high
    with pytest.raises(ValueError, match="no videos"):
        paired_difference([], [], [])


def test_the_interval_covers_the_truth_as_often_as_it_says():
    generator = torch.Generator().manual_seed(0)
    covered = 0
    for _ in range(400):
        hits = int((torch.rand(128, generator=generator) < 0.7).sum())
        low, high = wilson_interval(hits, 128)
        covered += low <= 0.7 <= high
    assert 0.92 < covered / 400 < 0.98
