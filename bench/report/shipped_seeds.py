"""What several seeds of a net gave that were shipped: a suite of one seed shows it behind its own number.

Only trainings that differ in nothing but their seed are compared: the column `recipe` says which those are.
"""

import hashlib
import json
from pathlib import Path

import pandas as pd

from bench.report.csv_files import read_table
from bench.report.suite_tables import SEARCHES
from bench.report.text import shown
from lib.evaluate.comparisons import SEEDS_FOR_A_VERDICT
from lib.run import ROOT

SHIPPED = ROOT / "results" / "shipped"
NEEDED = ("recipe", "seeds", "top1_min", "top1_max")
SEVERAL = ("standard", "quick_seeds")  # suites that train each net with several seeds, the longer trainings first
SEARCHED = ("notebook", "search", "variant", "seeds", "top1", "points", "low", "high", "verdict")
# where a search has them
COSTS = ("seen_from", "top1_by_seed", "gmacs", "params_m", "train_gmacs", "search_gmacs", "comparisons")
COSTS += ("difference_videos_low", "difference_videos_high")
CLAIM_READ = ("says", "compared", "measured", "unit", "at least", "at most", "seeds", "verdict", "note")
COLUMNS = ("shipped_seeds", "shipped_min", "shipped_max", "shipped_suite")


def recipe_of(job):
    """8 hex digits of all that makes a training but its seed: net, videos, clips, recipe; and of one's own modules."""
    options = {name: value for name, value in job["options"].items() if name != "seed"}
    text = json.dumps([options, job.get("modules", "")], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def with_shipped_seeds(table, suite, shipped=None):
    """`table`, a trade_off table of `suite`, with what other shipped suites found with more seeds, where they did.

    Per row the suite of most seeds counts. Where no row has any, the table is returned as it is.
    """
    known = _known(suite, Path(shipped or SHIPPED))
    rows = [known.get(recipe, (None,) * 4) if seeds == 1 else (None,) * 4
            for recipe, seeds in zip(table.get("recipe", []), table.seeds, strict=True)]  # fmt: skip
    if not any(row[0] for row in rows):
        return table
    table = table.assign(**dict(zip(COLUMNS, map(list, zip(*rows, strict=True)), strict=True)))
    notes = [f"{row.note}; {said(row)}" if said(row) else row.note for row in table.itertuples()]
    return table.assign(note=notes)


def of_several_seeds(nets, labels="motion", shipped=None, suites=SEVERAL):
    """What several seeds of `nets` gave, by the first of `suites` that was shipped and has one of them.

    nets  names as in the column `net` of its tables
    -> (table, verdicts): a row per net with the number of seeds, the training loss and the top-1, mean and lowest and
    highest; and the rows of differences.csv between two of them. (None, None) where no such suite is shipped.
    """
    for suite in suites:
        home = Path(shipped or SHIPPED) / suite
        if not (home / "runs.csv").is_file():
            continue
        rows = read_table(home / "runs.csv", ("net", "labels", "seed", "train_loss", "top1"))
        rows = rows[rows.net.isin(nets) & (rows.labels == labels)]
        if len(rows):
            pairs = read_table(home / "differences.csv", ("labels", "a", "b", "points", "verdict"))
            between = pairs.a.isin(nets) & pairs.b.isin(nets) & (pairs.labels == labels)
            return _spread(rows.assign(suite=suite)), pairs[between].reset_index(drop=True)
    return None, None


def shipped_searches(notebook, shipped=None, table="searches"):
    """What the searches of `notebook` gave in `searches`, a row per variant; None where that is not shipped.

    table  searches, or rematch: what was asked on top
    """
    path = Path(shipped or SHIPPED) / SEARCHES / f"{table}.csv"
    if not path.is_file():
        return None
    found = read_table(path, SEARCHED)
    numbers = {name: pd.to_numeric(found[name]) for name in COSTS[2:] if name in found}
    rows = found.assign(**numbers)[found.notebook == notebook]
    costs = [name for name in COSTS if name in rows and rows[name].replace("", None).notna().any()]
    return rows[[*SEARCHED[1:], *costs]].reset_index(drop=True).astype({"seeds": "Int64"})  # a count is shown as one


def shipped_claims(number, shipped=None):
    """The comparisons planned for one of the papers' claims, as people read them: rows of `standard`'s claims.csv."""
    table = read_table(Path(shipped or SHIPPED) / "standard" / "claims.csv", ("claim", "says", "compared", "verdict"))
    return shown(table[table.claim == number])[list(CLAIM_READ)].reset_index(drop=True)


def _spread(rows):
    """A row per net over its seeds."""
    by_net = rows.groupby(["suite", "net"], sort=False)
    table = by_net[["train_loss", "top1"]].agg(["mean", "min", "max"])
    table.columns = [" ".join(pair) for pair in table.columns]
    return table.assign(seeds=by_net.seed.nunique()).reset_index()


def said(row):
    """The words for one row's shipped seeds; "" where there are none."""
    seeds = getattr(row, "shipped_seeds", None)
    if seeds is None or seeds != seeds:
        return ""
    return f"{seeds:.0f} seeds shipped: lowest {row.shipped_min:.1f} and highest {row.shipped_max:.1f}"


def _known(suite, shipped):
    """{recipe: (seeds, lowest, highest, suite)} of all other suites under `shipped` with enough seeds."""
    found = {}
    for path in sorted(shipped.glob("*/trade_off.csv")):
        if path.parent.name == suite or "recipe" not in (table := read_table(path)):
            continue
        table = read_table(path, NEEDED)
        for row in table[table.seeds >= SEEDS_FOR_A_VERDICT].itertuples():
            if row.seeds > found.get(row.recipe, (0,))[0]:
                found[row.recipe] = (int(row.seeds), row.top1_min, row.top1_max, path.parent.name)
    return found
