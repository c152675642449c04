"""results/README.md describes every column of every committed table."""

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


@pytest.mark.parametrize("path", TABLES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_every_column_is_described(path):
    with open(path, newline="", encoding="utf-8") as file:
        columns = next(csv.reader(file))
    known = described()
    table = "published" if path.parent.name == "published" else path.stem
    beside = path.parent / "README.md"  # of a folder whose tables are like no other
    own = re.findall(r"`(.+?)`", beside.read_text(encoding="utf-8")) if beside.exists() else []
    unknown = [name for name in columns if not {(name, table), (name, "all")} & known and name not in own]
    assert not unknown, f"results/README.md says nothing of {unknown} in {path.name}"
