"""Print the stages of a training schedule, or train them."""

from functools import partial

from lib.data import read_manifest
from lib.run import ROOT
from lib.search.schedule import build_stage, fit_schedule, load_schedule, stage_clips, stages
from lib.search.schedule.staged import schedule_clips, stage_recipe
from lib.weights.fine_tune import start_from
from lib.weights.safetensors import sha256

COLUMNS = ("frames", "of", "every", "clips a step", "rate", "batch norms", "epochs")


EXAMPLE = "python -m bench schedule op-ucf101-dg-p3d-resnet50"


def add_arguments(parser):
    parser.add_argument("name", help="of a published schedule, or the schedule.json that the planner wrote")
    parser.add_argument(
        "folder", nargs="?", help="of the manifest; without it the stages are printed, nothing is trained"
    )
    parser.add_argument("--weights", metavar="FILE", help="the schedule's start weights (none: random ones)")
    parser.add_argument("--run-dir", metavar="DIR", help="where the training lies (runs/schedules/<name>)")
    parser.add_argument("--gpus", type=int, default=4, help="for which the schedule's batches are; we accumulate (4)")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--workers", type=int, default=0)


def run(*, name, folder=None, run_dir=None, gpus=4, **options):
    show(name, gpus)
    if folder:
        train(name, folder, run_dir or ROOT / "runs" / "schedules" / name, gpus=gpus, **options)


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
    running  gpus, device, workers, save_minutes and changes to lib.recipe.RECIPE, as `fit_schedule` takes them
    """
    schedule, manifest = load_schedule(name), read_manifest(folder)
    if "crop_size" not in schedule:
        raise ValueError(f"{name} does not say what its clips are; the notebook 12 trains what the planner wrote")
    options = {"num_classes": len(manifest.classes), "dropout": schedule["dropout_ratio"]}
    build = partial(build_stage, model=schedule["model"], **options)
    shown = schedule_clips(schedule)
    clips = partial(stage_clips, manifest=manifest, **shown)
    start = partial(
        start_from, schedule["model"], pixels=shown["pixels"], **options
    )  # ValueError: the file says others
    initial = start(weights)[0].state_dict() if weights else None
    identity = {
        "schedule": name,
        "data": f"{manifest.name}-{manifest.hash[:8]}",
        "weights": weights and sha256(weights),
    }
    record = fit_schedule(run_dir, build, clips, schedule, initial=initial, identity=identity, **running)
    test = record["test"]
    print(
        f"top-1 {test['top1']:.2f} % [{test['top1_low']:.2f}, {test['top1_high']:.2f}] of {test['videos']} test videos"
    )
    return record
