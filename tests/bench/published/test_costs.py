"""Every way of counting, against the figures of those who count so; and the table of all nets."""

import csv
import json

import pytest
import torch
from stand_in import GOLDEN, golden

from bench.published import costs, counting_rules
from bench.published.printed_costs import PUBLISHED, our_net, printed, published_figures
from bench.report.csv_files import read_table
from lib import create_model
from lib.cost import record
from lib.models import model_options

FAMILIES = {"mobilenet": "mobilenet3d", "mobilenetv2": "mobilenetv2_3d", "shufflenet": "shufflenet3d",
            "shufflenetv2": "shufflenetv2_3d", "squeezenet": "squeezenet3d", "resnet": "resnet3d_{}",
            "resnext": "resnext3d_{}"}  # fmt: skip
OPTIONS = {"width_mult": ("width", float), "groups": ("groups", int), "version": ("version", str),
           "shortcut": ("shortcut", str), "cardinality": ("cardinality", int)}  # fmt: skip
TABLE8 = list(csv.DictReader((GOLDEN / "efficient3dcnns" / "macs_visible.csv").open()))


def on_meta(name, **options):
    with torch.device("meta"):
        return create_model(name, **options)


def count(rule, net, clip):
    return getattr(counting_rules, rule)(net, record(net, clip))


@pytest.mark.parametrize("row", TABLE8, ids=lambda row: row["name"])
def test_table8(row):
    options = {ours: read(row[key]) for key, (ours, read) in OPTIONS.items() if row[key]}
    net = on_meta(FAMILIES[row["family"]].format(row["depth"]), num_classes=600, **options)
    assert count("table8_ops", net, (3, 16, 112, 112)) == int(row["table8_ops"])


def test_table8_is_for_its_own_nets():
    with pytest.raises(ValueError, match="Efficient-3DCNNs, not CSN"):
        count("table8_ops", on_meta("ircsn_nano"), (3, 8, 64, 64))


# rule, net, published count of a 32 x 256 x 256 clip, to which digit
CSN = [
    ("vmz", "ircsn_152", 96_715_669_504, 1),  # VMZ's log
    ("mmaction2_0x", "ircsn_152", 98_096_676_864, 1),
    ("mmaction2_0x", "ipcsn_152", 110_337_228_800, 1),
    ("mmaction2_0x", "ircsn_50", 56_209_211_392, 1),
    ("mmaction2_1x", "ipcsn_152", 109.9e9, 1e8),
    ("mmaction2_1x", "ircsn_50", 55.90e9, 1e7),
    ("pytorchvideo", "ircsn_101", 75.62e9, 1e7),
]


@pytest.mark.parametrize(("rule", "name", "published", "digit"), CSN)
def test_csn_figures(rule, name, published, digit):
    assert round(count(rule, on_meta(name), (3, 32, 256, 256)) / digit) == round(published / digit)


# rule, net, clip, published figure as printed
X3D = [
    *(("slowfast", f"x3d_{size}", clip, figure)
      for size, clip, figure in [("xs", (4, 160), "0.60"), ("s", (13, 160), "1.96"), ("m", (16, 224), "4.73"),
                                 ("l", (16, 312), "18.37")]),
    *(("pytorchvideo_x3d", f"x3d_{size}", clip, figure)
      for size, clip, figure in [("xs", (4, 182), "0.91"), ("s", (13, 182), "2.96"), ("m", (16, 256), "6.72"),
                                 ("l", (16, 356), "26.64")]),
    ("mmaction2_x3d", "x3d_s", (13, 192), "2.967543760"),
    ("mmaction2_x3d", "x3d_s", (13, 182), "2.855058946"),
    ("mmaction2_x3d", "x3d_m", (16, 256), "6.490866832"),
]  # fmt: skip
X3D_OPTIONS = {"slowfast": {}, "pytorchvideo_x3d": {"shortcut_norm": False}, "mmaction2_x3d": {"head_pool": None}}


@pytest.mark.parametrize(("rule", "name", "clip", "figure"), X3D)
def test_x3d_figures(rule, name, clip, figure):
    frames, size = clip
    assert printed(count(rule, on_meta(name, **X3D_OPTIONS[rule]), (3, frames, size, size)) / 1e9, figure)


@pytest.mark.parametrize(
    ("golden_file", "name"),
    [("ircsn_r50", "ircsn_50"), ("ipcsn_r101", "ipcsn_101"), ("resnet3d_r50", "csn_r3d_50"), ("ircsn_r26", "ircsn_26")],
)
def test_fvcores_rule(golden_file, name):
    """Multiply-accumulates and 2 per norm element are what fvcore counted in the original code."""
    case = golden(f"csn/{golden_file}")
    assert count("with_norms", on_meta(name), case["macs_input"][1:]) == case["macs"]


@pytest.mark.parametrize(
    ("depth", "ir", "preserved"),
    [(26, 0.2677, 0.4207), (50, 5.4236, 5.6792), (101, 8.2713, 8.6689), (152, 10.5325, 11.0430)],
)
def test_interactions(depth, ir, preserved):
    """ip-CSN has the interactions of the dense baseline, exactly; ir-CSN has fewer."""
    found = {kind: count("interactions", on_meta(f"{kind}_{depth}"), (3, 8, 64, 64)) for kind in
             ("ircsn", "ipcsn", "csn_r3d")}  # fmt: skip
    assert found["ipcsn"] == found["csn_r3d"]
    assert (round(found["ircsn"] / 1e9, 4), round(found["ipcsn"] / 1e9, 4)) == (ir, preserved)


def test_a_guest_that_is_a_net_of_ours_has_its_parameters():
    """pytorchvideo prints "CSN" alone; what it is, its parameters say."""
    rows = read_table(PUBLISHED / "today.csv", ("model", "variant", "params_m"))
    ours = rows[rows.model.str.contains("CSN")]
    assert len(ours)
    for row in ours.itertuples():
        kind, depth = row.model.replace("-", "").lower(), row.variant[1:].split()[0]
        assert round(counting_rules.parameters(on_meta(f"{kind}_{depth}", num_classes=400)) / 1e6, 2) == row.params_m


def test_interactions_by_hand():
    """4 outputs of 3 inputs: 3 pairs each; depthwise: none; 5 outputs of 4 in 2 groups: 1 pair each."""
    net = torch.nn.Sequential(torch.nn.Conv3d(3, 4, 1), torch.nn.Conv3d(4, 4, 1, groups=4),
                              torch.nn.Conv3d(4, 6, 1, groups=2))  # fmt: skip
    assert count("interactions", net, (3, 2, 2, 2)) == 4 * 3 + 0 + 6 * 1


def test_every_published_figure_is_of_one_of_our_nets():
    figures = published_figures()
    assert len(figures) > 45
    for figure in figures:
        name, options = figure["net"]
        assert set(options) <= set(model_options(name))
    with pytest.raises(ValueError, match="'MoViNet A0'.*NETS or to NOT_OURS"):
        our_net("MoViNet A0")


def test_printed_digits():
    assert printed(96.715, "96.7") and printed(0.0778, "0.078") and printed(1.0, "")
    assert not printed(97.64, "97.63")


def test_the_table(monkeypatch, tmp_path, capsys):
    """A net with figures, one whose figures disagree, one without: rows, notes, files."""
    nets = [("ircsn_50", {}), ("resnet3d_50", {"shortcut": "B"}), ("c3d", {})]
    monkeypatch.setattr(costs, "_nets", lambda published: nets)
    costs.write_costs(tmp_path)
    rows = list(csv.DictReader((tmp_path / "results" / "costs" / "costs.csv").open()))
    by = {(row["model"], row["publisher"], row["size"]): row for row in rows}
    assert by["ircsn_50", "mmaction2-0.x", "256"]["differs"] == ""
    assert by["ircsn_50", "", "224"]["macs"] == "42308519936"
    wrong = by["resnet3d_50", "Efficient-3DCNNs", "112"]
    assert wrong["differs"] == "parameters and operations" and "shortcut A" in wrong["note"]
    assert json.loads(wrong["options"]) == {"shortcut": "B"}
    assert by["c3d", "", "112"]["note"] == "no figure published"
    assert all(row["note"] for row in rows)
    assert (tmp_path / "results" / "costs" / "costs.md").exists() and "shortcut A" in capsys.readouterr().out


def test_fvcore_agrees_at_a_small_size():
    pytest.importorskip("fvcore")
    (row,) = costs.fvcore_table({"ircsn_nano": (8, 64)}).to_dict("records")
    assert row["fvcore"] == row["macs_and_norms"]
