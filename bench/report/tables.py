"""The tables and figures that a suite leaves: written after its runs, and shipped."""

import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.report.claims import claims
from bench.report.csv_files import read_table, write
from bench.report.figure_files import draw_searches, draw_suite
from bench.report.records import unsigned
from bench.report.rematch import rematch
from bench.report.searches import search_runs, searches
from bench.report.shipped_runs import check_runs, put_right, ship_runs
from bench.report.shipped_seeds import COLUMNS, with_shipped_seeds
from bench.report.suite_tables import suite_name
from bench.report.text import to_text
from bench.report.trainings import differences, trade_off, trainings
from bench.runner.modules import import_listed
from lib.files import replacing
from lib.run import ROOT

# table: what makes it of the runs
MADE = {"trade_off": trade_off, "runs": trainings, "differences": differences}
MADE |= {"searches": searches, "search_runs": search_runs, "rematch": rematch}
LATER = ["other_commit", "note", *COLUMNS]  # columns that depend on when, and beside what, a table is written
# columns that another run of the same suite fills differently
TIMED = ("latency_ms_p50", "latency_ms_p90", "clips_per_s", "peak_memory_mb", "train_seconds", "date", "latency_date")


def write_results(runs, results):
    """Write all tables and figures of the suite in folder `runs` into `results`, and print the two that tell most."""
    if len(found := searches(runs)):
        write(found, results, "searches")
        write(search_runs(runs), results, "search_runs")
        if len(again := rematch(runs)):
            write(again, results, "rematch")
        draw_searches(found, results)
        print("\nSearches. Each trains its nets its own way: compare within a search, not with the nets further down.")
        print(f"\n{to_text(found)}\n\ntable   {results / 'searches.csv'}\nfigures {results}/[01]*.png")
    if old := unsigned(runs):
        print(f"\n{len(old)} records of an older version have no checksum, such as {old[0]}: `bench ship` adds one")
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

    All of it is committed. Tables of an earlier time that the suite no longer has are removed there.
    ValueError: no tables, a row whose run is not there, a table that says other than the runs, claims that are not the
    tables', a link at the target
    """
    source, target = Path(out) / "results" / suite_name(suite), ROOT / "results" / "shipped" / suite
    files = sorted(p for p in source.glob("*") if p.suffix in {".csv", ".md", ".svg", ".png"})
    if not files:
        raise ValueError(f"{source} holds no tables; `python -m bench run {suite}` writes them")
    if link := next((path for path in (target, target / "runs") if path.is_symlink()), None):
        raise ValueError(f"{link} is a link to {link.resolve()}: what is shipped lies in the clone; remove the link")
    target.mkdir(parents=True, exist_ok=True)
    put_right(target / "runs")
    import_listed(runs := Path(out) / "runs" / suite)
    check_runs(runs, source)
    _refuse_other_numbers(runs, source)
    _refuse_old_claims(source)
    ship_runs(runs, target / "runs")
    for file in files:
        with replacing(target / file.name) as copy:
            shutil.copyfile(file, copy)
        print(target / file.name)
    for path in [target / f"{name}{suffix}" for name in (*MADE, "claims") for suffix in (".csv", ".md")]:
        if not (source / path.name).exists():
            path.unlink(missing_ok=True)


def _refuse_other_numbers(runs, source):
    """ValueError: a table in folder `source` says something else than the records in `runs` do."""
    for name, make in MADE.items():
        if not (file := source / f"{name}.csv").is_file():
            continue
        told, made = (table.drop(columns=LATER, errors="ignore") for table in (read_table(file), _as_read(make(runs))))
        columns = [column for column in told if column in made]
        if len(told) != len(made) or not told[columns].equals(made[columns]):
            raise ValueError(f"{file} is not what the records in {runs} give; run the suite again, it writes it anew")


def _refuse_old_claims(source):
    """ValueError: claims.csv in folder `source` is not what the tables beside it give."""
    if (file := source / "claims.csv").is_file() and not read_table(file).equals(_as_read(claims(source))):
        raise ValueError(f"{file} is not what the tables beside it give; run `python -m bench claims {source.name}`")


def _as_read(table):
    """A table as reading its file gives it."""
    with TemporaryDirectory() as folder:
        write(table, folder, "table")
        return read_table(Path(folder) / "table.csv")
