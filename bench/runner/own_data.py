"""A suite on data of one's own: manifests that data_prep wrote, in place of the moving_shapes that a suite makes.

    data: {manifest: data/ucf101}        a manifest's folder, or one that holds several, of splits or of label sets;
    train: {defaults: {labels: split1}}  then `labels` says which

A relative folder starts where the command is called, as it does for data_prep.
"""

import re
from functools import cache
from pathlib import Path

from lib.data.manifest import read_manifest

SPLITS = ("train", "val", "test")


def own_folder(data):
    """The folder that a suite's `data` names, absolute; "" if it is moving_shapes that is to be made.

    ValueError: a manifest, and options of moving_shapes beside it
    """
    if "manifest" not in data:
        return ""
    if others := sorted(set(data) - {"manifest"}):
        raise ValueError(f"data: beside manifest nothing can stand, but there is {', '.join(others)}")
    if not isinstance(data["manifest"], str) or "\0" in data["manifest"]:
        raise ValueError(f"data: manifest must be a folder, not {data['manifest']!r}")
    return str(Path(data["manifest"]).resolve())


@cache
def read_own(folder, labels=""):
    """The manifest in `folder` / `labels`.  -> Manifest

    ValueError: there is none, or it leaves one of train, val and test without a usable video
    """
    home = Path(folder) / labels
    if not (home / "manifest.csv").is_file():
        inside = ", ".join(sorted(file.parent.name for file in Path(folder).glob("*/manifest.csv")))
        hint = f"`labels` can be {inside}" if inside else "data_prep writes one: python -m data_prep --help"
        raise ValueError(f"{home} holds no manifest.csv; {hint}")
    manifest = read_manifest(home)
    if empty := [split for split in SPLITS if not manifest.found.get(split)]:
        raise ValueError(
            f"{home} has no usable video for {', '.join(empty)}: a suite trains on train, chooses on val and measures "
            "on test; prepare it again with --hold-out 0.1, which makes the missing split of a tenth of train"
        )
    return manifest


def identity(manifest):
    """What a run's id says of its data: name and content, no path."""
    return f"{manifest.name}-{manifest.hash[:8]}"


def weights_id(weights):
    """What a run's id says of the published weights it starts from: the file's name and content, no path."""
    from lib.weights.safetensors import sha256

    if not Path(weights).is_file():
        hint = " (it is a folder)" if Path(weights).is_dir() else ""
        hint = ": download it, and name the file" if re.match(r"\w+://", weights) else hint
        hint = ": ~ is the shell's, write the whole path" if weights.startswith("~") else hint
        raise ValueError(f"weights: there is no file {weights!r}{hint}")
    return f"{Path(weights).name}-{sha256(weights)[:8]}"


def most_classes(folder, labels):
    """{"num_classes": n}, what the nets' costs are counted with: the largest of these label sets."""
    return {"num_classes": max(len(read_own(folder, name).classes) for name in labels)} if labels else {}
