"""When an edge has trained enough: fit a curve to its metrics, stop some epochs after the fitted peak.

Paper   Qiu, Yao, Ngo, Mei, Optimization Planning for 3D ConvNets, ICML 2021 (PMLR 139:8726-8736)
"""

import warnings
from typing import NamedTuple

import numpy as np

HORIZON = 1000  # the peak is looked for on epochs 0..999
ON_CAP = ("raise", "best")


class NotConverged(RuntimeError):
    """An edge reached its cap before its curve peaked. `.record` is the edge's record."""

    def __init__(self, message, record):
        super().__init__(message)
        self.record = record


def fitted_curve(metrics):
    """Fit f(x) = -a exp(-b x) - c x - d x^2 + e, a, b, d, e >= 0, to the metrics of epochs 0, 1, ...

    -> f at the epochs 0..999; None if curve_fit reaches its evaluation limit, which happens on ordinary curves. Start
    values, scaling and method are the defaults of curve_fit: the published decisions depend on them (x_scale="jac"
    moves most peaks by an epoch or two).
    """
    from scipy.optimize import OptimizeWarning, curve_fit

    bounds = ([0, 0, -np.inf, 0, 0], np.inf)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", OptimizeWarning)  # no covariance: nobody asks for it
        try:
            parameters, _ = curve_fit(_curve, np.arange(len(metrics)), metrics, bounds=bounds)
        except RuntimeError:
            return None
    return _curve(np.arange(HORIZON, dtype=float), *parameters)


def fit_curve(metrics):
    """The peak of `fitted_curve`: (epoch, value), the first epoch where it is highest. None: no fit."""
    fitted = fitted_curve(metrics)
    if fitted is None:
        return None
    peak = int(np.argmax(fitted))
    return peak, float(fitted[peak])


class StoppingRule(NamedTuple):
    """attempt_epochs is T; cap the most epochs, None for no limit; on_cap is "raise" or "best", the best measured."""

    attempt_epochs: int = 10
    cap: int | None = None
    on_cap: str = "raise"

    def check(self):
        """Return the rule itself, or raise a ValueError that names the option."""
        if self.attempt_epochs < 1:
            raise ValueError(f"attempt_epochs is {self.attempt_epochs}; it must be at least 1")
        if self.cap is not None and self.cap < 1:
            raise ValueError(f"cap is {self.cap}; it must be at least 1, or None for no limit")
        if self.on_cap not in ON_CAP:
            raise ValueError(f"on_cap is {self.on_cap!r}; it must be one of {', '.join(ON_CAP)}")
        return self

    def decide(self, record):
        """The outcome of an edge after its latest epoch; None: train on. From epoch T on, it adds to record["fits"].

        record  initial (metric of epoch 0), accuracies (of epochs 1, 2, ...), start, end and fits, a list of
                [epoch, x_max, y_max] with None twice where the fit failed
        The score is the fitted peak, not a measured value. An edge whose peak is epoch 0 keeps its start model.
        """
        metrics, fits = [record["initial"], *record["accuracies"]], record["fits"]
        n = len(metrics) - 1
        if n >= self.attempt_epochs:
            if not fits or fits[-1][0] < n:
                fits.append([n, *(fit_curve(metrics) or (None, None))])
            _, peak, value = fits[-1]
            if peak is not None and n >= peak + self.attempt_epochs:
                return {"outcome": "ok", "epochs_trained": n, "selected_epoch": peak, "score": value}
        return self.at_cap(record) if self.cap is not None and n >= self.cap else None

    def at_cap(self, record):
        """The outcome of an edge at its cap: `capped` with its best measured epoch, or NotConverged is raised.

        The start model counts as epoch 0 where it was measured: everywhere except at node 0.
        """
        first = 1 if record["start"] == 0 else 0
        measured = [record["initial"], *record["accuracies"]][first:]
        n = len(record["accuracies"])
        if self.on_cap == "raise" or not measured:
            raise NotConverged(self._why(record, n), record)
        best = int(np.argmax(measured))
        return {"outcome": "capped", "epochs_trained": n, "selected_epoch": best + first, "score": measured[best]}

    def _why(self, record, n):
        peak = record["fits"][-1][1] if record["fits"] else None
        last = "no last fit" if peak is None else f"its last fit peaks at epoch {peak}"
        return (
            f"edge {record['edge']} ({record['start']}->{record['end']}) has not converged after {n} epochs "
            f"(attempt_epochs {self.attempt_epochs}, cap {self.cap}; {last}): give it more epochs, "
            'or take its best measured one with on_cap="best"'
        )


def _curve(x, a, b, c, d, e):
    return -a * np.exp(-b * x) - c * x - d * x * x + e
