"""Optimization Planning: search the training schedule, over a graph of clip settings and learning rates.

Paper   Qiu, Yao, Ngo, Mei, Optimization Planning for 3D ConvNets, ICML 2021 (PMLR 139:8726-8736)

An edge takes the model that its start node keeps and trains it at the clip setting and the constant rate of its end
node, epoch by epoch. It stops when the curve fitted to the measured metric peaked `attempt_epochs` ago; its score is
the fitted peak. A node keeps its best incoming edge. The schedule is the path over these edges to the last node. Every
metric is measured on val.

    schedule, record = find_schedule(trainer, grid_graph(3), clip_settings("uniform"), folder="runs/schedule")

The trainer is lib.search.schedule.EdgeTrainer, which trains nets, or TableTrainer, which plays measured curves back.

With a folder, everything finished is on disk. After a kill, the same call goes on and ends with the same result.
    options.json                what is searched; the folder refuses another search
    edges/04_4-7/edge.json      one edge: metrics, fits, decision; what the trainer saves lies beside it
    record.json, schedule.json  the record of the search, and its result, written last
Edges that `Planner.ready()` lists do not depend on each other, so several processes can train them: each calls
`Planner(..., same folder).train(index, trainer)`. An edge is locked while it trains, and no file has two writers.
"""

import json
import math
from contextlib import nullcontext
from pathlib import Path

from lib.distributed import only_one
from lib.files import locked, set_aside, write_json, write_text
from lib.run import claim
from lib.run import record as record_in
from lib.search.schedule.graph import check_graph, learning_rate, unroll
from lib.search.schedule.stopping import StoppingRule
from lib.search.schedule.trainer import Edge, LostModel, NoMoreEpochs


def choose(incoming):
    """The record with the best score. The edge trained last wins a tie; among the others, the first one does."""
    best = incoming[-1]
    for record in incoming:
        if record["score"] > best["score"]:
            best = record
    return best


class Planner:
    """One search: its edges, their records, and its folder.

    graph, settings  see lib.search.schedule.graph; settings has one dict per clip setting
    attempt_epochs   T: fit from epoch T on, stop T epochs after the fitted peak
    cap              most epochs of an edge; None: no limit, so an edge whose curve never peaks trains for ever
    on_cap           what an edge at its cap does. "raise": NotConverged; the search goes on when called with a larger
                     cap. "best": it takes its best measured epoch; edge, stage and schedule are marked `capped`
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
        """Indices of the edges that can be trained now: they are not finished, and their start node is."""
        edges = enumerate(self.graph["edges"])
        return [i for i, (start, _) in edges if "model" not in self._load(i) and self.node(start)]

    def node(self, node):
        """{score, father, epochs, model} of a finished node; None while an edge into it is not finished."""
        if node == 0:
            return {"score": None, "father": None, "epochs": 0, "model": None}
        incoming = [self._load(i) for i, (_, end) in enumerate(self.graph["edges"]) if end == node]
        if not all("model" in record for record in incoming):
            return None
        best = choose(incoming)
        names = {"score": "score", "father": "start", "epochs": "selected_epoch", "model": "model"}
        return {name: best[key] for name, key in names.items()}

    def train(self, index, trainer):
        """Train one edge to its end, unless it is finished already; return its record."""
        edge = self._edge(index)
        start = self.node(edge.start)
        if not start:
            raise ValueError(f"{edge}: train every edge into node {edge.start} first")
        with locked(edge.folder) if edge.folder else nullcontext():
            record = self._load(index)
            if "selected_epoch" not in record:
                self._open_again(edge, record, trainer)
                self._train_until_decided(edge, record, trainer)
            if "model" not in record:  # the decision is on disk before models are deleted
                kept = trainer.keep(edge, record["selected_epoch"])
                self._save(edge, record, model=kept if record["selected_epoch"] else start["model"])
        return record

    def finish(self):
        """(schedule, record) of a search whose edges are all finished; a folder gets schedule.json and record.json."""
        edges = [self._load(i) for i in range(len(self.graph["edges"]))]
        if missing := [f"{record['start']}->{record['end']}" for record in edges if "model" not in record]:
            raise ValueError(f"not trained yet: {', '.join(missing)}")
        nodes = {i: self.node(i) for i in range(1, len(self.graph["states"]))}
        record = _summary(nodes, edges)
        schedule = self._schedule(nodes, record)
        if self.folder:
            with locked(self.folder):
                write_text(self.folder / "record.json", _json(record))
                write_json(self.folder / "schedule.json", schedule)
        return schedule, record

    def _schedule(self, nodes, record):
        """The path of a record as a schedule: parallel lists, one entry per stage."""
        path, capped, last = record["path"], record["capped_edges"], nodes[max(nodes)]
        return {
            "about": self.about,
            "outcome": record["outcome"],
            "nodes": [i for i, epochs in path if epochs],
            "zero_epoch_nodes": [i for i, epochs in path if not epochs],
            **unroll(self.graph, self.settings, path),
            "capped": [[nodes[i]["father"], i] in capped for i, epochs in path if epochs],
            "total_epochs": sum(epochs for _, epochs in path),
            "score": last["score"],
            "model": last["model"],
        }

    def _open_again(self, edge, record, trainer):
        """Open an edge; if the model that it starts from is lost, that edge is trained again, and ends as before."""
        try:
            self._open(edge, record, self.node(edge.start)["model"], trainer)
        except LostModel:
            self._records.clear()
            for index in range(edge.index):
                self.train(index, trainer)
            self._open(edge, record, self.node(edge.start)["model"], trainer)

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
        """The record of an edge: from memory if it is finished or there is no folder; else from disk, or a new one."""
        record, edge = self._records.get(index), self._edge(index)
        if record is None or (edge.folder and "model" not in record):
            path = edge.folder and edge.folder / "edge.json"
            new = {"edge": index, "start": edge.start, "end": edge.end, "learning_rate": edge.learning_rate}
            record = self._records[index] = (path and _read(path, new)) or new
        return record

    def _save(self, edge, record, **changes):
        if edge.folder:
            write_json(edge.folder / "edge.json", {**record, **changes})
        record.update(changes)

    def _claim(self):
        """Write options.json, or check that the one there says the same; only a cap that raised an error may grow."""
        wanted = {"graph": self.graph, "settings": self.settings, **self.rule._asdict(), "about": self.about}

        def free(there):
            grows = there.get("on_cap") == "raise" and (wanted["cap"] or math.inf) >= (there.get("cap") or math.inf)
            return ("cap", "on_cap") if grows else ()

        with locked(self.folder):
            claim(self.folder, wanted, file="options.json", what="search", free=free)


def _summary(nodes, edges):
    """The record of a finished search: its path from node 0 to the last node, the nodes' scores, and every edge."""
    path, node = [], max(nodes)
    while node:
        path.insert(0, [node, nodes[node]["epochs"]])
        node = nodes[node]["father"]
    capped = [[record["start"], record["end"]] for record in edges if record["outcome"] == "capped"]
    return {
        "outcome": "capped" if capped else "ok",
        "path": path,
        "node_scores": {str(i): node["score"] for i, node in nodes.items()},
        "father": {str(i): node["father"] for i, node in nodes.items()},
        "total_epochs_trained": sum(record["epochs_trained"] for record in edges),
        "capped_edges": capped,
        "edges": edges,
    }


def find_schedule(trainer, graph, settings, **options):
    """Search a schedule: train every edge in order. -> (schedule, record)

    options   of Planner; a search that its folder holds is continued
    schedule  the eight lists of STAGE_OPTIONS, one entry per stage, for `fit_schedule`; nodes, outcome, score
    record    metrics, fits and decision of every edge; node_scores, father, path, total_epochs_trained
    """
    only_one("a search for a schedule")
    planner = Planner(graph, settings, **options)
    for index in range(len(graph["edges"])):
        planner.train(index, trainer)
    return planner.finish()


def _read(path, new):
    """The record of an edge; None if there is none, or a torn one or another edge's, which is set aside."""
    found = record_in(path)
    if found is None or found.items() >= new.items() and isinstance(found.get("accuracies", []), list):
        return found
    set_aside(path, f"{path} is not the record of this edge")


def _finite(metric, where):
    if metric is None or not math.isfinite(metric):
        raise ValueError(f"{where}: the trainer returned the metric {metric}; it must be a finite number")
    return float(metric)


def _json(record):
    """One edge a line."""
    edges = ",\n  ".join(json.dumps(edge) for edge in record["edges"])
    rows = [f" {json.dumps(key)}: {json.dumps(value)}" for key, value in record.items() if key != "edges"]
    return "{\n" + ",\n".join(rows) + f',\n "edges": [\n  {edges}\n ]\n}}\n'
