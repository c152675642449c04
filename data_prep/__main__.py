"""Prepare a dataset: `python -m data_prep NAME --out FOLDER`; `python -m data_prep NAME --help` shows its options."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # before a lib/ of the working directory

from data_prep import command_line

# what you downloaded becomes a manifest
DATASETS = (
    "kinetics",
    "something_v1",
    "something_v2",
    "jester",
    "ucf101",
    "hmdb51",
    "diving48",
    "activitynet",
    "lists",
)
# what works on the manifest of any of them
TOOLS = ("check", "reencode", "export")
COMMANDS = {
    "moving_shapes": "data_prep.moving_shapes.dataset",
    **{name: f"data_prep.datasets.{name}" for name in DATASETS},
    **{name: f"data_prep.{name}" for name in TOOLS},
}


def add_shared(command, parser):
    """The option that all datasets have, and the argument of all tools."""
    if command in TOOLS:
        parser.add_argument("manifest", metavar="MANIFEST_FOLDER", help="the folder that holds manifest.csv")
    else:
        parser.add_argument("--out", required=True, metavar="FOLDER", help="where the dataset goes")


def main(arguments=None):
    return command_line.main(
        "data_prep", "Make a manifest of a dataset, or work on one.", COMMANDS, arguments, add_shared
    )


if __name__ == "__main__":
    sys.exit(main())
