"""Tables: from finished runs to tidy CSV and Markdown. Nothing is timed or trained here."""

import json
import shutil
from fnmatch import fnmatch
from itertools import combinations
from pathlib import Path

import pandas as pd

from lib.files import read_json, replacing, write_text
from lib.run import ROOT, commit, done

# first match wins
SYSTEMS = {
    "*csn*": "CSN",
    "rubiksnet*": "RubiksNet",
    "tsm*": "RubiksNet",
    "cakes*": "CAKES",
    "gst*": "CAKES",
    "c2d*": "Optimization Planning",
    "i3d*": "Optimization Planning",
    "*p3d*": "Optimization Planning",
    "r2p1d*": "Optimization Planning",
    "s3d*": "Optimization Planning",
    "*": "Efficient-3DCNNs",
}
# column of the printed table: (column of the CSV, format)
SHOWN = {
    "net": ("net", "{}"),
    "labels": ("labels", "{}"),
    "top-1 %": ("top1", "{:.1f}"),
    "from": ("top1_low", "{:.1f}"),
    "to": ("top1_high", "{:.1f}"),
    "GMACs": ("gmacs", "{:.3f}"),
    "params M": ("params_m", "{:.3f}"),
    "MB moved": ("mbytes_moved", "{:.1f}"),
    "ms p50": ("latency_ms_p50", "{:.2f}"),
    "ms p90": ("latency_ms_p90", "{:.2f}"),
}
# the same of the table of searches
SEARCHES_SHOWN = {
    "search": ("search", "{}"),
    "model": ("model", "{}"),
    "seed": ("seed", "{}"),
    "pixels": ("size", "{}"),
    "variant": ("variant", "{}"),
    "top-1 %": ("top1", "{:.1f}"),
    "from": ("top1_low", "{:.1f}"),
    "to": ("top1_high", "{:.1f}"),
    "found - this": ("points", "{:+.1f}"),
    "at least": ("low", "{:+.1f}"),
    "at most": ("high", "{:+.1f}"),
    "verdict": ("verdict", "{}"),
}


def system_of(model):
    """The published system that a net of the registry belongs to."""
    return next(system for pattern, system in SYSTEMS.items() if fnmatch(model, pattern))


def trade_off(runs):
    """One row per finished training of the suite in folder `runs`: what, on what, how well, at what cost, whence.

    Only ids that the suite's plan names are read, and only runs with done.json; `other_commit` marks rows that another
    state of the code made. A cost that is not measured yet is empty.
    """
    costs = {
        _key(net): {**net, "origin": record["provenance"]}
        for _, record in _finished(runs, "costs")
        for net in record["nets"]
    }
    now = commit()
    return pd.DataFrame([_row(job, record, costs, now) for job, record in _finished(runs, "train")])


def _finished(runs, rule):
    """[(job of plan.json, its done.json)] of one rule."""
    jobs = [job for job in read_json(Path(runs) / "plan.json")["jobs"] if job["rule"] == rule]
    return [(job, record) for job in jobs if (record := done(Path(runs) / job["id"]))]


def _key(net):
    return json.dumps([net[name] for name in ("model", "options", "frames", "size")], sort_keys=True)


def net_name(options):
    """What tables and figures call a training's net: its model, and the options that it was given."""
    return " ".join([options["model"], *(f"{name}={value}" for name, value in options["options"].items())])


def _labels(options):
    """The label set's name; the dataset's, if it has but one."""
    return options["labels"] or options["data"].rpartition("-")[0]


def _row(job, record, costs, now):
    o, test, origin = job["options"], record["test"], record["provenance"]
    cost = costs.get(_key(o), {})
    return {
        "net": net_name(o),
        "system": system_of(o["model"]),
        "model": o["model"],
        "options": json.dumps(o["options"], sort_keys=True),
        "weights": o.get("weights", ""),
        "dataset": o["data"],
        "labels": _labels(o),
        "split": "test",
        "frames": o["frames"],
        "size": o["size"],
        "views": test["views"],
        "level": "video",
        "videos": test["videos"],
        "top1": round(test["top1"], 2),
        "top1_low": round(test["top1_low"], 2),
        "top1_high": round(test["top1_high"], 2),
        "top5": round(test["top5"], 2),
        "clip_top1": round(test["clip_top1"], 2),
        "chance": round(100 / test["classes"], 2),
        "params_m": cost.get("params_m"),
        "gmacs": cost.get("gmacs"),
        "mbytes_moved": cost.get("mbytes_moved"),
        "latency_ms_p50": cost.get("latency_ms_p50"),
        "latency_ms_p90": cost.get("latency_ms_p90"),
        "clips_per_s": cost.get("clips_per_s"),
        "peak_memory_mb": cost.get("peak_memory_mb"),
        "latency_threads": cost.get("threads"),
        **{f"latency_{name}": cost.get("origin", {}).get(name) for name in ("device", "torch", "commit", "date")},
        "seed": o["seed"],
        "train_seconds": round(sum(row["seconds"] for row in record["history"]), 1),
        **{name: origin[name] for name in ("device", "torch", "threads", "commit", "date")},
        "other_commit": origin["commit"] != now,
        "run": job["id"],
    }


TIMED = ("latency_ms_p50", "latency_ms_p90", "clips_per_s", "peak_memory_mb", "train_seconds", "date", "latency_date")


def differences(runs):
    """One row per pair of nets with the same test videos and seed: the paired difference of their top-1."""
    from lib.evaluate.intervals import paired_difference

    rows = []
    for (a, record_a), (b, record_b) in combinations(_finished(runs, "train"), 2):
        if any(a["options"][name] != b["options"][name] for name in ("data", "labels", "seed")):
            continue
        test_a, test_b = record_a["test"], record_b["test"]
        points, low, high = paired_difference(test_a["predicted"], test_b["predicted"], test_a["labels"])
        better = net_name((a if points > 0 else b)["options"])
        verdict = "not distinguishable" if low <= 0 <= high else f"{better} is better"
        figures = {"points": round(points, 2), "low": round(low, 2), "high": round(high, 2)}
        pair = {"labels": _labels(a["options"]), "seed": a["options"]["seed"]}
        pair |= {"a": net_name(a["options"]), "b": net_name(b["options"])}
        rows.append({**pair, **figures, "verdict": verdict})
    return pd.DataFrame(rows)


def searches(runs):
    """One row per variant that a finished search trained and tested: how well, and by how much the found one is better.

    A search's done.json has `variants`, see `compared`; a further figure (a number, a text, a bool) becomes a column.
    """
    rows, now = [], commit()
    for job, record in _finished(runs, "search"):
        o, origin = job["options"], record["provenance"]
        what = {
            "search": job["notebook"],
            "model": o["model"],
            "labels": o["labels"],
            "seed": o["seed"],
            "size": o["size"],
        }
        whence = {key: origin[key] for key in ("device", "torch", "threads", "commit", "date")}
        whence |= {"other_commit": origin["commit"] != now, "run": job["id"]}
        rows += [
            {**what, **row, "dataset": o["data"], "split": "test", **whence} for row in compared(record["variants"])
        ]
    return pd.DataFrame(rows)


def compared(variants):
    """A row per variant, {name: {"test": what lib.evaluate.predictions.accuracies returns, further figures}}.

    The first is what was found; `points` with its interval is the found one's top-1 minus this one's, same videos.
    """
    from lib.evaluate.intervals import paired_difference

    rows, found = [], next(iter(variants.values()))["test"]
    for name, variant in variants.items():
        test = variant["test"]
        row = {"variant": name, **{key: value for key, value in variant.items() if key != "test"}}
        row |= {"videos": test["videos"], **{key: round(test[key], 2) for key in ("top1", "top1_low", "top1_high")}}
        if test is not found:
            points = paired_difference(found["predicted"], test["predicted"], test["labels"])
            row |= {key: round(value, 2) for key, value in zip(("points", "low", "high"), points, strict=True)}
            row["verdict"] = _verdict(*points)
        rows.append(row)
    return rows


def _verdict(points, low, high):
    if low <= 0 <= high:
        return "not distinguishable"
    return "the found one is better" if points > 0 else "the found one is worse"


def write(table, folder, name):
    """Write `table` as <name>.csv and <name>.md into `folder`."""
    with replacing(Path(folder) / f"{name}.csv") as path:
        table.to_csv(path, index=False)
    write_text(Path(folder) / f"{name}.md", to_markdown(table) + "\n")


def shown(table):
    """The table of trainings or of searches as people read it: fewer columns, rounded, trainings cheapest first.
    A DataFrame of text."""
    searched = "variant" in table
    table = table if searched else table.sort_values(["labels", "gmacs", "model"], kind="stable")
    columns = {
        title: [form.format(value) if pd.notna(value) else "" for value in table.get(column, [None] * len(table))]
        for title, (column, form) in (SEARCHES_SHOWN if searched else SHOWN).items()
    }
    return pd.DataFrame(columns)


def to_text(table):
    return shown(table).to_string(index=False)


def to_markdown(table):
    table = shown(table) if "top1" in table else table.map(lambda cell: f"{cell:.1f}" if type(cell) is float else cell)
    rows = [table.columns, ["---"] * len(table.columns), *table.astype(str).values]
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def ship(suite, out=ROOT):
    """Copy the tables and figures of results/<suite> to results/shipped/<suite>, which is committed."""
    source, target = Path(out) / "results" / suite, ROOT / "results" / "shipped" / suite
    files = sorted(p for p in source.glob("*") if p.suffix in {".csv", ".md", ".svg", ".png"})
    if not files:
        raise ValueError(f"{source} holds no tables; `python -m bench run {suite}` writes them")
    target.mkdir(parents=True, exist_ok=True)
    for file in files:
        shutil.copyfile(file, target / file.name)
        print(target / file.name)
