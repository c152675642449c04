"""Command line of the benchmark: python -m bench COMMAND --help."""

import os
import sys
from pathlib import Path

os.environ["MPLBACKEND"] = "agg"  # figures become files; a user's back end may not even be installed here
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # before a lib/ of the working directory

from data_prep import command_line

# room: its commands, each a module of the same name
ROOMS = {
    "runner": ("run", "status", "train", "job", "tune"),
    "report": ("report", "claims", "figures", "models", "support", "ship", "site"),
    "timing": ("latency", "training", "kernels", "loader", "scan", "gpu"),
    "published": ("checkpoint", "predict", "extract", "merge", "schedule", "costs"),
}
COMMANDS = {name: f"bench.{room}.{name}" for room, names in ROOMS.items() for name in names}
UNLISTED = ("job", "training")  # Snakemake calls the one, the line of `latency` names the other


def main(arguments=None):
    return command_line.main(
        "bench", "Run suites, write tables and figures, measure.", COMMANDS, arguments, unlisted=UNLISTED
    )


if __name__ == "__main__":
    sys.exit(main())
