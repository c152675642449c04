"""Optimization Planning: search the training schedule, over a graph of clip settings and learning rates.

Paper   Qiu, Yao, Ngo, Mei, Optimization Planning for 3D ConvNets, ICML 2021 (PMLR 139:8726-8736)

An edge trains the model kept for its start node at its end node's clip setting and constant rate, epoch by epoch, until
a curve fitted to the measured metric peaked `attempt_epochs` ago; its score is the fitted peak. A node keeps the best
incoming edge. The strategy is the chain of fathers of the last node. Every metric is measured on val.

    strategy, record = plan(trainer, grid_graph(3), clip_settings("uniform"), folder="runs/plan")

The trainer is lib.search.schedule.EdgeTrainer, which trains nets, or TableTrainer, which plays measured curves back.

In a folder everything that is finished is on disk: called again after a kill, `plan` goes on and ends the same.
    options.json                what is planned; another search is refused
    edges/04_4-7/edge.json      one edge: metrics, fits, decision; beside it what the trainer saves
    record.json, strategy.json  the search's own record, and the answer, written last
Edges that `Planner.ready()` lists do not need each other: give them to processes of their own, each of which calls
`Planner(..., same folder).train(index, trainer)`. An edge is locked while it trains, and no file has two writers.
"""

import json
import math
from contextlib import nullcontext
from pathlib import Path
from typing import NamedTuple, Protocol

from lib.files import locked, read_json, write_json, write_text
from lib.search.schedule.graph import check_graph, learning_rate, unroll
from lib.search.schedule.stopping import NotConverged, StoppingRule

__all__ = ["Edge", "NoMoreEpochs", "NotConverged", "Planner", "Trainer", "plan"]


class Edge(NamedTuple):
    """What a trainer is told about an edge."""

    index: int
    start: int
    end: int
    learning_rate: float  # constant, no warm-up
    setting: dict  # clip setting of the end node: how to train
    evaluation: dict  # the last clip setting, for every edge alike: how to measure, so that scores compare
    folder: Path | None  # where models of this edge go; None: the search is kept in memory

    def __str__(self):
        return f"edge {self.index} ({self.start}->{self.end})"


class Trainer(Protocol):
    """What the planner asks of a trainer. A metric is a float, larger is better, on val, under `edge.evaluation`.

    A model is whatever `keep` returned, storable as JSON (a path below the search's folder, say); None is the initial
    model as it was first built, 2D weights and all: save it then, an edge may keep it after 0 epochs. Randomness must
    follow from (edge.index, n) alone and epoch n be saved, optimizer included, before its metric is returned: then a
    resumed search is the uninterrupted one. An epoch found saved with its metric need not be trained again.
    """

    def start(self, edge, model):
        """Load `model` under edge.setting with a fresh optimizer; return its metric (not asked for at edge.start 0)."""

    def resume(self, edge, model, n):
        """Be where `epoch(edge, n)` ended in an earlier process; n = 0: as after `start(edge, model)`, unmeasured."""

    def epoch(self, edge, n):
        """Train epoch n = 1, 2, ... of the edge, save the model, return its metric. NoMoreEpochs: as if capped here."""

    def keep(self, edge, n):
        """Delete the edge's models but that of epoch n, and return it; 0: delete all. May be called a second time."""


class NoMoreEpochs(Exception):
    """Raised by a trainer that cannot train on, such as a table that ends."""


def choose(incoming):
    """The record with the best score. A tie goes to the edge trained last; among the others, to the first."""
    best = incoming[-1]
    for record in incoming:
        if record["score"] > best["score"]:
            best = record
    return best


class Planner:
    """One search: its edges, their records, and its folder.

    graph, settings  see lib.search.schedule.graph; settings are one dict per clip setting
    attempt_epochs   T: fit from epoch T on, stop T epochs after the fitted peak
    cap              most epochs of an edge; None: no limit, and a curve that never peaks trains for ever
    on_cap           an edge at its cap raises NotConverged ("raise"; a larger cap then goes on from there), or takes
                     the best measured epoch ("best") and is flagged `capped`, as are its stage and the strategy
    folder           where the search lives; None: in memory
    about            what else decides the result (model, data, seed), as JSON values; kept in options.json
    """

    def __init__(self, graph, settings, *, attempt_epochs=10, cap=None, on_cap="raise", folder=None, about=None):
        check_graph(graph, settings)
        self.graph, self.settings = graph, settings
        self.rule = StoppingRule(attempt_epochs, cap, on_cap).check()
        self.about = about or {}
        self.folder = Path(folder) if folder is not None else None
        self._records = {}
        if self.folder:
            self._claim()

    def ready(self):
        """Indices of the edges that can be trained now: not finished, their start node settled."""
        edges = enumerate(self.graph["edges"])
        return [i for i, (start, _) in edges if "model" not in self._load(i) and self.node(start)]

    def node(self, node):
        """{score, father, epochs, model} of a settled node; None while an edge into it is not finished."""
        if node == 0:
            return {"score": None, "father": None, "epochs": 0, "model": None}
        incoming = [self._load(i) for i, (_, end) in enumerate(self.graph["edges"]) if end == node]
        if not all("model" in record for record in incoming):
            return None
        best = choose(incoming)
        names = {"score": "score", "father": "start", "epochs": "selected_epoch", "model": "model"}
        return {name: best[key] for name, key in names.items()}

    def train(self, index, trainer):
        """Train one edge to its end, or go on with it, or find it finished; return its record."""
        edge = self._edge(index)
        start = self.node(edge.start)
        if not start:
            raise ValueError(f"{edge}: train every edge into node {edge.start} first")
        with locked(edge.folder) if edge.folder else nullcontext():
            record = self._load(index)
            if "selected_epoch" not in record:
                self._open(edge, record, start["model"], trainer)
                self._train_until_decided(edge, record, trainer)
            if "model" not in record:  # the decision is on disk before models are deleted
                kept = trainer.keep(edge, record["selected_epoch"])
                self._save(edge, record, model=kept if record["selected_epoch"] else start["model"])
        return record

    def finish(self):
        """(strategy, record) of a search whose edges are all finished; in a folder also strategy.json, record.json."""
        edges = [self._load(i) for i in range(len(self.graph["edges"]))]
        if open_ := [f"{record['start']}->{record['end']}" for record in edges if "model" not in record]:
            raise ValueError(f"not trained yet: {', '.join(open_)}")
        nodes = {i: self.node(i) for i in range(1, len(self.graph["states"]))}
        path, node = [], max(nodes)
        while node:
            path.insert(0, [node, nodes[node]["epochs"]])
            node = nodes[node]["father"]
        capped = [[record["start"], record["end"]] for record in edges if record["outcome"] == "capped"]
        outcome = "capped" if capped else "ok"
        record = {
            "outcome": outcome,
            "path": path,
            "node_scores": {str(i): node["score"] for i, node in nodes.items()},
            "father": {str(i): node["father"] for i, node in nodes.items()},
            "total_epochs_trained": sum(record["epochs_trained"] for record in edges),
            "capped_edges": capped,
            "edges": edges,
        }
        strategy = {
            "about": self.about,
            "outcome": outcome,
            "nodes": [i for i, epochs in path if epochs],
            "zero_epoch_nodes": [i for i, epochs in path if not epochs],
            **unroll(self.graph, self.settings, path),
            "capped": [[nodes[i]["father"], i] in capped for i, epochs in path if epochs],
            "total_epochs": sum(epochs for _, epochs in path),
            "score": nodes[max(nodes)]["score"],
            "model": nodes[max(nodes)]["model"],
        }
        if self.folder:
            write_text(self.folder / "record.json", _one_edge_a_line(record))
            write_json(self.folder / "strategy.json", strategy)
        return strategy, record

    def _open(self, edge, record, model, trainer):
        if "initial" in record:
            trainer.resume(edge, model, len(record["accuracies"]))
            return
        metric = trainer.start(edge, model)
        initial = 0.0 if edge.start == 0 else _finite(metric, f"{edge}, start model")
        self._save(edge, record, initial=initial, accuracies=[], fits=[])

    def _train_until_decided(self, edge, record, trainer):
        while not (decision := self.rule.decide(record)):
            n = len(record["accuracies"]) + 1
            try:
                metric = trainer.epoch(edge, n)
            except NoMoreEpochs:
                decision = self.rule.at_cap(record)
                break
            self._save(edge, record, accuracies=[*record["accuracies"], _finite(metric, f"{edge}, epoch {n}")])
        self._save(edge, record, **decision)

    def _edge(self, index):
        start, end = self.graph["edges"][index]
        return Edge(
            index=index,
            start=start,
            end=end,
            learning_rate=learning_rate(self.graph, self.settings, end),
            setting=self.settings[self.graph["states"][end][0]],
            evaluation=self.settings[-1],
            folder=self.folder / "edges" / f"{index:02d}_{start}-{end}" if self.folder else None,
        )

    def _load(self, index):
        """The edge's record: from memory if finished or nowhere else, else from disk; new: who it is, no more."""
        record, edge = self._records.get(index), self._edge(index)
        if record is None or (edge.folder and "model" not in record):
            path = edge.folder and edge.folder / "edge.json"
            new = {"edge": index, "start": edge.start, "end": edge.end, "learning_rate": edge.learning_rate}
            record = self._records[index] = read_json(path) if path and path.exists() else new
        return record

    def _save(self, edge, record, **changes):
        if edge.folder:
            write_json(edge.folder / "edge.json", {**record, **changes})
        record.update(changes)

    def _claim(self):
        """Write options.json, or check that the one there says the same; a cap that only raised may grow."""
        wanted = {"graph": self.graph, "settings": self.settings, **self.rule._asdict(), "about": self.about}
        wanted = json.loads(json.dumps(wanted))
        path = self.folder / "options.json"
        with locked(self.folder):
            there = read_json(path) if path.exists() else wanted
            grows = there["on_cap"] == "raise" and (wanted["cap"] or math.inf) >= (there["cap"] or math.inf)
            free = ("cap", "on_cap") if grows else ()
            differ = [k for k in wanted if there[k] != wanted[k] and k not in free]
            if differ:
                rows = "; ".join(f"{k}: {there[k]!r} there, {wanted[k]!r} asked for" for k in differ)
                raise ValueError(f"{self.folder} holds another search ({rows}); choose another folder")
            if there != wanted or not path.exists():
                write_json(path, wanted)


def plan(trainer, graph, settings, **options):
    """Train every edge in order; return (strategy, record). Options as Planner's; a folder's search is gone on with.

    strategy  the eight lists of STAGE_OPTIONS, one entry per stage, ready for staged training; nodes, outcome, score
    record    per edge its metrics, fits and decision; node_scores, father, path, total_epochs_trained
    """
    planner = Planner(graph, settings, **options)
    for index in range(len(graph["edges"])):
        planner.train(index, trainer)
    return planner.finish()


def _finite(metric, where):
    if metric is None or not math.isfinite(metric):
        raise ValueError(f"{where}: the trainer's metric is {metric}; it must be a finite number")
    return float(metric)


def _one_edge_a_line(record):
    edges = ",\n  ".join(json.dumps(edge) for edge in record["edges"])
    rows = [f" {json.dumps(key)}: {json.dumps(value)}" for key, value in record.items() if key != "edges"]
    return "{\n" + ",\n".join(rows) + f',\n "edges": [\n  {edges}\n ]\n}}\n'
