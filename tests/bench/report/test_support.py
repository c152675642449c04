"""The table of what works: a family goes every way, and what fails is a reason in its cell."""

import pytest

from bench.report import support as report
from bench.report.support import FAMILIES, support
from lib.models.video_net import VideoNet
from lib.run import ROOT
from lib.weights.fine_tune import FREEZE


@pytest.fixture
def no_slow_ways(monkeypatch):
    for slow in ("_export", "_onnx", "_predict"):
        monkeypatch.setattr(report, slow, lambda **case: "")


@pytest.mark.long
@pytest.mark.parametrize("name", ["mobilenetv2_3d", "rubiksnet_tiny"])
def test_a_family_goes_every_way(name):
    pytest.importorskip("onnxruntime", reason='ONNX needs the extra "export"')
    (row,) = support(name).to_dict("records")
    assert row.pop("net").startswith(name) and all(cell.startswith("yes") for cell in row.values()), row


def test_the_shipped_table_has_every_family():
    """And every way, and something in every cell; what is not "yes" says why."""
    lines = (ROOT / "results" / "shipped" / "support.md").read_text(encoding="utf-8").splitlines()
    head, _, *rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")]
    assert [row[0].replace("\\", "").split()[0] for row in rows] == list(FAMILIES)
    freezing = [f"freeze {frozen or 'nothing'}" for frozen in FREEZE if frozen not in report.LATER]
    assert [cell.replace("\\", "") for cell in head[1:]] == [
        "load",
        *freezing,
        *"half bf16 export ONNX features predict".split(),
    ]
    for row in rows:
        assert len(row) == len(head) and all(row), row
        for way, cell in zip(head, row, strict=True):
            assert way in ("net", "half", "bf16") or cell == "yes" or len(cell) > 10, (row[0], way, cell)
            assert way not in ("half", "bf16") or "top-1 equal on" in cell or len(cell) > 20, (row[0], way, cell)


def test_what_is_refused_by_design_is_told_in_words(no_slow_ways):
    (row,) = support("vit_t_p16").to_dict("records")
    told = "no: VisionTransformer has no batch norms to freeze; 'backbone' freezes all but the head"
    assert row["freeze norms"] == row["freeze statistics"] == told
    shipped = (ROOT / "results" / "shipped" / "support.md").read_text(encoding="utf-8")
    assert "Error:" not in shipped and told in shipped


def test_what_fails_is_a_reason(no_slow_ways, monkeypatch):
    """Not an end of the table: the other ways are tried all the same."""

    def broken(self, num_classes):
        raise ValueError("this head\nis for ever")

    monkeypatch.setattr(VideoNet, "replace_heads", broken)
    monkeypatch.setattr(VideoNet, "features", lambda self, x: self.feature_map(x))
    (row,) = support("squeezenet3d", {"squeezenet3d": ({}, 4, 32)}).to_dict("records")
    assert row["freeze backbone"] == "ValueError: this head is for ever"
    assert row["features"].startswith("shape (2, 512") and row["load"] == "yes" and "off" in row["half"]


def test_an_unknown_family():
    with pytest.raises(ValueError, match="no family matches 'resnet'; there are mobilenet3d"):
        support("resnet")
