"""Graphs and schedules as data."""

import json
from pathlib import Path

import pytest
from schedule_cases import find_in_case

from lib.search.schedule import clip_settings, grid_graph, load_schedule, published_schedules, stages
from lib.search.schedule.graph import STAGE_OPTIONS, check_graph, unroll
from lib.search.schedule.schedules import check_schedule

GOLDEN = Path(__file__).parents[3] / "golden" / "optplan"
EXTENDED = "0-1 0-4 1-4 1-2 4-2 4-7 2-5 4-5 7-5 2-3 5-3 5-8 7-8 3-6 5-6 8-6 6-9 8-9"  # in the order of training
BACKWARD = {"4-2", "7-5", "5-3", "8-6"}  # to a shorter clip


def published():
    return json.loads((GOLDEN / "published_strategies.json").read_text())


def test_the_papers_graphs():
    def names(graph):
        return [f"{start}-{end}" for start, end in graph["edges"]]

    assert names(grid_graph(3, extended=True)) == EXTENDED.split()
    assert names(grid_graph(3)) == [name for name in EXTENDED.split() if name not in BACKWARD]
    for name in ("planner_base_smooth", "planner_base_noisy"):
        case = json.loads((GOLDEN / f"{name}.golden.json").read_text())
        assert [[edge["start"], edge["end"]] for edge in case["edges"]] == grid_graph()["edges"]
        states = [list(state) for state in zip(case["node_setting"], case["node_lr_mult"], strict=True)]
        assert states[1:] == grid_graph()["states"][1:]


@pytest.mark.parametrize("settings, rates, edges", [(1, 1, 1), (2, 2, 6), (2, 1, 3), (1, 3, 3), (4, 2, 12)])
def test_a_grid_of_any_size(settings, rates, edges):
    graph = grid_graph(settings, [0.1**i for i in range(rates)])
    check_graph(graph, clip_settings("uniform") + clip_settings("uniform"))
    assert len(graph["edges"]) == edges and len(graph["states"]) == 1 + settings * rates


@pytest.mark.parametrize(
    "edges, words",
    [
        ([[0, 1], [1, 3]], r"edge 1->3: the states are 1..2"),
        ([[0, 1], [1, 0]], r"edge 1->0: the states are 1..2"),
        ([[0, 1], [0, 1], [1, 2]], r"edge 0->1 is there twice"),
        ([[0, 1], [1, 1]], r"edge 1->1 .* loop"),
        ([[1, 2], [0, 1]], r"edge 1->2 stands before any edge into 1"),
        ([[0, 1], [0, 2], [2, 1], [1, 2]], r"edge 1->2 comes after an edge that leaves 2"),
        ([[0, 1]], r"no edge leads to state 2"),
        ([], r"no state to train"),
    ],
)
def test_a_graph_that_cannot_be_walked_is_refused(edges, words):
    with pytest.raises(ValueError, match=words):
        check_graph({"states": [None, [0, 1], [1, 1]], "edges": edges}, clip_settings("uniform"))


def test_states_and_settings_are_checked():
    settings = clip_settings("uniform")
    for state in ([3, 1], [0, 0], [0], None):
        with pytest.raises(ValueError, match="state 1 is .*setting 0..2, factor > 0"):
            check_graph({"states": [None, state], "edges": [[0, 1]]}, settings)
    with pytest.raises(ValueError, match="setting 1: clip_len, clip_length missing or unknown"):
        wrong = {"clip_len" if key == "clip_length" else key: value for key, value in settings[1].items()}
        check_graph(grid_graph(), [settings[0], wrong, settings[2]])
    with pytest.raises(ValueError, match="num_step=.*three values of one of num_segments"):
        clip_settings("uniform", num_step=(1, 1, 1))
    with pytest.raises(ValueError, match="4->2, which is no edge"):
        unroll(grid_graph(), settings, [[4, 3], [2, 1]])


def test_published_schedules_are_the_released_ones():
    golden, ours = published(), published_schedules()
    released = golden["planned"] + golden["hand_tuned"]
    assert len(golden["planned"]) == 13 and len(golden["hand_tuned"]) == 5
    assert list(ours) == [schedule["name"] for schedule in released]
    for schedule in released:
        got = dict(ours[schedule["name"]])
        assert got.pop("model") == schedule["net_name"].replace("_resnet", "_")
        assert got == schedule
    assert {schedule["net_name"] for schedule in golden["planned"] if schedule["uses_extended_edge"]} == {
        "dg_p3d_resnet50"
    }


def test_every_stage_sums_256_clips_over_4_gpus():
    for schedule in published_schedules().values():
        for stage in stages(schedule):
            assert list(stage) == list(STAGE_OPTIONS)
            assert 4 * stage["batch_size"] * stage["iter_size"] == 256
            assert stage["num_segments"] * stage["clip_length"] in (16, 32, 64)


def test_stages_of_a_hand_tuned_schedule():
    (stage,) = stages(load_schedule("kinetics-p3d-resnet50-1x16x1-128e"))
    assert stage == dict(zip(STAGE_OPTIONS, (1, 16, 1, 16, 4, False, 0.04, 128), strict=True))


def test_a_planned_schedule_is_read_back(tmp_path):
    rising = {"initial": 0.1, "accuracies": [0.01 * n for n in range(12, 16)]}
    settings = {f"{key}_list": [value] for key, value in zip(STAGE_OPTIONS[:6], (1, 8, 1, 4, 1, False), strict=True)}
    case = {"edges": [{"start": 0, "end": 1, **rising}], "node_setting": [-1, 0], "node_lr_mult": [-1, 0.1]}
    case["settings"] = {**settings, "base_lr_list": [0.01]}
    schedule, _ = find_in_case(case, on_cap="best", folder=tmp_path, about={"model": "p3d_nano", "seed": 0})
    assert load_schedule(tmp_path / "schedule.json") == schedule
    (stage,) = stages(schedule)
    assert stage["base_learning_rate"] == 0.01 * 0.1 and stage["epochs"] == 4 and schedule["capped"] == [True]


@pytest.mark.parametrize(
    "option, value, words",
    [
        ("epochs", None, "needs epochs"),
        ("epochs", [25, 6], "lists of one length"),
        ("epochs", [25, 6, 57, 0], "epochs 0 must be a whole number >= 1"),
        ("frozen_bn", [False, False, False, 0], "frozen_bn 0 must be True or False"),
        ("base_learning_rate", [0.04, 0.004, 0.0004, -1], "base_learning_rate -1 must be a number > 0"),
        ("nodes", [4, 5], "nodes .* do not fit 4 stages"),
    ],
)
def test_a_broken_schedule_is_refused(option, value, words, tmp_path):
    schedule = {**published_schedules()["op-ssv1-dg-p3d-resnet50"], option: value}
    broken = {key: value for key, value in schedule.items() if value is not None}
    with pytest.raises(ValueError, match=words):
        check_schedule(broken)
    (tmp_path / "s.json").write_text(json.dumps(broken))
    with pytest.raises(ValueError, match=f"s.json: .*{words}"):
        load_schedule(tmp_path / "s.json")


def test_an_unknown_schedule_names_the_known_ones():
    with pytest.raises(ValueError, match="no schedule 'op-kinetics'.*op-kinetics-dg-p3d-resnet50, "):
        load_schedule("op-kinetics")
