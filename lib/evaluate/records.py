"""A finished run's test: what its record says must be what its predictions and labels give."""

from lib.evaluate.intervals import wilson_interval
from lib.evaluate.metrics import NO_ANSWER

NEEDED = ("top1", "top5", "clip_top1", "videos", "views", "classes", "predicted", "labels")


def checked_test(test, where):
    """`test` as lib.evaluate.accuracies returned it, with its top-1 and interval counted anew.

    where  the file it was read from, for the message
    ValueError: something is missing, or a number is refuted by the predictions beside it
    """
    if not isinstance(test, dict):
        raise ValueError(f"{where}: the test's record is {str(test)[:40]!r}; delete the file and run again")
    if missing := [name for name in NEEDED if name not in test]:
        raise ValueError(f"{where}: the test's record has no {', '.join(missing)}; delete the file and run again")
    predicted, labels, classes = test["predicted"], test["labels"], test["classes"]
    if not len(predicted) == len(labels) == test["videos"] or not labels:
        counts = f"{len(predicted)} answers and {len(labels)} labels for {test['videos']} videos"
        raise ValueError(f"{where}: the test's record holds {counts}; delete the file and run again")
    for name, least in (("predicted", NO_ANSWER), ("labels", 0)):
        if any(type(label) is not int or not least <= label < classes for label in test[name]):
            raise ValueError(f"{where}: the test's {name} must be whole numbers from {least} to {classes - 1}")
    right = sum(p == wanted for p, wanted in zip(predicted, labels, strict=True))
    low, high = wilson_interval(right, len(labels))
    counted = {"top1": 100 * right / len(labels), "top1_low": 100 * low, "top1_high": 100 * high}
    for name, value in counted.items():
        if abs(test.get(name, value) - value) > 1e-6:
            told = f"{name} is {test[name]:g}, but its {len(labels)} answers give {value:g}"
            raise ValueError(f"{where}: {told}. Somebody changed the record; delete the file and run again")
    for name in ("top5", "clip_top1"):
        if not 0 <= test[name] <= 100:
            raise ValueError(f"{where}: {name} is {test[name]!r}, not a percentage")
    return {**test, **counted}
