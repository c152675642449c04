"""Whole nets against the plain way: every version computes the same, rows are complete, options are refused by name."""

import csv

import pytest
import torch

from bench.timing import latency, training, whole_nets
from bench.timing.whole_nets import COLUMNS, NETS, PLAIN, QUICK, evaluations, nets_of
from lib.models import list_models, system_of
from lib.precision import has_bf16

OPTIONS = {"quick": True, "seconds": 0.0, "threads": (1,)}


@pytest.mark.parametrize("name", QUICK)
def test_versions_are_the_same_net(name):
    calls, _ = evaluations(name, (3, 8, 32, 32), 2)
    want = calls[PLAIN]()
    for version, call in calls.items():
        near = 0.05 if version.endswith("bf16") else 1e-4
        torch.testing.assert_close(call().float(), want, rtol=0, atol=near * want.abs().max().item(), msg=version)


def test_the_tables(tmp_path, capsys):
    before = torch.get_num_threads()
    for command, batches, versions in ((latency, 2, 4), (training, 1, 3)):
        out = tmp_path / f"{command.__name__}.csv"
        command.run(out=out, nets="rubiks*", **OPTIONS)
        with open(out) as file:
            rows = list(csv.DictReader(file))
        assert list(rows[0]) == COLUMNS and len(rows) == batches * (versions + has_bf16())
        for row in rows:
            assert row["impl"] != PLAIN or row["faster"] == "1.0"
            assert float(row["p20"]) <= float(row["p50"]) <= float(row["p90"]) and float(row["cpu_ms"]) > 0
            assert row["threads"] == "1" and all(row[name] for name in ("torch", "commit", "date", "clips_per_s"))
    assert torch.get_num_threads() == before
    assert "rubiksnet_nano 4x3x8x64x64 training step, 1 threads" in capsys.readouterr().out


def test_a_compiler_that_is_not_there_is_told(monkeypatch, capsys):
    monkeypatch.setattr(whole_nets.shutil, "which", lambda name: None)
    assert list(whole_nets._usable({"ours": print, "compiled": print})) == ["ours"]
    assert capsys.readouterr().out == "skipped: compiled: there is no C++ compiler\n"


def test_nets():
    assert len(NETS) == 8 and set(NETS) <= set(list_models()) and len({system_of(name) for name in NETS}) == 5
    with pytest.raises(ValueError, match="no net matches 'nothing'; there are mobilenetv2_3d, shufflenetv2_3d"):
        nets_of("nothing")
