"""A training strategy on one's own videos: printed, or trained stage by stage."""

from functools import partial

from lib.data import read_manifest
from lib.search.schedule import build_stage, fit_strategy, load_strategy, stage_clips, stages
from lib.search.schedule.staged import initial_weights, stage_recipe, strategy_clips

IMAGENET = {"mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]}
COLUMNS = ("frames", "of", "every", "clips a step", "rate", "batch norms", "epochs")


def show(name, gpus=4):
    """Print the strategy's stages, a line each; returns the lines."""
    rows = [COLUMNS]
    for stage in stages(load_strategy(name)):
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
    """Train a published strategy on the manifest in `folder`, with the clips that it was published with.

    weights  the file it starts from: an ImageNet ResNet, or another strategy's; None: random ones
    running  gpus, device, workers, save_minutes and changes to lib.train.RECIPE, as `fit_strategy` takes them
    """
    strategy, manifest = load_strategy(name), read_manifest(folder)
    if "crop_size" not in strategy:
        raise ValueError(f"{name} does not say what its clips are; notebook 07 trains what the planner wrote there")
    options = {"num_classes": len(manifest.classes), "dropout": strategy["dropout_ratio"]}
    build = partial(build_stage, model=strategy["model"], **options)
    clips = partial(stage_clips, manifest=manifest, **strategy_clips(strategy))
    initial = initial_weights(build(False), strategy, weights) if weights else None
    identity = {"strategy": name, "data": f"{manifest.name}-{manifest.hash[:8]}", "weights": weights and str(weights)}
    record = fit_strategy(
        run_dir, build, clips, strategy, initial=initial, identity=identity, **{**IMAGENET, **running}
    )
    test = record["test"]
    print(
        f"top-1 {test['top1']:.2f} % [{test['top1_low']:.2f}, {test['top1_high']:.2f}] of {test['videos']} test videos"
    )
    return record
