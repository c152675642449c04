"""Training by a schedule: stage after stage, each with its own clips, batches, rate and optimizer.

Paper   Qiu, Yao, Ngo, Mei, Optimization Planning for 3D ConvNets, ICML 2021 (PMLR 139:8726-8736)
"""

from functools import partial
from pathlib import Path

import torch

from lib import checkpoints
from lib.data import PIXELS, ClipDataset, Protocol
from lib.data.crops import random_resized_box
from lib.data.protocol import OneInTraining
from lib.data.protocols import optplan
from lib.distributed import only_one
from lib.evaluate.predictions import by_protocol, predict
from lib.files import locked, read_json, set_aside
from lib.identity import arithmetic
from lib.models import create_model, model_options
from lib.recipe import complete
from lib.recipe import identity as recorded
from lib.run import claim, finish, result
from lib.search.schedule.schedules import stages
from lib.train import fit
from lib.weights.loading import load_state


def stage_recipe(stage, gpus=1):
    """The options of a stage as a recipe of `lib.train`: constant rate, no warm-up; `accumulate` replaces GPUs."""
    return {
        "epochs": stage["epochs"],
        "batch_size": stage["batch_size"],
        "accumulate": stage["iter_size"] * gpus,
        "learning_rate": stage["base_learning_rate"],
        "schedule": "constant",
        "warmup_epochs": 0.0,
    }


def schedule_recipe(schedule):
    """The options that all stages of a published schedule share, as changes to lib.recipe.RECIPE."""
    changes = {ours: schedule[theirs] for theirs, ours in RECIPE_NAMES.items() if theirs in schedule}
    if schedule.get("lr_scheduler") == "cosine":
        changes |= {"schedule": "cosine", "warmup_epochs": float(schedule["warmup_epoch"])}
    return changes


RECIPE_NAMES = {
    "loss_weight": "loss_weight",
    "weight_decay": "weight_decay",
    "momentum": "momentum",
    "nesterov": "nesterov",
    "clip_gradient": "clip_norm",
}


def schedule_clips(schedule):
    """Crop, size, pixels and augmentation of a published schedule, as options of `stage_clips`."""
    return {
        "size": schedule["crop_size"],
        "short_side": schedule["crop_size"],
        "pixels": PIXELS["imagenet"],
        "train_crop": partial(random_resized_box, area=(0.2, 1)),
        "augment": AUGMENTATIONS[schedule["transform_type"]],
        "mirror": not schedule["no_horizontal_flip"],
    }


AUGMENTATIONS = {"default": ("optplan_default",), "rand_augment": ("rand_augment",)}


def stage_protocol(stage, size, *, views=1, **facts):
    """How a stage sees its videos: a run of clip_length frames, num_steps apart, per segment.  -> Protocol

    Training clips are drawn and cropped at random. Of a val or test video there are `views` clips; the first takes its
    runs from the start of each segment, not from its middle, as the published code does.
    facts  Protocol's others
    """
    runs = {"segments": stage["num_segments"], "run": stage["clip_length"], "frame_stride": stage["num_steps"]}
    sampler = OneInTraining(partial(optplan, **runs), views)
    return Protocol("stage", runs["segments"] * runs["run"], size, sampler, **{"average": "score", **facts})


def stage_clips(split, stage, seed=0, *, manifest, size, cache=None, reader="decord", **facts):
    """The clips of a split as `stage_protocol` says it.  -> ClipDataset

    Bind what is behind the star with `partial` for `fit_schedule` and `EdgeTrainer`.
    """
    protocol = stage_protocol(stage, size, **facts)
    return ClipDataset(manifest, split, protocol, train=split == "train", seed=seed, cache=cache, reader=reader)


def build_stage(frozen_bn, *, model, **options):
    """A registered net with its batch norms frozen or not; ValueError if they should be frozen and cannot be."""
    if "frozen_bn" in model_options(model):
        options["frozen_bn"] = frozen_bn
    elif frozen_bn:
        raise ValueError(f"{model} has no option frozen_bn, but the schedule freezes batch norms")
    return create_model(model, **options)


def fit_schedule(run_dir, build, clips, schedule, *, initial=None, identity=None, seed=0, gpus=1, device="cpu", **how):
    """Train by a schedule in a folder, one subfolder per stage; called again, it goes on where it stopped.

    build, clips, gpus  as in EdgeTrainer: f(frozen_bn) -> net, f(split, stage, seed) -> ClipDataset
    schedule            see lib.search.schedule.schedules; every stage starts from the last weights of the one before
    initial             a state dict that the first stage starts from; None: what build returns after manual_seed(seed)
    how                 changes to lib.recipe.RECIPE, and the options workers, save_minutes and progress of `fit`
    -> the content of result.json: `history`, a list per stage, and `test`: the last weights on the clips of the last
    stage. No epoch is chosen: the schedule says how many there are.
    """
    only_one("a training by a planned schedule")
    run_dir, parts = Path(run_dir), stages(schedule)
    running = {key: how.pop(key) for key in ("workers", "save_minutes", "progress") if key in how}
    changes = {**schedule_recipe(schedule), **how}
    with locked(run_dir):
        settings = {"stages": parts, "seed": seed, "gpus": gpus, "recipe": recorded(complete(changes))}
        claim(run_dir, {**(identity or {}), **settings, **arithmetic(device)})
        if record := result(run_dir):
            return record
        histories, weights = [], initial
        for number, stage in enumerate(parts, 1):
            torch.manual_seed(seed)
            net = build(stage["frozen_bn"])
            if weights is not None:
                load_state(net, weights)
            folder = run_dir / f"stage_{number}"
            splits = clips("train", stage, seed + number), clips("val", parts[-1], seed)
            recipe = {**stage_recipe(stage, gpus), **changes, "seed": seed + number}
            again = partial(fit, folder, net, *splits, device=device, **running, **recipe)
            histories.append(again()["history"])
            weights = _last_weights(folder, recipe["epochs"], again)
        load_state(net, weights)
        how = {"batch_size": parts[-1]["batch_size"], "device": device, "workers": running.get("workers", 0)}
        dataset = clips("test", parts[-1], seed)
        test = by_protocol(*predict(net, dataset, **how), dataset.protocol)
        return finish(run_dir, {"history": histories, "test": test}, device)


def _last_weights(folder, epochs, again):
    """The weights after a stage's last epoch. If they were lost, the stage goes on from what is there."""
    run = read_json(folder / "run.json")
    for _ in range(2):
        saved = checkpoints.load(folder / "last.pt", run)
        if saved and saved["epoch"] == epochs:
            return saved["net"]
        set_aside(folder / "result.json", f"{folder / 'last.pt'} does not hold the weights after epoch {epochs}")
        again()
    raise ValueError(f"{folder / 'last.pt'} was lost again while the stage was trained")
