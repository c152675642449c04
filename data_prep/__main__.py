"""Prepare a dataset: `python -m data_prep NAME --out FOLDER`; `python -m data_prep NAME --help` shows its options."""

import argparse
import sys
from importlib import import_module

# A dataset is a module of this package with prepare(out, **options), add_arguments(parser), EXAMPLE and a docstring.
DATASETS = ("moving_shapes",)


def make_parser():
    parser = argparse.ArgumentParser("python -m data_prep", description="Prepare a dataset for lib.data.")
    datasets = parser.add_subparsers(dest="dataset", required=True, metavar="DATASET")
    for name in DATASETS:
        module = import_module(f"data_prep.{name}")
        one = datasets.add_parser(
            name,
            help=module.__doc__.splitlines()[0],
            description=module.__doc__,
            epilog=f"example: {module.EXAMPLE}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        one.add_argument("--out", required=True, metavar="FOLDER", help="where the dataset goes")
        module.add_arguments(one)
    return parser


def main(arguments=None):
    options = vars(make_parser().parse_args(arguments))
    dataset = import_module(f"data_prep.{options.pop('dataset')}")
    try:
        dataset.prepare(**options)
    except (ValueError, OSError) as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
