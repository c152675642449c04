"""Say what of a suite is done.

A line per run: done, with its headline, or not.
"""

from pathlib import Path

from bench.runner.run import headline
from bench.runner.suite import load_suite
from lib.run import ROOT, done

EXAMPLE = "python -m bench status quick"


def add_arguments(parser):
    parser.add_argument("suite", help="a name of bench/suites, or a .yaml file")
    parser.add_argument("--out", default=ROOT, metavar="DIR", help="where data, runs and results lie (the clone)")


def run(*, suite, out=ROOT):
    suite = load_suite(suite)
    for job in suite.jobs:
        record = done(Path(out) / "runs" / suite.name / job.id)
        print(f"{'done' if record else '-':5}{job.id:50} {headline(record)}")
