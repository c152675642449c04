"""Training steps in 16 bits are timed, and what was shipped of it says that they pay."""

import csv

import torch

from bench.timing import precision
from bench.timing.rows import COLUMNS
from lib.run import ROOT


def test_the_table(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(precision, "STEPS", [("c2d_nano", {}, 2, 4, 16)])
    torch.manual_seed(0)
    out = precision.run_precisions(quick=True, out=tmp_path / "precision.csv")
    rows = list(csv.DictReader(out.open()))
    assert list(rows[0]) == COLUMNS and [row["impl"] for row in rows] == ["fp32", "bf16"]
    assert all(float(row["p50"]) > 0 and row["metric"] == "cpu time" for row in rows)
    assert "c2d_nano fp32" in capsys.readouterr().out


def test_every_shipped_net_trains_faster_in_bf16():
    rows = list(csv.DictReader((ROOT / "results" / "shipped" / "precision.csv").open()))
    ms = {(row["op"], row["impl"]): float(row["p50"]) for row in rows}
    nets = {net for net, _ in ms}
    assert len(nets) >= 3 and all(ms[net, "bf16"] < ms[net, "fp32"] for net in nets)
