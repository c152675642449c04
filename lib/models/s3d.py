"""S3D and S3D-G: Inception whose 3x3x3 convolutions are 1x3x3, then 3x1x1; G gates every branch by its own mean.

Paper   Xie et al., Rethinking Spatiotemporal Feature Learning, ECCV 2018, arXiv:1712.04851, sections 4 to 6;
        as in the zoo of Optimization Planning, ICML 2021 (batch norm epsilon 1e-5, one norm per pair)
Input   (N, 3, T, H, W), H, W > 16: the last pool does not pad space
"""

import torch
from torch import nn

from lib.models.heads import Head
from lib.models.layers import conv, freeze_batch_norms
from lib.models.layout import Layout
from lib.models.p3d import published_input
from lib.models.p3d_zoo import SYSTEM
from lib.models.registry import register_all
from lib.models.video_net import VideoNet

# name: (input channels; branch 0; branch 1 reduced, filtered; branch 2 reduced, filtered; branch 3)
MIXED = {
    "3b": (192, 64, 96, 128, 16, 32, 32),
    "3c": (256, 128, 128, 192, 32, 96, 64),
    "4b": (480, 192, 96, 208, 16, 48, 64),
    "4c": (512, 160, 112, 224, 24, 64, 64),
    "4d": (512, 128, 128, 256, 24, 64, 64),
    "4e": (512, 112, 144, 288, 32, 64, 64),
    "4f": (528, 256, 160, 320, 32, 128, 128),
    "5b": (832, 256, 160, 320, 32, 128, 128),
    "5c": (832, 384, 192, 384, 48, 128, 128),
}


class Pointwise(nn.Module):
    """relu(norm(1x1x1 convolution))"""

    def __init__(self, c_in, c_out):
        super().__init__()
        self.conv = conv(c_in, c_out, 1)
        self.norm = nn.BatchNorm3d(c_out)
        self.act = nn.ReLU(inplace=True)

    def forward(self, x):  # (N, c_in, T, H, W) -> (N, c_out, T, H, W)
        return self.act(self.norm(self.conv(x)))


class Separated(nn.Module):
    """relu(norm(t(s(x)))): s is 1 x k x k, t is k x 1 x 1, each with its part of the stride."""

    def __init__(self, c_in, c_out, kernel, stride=1):
        super().__init__()
        self.spatial = conv(c_in, c_out, (1, kernel, kernel), (1, stride, stride))
        self.temporal = conv(c_out, c_out, (kernel, 1, 1), (stride, 1, 1))
        self.norm = nn.BatchNorm3d(c_out)
        self.act = nn.ReLU(inplace=True)

    def forward(self, x):  # (N, c_in, T, H, W) -> (N, c_out, T/stride, H/stride, W/stride)
        return self.act(self.norm(self.temporal(self.spatial(x))))


class Gate(nn.Module):
    """sigmoid(fc(mean(x))) * x"""

    def __init__(self, channels):
        super().__init__()
        self.fc = nn.Linear(channels, channels)

    def forward(self, x):  # (N, C, T, H, W) -> like x
        return self.fc(x.mean((2, 3, 4))).sigmoid()[:, :, None, None, None] * x


class Mixed(nn.Module):
    """Four branches beside each other."""

    def __init__(self, c_in, a, b1, b2, c1, c2, d, gated):
        super().__init__()
        self.branches = nn.ModuleList(
            [
                nn.Sequential(Pointwise(c_in, a)),
                nn.Sequential(Pointwise(c_in, b1), Separated(b1, b2, 3)),
                nn.Sequential(Pointwise(c_in, c1), Separated(c1, c2, 3)),
                nn.Sequential(nn.MaxPool3d(3, 1, 1), Pointwise(c_in, d)),
            ]
        )
        self.gates = nn.ModuleList([Gate(c) if gated else nn.Identity() for c in (a, b2, c2, d)])

    def forward(self, x):  # (N, c_in, T, H, W) -> (N, a + b2 + c2 + d, T, H, W)
        return torch.cat([gate(branch(x)) for branch, gate in zip(self.branches, self.gates, strict=True)], 1)


class S3D(VideoNet):
    """Stem, the Mixed of a table with pools between, global average, dropout, linear layer."""

    def __init__(self, num_classes, gated, dropout):
        super().__init__()
        space = {"kernel_size": (1, 3, 3), "stride": (1, 2, 2), "padding": (0, 1, 1)}
        mixed = {name: Mixed(*row, gated) for name, row in MIXED.items()}
        self.blocks = nn.ModuleList(
            nn.Sequential(*layers)
            for layers in (
                [Separated(3, 64, 7, 2)],
                [nn.MaxPool3d(**space), Pointwise(64, 64), Separated(64, 192, 3)],
                [nn.MaxPool3d(**space), mixed["3b"], mixed["3c"]],
                [nn.MaxPool3d(3, 2, 1), *(mixed[f"4{letter}"] for letter in "bcdef")],
                [nn.MaxPool3d((1, 2, 2)), mixed["5b"], mixed["5c"]],
            )
        )
        self.dropout = nn.Dropout(dropout)
        self.fc = Head(1024, num_classes)
        self.apply(_init)

    def feature_map(self, x):  # (N, 3, T, H, W) -> (N, 1024, T/4, H/32, W/32)
        fits = x.ndim == 5 and min(x.shape[3:]) > 16
        self.check(x, fits, "clips of more than 16 pixels a side")
        for block in self.blocks:
            x = block(x)
        return x

    def stem_modules(self):
        return [self.blocks[0]]

    def stage_modules(self):
        return [[block] for block in self.blocks[1:]]


def _init(module):
    if isinstance(module, nn.Conv3d):
        nn.init.normal_(module.weight, 0, 0.01)


# our blocks' layers under their own published names; the file has every tensor twice
NAMES = {
    "0.0": "Conv_1a", "1.1": "Conv_2b", "1.2": "Conv_2c", "2.1": "Mixed_3b", "2.2": "Mixed_3c", "3.1": "Mixed_4b",
    "3.2": "Mixed_4c", "3.3": "Mixed_4d", "3.4": "Mixed_4e", "3.5": "Mixed_4f", "4.1": "Mixed_5b", "4.2": "Mixed_5c",
}  # fmt: skip
POINTWISE = {"conv": "conv", "norm": "bn"}
SEPARATED = {"spatial": "conv1", "temporal": "conv2_t", "norm": "bn1"}


def published_key(ours):
    """The layer's own name, and its place in block1 to block5, which is what counts."""
    match ours.split("."):
        case ["blocks", block, layer, *rest]:
            rest = _inside(block, layer, rest)
            return f"{NAMES[f'{block}.{layer}']}.{rest}", f"block{int(block) + 1}.{layer}.{rest}"
        case _:
            return ours


def _inside(block, layer, rest):
    match rest:
        case ["branches", branch, index, unit, leaf]:
            separated = (branch, index) in (("1", "1"), ("2", "1"))
            return f"branch{branch}.{index}.{(SEPARATED if separated else POINTWISE)[unit]}.{leaf}"
        case ["gates", branch, "fc", leaf]:
            return f"gating_b{branch}.fc.{leaf}"
        case [unit, leaf]:
            return f"{(POINTWISE if (block, layer) == ('1', '1') else SEPARATED)[unit]}.{leaf}"


LAYOUT = Layout("optimization planning", published_key, published_input, "model", "module.")


# name: (whether it is gated,)
NETS = {
    "s3d": (False,),
    "s3dg": (True,),
}


def separable_inception(gated, num_classes=400, frozen_bn=False, dropout=0.5):
    net = S3D(num_classes, gated, dropout)
    if frozen_bn:
        freeze_batch_norms(net)
    return net


register_all(separable_inception, NETS, **SYSTEM, layouts=[LAYOUT])
