"""Hold the papers' claims against a suite's tables, in miniature.

A row says what the paper prints, what was measured, what holds. The comparisons were named before the trainings
(claims_list.py). They are a family of their own: Holm's correction counts them, not all pairs of nets. Where a run is
missing the row says "not run".
"""

from pathlib import Path

import pandas as pd

from bench.report.claims_list import CLAIMS, HOLDS, OPPOSITE
from bench.report.claims_summary import summary
from bench.report.csv_files import write
from bench.report.curves import still_rises
from bench.report.suite_tables import read_tables, suite_name
from lib.evaluate.comparisons import holm, no_verdict, worded
from lib.evaluate.seeds import ALPHA, errors_of, paired_t, seen_from
from lib.files import file_name
from lib.run import ROOT

EXAMPLE = "python -m bench claims standard"
NOT_RUN = "not run"
CHOSEN = "val chose these weights along the path; the schedule trained again, to its last epoch: {:+.2f} points, {}"
LOSS_GRAIN = 1e-4  # nats, of runs.csv
COLUMNS = ("claim", "says", "paper", "remark", "source", "compared", "measured", "unit", "low", "high", "videos_low")
COLUMNS += ("videos_high", "seeds", "videos", "p", "p_holm", "comparisons", "seen_from", "verdict", "note", "cost")
COLUMNS += ("figure", "runs")


def add_arguments(parser):
    parser.add_argument("suite", help="whose tables are read: results/SUITE, or what was shipped of it")
    parser.add_argument("--out", default=ROOT, metavar="DIR", help="where results lie (the clone)")


def run(*, suite, out=ROOT):
    suite_name(suite)
    homes = [Path(out) / "results" / suite, Path(out) / "results" / "shipped" / suite]
    home = next((home for home in homes if (home / "trade_off.csv").is_file()), None)
    if home is None:
        raise ValueError(f"{homes[0]} holds no trade_off.csv; `python -m bench run {suite}` writes it")
    write_claims(home)
    print(home / "claims.md")


def write_claims(home, folder=None):
    """Write claims.csv and claims.md of the tables in `home` there, or into `folder`."""
    table, tables = claims(home), _tables(home)
    above = summary(table, tables["rematch"], beside=next(iter(tables["searches"].figures), ""))
    write(table, folder or home, "claims", above=above)


def claims(folder, published=ROOT / "results" / "published"):
    """claims.csv: one row per planned comparison, in the order of CLAIMS, from the tables in `folder`.

    Low and high are the 95 % interval over seeds, videos_low and videos_high the one over seeds and videos; p of the
    comparison alone, p_holm and seen_from of all that could be decided.
    ValueError: a paper's figure that results/published does not hold; or tables that are not whole
    """
    tables = _tables(folder)
    rows = []
    for claim in CLAIMS:
        said, source = printed(claim.paper, Path(published))
        found = READERS[claim.of](claim, tables) or [{"compared": _named(claim)}]
        paper = {"paper": said, "remark": claim.paper.remark, "source": source}
        rows += [{"claim": claim.number, "says": claim.says, **paper, **row} for row in found]
    decided = [row for row in rows if "seeds" in row and not no_verdict(row["seeds"])]
    if unsure := [row["compared"] for row in decided if row["measured"] != row["measured"] or row["p"] != row["p"]]:
        raise ValueError(f"{folder}: of {unsure[0]} there are seeds enough, but no difference or no p; run it again")
    if unsure := [row["compared"] for row in decided if not min(error for error, _ in row["errors"]) > 0]:
        raise ValueError(f"{folder}: of {unsure[0]} there are seeds enough, but no standard error; run it again")
    for row, p in zip(decided, holm([row["p"] for row in decided]), strict=True):
        seen = round(seen_from(row["errors"], ALPHA / len(decided)), row["digits"])
        row |= {"p_holm": round(p, 5), "comparisons": len(decided), "seen_from": seen}
    table = pd.DataFrame([{**row, "verdict": _verdict(row)} for row in rows], columns=COLUMNS)
    return table.astype(dict.fromkeys(("claim", "seeds", "videos", "comparisons"), "Int64"))


def _tables(folder):
    """`read_tables`, with the rows of motion alone: the label set that claims are about."""
    tables = read_tables(Path(folder))
    return {name: table[table.labels == "motion"] if "labels" in table else table for name, table in tables.items()}


def printed(paper, published):
    """(what the paper's rows say, where they stand)."""
    table = pd.read_csv(published / f"{paper.table}.csv", dtype=str, keep_default_na=False)
    words, sources = [], []
    for wanted in paper.rows:
        rows = table[(table[list(wanted)] == pd.Series(wanted)).all(axis=1)]
        if len(rows) != 1:
            raise ValueError(f"{paper.table}.csv has {len(rows)} rows of {wanted}; a claim's figure is exactly one")
        row = rows.iloc[0]
        cost = f" at {row.gflops} GFLOPs" if row.gflops else ""
        words.append(f"{row.system} {row.model} {row.variant}: {row.top1} % of {row.dataset}{cost}")
        sources.append(row.source)
    return "; ".join(words), f"published/{paper.table}.csv: {'; '.join(dict.fromkeys(sources))}"


def _verdict(row):
    if "seeds" not in row:
        return NOT_RUN
    if few := no_verdict(row["seeds"]):
        return few
    return worded(HOLDS if row["measured"] > 0 else OPPOSITE, row["p"], row["p_holm"], row["comparisons"])


def _differences(claim, tables):
    """The pair's row of differences.csv, either way round."""
    table, a, b = tables["differences"], claim.a, claim.b
    for first, second, sign in ((a, b, 1), (b, a, -1)):
        rows = table[(table.a == first) & (table.b == second)]
        if len(rows):
            row = rows.iloc[0]
            kept = {"measured": sign * row.points, "seeds": int(row.seeds), "p": row.p, **_errors(row)}
            for low, high in (("low", "high"), ("videos_low", "videos_high")):
                kept |= {low: row[low], high: row[high]} if sign == 1 else {low: -row[high], high: -row[low]}
            return [{"compared": _named(claim), "unit": "points of top-1", **kept, **_nets(claim, tables)}]
    return []


def _train_loss(claim, tables):
    """The training loss of the last epoch, seed by seed: higher is a lower training accuracy, in nats."""
    runs = tables["runs"]
    runs = runs[runs.train_loss.notna()]
    a, b = (runs[runs.net == net].set_index("seed").train_loss for net in (claim.a, claim.b))
    apart = (a - b).dropna()
    if not len(apart):
        return []
    mean, low, high, p, error = paired_t(apart.to_numpy(), LOSS_GRAIN)
    kept = {"measured": round(mean, 4), "low": low, "high": high, "seeds": len(apart), "p": p}
    kept |= {"errors": [(error, len(apart) - 1)], "digits": 4}
    return [{"compared": _named(claim), "unit": "nats of training loss", **kept, **_nets(claim, tables)}]


def _searches(claim, tables):
    """Rows of searches.csv: the found one minus each rival."""
    table, rows = tables["searches"], []
    known = table.notebook.str.endswith(claim.a) & table.variant.str.startswith(claim.b) & table.points.notna()
    for column, value in claim.where.items():
        known &= table[column] == value if column in table else False
    again = tables["rematch"].set_index(["search", "variant"])[["points", "verdict"]]
    for row in table[known].itertuples():
        place = (row.search, row.variant)
        note = CHOSEN.format(*again.loc[place]) if place in again.index else ""
        kept = {"measured": row.points, "low": row.low, "high": row.high, "seeds": int(row.seeds), "p": row.p}
        kept |= _errors(row)
        kept |= {"videos_low": row.difference_videos_low, "videos_high": row.difference_videos_high}
        kept |= {"unit": "points of top-1", "videos": int(row.videos), "runs": row.runs, "note": note}
        figure = f"{row.figures}{file_name(row.search, 'search')}.svg"
        rows.append({"compared": f"found - {row.variant}", **kept, "figure": figure})
    return rows


def _errors(row):
    """For `seen_from`, of a row of differences.csv or searches.csv."""
    if no_verdict(row.seeds) or not row.error > 0:
        return {"errors": [(float("nan"), 0)], "digits": 2}
    return {"errors": errors_of(row.error, row.videos_error, row.seeds), "digits": 2}


READERS = {"differences": _differences, "train_loss": _train_loss, "searches": _searches}


def _named(claim):
    return f"{claim.a} - {claim.b}" if claim.of != "searches" else f"found - {claim.b or 'each rival'}"


def _nets(claim, tables):
    """What trade_off.csv says of both nets: videos, what has not learned, costs, runs; and the figure with them."""
    table = tables["trade_off"]
    rows = [table[table.net == net].iloc[0] for net in (claim.a, claim.b)]
    cost = " against ".join(f"{row.gmacs:.3f}" if row.gmacs == row.gmacs else "?" for row in rows) + " GMACs"
    rising = "; ".join(f"{row.net}: {said}" for row in rows if (said := still_rises(row.get("rise", 0.0))))
    runs = " ".join(row.runs for row in rows)
    return {"videos": int(rows[0].videos), "note": rising, "cost": cost, "figure": "trade_off.svg", "runs": runs}
