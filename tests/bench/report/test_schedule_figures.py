"""The figures of a searched schedule show what its record says."""

import pytest

from bench.report.schedule_figures import CAPPED, draw_curves, draw_graph
from lib.search.schedule import TableTrainer, clip_settings, find_schedule, grid_graph

GRAPH = grid_graph(2, (1, 0.1))


@pytest.fixture(scope="module")
def record():
    def curve(start, end):
        peak = 30 if end == 3 else 4  # edges into state 3 end at the cap
        metrics = [0.5 + 0.01 * end - 0.001 * (n - peak) ** 2 for n in range(12)]
        return {"initial": metrics[0] if start else None, "accuracies": metrics[1:]}

    curves = {(start, end): curve(start, end) for start, end in GRAPH["edges"]}
    rule = {"attempt_epochs": 2, "cap": 7, "on_cap": "best"}
    return find_schedule(TableTrainer(curves), GRAPH, clip_settings("uniform")[:2], **rule)[1]


def test_the_graph_shows_scores_epochs_and_caps(record):
    texts = [text.get_text() for text in draw_graph(GRAPH, record, ["short", "long"]).texts]
    for edge in record["edges"]:
        star = "*" if edge["outcome"] == "capped" else ""
        assert f"{edge['selected_epoch']} ({edge['epochs_trained']}){star}" in texts
    assert f"4\n{record['node_scores']['4']:.3f}" in texts and "0\nstart" in texts
    assert sum(text.endswith("*") for text in texts) == len(record["capped_edges"]) > 0


def test_every_edge_has_a_panel_with_its_measurements_and_its_choice(record):
    panels = draw_curves(record, columns=4).axes
    assert len(panels) == 8 and not panels[-1].axison
    for ax, edge in zip(panels, record["edges"], strict=False):
        *_, points, choice = ax.lines
        assert points.get_ydata()[-1] == edge["accuracies"][-1]
        assert choice.get_xdata()[0] == edge["selected_epoch"]
        assert (choice.get_color() == CAPPED) == (edge["outcome"] == "capped")
