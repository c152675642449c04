"""results/README.md describes every column of every committed table, and no other."""

import csv
import re

import pytest

from lib.run import ROOT

TABLES = sorted((ROOT / "results").glob("published/*.csv")) + sorted((ROOT / "results").glob("shipped/**/*.csv"))


def described():
    rows = re.findall(r"^\| (`.+?) \| (.+?) \|", (ROOT / "results" / "README.md").read_text(encoding="utf-8"), re.M)
    return {
        (name, table)
        for names, tables in rows
        for name in re.findall(r"`(.+?)`", names)
        for table in tables.split(", ")
    }


def header(path):
    """(the table's name in the README, its columns)"""
    with open(path, newline="", encoding="utf-8") as file:
        return "published" if path.parent.name == "published" else path.stem, next(csv.reader(file))


def test_every_described_column_is_there():
    """In a committed table of that name; some tables are committed nowhere."""
    there = {}
    for table, columns in map(header, TABLES):
        there.setdefault(table, set()).update(columns)
    assert not [(name, table) for name, table in described() if table in there and name not in there[table]]


@pytest.mark.parametrize("path", TABLES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_every_column_is_described(path):
    known, (table, columns) = described(), header(path)
    beside = path.parent / "README.md"  # of a folder whose tables are like no other
    own = re.findall(r"`(.+?)`", beside.read_text(encoding="utf-8")) if beside.exists() else []
    unknown = [name for name in columns if not {(name, table), (name, "all")} & known and name not in own]
    assert not unknown, f"results/README.md says nothing of {unknown} in {path.name}"
