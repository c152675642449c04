"""ShuffleNetV2 in 3D: half of the channels pass, the other half is filtered, then both are shuffled.

Paper   Kopuklu et al., Resource Efficient 3D CNNs, ICCVW 2019, arXiv:1904.02422, table 8
Origin  Ma et al., ShuffleNet V2, ECCV 2018, arXiv:1807.11164, table 5
Input   (N, 3, T, H, W)
"""

import torch
from torch import nn

from lib.models.efficient3dcnns import SYSTEM, layout, scaled
from lib.models.heads import Head
from lib.models.layers import channel_shuffle, conv_bn
from lib.models.registry import register
from lib.models.video_net import VideoNet, stages_of

# width: channels of the stem, of the three stages, of the last convolution
CHANNELS = {
    0.25: (24, 32, 64, 128, 1024),
    0.5: (24, 48, 96, 192, 1024),
    1.0: (24, 116, 232, 464, 1024),
    1.5: (24, 176, 352, 704, 1024),
    2.0: (24, 224, 488, 976, 2048),
}
BLOCKS = (4, 8, 4)

# ours: a CPU-size net for clips of 8 x 64 x 64, total stride (4, 16, 16)
NANO_CHANNELS = (16, 48, 96, 128)
NANO_BLOCKS = (2, 3)


class Unit(nn.Module):
    """Stride 1: half of the channels pass, half goes through the branch. Stride 2: two branches see all channels."""

    def __init__(self, c_in, c_out, stride):
        super().__init__()
        half = c_out // 2
        self.act = nn.ReLU(inplace=True)
        self.down = stride == 2
        if self.down:
            self.short_depthwise = conv_bn(c_in, c_in, 3, stride, groups=c_in)
            self.short_pointwise = conv_bn(c_in, half, 1)
        self.reduce = conv_bn(c_in if self.down else half, half, 1)
        self.depthwise = conv_bn(half, half, 3, stride, groups=half)
        self.expand = conv_bn(half, half, 1)

    def forward(self, x):  # (N, c_in, T, H, W) -> (N, c_out, T/s, H/s, W/s)
        short, y = (x, x) if self.down else x.chunk(2, 1)
        if self.down:
            short = self.act(self.short_pointwise(self.short_depthwise(short)))
        y = self.depthwise(self.act(self.reduce(y)))
        y = self.act(self.expand(y))
        return channel_shuffle(torch.cat([short, y], 1), 2)


class ShuffleNetV2(VideoNet):
    """Stem, max pool, stages of units, a pointwise convolution, global average, dropout, linear layer."""

    hidden_names = ("last",)

    def __init__(self, num_classes, channels, blocks, dropout, pool):
        super().__init__()
        self.stem = nn.Sequential(*conv_bn(3, channels[0], 3, (1, 2, 2)), nn.ReLU(inplace=True))
        self.pool = pool
        self.blocks = nn.Sequential()
        for c_in, c_out, count in zip(channels, channels[1:-1], blocks, strict=False):
            self.blocks.extend([Unit(c_in, c_out, 2), *(Unit(c_out, c_out, 1) for _ in range(count - 1))])
        self.last = nn.Sequential(*conv_bn(channels[-2], channels[-1], 1), nn.ReLU(inplace=True))
        self.dropout = nn.Dropout(dropout)
        self.fc = Head(channels[-1], num_classes)

    def feature_map(self, x):  # (N, 3, T, H, W) -> (N, channels[4], T/16, H/32, W/32)
        self.check(x)
        return self.last(self.blocks(self.pool(self.stem(x))))

    def stage_modules(self):
        return stages_of(self.blocks)


# unit: its place in the published branch, which is spelt so
BRANCHES = {
    "short_depthwise": ("banch1", 0),
    "short_pointwise": ("banch1", 2),
    "reduce": ("banch2", 0),
    "depthwise": ("banch2", 3),
    "expand": ("banch2", 5),
}


def published_key(ours):
    match ours.split("."):
        case ["fc", leaf]:
            return f"classifier.1.{leaf}"
        case [("stem" | "last") as end, layer, leaf]:
            return f"{'conv1' if end == 'stem' else 'conv_last'}.{layer}.{leaf}"
        case ["blocks", block, unit, layer, leaf]:
            branch, first = BRANCHES[unit]
            return f"features.{block}.{branch}.{first + int(layer)}.{leaf}"


@register(
    **SYSTEM, layouts=[layout(published_key)], variants=[{"width": width} for width in (1.0, 0.25, 0.5, 1.5, 2.0)]
)
def shufflenetv2_3d(num_classes=400, width=1.0, dropout=0.2):
    """3D-ShuffleNetV2; widths 0.25, 1.0, 1.5 and 2.0 are published, 0.5 can be built."""
    if width not in CHANNELS:
        raise ValueError(f"width={width}; ShuffleNetV2 has the widths {', '.join(map(str, CHANNELS))}")
    return ShuffleNetV2(num_classes, CHANNELS[width], BLOCKS, dropout, nn.MaxPool3d(3, 2, 1))


@register(**SYSTEM)
def shufflenetv2_3d_nano(num_classes=400, width=1.0, dropout=0.0):
    """CPU-size ShuffleNetV2 for 8 x 64 x 64 clips: ours, not the paper's. Its last layer is as wide at any width."""
    channels = [2 * scaled(c // 2, width) for c in NANO_CHANNELS[:-1]] + [NANO_CHANNELS[-1]]  # halves, each a branch
    return ShuffleNetV2(num_classes, channels, NANO_BLOCKS, dropout, nn.MaxPool3d((1, 3, 3), (1, 2, 2), (0, 1, 1)))
