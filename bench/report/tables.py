"""The tables and figures that a suite leaves: written after its runs, and shipped."""

import shutil
from pathlib import Path

from bench.report.csv_files import write
from bench.report.figure_files import draw_searches, draw_suite
from bench.report.searches import search_runs, searches
from bench.report.shipped_runs import ship_runs
from bench.report.shipped_seeds import with_shipped_seeds
from bench.report.text import to_text
from bench.report.trainings import differences, trade_off, trainings
from lib.run import ROOT

# columns that another run of the same suite fills differently
TIMED = ("latency_ms_p50", "latency_ms_p90", "clips_per_s", "peak_memory_mb", "train_seconds", "date", "latency_date")


def write_results(runs, results):
    """Write all tables and figures of the suite in folder `runs` into `results`, and print the two that tell most."""
    if len(found := searches(runs)):
        write(found, results, "searches")
        write(search_runs(runs), results, "search_runs")
        draw_searches(found, results)
        print("\nSearches. Each trains its nets its own way: compare within a search, not with the nets further down.")
        print(f"\n{to_text(found)}\n\ntable   {results / 'searches.csv'}\nfigures {results}/0*.png")
    if not len(table := trade_off(runs)):
        return
    table = with_shipped_seeds(table, Path(results).name)
    write(trainings(runs), results, "runs")
    write(table, results, "trade_off")
    write(differences(runs), results, "differences")
    print(f"\n{to_text(table)}\n\ntable   {results / 'trade_off.csv'}")
    if figure := draw_suite(table, results):
        print(f"figure  {figure}")


def ship(suite, out=ROOT):
    """Copy the tables and figures of results/<suite> and the records of its runs to results/shipped/<suite>.

    All of it is committed. ValueError: no tables, or a row whose run is not there
    """
    source, target = Path(out) / "results" / suite, ROOT / "results" / "shipped" / suite
    files = sorted(p for p in source.glob("*") if p.suffix in {".csv", ".md", ".svg", ".png"})
    if not files:
        raise ValueError(f"{source} holds no tables; `python -m bench run {suite}` writes them")
    target.mkdir(parents=True, exist_ok=True)
    ship_runs(Path(out) / "runs" / suite, source, target / "runs")
    for file in files:
        shutil.copyfile(file, target / file.name)
        print(target / file.name)
