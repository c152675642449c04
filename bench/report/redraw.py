"""Every figure, and every table of claims, again, from the other tables alone."""

from pathlib import Path

from bench.report import search_figure, trade_off_figure
from bench.report.claims import write_claims
from bench.report.csv_files import read_table
from bench.report.figure_files import draw_searches, draw_suite
from bench.report.published_figure import draw_all_published
from lib.run import ROOT


def redraw(out=ROOT):
    """Draw the figures of every trade_off.csv and searches.csv under results/ again, and the published ones."""
    results = Path(out) / "results"
    nets, searches = (sorted(results.rglob(f"{name}.csv")) for name in ("trade_off", "searches"))
    if not nets and not searches:
        raise ValueError(f"no trade_off.csv under {results}; `python -m bench run quick` writes one")
    for path in nets:
        table = read_table(path, trade_off_figure.NEEDED)
        figure = draw_suite(table, path.parent) if len(table) else None
        print(figure or f"{path}: {'no cost is measured' if len(table) else 'no rows'}, so there is no figure")
    for path in searches:
        print(*draw_searches(read_table(path, search_figure.NEEDED), path.parent), sep="\n")
    for path in sorted(results.rglob("claims.csv")):
        write_claims(path.parent)
        print(path)
    if any((results / "published").glob("*.csv")):
        print(*draw_all_published(results / "published"), sep="\n")
