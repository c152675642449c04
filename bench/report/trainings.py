"""The tables of a suite's trainings: a row per training, a row per net, a row per pair of nets."""

import json
from itertools import combinations

import pandas as pd

from bench.report.curves import FEWEST, last_quarter, still_rises
from bench.report.names import label_set
from bench.report.records import COSTS, finished, nets, tests_of
from bench.report.shipped_seeds import recipe_of
from lib.evaluate.comparisons import Comparison, compare, no_verdict, summary
from lib.run import commit

ORIGIN = ("device", "torch", "threads", "commit", "date")
DIGITS = {"p": 5, "p_holm": 5, "error": 4, "videos_error": 4}  # of a difference; of its other figures 2


def trainings(runs):
    """runs.csv: one row per finished training of the suite in folder `runs`.

    The interval is Wilson's, over the test videos alone: it says nothing of another training. `other_commit` marks
    rows that another state of the code made.
    """
    now = commit()
    rows = []
    for (name, _), seeds in nets(runs).items():
        for seed, (job, record) in sorted(seeds.items()):
            test, origin = record["test"], record["provenance"]
            shares = ("top1", "top1_low", "top1_high", "top5", "clip_top1")
            rows.append(
                {
                    **_what(name, job, test),
                    "seed": seed,
                    **{share: round(test[share], 2) for share in shares},
                    "chance": round(100 / test["classes"], 2),
                    "train_loss": _last(record, "train_loss", 4),
                    "rise": _rise(record),
                    "train_seconds": _seconds(record),
                    "precision": _precision(record),
                    **{key: origin[key] for key in ORIGIN},
                    "other_commit": origin["commit"] != now,
                    "run": job["id"],
                }
            )
    return pd.DataFrame(rows)


def _last(record, key, digits):
    """A figure of the last epoch; None in a record that does not hold it."""
    return _rounded(record["history"][-1].get(key), digits)


def _rise(record):
    """How far val still rises over the last quarter, points; None where there are too few epochs to say."""
    val = [row.get("val_top1") for row in record["history"]]
    return round(last_quarter(val), 2) if len(val) >= FEWEST and None not in val else None


def trade_off(runs):
    """trade_off.csv: one row per net: what, on what, how well over its seeds, at what cost, whence.

    top1 is the mean over seeds, top1_low and top1_high its 95 % interval over seeds, empty with one seed;
    videos_low and videos_high the one that resamples the test videos as well. A cost that is not measured is empty.
    """
    costs, now = {}, commit()
    for job, record in finished(runs, "costs"):
        for net in record["nets"]:
            if (counted := costs.setdefault(_key(net), (net, record["provenance"])))[0] is not net:
                raise ValueError(f"{runs}: {job['id']} counts {counted[0]['model']} twice; delete it and run again")
    return pd.DataFrame([_net_row(name, seeds, costs, now) for (name, _), seeds in nets(runs).items()])


def _net_row(name, seeds, costs, now):
    (job, first), records = next(iter(seeds.values())), [record for _, record in seeds.values()]
    over = summary(tests_of(seeds))
    tops = [round(seeds[seed][1]["test"]["top1"], 2) for seed in sorted(seeds)]
    rises = [_rise(record) for record in records]
    rise = None if None in rises else round(_mean(rises), 2)
    cost, timed = costs.get(_key(job["options"]), ({}, {}))
    points = {"top1": over.mean, "top1_low": over.low, "top1_high": over.high, "top1_sd": over.sd}
    points |= {"videos_low": over.videos_low, "videos_high": over.videos_high}
    points |= {share: _mean(record["test"][share] for record in records) for share in ("top5", "clip_top1")}
    return {
        **_what(name, job, first["test"]),
        "seeds": len(seeds),
        "note": no_verdict(len(seeds)) or still_rises(rise),
        **{key: _rounded(value) for key, value in points.items()},
        "top1_min": min(tops),
        "top1_max": max(tops),
        "top1_by_seed": " ".join(map(str, tops)),
        "seed_numbers": " ".join(map(str, sorted(seeds))),
        "rise": rise,
        "recipe": recipe_of(job),
        "chance": round(100 / first["test"]["classes"], 2),
        **{name: cost.get(name) for name in COSTS},
        "latency_threads": cost.get("threads"),
        **{f"latency_{key}": timed.get(key) for key in ("device", "torch", "commit", "date")},
        "train_seconds": round(_mean(map(_seconds, records)), 1),
        "precision": _all(map(_precision, records)),
        **{key: _all(record["provenance"][key] for record in records) for key in ORIGIN},
        "other_commit": any(record["provenance"]["commit"] != now for record in records),
        "runs": " ".join(job["id"] for job, _ in seeds.values()),
    }


def _what(name, job, test):
    """The columns that say what was trained, and on what it was measured."""
    from lib import models  # torch takes seconds: only where it is needed

    o = job["options"]
    return {
        "net": name,
        "system": models.system_of(o["model"]),
        "model": o["model"],
        "options": json.dumps(o["options"], sort_keys=True),
        "weights": o.get("weights", ""),
        "dataset": o["data"],
        "labels": label_set(o),
        "split": "test",
        "frames": o["frames"],
        "size": o["size"],
        "views": test["views"],
        "protocol": test.get("protocol", ""),
        "level": "video",
        "videos": test["videos"],
    }


def differences(runs):
    """differences.csv: one row per pair of nets with the same test videos, by the paired differences of their seeds.

    Beside what was compared, the columns are those of lib.evaluate.comparisons.Comparison; all pairs of the table are
    corrected together. Of no pair, the header.
    """
    pairs, compared = [], []
    for ((name_a, set_a), a), ((name_b, set_b), b) in combinations(nets(runs).items(), 2):
        if set_a == set_b and _data(a) == _data(b):
            pairs.append((name_a, tests_of(a), name_b, tests_of(b)))
            seeds = " ".join(map(str, sorted(a.keys() & b.keys())))
            compared.append([set_a, _data(a), next(iter(a.values()))[1]["test"]["videos"], seeds])
    rows = [[*what, *_compared(row)] for what, row in zip(compared, compare(pairs), strict=True)]
    return pd.DataFrame(rows, columns=["labels", "dataset", "videos", "seed_numbers", *Comparison._fields])


def _compared(row):
    return [
        _rounded(value, DIGITS.get(name, 2)) if type(value) is float else value for name, value in row._asdict().items()
    ]


def _data(seeds):
    job, _ = next(iter(seeds.values()))
    return job["options"]["data"]


def _key(net):
    return json.dumps([net[name] for name in ("model", "options", "frames", "size")], sort_keys=True)


def _seconds(record):
    return round(sum(row["seconds"] for row in record["history"]), 1)


def _precision(record):
    """Of the training; records of before it could be chosen do not say it."""
    return record.get("precision", "fp32")


def _mean(values):
    values = list(values)
    return sum(values) / len(values)


def _rounded(value, digits=2):
    return None if value is None else round(value, digits)


def _all(values):
    """One value, or all that differ, in one cell."""
    values = list(dict.fromkeys(values))
    return values[0] if len(values) == 1 else " ".join(map(str, values))
