"""What the planner did in searches for a schedule that have ended: it gets the curves of their records, and decides."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from bench.report.searches import searched
from lib.bounds import number, whole
from lib.search.schedule import TableTrainer, clip_settings, find_schedule, grid_graph
from lib.shapes import TEXT, check_form

NEAR = 0.05  # of the metric: nearer to chance than this, a net of 256 val videos may have learned nothing
SHARE, NODE, EPOCH = number(0, 1), whole(0, 10**4), whole(0, 10**5)
EDGE = {"start": NODE, "end": NODE, "outcome": TEXT, "selected_epoch": EPOCH, "initial": SHARE, "accuracies": [SHARE]}


class Replay(NamedTuple):
    graph: dict
    record: dict  # of the planner
    chance: float  # its metric of a net that guesses
    clips: list  # what the clip settings are called


def replayed(runs):
    """{(search, seed): Replay} of the searches in folder `runs` whose records have the curves of their edges.

    ValueError: the curves are of another form, or on them the planner decides otherwise than the record says
    """
    found = {}
    every = ((name, *each) for name, seeds in searched(runs).items() for each in seeds.values())
    for name, job, kept in every:
        if "edges" not in kept:
            continue
        where, o = f"{Path(runs) / job['id'] / 'done.json'}: edges", job["options"]
        check_form(kept["edges"], [EDGE], where)
        curves = {(edge["start"], edge["end"]): edge for edge in kept["edges"]}
        graph = grid_graph(len(o["segments"]), o["factors"])
        if set(curves) != (asked := set(map(tuple, graph["edges"]))):
            raise ValueError(f"{where} are {sorted(curves)}; the search's graph has {sorted(asked)}")
        settings = clip_settings("uniform")[:1] * len(o["segments"])  # the curves know nothing of clips
        rule = {"attempt_epochs": o["attempt_epochs"], "cap": o["cap"], "on_cap": "best"}
        record = find_schedule(TableTrainer(curves), graph, settings, **rule)[1]
        for edge in record["edges"]:
            was = curves[edge["start"], edge["end"]]
            if any(edge[key] != was[key] for key in EDGE):
                raise ValueError(f"{where}: {edge['start']} to {edge['end']} kept epoch {was['selected_epoch']}, and "
                                 f"its curve says {edge['selected_epoch']}; run the search again")  # fmt: skip
        found[name, o["seed"]] = Replay(graph, record, _chance(kept), [f"{k * o['run']} frames" for k in o["segments"]])
    return found


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
