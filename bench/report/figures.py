"""Draw all figures again, from the tables alone."""

from lib.run import ROOT

EXAMPLE = "python -m bench figures"


def add_arguments(parser):
    parser.add_argument("--out", default=ROOT, metavar="DIR", help="where results lie (the clone)")


def run(*, out=ROOT):
    from bench.report.redraw import redraw

    redraw(out)
