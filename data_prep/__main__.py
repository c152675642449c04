"""Prepare a dataset: `python -m data_prep NAME --out FOLDER`; `python -m data_prep NAME --help` shows its options."""

import argparse
import sys
from importlib import import_module

# A dataset is a module with prepare(out, **options), add_arguments(parser), EXAMPLE and a docstring.
DATASETS = (
    "moving_shapes",
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
# A tool works on a folder with a manifest: a module with run(manifest, **options), and the rest as above.
TOOLS = ("check", "reencode", "export")


def find_module(command):
    if command == "moving_shapes":
        return import_module("data_prep.moving_shapes.dataset")
    return import_module(f"data_prep.datasets.{command}" if command in DATASETS else f"data_prep.{command}")


def make_parser():
    parser = argparse.ArgumentParser("python -m data_prep", description="Prepare a dataset for lib.data.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="DATASET or TOOL")
    for name in DATASETS + TOOLS:
        module = find_module(name)
        one = commands.add_parser(
            name,
            help=module.__doc__.splitlines()[0].replace("%", "%%"),
            description=module.__doc__,
            epilog=f"example: {module.EXAMPLE}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        if name in DATASETS:
            one.add_argument("--out", required=True, metavar="FOLDER", help="where the dataset goes")
        else:
            one.add_argument("manifest", metavar="MANIFEST_FOLDER", help="the folder that holds manifest.csv")
        module.add_arguments(one)
    return parser


def main(arguments=None):
    options = vars(make_parser().parse_args(arguments))
    command = options.pop("command")
    module = find_module(command)
    try:
        (module.prepare if command in DATASETS else module.run)(**options)
    except (ValueError, OSError) as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
