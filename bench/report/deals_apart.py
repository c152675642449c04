"""Do the seeds of a search find one deal? How far its deals lie from the even one and from each other, beside chance.

Chance is a search whose gammas know nothing: each layer keeps its candidates blindly.
"""

import json
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from bench.report.csv_files import read_table
from bench.report.shipped_seeds import SHIPPED
from bench.report.suite_tables import SEARCHES
from lib.search.subkernels.deals import moved_channels
from lib.search.subkernels.search import prune

FOUND, EVEN = "searched", "uniform"
NEEDED = ("search", "notebook", "seed", "variant", "deal")


def deals_apart(notebook, shipped=None, draws=200):
    """A row per search of `notebook` in `searches`; None where that is not shipped, or no search has two seeds.

    Distances are those of `moved_channels`, in percent of the channels. `even` is the mean from the even deal over the
    seeds, `pairs` the mean over all pairs of seeds; each with its least and most, and `blind_..`: between which bounds
    the same mean lies in 95 of 100 draws of as many blind deals.
    """
    path = Path(shipped or SHIPPED) / SEARCHES / "search_runs.csv"
    if not path.is_file():
        return None
    runs, rows = read_table(path, NEEDED), []
    for name, of_search in runs[runs.notebook == notebook].groupby("search", sort=False):
        deals, evens = ([json.loads(deal) for deal in of_search.deal[of_search.variant == v]] for v in (FOUND, EVEN))
        if len(deals) > 1:
            rows.append({"search": name, "seeds": len(deals), **_row(deals, evens[0], draws)})
    return pd.DataFrame(rows) if rows else None


def _row(deals, even, draws):
    row, rng = {}, torch.Generator().manual_seed(0)
    means = [{key: np.mean(far) for key, far in _distances(_blind(even, len(deals), rng), even).items()}
             for _ in range(draws)]  # fmt: skip
    for key, far in _distances(deals, even).items():
        low, high = np.percentile([mean[key] for mean in means], [2.5, 97.5])
        row |= {key: np.mean(far), f"{key}_low": min(far), f"{key}_high": max(far)}
        row |= {f"blind_{key}_low": low, f"blind_{key}_high": high}
    return row


def _distances(deals, even):
    pairs = [moved_channels(*pair) for pair in combinations(deals, 2)]
    return {"even": [moved_channels(deal, even) for deal in deals], "pairs": pairs}


def _blind(even, count, rng):
    """Deals of a search whose gammas are random numbers, of as many channels as `even`."""
    sizes = [(list(split), sum(split.values())) for split in even]
    return [[prune(torch.rand(len(kinds) * n, generator=rng), kinds) for kinds, n in sizes] for _ in range(count)]


def apart_as_read(found):
    """The table of `deals_apart`, formatted; a search is called by what tells it from the others of its notebook."""
    table = {"search": [_called(row) for row in found.itertuples()], "seeds": found.seeds}
    for key, title in (("even", "from even, %"), ("pairs", "seed from seed, %")):
        ends = zip(found[key], found[f"{key}_low"], found[f"{key}_high"], strict=True)
        blind = zip(found[f"blind_{key}_low"], found[f"blind_{key}_high"], strict=True)
        table[title] = [f"{mean:.1f} ({low:.1f} to {high:.1f})" for mean, low, high in ends]
        table[f"{title}, of blind deals"] = [f"{low:.1f} to {high:.1f}" for low, high in blind]
    return pd.DataFrame(table)


def apart_in_words(found):
    """One line for all searches: do their deals lie as blind ones do?"""
    return "; ".join(_said(row) for row in found.itertuples())


def _said(row):
    blind = row.blind_even_low <= row.even <= row.blind_even_high
    blind &= row.blind_pairs_low <= row.pairs <= row.blind_pairs_high
    word = "as blind deals lie: no order that the seeds share stands out"
    if not blind:
        nearer = "nearer" if row.pairs < row.even else "no nearer"
        word = f"not as blind deals lie: {nearer} to each other than to the even one"
    return f"{_called(row)}: {row.even:.0f} % from even, {row.pairs:.0f} % seed from seed, {word}"


def _called(row):
    return row.search.partition(" ")[2] or row.search
