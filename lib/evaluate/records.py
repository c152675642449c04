"""A finished run's test: what its record says must be what its predictions and labels give."""

from lib.bounds import number, whole
from lib.evaluate.intervals import wilson_interval
from lib.evaluate.metrics import NO_ANSWER
from lib.shapes import TEXT, check_form

PERCENT, COUNT = number(0, 100), whole(1, 10**7)
FORM = {"top1": PERCENT, "top5": PERCENT, "clip_top1": PERCENT, "videos": COUNT, "views": COUNT, "classes": COUNT}
FORM |= {"?top1_low": PERCENT, "?top1_high": PERCENT, "?protocol": TEXT}


def checked_test(test, where):
    """`test` as lib.evaluate.accuracies returned it, with its top-1 and interval counted anew.

    where  the file it was read from, for the message
    ValueError: something is missing, or a number is refuted by the predictions beside it
    """
    try:
        check_form(test, FORM, "the test")
        most = test["classes"] - 1
        check_form(test, {"predicted": [whole(NO_ANSWER, most)], "labels": [whole(0, most)]}, "the test")
        return {**test, **_counted(test)}
    except ValueError as error:
        raise ValueError(f"{where}: {error}; delete the file and run again") from None


def _counted(test):
    """The shares that the answers give. ValueError: the record says others"""
    predicted, labels = test["predicted"], test["labels"]
    if not len(predicted) == len(labels) == test["videos"]:
        raise ValueError(f"{len(predicted)} answers and {len(labels)} labels for {test['videos']} videos")
    right = sum(p == wanted for p, wanted in zip(predicted, labels, strict=True))
    low, high = wilson_interval(right, len(labels))
    counted = {"top1": 100 * right / len(labels), "top1_low": 100 * low, "top1_high": 100 * high}
    for name, value in counted.items():
        if (said := test.get(name)) is not None and abs(said - value) > 1e-6:
            told = f"{name} is {said:g}, but its {len(labels)} answers give {value:g}"
            raise ValueError(f"{told}. Somebody changed the record")
    if test["top5"] < counted["top1"] - 1e-6:
        raise ValueError(f"top5 is {test['top5']:g}, less than top1, {counted['top1']:g}")
    return counted
