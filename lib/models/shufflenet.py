"""ShuffleNet in 3D: grouped pointwise convolutions, with a channel shuffle between the groups.

Paper   Kopuklu et al., Resource Efficient 3D CNNs, ICCVW 2019, arXiv:1904.02422, table 8
Origin  Zhang et al., ShuffleNet, CVPR 2018, arXiv:1707.01083, table 1
Input   (N, 3, T, H, W), T = 16, 32, 48, ... (or one less): the pooled shortcuts do not pad time; H, W > 32
"""

import torch
from torch import nn

from lib.models.efficient3dcnns import SYSTEM, layout, scaled, width_from
from lib.models.heads import Head
from lib.models.layers import avg_pool3d, channel_shuffle, conv_bn
from lib.models.registry import register
from lib.models.video_net import VideoNet

# groups: channels of the stem and of the three stages; 567 is the authors' number, the 2D paper has 576
CHANNELS = {
    1: (24, 144, 288, 567),
    2: (24, 200, 400, 800),
    3: (24, 240, 480, 960),
    4: (24, 272, 544, 1088),
    8: (24, 384, 768, 1536),
}
BLOCKS = (4, 8, 4)

# ours: a CPU-size net for clips of 8 x 64 x 64, total stride (4, 16, 16)
NANO_CHANNELS = (16, 96, 192)
NANO_BLOCKS = (2, 3)
NANO_GROUPS = 2


class Unit(nn.Module):
    """Reduce 1x1x1 in groups, shuffle, filter depthwise 3x3x3, expand 1x1x1 in groups; add the input.

    With stride 2 the pooled input is concatenated instead, and the branch makes the channels that are missing.
    """

    def __init__(self, c_in, c_out, stride, groups):
        super().__init__()
        mid, self.groups = c_out // 4, groups
        first_groups = 1 if c_in == 24 else groups  # the authors' test for the first unit; true at width 1.0 only
        self.reduce = conv_bn(c_in, mid, 1, groups=first_groups)
        self.depthwise = conv_bn(mid, mid, 3, stride, groups=mid)
        self.expand = conv_bn(mid, c_out - c_in if stride == 2 else c_out, 1, groups=groups)
        self.halves = stride == 2
        self.act = nn.ReLU(inplace=True)

    def forward(self, x):  # (N, c_in, T, H, W) -> (N, c_out, T/s, H/s, W/s)
        y = channel_shuffle(self.act(self.reduce(x)), self.groups)
        y = self.expand(self.depthwise(y))
        if not self.halves:
            return self.act(x + y)
        return self.act(torch.cat([y, avg_pool3d(x, (2, 3, 3), 2, (0, 1, 1))], 1))  # padding counts: divisor 18


class ShuffleNet(VideoNet):
    """Stem, max pool, a stage of units for each of `blocks`, global average, dropout, linear layer."""

    def __init__(self, num_classes, channels, groups, dropout, blocks=BLOCKS, pool_stride=(2, 2, 2)):
        super().__init__()
        self.stem = nn.Sequential(*conv_bn(3, channels[0], 3, (1, 2, 2)), nn.ReLU(inplace=True))
        self.pool = nn.MaxPool3d((2 * pool_stride[0] - 1, 3, 3), pool_stride, (pool_stride[0] - 1, 1, 1))
        self.halved = pool_stride[0], 2 ** len(blocks)  # how often time is, by the pool and by all stages
        self.stages = nn.Sequential()
        for c_in, c_out, count in zip(channels, channels[1:], blocks, strict=False):
            units = [Unit(c_in, c_out, 2, groups)] + [Unit(c_out, c_out, 1, groups) for _ in range(count - 1)]
            self.stages.append(nn.Sequential(*units))
        self.dropout = nn.Dropout(dropout)
        self.fc = Head(channels[-1], num_classes)

    def feature_map(self, x):  # (N, 3, T, H, W) -> (N, channels[-1], T/16, H/32, W/32)
        pool, stages = self.halved
        fits = x.ndim == 5 and -(-x.shape[2] // pool) % stages == 0 and min(x.shape[3:]) > 4 * stages
        frames = ", ".join(str(pool * stages * count) for count in (1, 2, 3))
        self.check(x, fits, f"{frames}, ... frames of more than {4 * stages} pixels a side")
        return self.stages(self.pool(self.stem(x)))


def published_key(ours):
    match ours.split("."):
        case ["fc", leaf]:
            return f"classifier.1.{leaf}"
        case ["stem", layer, leaf]:
            return f"conv1.{layer}.{leaf}"
        case ["stages", stage, block, unit, layer, leaf]:
            number = ("reduce", "depthwise", "expand").index(unit) + 1
            return f"layer{int(stage) + 1}.{block}.{('conv', 'bn')[int(layer)]}{number}.{leaf}"


def _infer(tensors):
    """Groups and width, from the last convolution."""
    key = "layer3.3.conv3.weight"  # (C, C / 4 / groups, 1, 1, 1)
    if key not in tensors:
        return {}
    channels, inputs = tensors[key].shape[:2]
    groups = channels // 4 // max(1, inputs)
    width = width_from(key, CHANNELS[groups][-1])(tensors)["width"] if groups in CHANNELS else 0
    return {"groups": groups, "width": width} if width and _divisible(CHANNELS[groups], groups, width) else {}


def _channels(channels, groups, width):
    """The channels at that width. ValueError: the groups do not divide them"""
    if not _divisible(channels, groups, width):
        fitting = [str(w) for w in (0.25, 0.5, 1.0, 1.5, 2.0) if _divisible(channels, groups, w)]
        raise ValueError(f"width={width} gives channels that {groups} groups do not divide; {', '.join(fitting)} fit")
    return [scaled(c, width) for c in channels]


def _divisible(channels, groups, width):
    channels = [int(c * width) for c in channels]
    pairs = list(zip(channels, channels[1:], strict=False))
    inputs = [c_in for c_in, _ in pairs if c_in != 24] + channels[1:]
    return all(c % groups == 0 for c in [*inputs, *(c // 4 for c in channels[1:]), *(b - a for a, b in pairs)])


PUBLISHED = [{"width": width, "groups": 3} for width in (1.0, 0.5, 1.5, 2.0)]


@register(**SYSTEM, layouts=[layout(published_key, _infer)], variants=PUBLISHED)
def shufflenet3d(num_classes=400, width=1.0, groups=3, dropout=0.2):
    """3D-ShuffleNet; 3 groups at widths 0.5, 1.0, 1.5 and 2.0 are published."""
    if groups not in CHANNELS:
        raise ValueError(f"groups={groups}; it can be {', '.join(map(str, CHANNELS))}")
    return ShuffleNet(num_classes, _channels(CHANNELS[groups], groups, width), groups, dropout)


@register(**SYSTEM)
def shufflenet3d_nano(num_classes=400, width=1.0, dropout=0.0):
    """CPU-size ShuffleNet for 8 x 64 x 64 clips, of two groups: ours, not the paper's."""
    channels = _channels(NANO_CHANNELS, NANO_GROUPS, width)
    return ShuffleNet(num_classes, channels, NANO_GROUPS, dropout, NANO_BLOCKS, (1, 2, 2))
