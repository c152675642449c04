"""The scan's benchmark: what the check costs against a decoding, a row per way and clock."""

import csv

import pytest

from bench.__main__ import main
from bench.timing import scan
from bench.timing.rows import COLUMNS


def test_scan(tmp_path, capsys):
    out = tmp_path / "scan.csv"
    main(["scan", "--videos", "9", "--rounds", "1", "--data", str(tmp_path / "data"), "--out", str(out)])
    rows = list(csv.DictReader(open(out)))
    assert list(rows[0]) == COLUMNS and all(float(row["p50"]) > 0 for row in rows)
    ways = [(name, clock) for name in ("decord", "pyav", "check") for clock in ("wall", "cpu")]
    assert [(row["impl"], row["mode"]) for row in rows] == ways
    told = capsys.readouterr().out.splitlines()
    assert "check   9 videos: " in told[-3] and " x decord)" in told[-3] and told[-2].startswith("load of the machine")


def test_what_cannot_be_timed_is_refused(tmp_path):
    with pytest.raises(ValueError, match="rounds is 0; it must be at least 1"):
        scan.run(rounds=0, data=tmp_path)
