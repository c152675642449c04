"""Training schedules as data: the 13 planned and 5 hand-tuned ones that were published, and those that we search.

Paper   Qiu, Yao, Ngo, Mei, Optimization Planning for 3D ConvNets, ICML 2021 (PMLR 139:8726-8736)
Origin  the configurations released with its code, which calls a schedule a strategy. State numbers and clip settings
        of the planned ones are inferred

A schedule has the options of STAGE_OPTIONS: lists with one entry per stage, or plain values for a single stage. Each
stage starts from the last model of the stage before, with a fresh optimizer.
"""

from itertools import pairwise
from pathlib import Path

from lib.bounds import shown
from lib.files import read_json
from lib.search.schedule.graph import STAGE_OPTIONS, grid_graph, unroll

SAMPLING = {
    "consecutive": {"num_segments": (1, 1, 1), "clip_length": (16, 32, 64), "num_steps": (1, 1, 2)},
    "uniform": {"num_segments": (4, 8, 16), "clip_length": (4, 4, 4), "num_steps": (1, 1, 1)},
}
# per clip setting; batch_size is per GPU, on 4 GPUs: 256 clips per step everywhere
BATCHES_AND_RATES = {
    "batch_size": (16, 8, 4),
    "iter_size": (4, 8, 16),
    "frozen_bn": (False, False, True),
    "base_learning_rate": (0.01, 0.01, 0.001),
}
HIGH_RATE = (0.04, 0.04, 0.004)

# classes, storage, base rate, loss weight, dropout, mirrored clips, clips per test video
DATASETS = {
    "kinetics": (400, "LMDB", HIGH_RATE, 4.0, 0.5, True, 10),
    "ssv1": (174, "FRAME", HIGH_RATE, 1.0, 0.5, False, 10),
    "ssv2": (174, "LMDB", HIGH_RATE, 1.0, 0.5, False, 10),
    "ucf101": (101, "LMDB", BATCHES_AND_RATES["base_learning_rate"], 1.0, 0.9, True, 10),
    "hmdb51": (51, "LMDB", BATCHES_AND_RATES["base_learning_rate"], 1.0, 0.9, True, 10),
    "anet": (200, "RAW", BATCHES_AND_RATES["base_learning_rate"], 1.0, 0.9, True, 50),
}
# file, whether it is a 2D net whose weights are transferred
START = {
    "imagenet": ("resnet50-19c8e357.pth", True),
    "kinetics": ("op-kinetics-dg-p3d-resnet50-1e890a22.pth", False),
}
KINETICS_PATH = ((1, 58), (4, 108), (5, 26), (8, 10), (9, 18))
# name, dataset, net, start weights, sampling, path of (state, epochs); a state with 0 epochs is not in the files
PLANNED = (
    ("op-anet-dg-p3d-resnet50-kinetics", "anet", "dg_p3d_50", "kinetics", "consecutive",
     ((4, 73), (2, 30), (5, 0), (8, 7), (9, 19))),
    ("op-anet-dg-p3d-resnet50", "anet", "dg_p3d_50", "imagenet", "consecutive",
     ((4, 151), (2, 58), (5, 1), (8, 24), (9, 25))),
    ("op-hmdb51-dg-p3d-resnet50-kinetics", "hmdb51", "dg_p3d_50", "kinetics", "uniform",
     ((4, 42), (5, 42), (3, 33), (6, 27), (9, 25))),
    ("op-hmdb51-dg-p3d-resnet50", "hmdb51", "dg_p3d_50", "imagenet", "uniform",
     ((1, 17), (4, 9), (7, 19), (8, 6), (9, 7))),
    ("op-kinetics-dg-p3d-resnet50", "kinetics", "dg_p3d_50", "imagenet", "consecutive", KINETICS_PATH),
    ("op-kinetics-i3d-resnet50", "kinetics", "i3d_50", "imagenet", "consecutive", KINETICS_PATH),
    ("op-kinetics-lgd-p3d-resnet50", "kinetics", "lgd_p3d_50", "imagenet", "consecutive", KINETICS_PATH),
    ("op-kinetics-p3d-resnet50", "kinetics", "p3d_50", "imagenet", "consecutive", KINETICS_PATH),
    ("op-kinetics-r2p1d-resnet50", "kinetics", "r2p1d_50", "imagenet", "consecutive", KINETICS_PATH),
    ("op-ssv1-dg-p3d-resnet50", "ssv1", "dg_p3d_50", "imagenet", "uniform",
     ((4, 25), (5, 6), (3, 57), (6, 35), (9, 0))),
    ("op-ssv2-dg-p3d-resnet50", "ssv2", "dg_p3d_50", "imagenet", "uniform",
     ((4, 41), (5, 8), (3, 44), (6, 9), (9, 0))),
    ("op-ucf101-dg-p3d-resnet50-kinetics", "ucf101", "dg_p3d_50", "kinetics", "consecutive",
     ((4, 63), (5, 3), (8, 27), (9, 2))),
    ("op-ucf101-dg-p3d-resnet50", "ucf101", "dg_p3d_50", "imagenet", "uniform",
     ((4, 38), (7, 24), (8, 11), (9, 5))),
)  # fmt: skip
NUM_STEPS = {"op-ucf101-dg-p3d-resnet50-kinetics": (1, 1, 1)}  # where a schedule departs from SAMPLING
HAND_TUNED = ("dg_p3d_50", "i3d_50", "lgd_p3d_50", "p3d_50", "r2p1d_50")  # on Kinetics, 16 frames, 128 epochs
COMMON = {
    "remove_fc": True, "warmup_multiplier": 100, "transform_type": "default", "crop_size": 224, "eva_crop_size": 256,
    "eva_num_crop": 3, "weight_decay": 1e-4, "momentum": 0.9, "nesterov": True, "clip_gradient": 40,
}  # fmt: skip
CONSTANT = {"lr_scheduler": "step", "lr_decay_epochs": [1000000], "lr_decay_rate": 1.0, "warmup_epoch": -1}
COSINE = {"lr_scheduler": "cosine", "warmup_epoch": 1}


def clip_settings(sampling, **changes):
    """The three clip settings of the paper, 16, 32 and 64 frames, as the planner takes them: one dict each.

    sampling  "consecutive" (one run of frames) or "uniform" (4-frame segments spread over the video)
    changes   an option with its three values, such as base_learning_rate=(0.04, 0.04, 0.004)
    """
    if sampling not in SAMPLING:
        raise ValueError(f"no sampling {shown(sampling)}; there are {', '.join(SAMPLING)}")
    table = {**SAMPLING[sampling], **BATCHES_AND_RATES}
    for option, values in changes.items():
        if option not in table or len(values) != 3:
            raise ValueError(f"{option}={values!r}: three values of one of {', '.join(table)}")
    table.update(changes)
    return [{option: values[i] for option, values in table.items()} for i in range(3)]


def published_schedules():
    """The published schedules by name, the planned ones first, with all options of the released files.

    `net_name` is the published name of the net, `model` is ours. Planned ones also have their path: nodes,
    inferred_zero_epoch_nodes, uses_extended_edge.
    """
    schedules = [_planned(*row) for row in PLANNED] + [_hand_tuned(model) for model in HAND_TUNED]
    return {schedule["name"]: check_schedule(schedule) for schedule in schedules}


def load_schedule(name):
    """A published schedule by its name, or a file that the planner wrote by its path; checked."""
    published = published_schedules()
    if name in published:
        return published[name]
    if not Path(name).is_file():
        told = f"no schedule {shown(str(name))}: no such file"
        raise ValueError(f"{told}, and the published ones are {', '.join(published)}")
    try:
        return check_schedule(read_json(name))
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None


def check_schedule(schedule):
    """Return the schedule itself, or raise a ValueError that names the option that is missing, uneven or wrong."""
    if not isinstance(schedule, dict):
        raise ValueError(f"a schedule is a JSON object, not {str(schedule)[:40]!r}")
    if missing := [option for option in STAGE_OPTIONS if option not in schedule]:
        raise ValueError(f"a schedule needs {', '.join(missing)}")
    lengths = {option: len(schedule[option]) if _is_list(schedule[option]) else None for option in STAGE_OPTIONS}
    if len(set(lengths.values())) > 1:
        raise ValueError(f"the options of a schedule are lists of one length, or all plain values; lengths: {lengths}")
    for option in STAGE_OPTIONS:
        wanted, right = _VALUES.get(option, ("a whole number >= 1", lambda v: type(v) is int and v >= 1))
        for value in schedule[option] if _is_list(schedule[option]) else [schedule[option]]:
            if not right(value):
                raise ValueError(f"{option} {shown(value)} must be {wanted}")
    if (nodes := schedule.get("nodes")) is not None and not (_is_list(nodes) and len(nodes) == lengths["epochs"]):
        raise ValueError(f"nodes {repr(nodes)[:60]} do not fit {lengths['epochs']} stages")
    return schedule


def stages(schedule):
    """The stages of a schedule in order: for each a dict of STAGE_OPTIONS with plain values."""
    check_schedule(schedule)
    lists = {key: schedule[key] if _is_list(schedule[key]) else [schedule[key]] for key in STAGE_OPTIONS}
    return [dict(zip(lists, values, strict=True)) for values in zip(*lists.values(), strict=True)]


_VALUES = {
    "frozen_bn": ("True or False", lambda value: type(value) is bool),
    "base_learning_rate": ("a number > 0", lambda value: type(value) in (int, float) and 0 < value < float("inf")),
}


def _is_list(value):
    return isinstance(value, (list, tuple))


def _planned(name, dataset, model, start, sampling, path):
    changes = {"num_steps": NUM_STEPS[name]} if name in NUM_STEPS else {}
    settings = clip_settings(sampling, base_learning_rate=DATASETS[dataset][2], **changes)
    lists = unroll(grid_graph(3, extended=True), settings, path)
    steps = [list(step) for step in pairwise(node for node, _ in path)]
    base = grid_graph(3)["edges"]
    return {
        **_released(name, dataset, model, start),
        **lists,
        **CONSTANT,
        "eva_num_segments": lists["num_segments"][-1],
        "sampling": sampling,
        "nodes": [node for node, epochs in path if epochs],
        "inferred_zero_epoch_nodes": [node for node, epochs in path if not epochs],
        "uses_extended_edge": [step for step in steps if step not in base],
        "total_epochs": sum(lists["epochs"]),
    }


def _hand_tuned(model):
    name = f"kinetics-{_net_name(model).replace('_', '-')}-1x16x1-128e"
    stage = clip_settings("consecutive", base_learning_rate=HIGH_RATE)[0]
    tested = {"eva_num_segments": 1, "eva_num_clips": 20}
    return {**_released(name, "kinetics", model, "imagenet"), **stage, "epochs": 128, **COSINE, **tested}


def _released(name, dataset, model, start):
    classes, data_format, _, loss_weight, dropout, mirrored, test_clips = DATASETS[dataset]
    file, transfer = START[start]
    return {
        "name": name,
        "dataset": dataset,
        "model": model,
        "net_name": _net_name(model),
        "num_classes": classes,
        "pretrained_file": file,
        "transfer_weights": transfer,
        "data_format": data_format,
        "loss_weight": loss_weight,
        "dropout_ratio": dropout,
        "no_horizontal_flip": not mirrored,
        "eva_num_clips": test_clips,
        **COMMON,
    }


def _net_name(model):
    family, _, depth = model.rpartition("_")
    return f"{family}_resnet{depth}"
