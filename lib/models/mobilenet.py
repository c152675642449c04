"""MobileNet in 3D: depthwise 3x3x3, then pointwise, thirteen times.

Paper   Kopuklu et al., Resource Efficient 3D CNNs, ICCVW 2019, arXiv:1904.02422, table 8
Origin  Howard et al., MobileNets, arXiv:1704.04861, table 1
Input   (N, 3, T, H, W)
"""

from torch import nn

from lib.models.efficient3dcnns import SYSTEM, layout, scaled, width_from
from lib.models.heads import Head
from lib.models.layers import conv_bn
from lib.models.registry import register
from lib.models.video_net import VideoNet, stages_of

STEM = 32
# channels, stride of each block
BLOCKS = [(64, 2), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), *[(512, 1)] * 5, (1024, 1), (1024, 1)]

# ours: a CPU-size net for clips of 8 x 64 x 64, total stride (4, 16, 16)
NANO_STEM = 16
NANO_BLOCKS = [(32, (1, 2, 2)), (48, 2), (48, 1), (96, 2), (96, 1)]


class Separable(nn.Module):
    """Filter depthwise 3x3x3, mix the channels 1x1x1."""

    def __init__(self, c_in, c_out, stride):
        super().__init__()
        self.depthwise = conv_bn(c_in, c_in, 3, stride, groups=c_in)
        self.pointwise = conv_bn(c_in, c_out, 1)
        self.act = nn.ReLU(inplace=True)

    def forward(self, x):  # (N, c_in, T, H, W) -> (N, c_out, T/s, H/s, W/s)
        return self.act(self.pointwise(self.act(self.depthwise(x))))


class MobileNet(VideoNet):
    """Stem, the blocks of a table, global average, dropout, linear layer."""

    def __init__(self, num_classes, stem, blocks, dropout):
        super().__init__()
        self.stem = nn.Sequential(*conv_bn(3, stem, 3, (1, 2, 2)), nn.ReLU(inplace=True))
        self.blocks = nn.Sequential()
        channels = stem
        for c_out, stride in blocks:
            self.blocks.append(Separable(channels, c_out, stride))
            channels = c_out
        self.dropout = nn.Dropout(dropout)
        self.fc = Head(channels, num_classes)

    def feature_map(self, x):  # (N, 3, T, H, W) -> (N, 1024, T/16, H/32, W/32)
        self.check(x)
        return self.blocks(self.stem(x))

    def stage_modules(self):
        return stages_of(self.blocks)


def published_key(ours):
    """features.0 is the stem, .1 to .13 the blocks."""
    match ours.split("."):
        case ["fc", leaf]:
            return f"classifier.1.{leaf}"
        case ["stem", layer, leaf]:
            return f"features.0.{layer}.{leaf}"
        case ["blocks", block, unit, layer, leaf]:
            number = ("depthwise", "pointwise").index(unit) + 1
            return f"features.{int(block) + 1}.{('conv', 'bn')[int(layer)]}{number}.{leaf}"


LAYOUT = layout(published_key, width_from("features.13.conv2.weight", BLOCKS[-1][0]))


@register(**SYSTEM, layouts=[LAYOUT], variants=[{"width": width} for width in (1.0, 0.5, 1.5, 2.0)])
def mobilenet3d(num_classes=400, width=1.0, dropout=0.2):
    """3D-MobileNet; widths 0.5, 1.0, 1.5 and 2.0 are published."""
    blocks = [(scaled(channels, width), stride) for channels, stride in BLOCKS]
    return MobileNet(num_classes, scaled(STEM, width), blocks, dropout)


@register(**SYSTEM)
def mobilenet3d_nano(num_classes=400, width=1.0, dropout=0.0):
    """CPU-size MobileNet for 8 x 64 x 64 clips: ours, not the paper's."""
    blocks = [(scaled(channels, width), stride) for channels, stride in NANO_BLOCKS]
    return MobileNet(num_classes, scaled(NANO_STEM, width), blocks, dropout)
