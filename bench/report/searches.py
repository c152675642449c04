"""The tables of a suite's searches: what was found against its rivals, over the seeds of the search."""

import json
from pathlib import Path

import pandas as pd

from bench.report.names import label_set, unique_names
from bench.report.records import enter, finished
from bench.report.trainings import DIGITS
from lib.evaluate.comparisons import compare, no_verdict, summary
from lib.run import commit

NEVER = {"test"}  # of a variant: not a column
# options of a search that add rivals to what it finds: no part of its name
RIVALS = ("alone", "random_deals", "rivals")
# columns that the tables fill, beside those of `_row`
TAKEN = "search notebook model dataset labels size split seed run runs device torch threads commit date".split()


def searches(runs):
    """searches.csv: one row per variant of a search, over its seeds.

    A search's done.json has `variants`, see `compared`. All rows of the table are corrected together.
    """
    now, found = commit(), searched(runs)
    rows = compared_all([variants_of(seeds) for seeds in found.values()])
    table = []
    for (name, seeds), variants in zip(found.items(), rows, strict=True):
        what = columns_of(name, seeds)
        origins = [record["provenance"] for _, record in seeds.values()]
        whence = {key: _same([origin[key] for origin in origins]) for key in ("device", "torch", "threads", "commit")}
        whence |= {"date": max(origin["date"] for origin in origins)}
        whence |= {"other_commit": any(origin["commit"] != now for origin in origins)}
        whence |= {"runs": run_ids(seeds)}
        table += [{**what, **row, "split": "test", **whence} for row in variants]
    return pd.DataFrame(table)


def search_runs(runs):
    """search_runs.csv: one row per variant and seed, with its own interval over the test videos alone."""
    rows = []
    for name, seeds in searched(runs).items():
        for seed, (job, record) in sorted(seeds.items()):
            for variant, kept in record["variants"].items():
                shares = ("top1", "top1_low", "top1_high")
                row = {**columns_of(name, seeds), "seed": seed, "variant": variant, "videos": kept["test"]["videos"]}
                row |= {share: round(kept["test"][share], 2) for share in shares}
                rows.append({**row, **_further(kept), "commit": record["provenance"]["commit"], "run": job["id"]})
    return pd.DataFrame(rows)


def searched(runs):
    """{the search's name: {seed: (job, record)}}, in the suite's order."""
    done, found = finished(runs, "search"), {}
    options = [
        {**job["options"], "model": job["options"].get("model", ""), "search": job["notebook"]} for job, _ in done
    ]
    names = unique_names(options, base=lambda o: o["search"], apart=("seed", *RIVALS))
    names = _by_label_set(names, [label_set(each) for each in options])
    for name, (job, record) in zip(names, done, strict=True):
        seeds = found.setdefault(name, {})
        enter(seeds, job, record, runs, f"{name} was searched")
        first, other = next(iter(seeds.values()))
        won, winner = (next(iter(each["variants"])) for each in (other, record))
        if winner != won:
            both = f"{Path(runs) / first['id']} found {won!r}, {Path(runs) / job['id']} {winner!r}"
            raise ValueError(f"{both}: what was found has one name")
    return found


def _by_label_set(names, labels):
    """The names, with the label set where one stands for several: a search's name is its figure's, too."""
    of = {name: {each for other, each in zip(names, labels, strict=True) if other == name} for name in names}
    return [f"{name} labels={each}" if len(of[name]) > 1 else name for name, each in zip(names, labels, strict=True)]


def variants_of(seeds):
    """{seed: {variant: what its record keeps}}, the found one first."""
    return {seed: record["variants"] for seed, (_, record) in seeds.items()}


def run_ids(seeds):
    return " ".join(job["id"] for job, _ in seeds.values())


def columns_of(name, seeds):
    """The columns that say what was searched, and on what."""
    job, _ = next(iter(seeds.values()))
    o = job["options"]
    return {
        "search": name,
        "notebook": job["notebook"],
        "model": o.get("model", ""),  # a search of one's own may have none
        "dataset": o["data"],
        "labels": label_set(o),
        "size": o["size"],
    }


def compared(by_seed):
    """A row per variant of one search: how well over its seeds, and by how much the found one is better.

    by_seed  {seed: {variant: {"test": what lib.evaluate.accuracies returns, further figures}}}; the first variant is
             what was found. A further number is averaged over the seeds, a text is kept where all seeds say the same.
    `points` is the found one's top-1 minus this one's, same seeds, same videos.
    """
    return compared_all([by_seed])[0]


def compared_all(searches):
    """`compared` of several searches, whose verdicts are corrected together."""
    variants = [_variants(by_seed) for by_seed in searches]
    pairs, home = [], []
    for number, each in enumerate(variants):
        found, *rivals = each
        for rival in rivals:
            pairs.append((found, _tests(each[found]), rival, _tests(each[rival])))
            home.append((number, rival))
    against = dict(zip(home, compare(pairs), strict=True))
    return [
        [_row(name, seeds, against.get((number, name))) for name, seeds in each.items()]
        for number, each in enumerate(variants)
    ]


def _variants(by_seed):
    """{variant: {seed: kept}}, in the order in which they are first met."""
    found = {}
    for seed, variants in by_seed.items():
        for name, kept in variants.items():
            found.setdefault(name, {})[seed] = kept
    return found


def _tests(seeds):
    return {seed: kept["test"] for seed, kept in seeds.items()}


def _row(name, seeds, against):
    tests = _tests(seeds)
    over, first = summary(tests), next(iter(tests.values()))
    row = {"variant": name, "seeds": len(seeds), "seed_numbers": " ".join(map(str, sorted(seeds)))}
    row |= {"videos": first["videos"], "top1": over.mean, "top1_low": over.low, "top1_high": over.high}
    row |= {"videos_low": over.videos_low, "videos_high": over.videos_high, "top1_sd": over.sd}
    row |= {"top1_by_seed": " ".join(f"{tests[seed]['top1']:.2f}" for seed in sorted(tests))}
    if against:
        row |= {"points": against.points, "low": against.low, "high": against.high}
        row |= {"difference_videos_low": against.videos_low, "difference_videos_high": against.videos_high}
        told = ("error", "videos_error", "p", "p_holm", "comparisons", "seen_from")
        row |= {name: getattr(against, name) for name in told}
    row = {key: round(value, DIGITS.get(key, 2)) if type(value) is float else value for key, value in row.items()}
    row["verdict"] = against.verdict if against else no_verdict(len(seeds))
    further = [_further(kept) for kept in seeds.values()]
    if taken := sorted({*row, *TAKEN} & set().union(*further)):
        raise ValueError(f"{name}: a figure of a search cannot be called {taken[0]}: a column of its table is")
    return row | {key: _over_seeds([each.get(key) for each in further]) for key in further[0]}


def _further(kept):
    return {key: value for key, value in kept.items() if key not in NEVER}


def _over_seeds(values):
    """Numbers are averaged; anything else stays where it is the same in every seed."""
    if all(isinstance(value, int | float) and not isinstance(value, bool) for value in values):
        return values[0] if len(set(values)) == 1 else sum(values) / len(values)
    return _same(values)


def _same(values):
    return values[0] if len({json.dumps(value) for value in values}) == 1 else "differs"
