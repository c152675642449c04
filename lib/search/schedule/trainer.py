"""What the planner hands to a trainer, an edge, and what it asks of it."""

from pathlib import Path
from typing import NamedTuple, Protocol


class Edge(NamedTuple):
    """What a trainer needs to know about an edge."""

    index: int
    start: int
    end: int
    learning_rate: float  # constant, no warm-up
    setting: dict  # the clip setting of the end node: how to train
    evaluation: dict  # the last clip setting, the same for all edges so that scores compare: how to measure
    folder: Path | None  # where the models of this edge go; None: the search is kept in memory

    def __str__(self):
        return f"edge {self.index} ({self.start}->{self.end})"


class Trainer(Protocol):
    """What the planner asks of a trainer. A metric is a float, larger is better, on val, under `edge.evaluation`.

    A model is what `keep` returned, a JSON value such as a path below the folder of the search. None is the initial
    model as it was first built, 2D weights included; an edge may keep it after 0 epochs, so save it when it is built.
    A resumed search equals an uninterrupted one if the random numbers of an epoch depend on (edge.index, n) alone, and
    if epoch n is saved, optimizer included, before its metric is returned. A saved epoch need not be trained again.
    """

    def start(self, edge, model):
        """Load `model` under edge.setting with a fresh optimizer; return its metric (unused where edge.start is 0)."""

    def resume(self, edge, model, n):
        """Go back to the state after `epoch(edge, n)` of an earlier process; n = 0: after `start(edge, model)`."""

    def epoch(self, edge, n):
        """Train epoch n = 1, 2, ... of the edge, save the model, return its metric; NoMoreEpochs acts as a cap."""

    def keep(self, edge, n):
        """Delete the models of the edge except that of epoch n, and return it; 0: delete all. May be called twice."""


class NoMoreEpochs(Exception):
    """Raised by a trainer that cannot train on, such as a table that ends."""


class LostModel(ValueError):
    """Raised by a trainer whose kept model is damaged or gone: the edge's record is set aside, it is trained again."""
