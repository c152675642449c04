"""What the planner did in searches for a schedule that have ended: it gets the curves of their records, and decides."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from bench.report.searches import searched
from bench.report.shipped_runs import TRAIN_AGAIN
from lib.bounds import number, whole
from lib.search.schedule import Planner, TableTrainer, clip_settings, grid_graph
from lib.search.schedule.stopping import fit_curve
from lib.shapes import TEXT, check_form

NEAR = 0.05  # of the metric: nearer to chance than this, a net of 256 val videos may have learned nothing
SHARE, NODE, EPOCH = number(0, 1), whole(0, 10**4), whole(0, 10**5)
EDGE = {"start": NODE, "end": NODE, "outcome": TEXT, "selected_epoch": EPOCH, "initial": SHARE, "accuracies": [SHARE]}


class Replay(NamedTuple):
    graph: dict
    record: dict  # of the planner
    chance: float  # its metric of a net that guesses
    clips: list  # what the clip settings are called


class Decided(NamedTuple):
    """The planner's stopping rule, as it decided: a fit may find another peak where processors add in another order."""

    edges: dict

    def decide(self, record):
        edge = self.edges[record["start"], record["end"]]
        metrics, kept = [edge["initial"], *edge["accuracies"]], edge["selected_epoch"]
        if len(record["accuracies"]) < len(edge["accuracies"]):
            return None
        fitted = None if edge["outcome"] == "capped" else fit_curve(metrics)  # a capped edge scores as measured
        decision = {"epochs_trained": len(edge["accuracies"]), "score": fitted[1] if fitted else metrics[kept]}
        return {**decision, "outcome": edge["outcome"], "selected_epoch": kept}


def replayed(runs):
    """{(search, seed): Replay} of the searches for a schedule in folder `runs` whose records have their edges' curves.

    ValueError: the curves are of another form, or their path is not the one that the record tells of
    """
    found = {}
    every = ((name, *each) for name, seeds in searched(runs).items() for each in seeds.values())
    for name, job, kept in every:
        o = job["options"]
        if "edges" not in kept or not {"segments", "run", "factors"} <= set(o):
            continue
        where = f"{Path(runs) / job['id'] / 'done.json'}: edges"
        graph = grid_graph(len(o["segments"]), o["factors"])
        record = _again(graph, _edges(kept["edges"], graph, where))
        told = {"train_epochs": sum(epochs for _, epochs in record["path"]), "outcome": record["outcome"]}
        told |= {"search_epochs": record["total_epochs_trained"]}
        planned = next(iter(kept["variants"].values()))
        for key, value in told.items():
            if planned.get(key) != value:
                raise ValueError(f"{where} make {key} {value}, and the planned schedule says {planned.get(key)}; "
                                 f"{TRAIN_AGAIN}")  # fmt: skip
        found[name, o["seed"]] = Replay(graph, record, _chance(kept), [f"{k * o['run']} frames" for k in o["segments"]])
    return found


def _edges(edges, graph, where):
    """{(start, end): edge} of a record. ValueError: they are of another form, or not the graph's"""
    check_form(edges, [EDGE], where)
    found = {(edge["start"], edge["end"]): edge for edge in edges}
    if len(edges) != len(found) or set(found) != set(map(tuple, graph["edges"])):
        raise ValueError(f"{where} are {sorted((e['start'], e['end']) for e in edges)}; the search's graph has "
                         f"{sorted(map(tuple, graph['edges']))}; {TRAIN_AGAIN}")  # fmt: skip
    for edge in edges:
        if edge["selected_epoch"] > len(edge["accuracies"]):
            raise ValueError(f"{where}: {edge['start']} to {edge['end']} keeps epoch {edge['selected_epoch']} of "
                             f"{len(edge['accuracies'])}; {TRAIN_AGAIN}")  # fmt: skip
    return found


def _again(graph, edges):
    """The planner's record on these curves, as every edge was decided."""
    settings = clip_settings("uniform")[:1] * (1 + graph["states"][-1][0])  # the curves know nothing of clips
    planner, trainer = Planner(graph, settings), TableTrainer(edges)
    planner.rule = Decided(edges)
    for index in range(len(graph["edges"])):
        planner.train(index, trainer)
    return planner.finish()[1]


def _chance(kept):
    """`planner_metric` of a net that guesses: the mean of top-1, top-3 and top-5."""
    classes = next(iter(kept["variants"].values()))["test"]["classes"]
    return float(np.mean([min(k, classes - 1) / classes for k in (1, 3, 5)]))


def paths(found):
    """A row per search and seed: the path with the epochs it keeps of each state, and how the search spent its own.

    `full rate, longest clips`: the epochs that the path keeps of that state, of how many its edge trained
    `from epoch to epoch`: how far the metric moves on edges at the full rate, the median, in points
    `left at chance`: edges whose net, as it was kept, is within 5 points of chance, and the epochs that they trained
    """
    return pd.DataFrame(
        [{"search": name, "seed": seed, **_row(replay)} for (name, seed), replay in sorted(found.items())]
    )


def _row(replay):
    states, record = replay.graph["states"], replay.record
    full = [node for node, state in enumerate(states) if node and state[1] == states[1][1]]
    steps = [abs(np.diff(edge["accuracies"])) for edge in record["edges"] if edge["end"] in full]
    lost = [edge for edge in record["edges"] if _kept(edge) < replay.chance + NEAR]
    at_chance = f"{len(lost)} of {len(record['edges'])}, {sum(edge['epochs_trained'] for edge in lost)} epochs"
    return {
        "path": " ".join(f"{node} ({epochs})" for node, epochs in record["path"]),
        "epochs": sum(epochs for _, epochs in record["path"]),
        "full rate, longest clips": _of_trained(record, full[-1]),
        "from epoch to epoch": round(100 * float(np.median(np.concatenate(steps))), 1),
        "left at chance": at_chance,
        "epochs of the search": record["total_epochs_trained"],
    }


def _of_trained(record, node):
    if node not in dict(record["path"]):
        return "not on the path"
    came = record["father"][str(node)]
    edge = next(edge for edge in record["edges"] if (edge["start"], edge["end"]) == (came, node))
    capped = ", capped" if edge["outcome"] == "capped" else ""
    return f"{edge['selected_epoch']} of {edge['epochs_trained']}{capped}"


def _kept(edge):
    """The measured metric of the net that an edge keeps."""
    return [edge["initial"], *edge["accuracies"]][edge["selected_epoch"]]
