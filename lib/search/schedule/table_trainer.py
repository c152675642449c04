"""A trainer that plays metrics back from a table: for lessons, simulations and tests of the planner."""

from lib.search.schedule.trainer import NoMoreEpochs


class TableTrainer:
    """Plays back measured curves: {(start, end): {"initial": metric, "accuracies": [after epoch 1, 2, ...]}}.

    A curve does not depend on the model that the edge starts from. An edge whose curve ends is at its cap.
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
