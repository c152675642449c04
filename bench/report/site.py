"""Render the executed course, figures and tables as static pages.

Notebooks are executed with their own defaults, once, until they or the commit change: ten minutes for all of
them on two quiet cores.
The pages ask nobody outside for anything, and can be searched.
"""

from pathlib import Path

from lib.run import ROOT

EXAMPLE = "python -m bench site"


def add_arguments(parser):
    parser.add_argument("--out", metavar="DIR", help="where the pages go (results/site)")
    parser.add_argument(
        "--repository", metavar="OWNER/NAME", help="on GitHub: lessons link to Colab and Binder (pyproject.toml's)"
    )


def run(*, out=None, repository=None):
    from bench.report.pages.execute import executed
    from bench.report.pages.links import WHY_NONE, repository_of
    from bench.report.pages.write import write_site

    repository = repository_of(repository)
    print(f"lessons open from {repository}" if repository else WHY_NONE)
    out = Path(out or ROOT / "results" / "site")
    print(write_site(out, executed(out / "notebooks"), repository=repository))
