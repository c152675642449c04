"""The planner on a case of the golden files."""

from lib.search.schedule import TableTrainer, find_schedule
from lib.search.schedule.graph import SETTING_OPTIONS


def find_in_case(case, **options):
    """`find_schedule` on a golden case: graph, settings and curves in one dict. -> (schedule, record)

    case  edges: [{start, end, initial, accuracies}], in the order of training; node_setting, node_lr_mult: per node,
          node 0's entry unused; settings: {num_segments_list, ..., base_lr_list}; attempt_epochs
    """
    lists = {option: case["settings"][f"{option}_list"] for option in SETTING_OPTIONS}
    lists["base_learning_rate"] = case["settings"]["base_lr_list"]
    settings = [dict(zip(lists, values, strict=True)) for values in zip(*lists.values(), strict=True)]
    states = [None] + [list(state) for state in zip(case["node_setting"], case["node_lr_mult"], strict=True)][1:]
    graph = {"states": states, "edges": [[edge["start"], edge["end"]] for edge in case["edges"]]}
    curves = {(edge["start"], edge["end"]): edge for edge in case["edges"]}
    return find_schedule(
        TableTrainer(curves), graph, settings, **{"attempt_epochs": case.get("attempt_epochs", 10), **options}
    )
