"""Say what a finished run confuses: a matrix, accuracy per class."""

EXAMPLE = "python -m bench report runs/quick/c2d_nano-motion-s0-0123abcd"


def add_arguments(parser):
    parser.add_argument("run_dir", metavar="RUN", help="a run's folder, of a suite or by hand")
    parser.add_argument("--classes", metavar="FILE", help="a class's name per line (of the suite's data, else numbers)")
    parser.add_argument("--out", metavar="DIR", help="where the figure and the tables go (RUN/report)")


def run(*, run_dir, classes=None, out=None):
    from bench.report.classes import report

    report(run_dir, classes, out)
