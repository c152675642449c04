"""The published accuracies beside their costs: one row per net, dataset and protocol, and how its cost was counted."""

import re
from fnmatch import fnmatch
from pathlib import Path

import pandas as pd

from bench.report import csv_files
from bench.report.csv_files import read_table
from lib.run import ROOT

FIVE = ("Efficient-3DCNNs", "CSN", "RubiksNet", "CAKES", "Optimization Planning")
DATASETS = ("Something-Something V1", "Something-Something V2", "Kinetics-400", "Kinetics-600", "Jester", "UCF-101")
DATASETS += ("HMDB51", "ActivityNet")
# file, "system model variant": the family that a point's look tells; first match wins
FAMILIES = [
    ("csn", "*-CSN-*", "CSN"),
    ("efficient3dcnns", "* I3D *", "I3D, R(2+1)D, C2D"),
    ("efficient3dcnns", "*", "Efficient-3DCNNs"),
    ("rubiksnet", "RubiksNet *", "RubiksNet"),
    ("cakes", "CAKES *", "CAKES"),
    ("cakes", "GST *", "GST"),
    ("optplan", "*", "Optimization Planning"),
    ("*", "* X3D-*", "X3D"),
    ("*", "MoViNet *", "MoViNet"),
    ("*", "TSM *", "TSM and TSN"),
    ("*", "* Slow*", "SlowFast"),
    ("today", "* ip-CSN *", "CSN"),
    ("*", "*", "I3D, R(2+1)D, C2D"),
]
# file, "system model variant", input: what the printed operations are; "" where they are multiply-adds of one view at
# the crop that was tested on, which alone compare. First match wins.
COUNTED = [
    ("csn", "VMZ *-CSN-*", "*", ""),  # its table says 224, its figures are of 256: bench.published.printed_costs
    ("csn", "VMZ *", "*", "crop not stated"),
    ("csn", "CSN paper *", "*", "taken from a later paper"),
    ("csn", "*", "*", ""),
    ("efficient3dcnns", "*", "*", "with norms, ReLUs, pools"),
    ("rubiksnet", "RubiksNet *", "*", ""),
    ("cakes", "*", "*", ""),
    ("today", "MoViNet *", "*", "FLOPs of the video"),
    ("today", "*", "*", ""),
    ("x3d", "SlowFast *", "*train = test*", ""),
    ("x3d", "SlowFast *", "*", "at the training crop"),
    ("x3d", "*", "*not stated*", "crop not stated"),
    ("x3d", "mmaction2-1.x X3D-S *", "*", "at 192, tested at 182"),
    ("x3d", "*", "*", ""),
]
OUT_OF_SCOPE = ["* G-Blend *", "* optical flow*", "* int8 *"]  # other inputs than RGB frames, other arithmetic
COLUMNS = ("system", "model", "variant", "dataset", "clips", "crops", "top1", "params_m", "gflops", "notes", "source")
NUMBERS = {name: csv_files.NUMBERS[name] for name in ("top1", "params_m", "gflops")}


def accuracy_rows(folder=ROOT / "results" / "published"):
    """All rows with an accuracy: DataFrame of family, name, dataset, protocol, top1, params_m, gflops, counted, scale.

    counted   why its operations do not compare with others'; "" where they do
    scale     rows of one scale are one net at several widths, under one protocol: only they may be joined by a line
    A row without costs takes those that the same file prints for the same net and input.
    ValueError: a table that cannot be read, or a dataset that is not in DATASETS
    """
    tables = [_read(path) for path in sorted(Path(folder).glob("*.csv"))]
    if not tables:
        raise ValueError(f"{folder} holds no published tables")
    rows = pd.concat(tables, ignore_index=True)
    rows = rows[rows.top1.notna() & ~rows.title.map(lambda title: any(fnmatch(title, out) for out in OUT_OF_SCOPE))]
    first = rows.groupby(["family", "model", "variant", "dataset", "protocol"], sort=False).top1.transform("first")
    again = (rows.top1 - first).abs().between(1e-9, 0.1)  # an evaluation log's digits of a README's figure
    again |= rows.duplicated(["family", "model", "variant", "dataset", "protocol", "top1"])
    again |= rows.duplicated(["family", "dataset", *NUMBERS]) & rows.gflops.notna()  # one net in two tables
    return rows[~again].reset_index(drop=True)


def _read(path):
    table = read_table(path, COLUMNS, NUMBERS)
    table = table.rename(columns={"input (frames x size)": "input"})
    title = table.system + " " + table.model + " " + table.variant
    for cost in ("params_m", "gflops"):
        known = table.dropna(subset=[cost]).drop_duplicates(["system", "model", "variant", "input"])
        known = known.set_index(["system", "model", "variant", "input"])[cost]
        keys = pd.MultiIndex.from_frame(table[["system", "model", "variant", "input"]])
        table[cost] = table[cost].fillna(pd.Series(known.reindex(keys).to_numpy(), index=table.index))
    protocol = [_protocol(*each) for each in zip(table.input, table.clips, table.crops, strict=True)]
    return pd.DataFrame(
        {
            "family": [_first(FAMILIES, path.stem, each) for each in title],
            "title": title,
            "model": table.model,
            "variant": table.variant,
            "name": [f"{model} {variant}".strip() for model, variant in zip(table.model, table.variant, strict=True)],
            "publisher": table.system,
            "dataset": [_dataset(each, path) for each in table.dataset],
            "protocol": protocol,
            **{name: table[name] for name in NUMBERS},
            "counted": [
                _first(COUNTED, path.stem, *each) if pd.notna(gflops) else ""
                for *each, gflops in zip(title, table.input, table.gflops, strict=True)
            ],
            "scale": [
                f"{path.stem} {model} {re.sub(r'^[0-9.]+x', '', variant)} {how}" if _is_width(variant) else ""
                for model, variant, how in zip(table.model, table.variant, protocol, strict=True)
            ],
        }
    )


def _is_width(variant):
    return bool(re.match(r"[0-9.]+x(_|$)", variant))


def _protocol(input, clips, crops):
    """ "16x224, 10 x 3": frames x size, clips x crops; what nobody says is "?"."""
    clips = "whole video" if clips.startswith("all") else clips or "?"
    return f"{input or '?'}, {clips} x {crops.partition(' ')[0] or '?'}"


def _dataset(name, path):
    """The one name of a dataset that is written in several ways; "" where a row is of none."""
    bare = re.sub(r"[^a-z0-9]", "", name.lower().removesuffix(" val"))
    for known in DATASETS:
        if bare in ("", re.sub(r"[^a-z0-9]", "", known.lower())):
            return known if bare else ""
    raise ValueError(f"{path}: no dataset {name!r}; there are {', '.join(DATASETS)}")


def _first(rules, *said):
    return next(rule[-1] for rule in rules if all(map(fnmatch, said, rule[:-1])))
