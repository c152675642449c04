"""The table of what works: a family goes every way, and what fails is a reason in its cell."""

import pytest

from bench.report import support as report
from bench.report.support import support
from lib.models.video_net import VideoNet


@pytest.mark.long
@pytest.mark.parametrize("name", ["mobilenetv2_3d", "rubiksnet_tiny"])
def test_a_family_goes_every_way(name):
    pytest.importorskip("onnxruntime", reason='ONNX needs the extra "export"')
    (row,) = support(name).to_dict("records")
    assert row.pop("net").startswith(name) and all(cell.startswith("yes") for cell in row.values()), row


def test_what_fails_is_a_reason(monkeypatch):
    """Not an end of the table: the other ways are tried all the same."""

    def broken(self, num_classes):
        raise ValueError("this head\nis for ever")

    monkeypatch.setattr(VideoNet, "replace_heads", broken)
    for slow in ("_export", "_onnx", "_predict"):
        monkeypatch.setattr(report, slow, lambda **case: "")
    monkeypatch.setattr(VideoNet, "features", lambda self, x: self.feature_map(x))
    (row,) = support("squeezenet3d", {"squeezenet3d": ({}, 4, 32)}).to_dict("records")
    assert row["freeze backbone"] == "ValueError: this head is for ever"
    assert row["features"].startswith("shape (2, 512") and row["load"] == "yes" and "off" in row["half"]


def test_an_unknown_family():
    with pytest.raises(ValueError, match="no family matches 'resnet'; there are mobilenet3d"):
        support("resnet")
