"""Copy a suite's tables and figures into results/shipped."""

from lib.run import ROOT

EXAMPLE = "python -m bench ship quick"


def add_arguments(parser):
    parser.add_argument("suite", help="whose results are copied, such as quick")
    parser.add_argument("--out", default=ROOT, metavar="DIR", help="where results lie (the clone)")


def run(*, suite, out=ROOT):
    from bench.report import tables

    tables.ship(suite, out)
