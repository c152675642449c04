import json
import re
from pathlib import Path

import numpy as np
import pytest
from oracles import listed_accuracy, top_k_classes

from lib.evaluate import accuracies, metrics, paired_difference, wilson_interval

GOLDEN = Path(__file__).parents[2] / "golden"


def golden(name):
    return json.loads((GOLDEN / f"{name}.golden.json").read_text())


@pytest.fixture
def csn():
    """The golden file's 60 videos of 9 labels, scored over 12 classes."""
    draws = np.random.RandomState(7)
    scores = draws.standard_normal((60, 12)).astype(np.float32)
    labels = draws.randint(0, 9, 60)
    scores[np.arange(60), labels] += 1.0
    return scores, labels, golden("csn/metrics")


def test_top_k_accuracy(csn):
    scores, labels, expected = csn
    wanted = expected["top_k_accuracy"]
    assert metrics.top_k_accuracy(scores, labels, [int(k) for k in wanted]) == pytest.approx(list(wanted.values()))
    assert metrics.top_k_accuracy(scores, labels, [12, 99]) == [1, 1]


def test_mean_class_accuracy_counts_predicted_classes_too(csn):
    scores, labels, expected = csn
    assert np.unique(scores.argmax(1)).tolist() == expected["predicted_classes"]
    assert metrics.mean_class_accuracy(scores, labels) == pytest.approx(expected["mean_class_accuracy"])


def test_tiny_example():
    tiny = golden("csn/metrics")["tiny"]
    scores, labels = np.eye(4)[tiny["pred"]], tiny["labels"]
    assert metrics.mean_class_accuracy(scores, labels) == tiny["mean_class_accuracy"]
    assert metrics.top_k_accuracy(scores, labels, [1]) == [0.5]
    assert metrics.confusion_matrix(tiny["pred"], labels).tolist() == tiny["confusion_matrix"]
    assert metrics.confusion_matrix(tiny["pred"], labels, "true").tolist() == tiny["confusion_true"]
    assert metrics.confusion_matrix(tiny["pred"], labels, "pred").sum(0).tolist() == [1, 1, 1, 1]
    assert metrics.confusion_matrix(tiny["pred"], labels, "all").sum() == pytest.approx(1)
    assert top_k_classes(scores, labels, 1, "inaccurate") == [(3, 0.0)]
    assert [accuracy for _, accuracy in top_k_classes(scores, labels, 4)] == [0.5, 0.5, 0.5, 0.0]


def test_classes_are_the_union_of_both_sides():
    assert metrics.confusion_matrix([7, 2], [2, 2]).tolist() == [[1, 1], [0, 0]]


def test_average_views():
    expected = golden("csn/metrics")["average_clips"]
    scores = (3 * np.random.RandomState(8).standard_normal((30, 12))).astype(np.float32)
    scores = scores.reshape(3, expected["num_segs"], 12)
    for average in ("prob", "score"):
        found = metrics.average_views(scores, average)
        np.testing.assert_allclose(found, expected[average], rtol=1e-5)
        assert found.argmax(1).tolist() == expected[f"argmax_{average}"]
    assert list(metrics.average_views(scores, None).shape) == expected["none_shape_1x"]


def test_prob_and_score_can_disagree():
    views = np.array([[[9.0, 0, 0], [0, 4, 0], [0, 4, 0]]])
    assert metrics.average_views(views, "score").argmax() == 0 and metrics.average_views(views, "prob").argmax() == 1


@pytest.mark.parametrize("row", golden("efficient3dcnns/pipeline")["clip_average"], ids=lambda row: str(row["softmax"]))
def test_efficient3dcnns_clip_average(row):
    scores = metrics.average_views(np.array([row["clip_logits"]]), "prob" if row["softmax"] else "score")[0]
    best = np.argsort(-scores)[:10]
    assert best.tolist() == row["top10_classes"]
    np.testing.assert_allclose(scores[best], row["top10_scores"], rtol=1e-5)


def test_best_views():
    expected = golden("optplan/merge_scores")
    draws = np.random.RandomState(expected["seed"])
    videos, clips, classes = expected["videos"], expected["clips"], expected["num_classes"]
    labels = draws.randint(0, classes, videos)
    scores = draws.standard_normal((expected["crops"], videos * clips, classes))
    scores[:, np.arange(videos * clips), np.repeat(labels, clips)] += 0.8
    views = scores.mean(0).reshape(videos, clips, classes)
    found = {k: metrics.top_k_accuracy(metrics.best_views(views, int(k)), labels, [1])[0] for k in "12345"}
    assert found == pytest.approx(expected["top1_of_mean_of_k_largest"])
    plain = metrics.average_views(views, "score")
    assert metrics.top_k_accuracy(plain, labels, [1])[0] == pytest.approx(expected["all_clip_mean_top1"])
    best = metrics.best_views(views, expected["best_k"])
    assert metrics.top_k_accuracy(best, labels, (1, 3, 5)) == pytest.approx(expected["best_top1_top3_top5"], abs=5e-5)


def test_listed_accuracy():
    (row,) = golden("efficient3dcnns/pipeline")["video_accuracy"]
    database = row["ground_truth"]["database"]
    truth = {v: entry["annotations"]["label"] for v, entry in database.items() if entry["subset"] == "validation"}
    listed = {v: [(e["label"], e["score"]) for e in best] for v, best in row["predictions"]["results"].items()}
    for k in (1, 2, 3):
        assert listed_accuracy(listed, truth, k) == pytest.approx(row["expected"][f"top{k}"])


@pytest.mark.parametrize(
    "call, words",
    [
        (lambda: metrics.average_views(np.zeros((1, 1, 2)), "mean"), "no average 'mean'; there are prob, score, None"),
        (lambda: metrics.confusion_matrix([0], [0], "rows"), "no normalize 'rows'; there are None, true, pred, all"),
        (lambda: top_k_classes(np.eye(2), [0, 1], 1, "best"), "no mode 'best'"),
    ],
)
def test_unknown_names(call, words):
    with pytest.raises(ValueError, match=words):
        call()


SCORES = np.array([[0.1, 0.7, 0.2], [0.9, 0.0, 0.1]])


@pytest.mark.parametrize(
    "scores, labels, words",
    [
        (SCORES, [[1], [0]], "labels must be one per video, (2,), not of shape (2, 1)"),
        (SCORES, 1, "labels must be one per video, (2,), not of shape ()"),
        (SCORES, [1], "not of shape (1,)"),
        (SCORES, [1, 3], "labels count from 0 to 2, but that of video 1 is 3"),
        (SCORES, [-1, 0], "that of video 0 is -1"),
        (SCORES, [1.0, 0.0], "labels must be whole numbers, not float64"),
        (SCORES, [True, False], "labels must be whole numbers, not bool"),
        (SCORES[0], [1, 0], "scores must be (videos, classes), not of shape (3,)"),
        (SCORES.astype(complex), [1, 0], "scores must be numbers, not complex128"),
        (SCORES > 0.5, [1, 0], "scores must be numbers, not bool"),
        (np.array([["a", "b"]]), [0], "scores must be numbers"),
        (np.zeros((0, 3)), [], "hold nothing: no videos"),
        (np.array([[0.0, 1.0], [np.nan, 1.0]]), [0, 1], "scores of 1 videos are not finite, first of video 1"),
        (np.array([[np.inf, 1.0], [0.0, 1.0]]), [0, 1], "first of video 0"),
    ],
)
def test_what_is_no_score_or_no_label_is_refused(scores, labels, words):
    for metric in (metrics.top_k_accuracy, metrics.class_accuracies, metrics.mean_class_accuracy):
        with pytest.raises(ValueError, match=re.escape(words)):
            metric(scores, labels)
    if np.ndim(scores) == 2:
        with pytest.raises(ValueError):
            accuracies(np.asarray(scores)[:, None], labels)


@pytest.mark.parametrize("k", [0, -1, 1.0, True, "1"])
def test_k_counts_from_one(k):
    with pytest.raises(ValueError, match="k must be a whole number from 1"):
        metrics.top_k_accuracy(SCORES, [1, 0], [k])
    with pytest.raises(ValueError, match="k must be a whole number from 1 to 2"):
        metrics.best_views(np.zeros((2, 2, 3)), k)


@pytest.mark.parametrize("dtype", [np.uint8, np.int8, np.int64, np.float16, np.float32])
def test_small_types_do_not_overflow(dtype):
    """-128 has no negative among int8, and 0 - 1 of uint8 is 255."""
    scores = np.array([[0, 127, 5], [3, 0, 1]]).astype(dtype)
    scores = scores if dtype == np.uint8 else scores - np.array([128, 0, 0]).astype(dtype)
    assert metrics.top_k_accuracy(scores, [1, 2 if dtype != np.uint8 else 0], (1, 2))[0] == 1
    flat = np.full((2, 2, 3), 100).astype(dtype) * np.array([1, 0, 0]).astype(dtype)
    assert metrics.average_views(flat, "score").tolist() == [[100, 0, 0]] * 2


def test_a_tie_is_no_answer():
    """A net that says the same of every class knows nothing; by the lower number it had the share of class 0."""
    constant, labels = np.ones((8, 1, 4)), [0, 0, 0, 0, 0, 1, 2, 3]
    found = accuracies(constant, labels)
    assert (found["top1"], found["ties"], set(found["predicted"])) == (0, 8, {-1})
    assert metrics.top_k_accuracy(constant[:, 0], labels, (1, 3, 4)) == [0, 0, 1], "of four classes all four are told"
    half = np.array([[2.0, 2.0, 1.0, 0.0]])
    assert [metrics.top_k_accuracy(half, [label], (1, 2, 3))[i] for label, i in ((0, 0), (0, 1), (2, 1))] == [0, 1, 0]
    assert metrics.answers(half).tolist() == [-1] and metrics.answers(half[:, 1:]).tolist() == [0]


def test_a_tie_stands_in_no_column():
    assert metrics.confusion_matrix([-1, 1, 0], [0, 1, 1]).tolist() == [[0, 0], [1, 1]]
    with pytest.raises(ValueError, match="predicted classes count from -1 on, but that of video 0 is -2"):
        metrics.confusion_matrix([-2], [0])


@pytest.mark.parametrize("successes, trials", [(-1, 5), (6, 5)])
def test_no_share_has_no_interval(successes, trials):
    with pytest.raises(ValueError, match="is no share"):
        wilson_interval(successes, trials)


def test_a_difference_is_of_the_same_videos():
    with pytest.raises(ValueError, match="predicted classes must be one per video"):
        paired_difference([0, 1], [0], [0, 1])
    with pytest.raises(ValueError, match="labels count from 0 on"):
        paired_difference([0], [0], [-1])
