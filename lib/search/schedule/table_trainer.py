"""A trainer that reads its metrics from a table: for lessons, simulations and tests of the planner."""

from lib.search.schedule.graph import SETTING_OPTIONS
from lib.search.schedule.planner import NoMoreEpochs, plan


class TableTrainer:
    """Plays back measured curves: {(start, end): {"initial": metric, "accuracies": [after epoch 1, 2, ...]}}.

    A curve does not depend on which model arrives at the edge's start. Where it ends, the edge is at its cap.
    """

    def __init__(self, curves):
        self.curves = curves

    def start(self, edge, model):
        return self._curve(edge)["initial"]

    def resume(self, edge, model, n):
        self._curve(edge)

    def epoch(self, edge, n):
        accuracies = self._curve(edge)["accuracies"]
        if n > len(accuracies):
            raise NoMoreEpochs
        return accuracies[n - 1]

    def keep(self, edge, n):
        return f"{edge.start}-{edge.end}@{n}"

    def _curve(self, edge):
        if (edge.start, edge.end) not in self.curves:
            raise ValueError(f"the table has no curve for {edge}; it has {sorted(self.curves)}")
        return self.curves[edge.start, edge.end]


def plan_case(case, **options):
    """Plan from one JSON-like dict, graph, settings and curves in it; returns (strategy, record), as `plan` does.

    case  edges: [{start, end, initial, accuracies}], in the order of training; node_setting, node_lr_mult: per node,
          node 0's entry unused; settings: {num_segments_list, ..., base_lr_list}; attempt_epochs
    """
    lists = {option: case["settings"][f"{option}_list"] for option in SETTING_OPTIONS}
    lists["base_learning_rate"] = case["settings"]["base_lr_list"]
    settings = [dict(zip(lists, values, strict=True)) for values in zip(*lists.values(), strict=True)]
    states = [None] + [list(state) for state in zip(case["node_setting"], case["node_lr_mult"], strict=True)][1:]
    graph = {"states": states, "edges": [[edge["start"], edge["end"]] for edge in case["edges"]]}
    curves = {(edge["start"], edge["end"]): edge for edge in case["edges"]}
    return plan(TableTrainer(curves), graph, settings, **{"attempt_epochs": case.get("attempt_epochs", 10), **options})
