"""A training schedule on one's own videos: printed, or trained stage by stage."""

from functools import partial

from lib.data import read_manifest
from lib.search.schedule import build_stage, fit_schedule, load_schedule, stage_clips, stages
from lib.search.schedule.staged import schedule_clips, stage_recipe
from lib.weights.fine_tune import start_from

IMAGENET = {"mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]}
COLUMNS = ("frames", "of", "every", "clips a step", "rate", "batch norms", "epochs")


def show(name, gpus=4):
    """Print the schedule's stages, a line each; returns the lines."""
    rows = [COLUMNS]
    for stage in stages(load_schedule(name)):
        recipe, segments = stage_recipe(stage, gpus), stage["num_segments"]
        rows.append((
            segments * stage["clip_length"],
            f"{segments} segments" if segments > 1 else "1 run",
            f"{stage['num_steps']}. frame",
            f"{recipe['batch_size']} x {recipe['accumulate']}",
            f"{stage['base_learning_rate']:g}",
            "frozen" if stage["frozen_bn"] else "train",
            stage["epochs"],
        ))  # fmt: skip
    lines = ["  ".join(f"{cell!s:>12}" for cell in row) for row in rows]
    print("\n".join(lines))
    return lines


def train(name, folder, run_dir, *, weights=None, **running):
    """Train a published schedule on the manifest in `folder`, with the clips that it was published with.

    weights  the file it starts from: an ImageNet ResNet, or another schedule's; None: random ones
    running  gpus, device, workers, save_minutes and changes to lib.train.RECIPE, as `fit_schedule` takes them
    """
    schedule, manifest = load_schedule(name), read_manifest(folder)
    if "crop_size" not in schedule:
        raise ValueError(f"{name} does not say what its clips are; notebook 07 trains what the planner wrote there")
    options = {"num_classes": len(manifest.classes), "dropout": schedule["dropout_ratio"]}
    build = partial(build_stage, model=schedule["model"], **options)
    clips = partial(stage_clips, manifest=manifest, **schedule_clips(schedule))
    initial = start_from(schedule["model"], weights, **options)[0].state_dict() if weights else None
    identity = {"schedule": name, "data": f"{manifest.name}-{manifest.hash[:8]}", "weights": weights and str(weights)}
    record = fit_schedule(
        run_dir, build, clips, schedule, initial=initial, identity=identity, **{**IMAGENET, **running}
    )
    test = record["test"]
    print(
        f"top-1 {test['top1']:.2f} % [{test['top1_low']:.2f}, {test['top1_high']:.2f}] of {test['videos']} test videos"
    )
    return record
