"""Counts by hand, by golden file, by fvcore; on the meta device, without touching the net."""

import csv

import pytest
import torch
from stand_in import GOLDEN
from torch import nn

from lib import create_model, measure_cost

SMALL = (3, 4, 8, 8)


class Small(nn.Module):
    """One of each: a strided convolution, a depthwise one, batch norm, a linear layer."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv3d(3, 4, 3, (1, 2, 2), 1, bias=False)
        self.norm = nn.BatchNorm3d(4)
        self.depthwise = nn.Conv3d(4, 4, (3, 1, 1), padding=(1, 0, 0), groups=4)
        self.fc = nn.Linear(4, 5)

    def forward(self, x):
        return self.fc(self.depthwise(self.norm(self.conv(x)).relu()).mean((2, 3, 4)))


CONV, DEPTHWISE, LINEAR = 4 * 64 * 3 * 27, 4 * 64 * 3, 4 * 5  # 4 channels of 4 x 4 x 4 = 64 positions


def test_counts_by_hand():
    cost = measure_cost(Small(), SMALL)
    assert cost.by_operator == {"conv": CONV + DEPTHWISE, "linear": LINEAR}
    assert cost.macs == CONV + DEPTHWISE + LINEAR
    assert cost.torch_flops == 2 * cost.macs
    assert cost.params == 4 * 81 + 8 + 12 + 4 + 25
    assert cost.unsupported == {} and cost.fvcore_total is None


def test_bytes_by_hand():
    """Every operator reads its inputs and weights and writes its output, 4 bytes each."""
    clip, mid = 3 * 4 * 64, 4 * 64
    conv, norm, relu = clip + 324 + mid, mid + 16 + mid, mid + mid
    depthwise, mean, linear = mid + 12 + 4 + mid, mid + 4, 4 + 20 + 5 + 5
    assert measure_cost(Small(), SMALL).bytes_moved == 4 * (conv + norm + relu + depthwise + mean + linear)


def test_fvcore_adds_two_per_norm_element():
    pytest.importorskip("fvcore")
    cost = measure_cost(Small(), SMALL, fvcore=True)
    assert cost.fvcore_total == cost.macs + 2 * 4 * 64


def test_fvcore_needs_weights():
    with torch.device("meta"):
        net = Small()
    with pytest.raises(ValueError, match="real weights"):
        measure_cost(net, SMALL, fvcore=True)


def test_an_uncounted_operator_is_listed():
    class Odd(Small):
        def forward(self, x):
            return torch.erfinv(super().forward(x))

    assert measure_cost(Odd(), SMALL).unsupported == {"aten::erfinv": 1}


def test_the_net_is_left_as_it_was():
    net = Small().train()
    before = {key: value.clone() for key, value in net.state_dict().items()}
    measure_cost(net, SMALL)
    assert net.training and all(torch.equal(value, before[key]) for key, value in net.state_dict().items())


def test_a_paper_size_clip_needs_no_memory():
    with torch.device("meta"):
        net = create_model("ircsn_152")
    assert measure_cost(net, (3, 32, 256, 256)).macs == 96_715_669_504 - 3 * 819_200  # VMZ's log: 4 linear layers


FAMILIES = {"mobilenet": "mobilenet3d", "mobilenetv2": "mobilenetv2_3d", "shufflenet": "shufflenet3d",
            "shufflenetv2": "shufflenetv2_3d", "squeezenet": "squeezenet3d", "resnet": "resnet3d_{}",
            "resnext": "resnext3d_{}"}  # fmt: skip
OPTIONS = {"width_mult": ("width", float), "groups": ("groups", int), "version": ("version", str),
           "shortcut": ("shortcut", str), "cardinality": ("cardinality", int)}  # fmt: skip
VISIBLE = GOLDEN / "efficient3dcnns" / "macs_visible.csv"


@pytest.mark.parametrize("row", list(csv.DictReader(VISIBLE.open())), ids=lambda row: row["name"])
def test_published_sizes(row):
    """Parameters, convolutions and linear layers of 16 x 112 x 112 clips, 600 classes."""
    options = {ours: read(row[key]) for key, (ours, read) in OPTIONS.items() if row[key]}
    with torch.device("meta"):
        net = create_model(FAMILIES[row["family"]].format(row["depth"]), num_classes=600, **options)
    cost = measure_cost(net, (3, 16, 112, 112))
    assert (cost.params, cost.macs) == (int(row["params"]), int(row["macs"]))
    assert cost.unsupported == {}
