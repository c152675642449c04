"""Thousands of damaged records, jobs and tables: read, or refused by the file's name; never a raw error."""

import json
import random

import pytest
from helpers.suite_runs import home_of, write_runs, write_search

from bench.report.claims import claims
from bench.report.csv_files import write
from bench.report.searches import search_runs, searches
from bench.report.trainings import differences, trade_off, trainings

VALUES = [None, True, -1, 0, 1e400, float("nan"), 10**30, "", "x", [], {}, [1], {"a": 1}, "../x", "\0"]
BYTES = [b"nan", b",", b"\n", b'"', b"-1", b"\xff", b"{", b"1e9", b"\0", b"inf"]
NETS = [("resnet3d_nano", {0: 91, 1: 90, 2: 92}), ("ircsn_nano", {0: 12, 1: 14, 2: 13}), ("csn_r3d_nano", {0: 15})]
FOUND = {("11_search_sub_kernels", seed): {"found": 70 + seed, "uniform": 20 + seed} for seed in range(3)}
TABLES = ("trade_off", "runs", "differences", "searches")


@pytest.fixture(scope="module")
def readers(tmp_path_factory):
    """[(a file, f() that reads it)]"""
    home = tmp_path_factory.mktemp("damaged")
    runs = write_runs(home / "runs", NETS, {"ircsn_nano": 0.05, "csn_r3d_nano": 0.1}, videos=20)
    found = write_search(home / "searches", FOUND)
    for name, make, source in zip(TABLES, (trade_off, trainings, differences, searches), (*[runs] * 3, found),
                                  strict=True):  # fmt: skip
        write(make(source), home / "tables", name)
    records = [home_of(runs, "run-0"), home_of(runs, "costs")]
    return [
        *((folder / "done.json", lambda: (trainings(runs), trade_off(runs))) for folder in records),
        (runs / "jobs.json", lambda: trade_off(runs)),
        (found / "jobs.json", lambda: searches(found)),
        (home_of(found, "11_search_sub_kernels-0") / "done.json", lambda: (searches(found), search_runs(found))),
        *((home / "tables" / f"{name}.csv", lambda: claims(home / "tables")) for name in TABLES),
    ]


def other_value(rng, value):
    """A JSON value with something in it removed, doubled or replaced."""
    if not isinstance(value, dict | list) or not value:
        return rng.choice(VALUES)
    chance, copy = rng.random(), type(value)(value)
    key = rng.choice(list(value)) if isinstance(value, dict) else rng.randrange(len(value))
    if chance < 0.15:
        del copy[key]
    elif chance < 0.3:
        copy[key] = rng.choice(VALUES)
    else:
        copy[key] = other_value(rng, value[key])
    return copy


def other_bytes(rng, content):
    content = bytearray(content)
    for _ in range(rng.randint(1, 4)):
        place = rng.randrange(len(content) + 1)
        if rng.random() < 0.5:
            del content[place : place + rng.randint(1, 40)]
        else:
            content[place:place] = rng.choice(BYTES)
    return bytes(content)


def read_damaged(readers, examples, seed):
    rng = random.Random(seed)
    for file, read in readers:
        whole = file.read_bytes()
        for number in range(examples):
            as_json = file.suffix == ".json" and rng.random() < 0.7
            damaged = json.dumps(other_value(rng, json.loads(whole))).encode() if as_json else other_bytes(rng, whole)
            file.write_bytes(damaged)
            try:
                read()
            except (ValueError, OSError) as error:
                assert str(file.parent) in str(error), f"example {number} of {file}, seed {seed}: {error}"
        file.write_bytes(whole)


def test_damaged_records_and_tables(readers):
    read_damaged(readers, 10, 1)


@pytest.mark.long
def test_a_thousand_damaged_of_each(readers):
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    read_damaged(readers, 1000, seed)
