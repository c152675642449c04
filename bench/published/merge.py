"""Print the accuracy that files of scores add up to."""

EXAMPLE = "python -m bench merge left.npz centre.npz right.npz"


def add_arguments(parser):
    parser.add_argument("files", nargs="+", metavar="FILE.npz", help="of `extract`: the same videos, one crop or more")


def run(*, files):
    from bench.published.scores import merge

    merge(files)
