"""MobileNetV2 in 3D: inverted residuals around a depthwise 3x3x3 convolution.

Paper   Kopuklu et al., Resource Efficient 3D CNNs, ICCVW 2019, arXiv:1904.02422, table 8
Origin  Sandler et al., MobileNetV2, CVPR 2018, arXiv:1801.04381, table 2
Input   (N, 3, T, H, W)
"""

from math import prod, sqrt

from torch import nn

from lib.models.efficient3dcnns import SYSTEM, layout, scaled, width_from
from lib.models.heads import Head
from lib.models.layers import conv_bn
from lib.models.registry import register
from lib.models.video_net import VideoNet, stages_of

STEM = 32
LAST = 1280
# expansion, channels, blocks, stride of the first block
STAGES = [
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
]

# ours: a CPU-size net for clips of 8 x 64 x 64, total stride (4, 16, 16)
NANO_STEM = 16
NANO_LAST = 128
NANO_STAGES = [
    (1, 16, 1, (1, 2, 2)),
    (4, 24, 2, 2),
    (4, 48, 2, 2),
]


class InvertedResidual(nn.Module):
    """Expand 1x1x1, filter depthwise 3x3x3, project 1x1x1; add the input where the shapes allow."""

    def __init__(self, c_in, c_out, stride, expansion):
        super().__init__()
        mid = c_in * expansion
        self.expand = conv_bn(c_in, mid, 1) if expansion > 1 else None
        self.depthwise = conv_bn(mid, mid, 3, stride, groups=mid)
        self.project = conv_bn(mid, c_out, 1)
        self.act = nn.ReLU6()  # not in place: its gradient needs the input, so in place costs a copy
        self.residual = stride == 1 and c_in == c_out

    def forward(self, x):  # (N, c_in, T, H, W)
        y = x if self.expand is None else self.act(self.expand(x))  # (N, mid, T, H, W)
        y = self.act(self.depthwise(y))  # (N, mid, T/st, H/sh, W/sw)
        y = self.project(y)  # no activation: the bottleneck is linear
        return x + y if self.residual else y


class MobileNetV2(VideoNet):
    """Stem, the stages of a table, a pointwise convolution, global average, dropout, linear layer."""

    hidden_names = ("last",)

    def __init__(self, num_classes, stem, stages, last, dropout):
        super().__init__()
        self.stem = nn.Sequential(*conv_bn(3, stem, 3, (1, 2, 2)), nn.ReLU6())
        self.blocks = nn.Sequential()
        channels = stem
        for expansion, c_out, count, stride in stages:
            for index in range(count):
                self.blocks.append(InvertedResidual(channels, c_out, stride if index == 0 else 1, expansion))
                channels = c_out
        self.last = nn.Sequential(*conv_bn(channels, last, 1), nn.ReLU6())
        self.dropout = nn.Dropout(dropout)
        self.fc = Head(last, num_classes)

    def feature_map(self, x):  # (N, 3, T, H, W) -> (N, last, T/16, H/32, W/32)
        self.check(x)
        return self.last(self.blocks(self.stem(x)))

    def stage_modules(self):
        return stages_of(self.blocks)


def _init(module):
    if isinstance(module, nn.Conv3d):  # fan-out of the dense kernel, as published: not divided by the groups
        nn.init.normal_(module.weight, 0, sqrt(2 / (prod(module.kernel_size) * module.out_channels)))
    elif isinstance(module, nn.Linear):
        nn.init.normal_(module.weight, 0, 0.01)
        nn.init.zeros_(module.bias)


def published_key(ours):
    """features.0 is the stem, .1 to .17 the blocks, .18 the last convolution; blocks count their activations too."""
    match ours.split("."):
        case ["fc", leaf]:
            return f"classifier.1.{leaf}"
        case ["stem", layer, leaf]:
            return f"features.0.{layer}.{leaf}"
        case ["last", layer, leaf]:
            return f"features.{1 + sum(count for _, _, count, _ in STAGES)}.{layer}.{leaf}"
        case ["blocks", block, unit, layer, leaf]:
            units = ("depthwise", "project") if block == "0" else ("expand", "depthwise", "project")
            return f"features.{int(block) + 1}.conv.{3 * units.index(unit) + int(layer)}.{leaf}"


LAYOUT = layout(published_key, width_from("features.17.conv.6.weight", STAGES[-1][1]))


@register(**SYSTEM, layouts=[LAYOUT], variants=[{"width": width} for width in (1.0, 0.7, 0.45, 0.2)])
def mobilenetv2_3d(num_classes=400, width=1.0, dropout=0.2):
    """3D-MobileNetV2; widths 0.2, 0.45, 0.7 and 1.0 are published."""
    stages = [(expansion, scaled(c, width), count, stride) for expansion, c, count, stride in STAGES]
    return MobileNetV2(num_classes, scaled(STEM, width), stages, int(LAST * max(1.0, width)), dropout).apply(_init)


@register(**SYSTEM)
def mobilenetv2_3d_nano(num_classes=400, width=1.0, dropout=0.0):
    """CPU-size MobileNetV2 for 8 x 64 x 64 clips: ours, not the paper's, with PyTorch's own initialisation.

    The paper's makes depthwise kernels so small that, in the few hundred steps of a CPU run, learning is left to luck.
    """
    stages = [(expansion, scaled(c, width), count, stride) for expansion, c, count, stride in NANO_STAGES]
    return MobileNetV2(num_classes, scaled(NANO_STEM, width), stages, NANO_LAST, dropout)
