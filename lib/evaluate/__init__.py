"""Predictions, their accuracy, how far it can be trusted, and scores that are kept."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # what an editor and a type checker see
    from lib.evaluate.comparisons import compare
    from lib.evaluate.heat import grad_cam
    from lib.evaluate.intervals import paired_difference, wilson_interval
    from lib.evaluate.metrics import average_views, top_k_accuracy
    from lib.evaluate.predictions import accuracies, predict, predict_videos
    from lib.evaluate.scores import evaluate_scores, extract_scores, merge_scores
    from lib.evaluate.unlabelled import classify

# Found on first use: tables are compared without torch.
_HOMES = {
    "accuracies": "lib.evaluate.predictions",
    "average_views": "lib.evaluate.metrics",
    "classify": "lib.evaluate.unlabelled",
    "compare": "lib.evaluate.comparisons",
    "evaluate_scores": "lib.evaluate.scores",
    "extract_scores": "lib.evaluate.scores",
    "grad_cam": "lib.evaluate.heat",
    "merge_scores": "lib.evaluate.scores",
    "paired_difference": "lib.evaluate.intervals",
    "predict": "lib.evaluate.predictions",
    "predict_videos": "lib.evaluate.predictions",
    "top_k_accuracy": "lib.evaluate.metrics",
    "wilson_interval": "lib.evaluate.intervals",
}
__all__ = [
    "accuracies",
    "average_views",
    "classify",
    "compare",
    "evaluate_scores",
    "extract_scores",
    "grad_cam",
    "merge_scores",
    "paired_difference",
    "predict",
    "predict_videos",
    "top_k_accuracy",
    "wilson_interval",
]


def __getattr__(name):
    if name not in _HOMES:
        raise AttributeError(f"module 'lib.evaluate' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
