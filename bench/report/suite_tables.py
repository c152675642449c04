"""A suite's tables as files: read together, they are whole and say the same."""

import pandas as pd

from bench.report.csv_files import read_table
from bench.runner.suite import RESERVED
from lib.evaluate.comparisons import no_verdict
from lib.files import file_name

SEARCHES = "searches"  # the suite that searches
ENDS, P = ("points", "low", "high"), ("error", "videos_error", "p", "comparisons")
# table: columns that the others, claims and figures are made of
NEEDED = {
    "trade_off": ("net", "labels", "seeds", "videos", "gmacs", "runs"),
    "runs": ("net", "labels", "seed", "train_loss", "run"),
    "differences": ("labels", "a", "b", "seeds", *ENDS, "videos_low", "videos_high", *P),
    "searches": ("search", "notebook", "variant", "seeds", "videos", "top1", "runs"),
    "rematch": ("search", "variant", "seeds", "points", "comparisons", "seen_from", "verdict"),
}
OF_SEARCHES = ("searches", "rematch")
# columns of searches.csv, if any of its searches has a rival
COMPARED = (*ENDS, "difference_videos_low", "difference_videos_high", *P)


def suite_name(text):
    """`text`, if results/<text> can be a suite's. ValueError: it is no name, or that of another folder of results/"""
    if file_name(text, "the suite's name") in RESERVED:
        raise ValueError(f"results/{text} holds other things than a suite's tables; name a suite, such as quick")
    return text


def read_tables(folder):
    """{"trade_off", "runs", "differences", "searches", "rematch": a suite's table}.

    A suite without searches has those of the suite `searches` beside it, or empty tables. The column `figures` says
    where the figures of searches lie, seen from `folder`.

    ValueError: a table is missing, lacks rows or columns, or does not fit to another
    """
    own = [name for name in NEEDED if name not in OF_SEARCHES]
    tables = {name: read_table(folder / f"{name}.csv", NEEDED[name]) for name in own}
    home = folder if (folder / "searches.csv").exists() else folder.with_name(SEARCHES)
    tables["searches"] = _searches(home / "searches.csv").assign(figures="" if home == folder else f"../{SEARCHES}/")
    tables["rematch"] = _optional(home / "rematch.csv")
    nets, runs, pairs = (tables[name] for name in ("trade_off", "runs", "differences"))
    counted = ("differences", "searches", "rematch")
    for name, column in (("runs", "seed"), ("trade_off", "videos"), *((name, "seeds") for name in counted)):
        if (gone := tables[name][column].isna()).any():
            raise ValueError(f"{folder / name}.csv: the row {' '.join(tables[name][gone].iloc[0, :3])} has no {column}")
    for name in ("differences", "searches"):
        _count(folder / f"{name}.csv", tables[name])
    _count(home / "rematch.csv", tables["rematch"], asked_before=len(_decided(tables["searches"])))
    listed = {run for cell in nets.runs for run in cell.split()}
    if apart := sorted(listed ^ set(runs.run)):
        raise ValueError(f"{folder}: trade_off.csv is of other runs than runs.csv, such as {apart[0]}")
    known = set(zip(nets.net, nets.labels, strict=True))
    for end in ("a", "b"):
        if gone := sorted(set(zip(pairs[end], pairs.labels, strict=True)) - known):
            raise ValueError(f"{folder / 'differences.csv'} compares {gone[0][0]}, which trade_off.csv does not have")
    return tables


def _searches(path):
    """Its table; of a suite without searches, or without any rival, columns that hold nothing."""
    table = _optional(path)
    there = set(COMPARED) & set(table)
    if there and (gone := [name for name in COMPARED if name not in there]):
        raise ValueError(f"{path} has no column {', '.join(gone)}; run the suite again")
    return table if there else table.reindex(columns=[*table.columns, *COMPARED])


def _optional(path):
    """Its table, or one of no rows."""
    needed = NEEDED[path.stem]
    return read_table(path, needed) if path.exists() else pd.DataFrame(columns=list(needed))


def _decided(table):
    return table[table.points.notna() & table.seeds.map(lambda seeds: not no_verdict(seeds))]


def _count(path, table, asked_before=0):
    """ValueError: rows are missing, for each says how many comparisons its verdict was corrected for."""
    decided = asked_before + len(_decided(table))
    if len(told := table.comparisons.dropna()) and set(told) != {decided}:
        raise ValueError(
            f"{path} says that {told.iloc[0]:g} comparisons were corrected together, but there are {decided} of "
            "enough seeds: rows are missing, or of two tables; run the suite again"
        )
