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
    ("today", "* ir-CSN *", "CSN"),
    ("*", "*", "I3D, R(2+1)D, C2D"),
]
# file, "system model variant", input: what the printed operations are; "" where they are multiply-adds of convolutions
# and linear layers, of one view at the crop that was tested on: these alone compare. First match wins. What each
# publisher counts was found by getting its figures back: bench.published.printed_costs.RULES.
COUNTED = [
    ("csn", "VMZ *-CSN-*", "*", ""),  # its table says 224, its figures are of 256
    ("csn", "VMZ *", "*", "crop not stated"),
    ("csn", "mmaction2-0.x *", "*", "with norms, ReLUs, pools"),
    ("csn", "mmaction2-1.x *", "*", "with norms"),
    ("csn", "CSN paper *", "*", ""),
    ("efficient3dcnns", "*", "*", "with norms, ReLUs, pools"),
    ("rubiksnet", "RubiksNet *", "*", "rule unknown"),
    ("cakes", "*", "*", ""),
    ("today", "MoViNet *", "*", "FLOPs of the video"),
    ("today", "TSM *", "*", "with norms"),  # mmaction2's figure
    ("x3d", "SlowFast *", "*train = test*", ""),
    ("x3d", "SlowFast *", "*", "at the training crop"),
    ("*", "pytorchvideo *", "*", "with norms"),
    ("x3d", "mmaction2-*", "*", "with norms, ReLUs, pools"),
]
OUT_OF_SCOPE = ["* G-Blend *", "* optical flow*", "* int8 *"]  # other inputs than RGB frames, other arithmetic
# weights of another row, measured once more by who ported them: no training of its own
PORTED = ["mmaction2-* *-CSN-152 *ported*", "mmaction2-* X3D-* ported *"]
COLUMNS = ("system", "model", "variant", "dataset", "clips", "crops", "top1", "params_m", "gflops", "notes", "source")
NUMBERS = {name: csv_files.NUMBERS[name] for name in ("top1", "params_m", "gflops")}


def accuracy_rows(folder=ROOT / "results" / "published"):
    """All rows with an accuracy: DataFrame of family, name, dataset, protocol, top1, params_m, gflops, counted, ...

    counted   why its operations do not compare with others'; "" where they do
    doubt     why its costs are not what its publisher printed with it; "" where they are
    scale     rows of one scale are one net at several widths, under one protocol: only they may be joined by a line
    A row's costs are those that are printed with it. A row without any takes those of a row that is about the net
    alone, of no dataset: they were measured, and `doubt` says so. What users report is not published, and left out.
    ValueError: a table that cannot be read, or a dataset that is not in DATASETS
    """
    tables = [_read(path) for path in sorted(Path(folder).glob("*.csv"))]
    if not tables:
        raise ValueError(f"{folder} holds no published tables")
    rows = pd.concat(tables, ignore_index=True)
    left_out = rows.title.map(lambda title: any(fnmatch(title, out) for out in (*OUT_OF_SCOPE, *PORTED)))
    rows = rows[rows.top1.notna() & ~left_out & ~rows.notes.str.startswith("user report")]
    first = rows.groupby(["family", "model", "variant", "dataset", "protocol"], sort=False).top1.transform("first")
    again = (rows.top1 - first).abs().between(1e-9, 0.1)  # an evaluation log's digits of a README's figure
    again |= rows.duplicated(["family", "model", "variant", "dataset", "protocol", "top1"])
    again |= rows.duplicated(["family", "dataset", *NUMBERS]) & rows.gflops.notna()  # one net in two tables
    return rows[~again].reset_index(drop=True)


def _read(path):
    table = read_table(path, COLUMNS, NUMBERS)
    table = table.rename(columns={"input (frames x size)": "input"})
    title = table.system + " " + table.model + " " + table.variant
    table = _with_measured_costs(table)
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
                doubt or _first(COUNTED, path.stem, *each) if pd.notna(gflops) else ""
                for *each, doubt, gflops in zip(title, table.input, table.doubt, table.gflops, strict=True)
            ],
            "doubt": table.doubt,
            "notes": table.notes,
            "scale": [
                f"{path.stem} {model} {re.sub(r'^[0-9.]+x', '', variant)} {how}" if _is_width(variant) else ""
                for model, variant, how in zip(table.model, table.variant, protocol, strict=True)
            ],
        }
    )


def _with_measured_costs(table):
    """The table, a column `doubt` more: nets without printed costs have those that were measured of them."""
    net = ["system", "model", "variant", "input"]
    measured = table[table.dataset == ""].drop_duplicates(net).set_index(net)[["params_m", "gflops"]]
    own = table[["params_m", "gflops"]].notna().any(axis=1)
    found = measured.reindex(pd.MultiIndex.from_frame(table[net])).set_index(table.index)
    taken = ~own & found.notna().any(axis=1)
    table.loc[taken, ["params_m", "gflops"]] = found[taken]
    late = table.source.str.startswith("secondary")
    doubt = pd.Series("", table.index).mask(late & own, "from a later paper").mask(taken, "measured, not printed")
    return table.assign(doubt=doubt.mask(table.notes.str.contains("may be mislabelled"), "may be another net's"))


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
    """ValueError: no rule fits, so nobody has said what is counted."""
    for rule in rules:
        if all(map(fnmatch, said, rule[:-1])):
            return rule[-1]
    raise ValueError(f"results/published: no rule of bench.report.published_rows is about {', '.join(said)}")
