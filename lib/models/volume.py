"""A small ResNet for volumes: no axis is time, so every stride and every kernel is alike along all three.

Ours, not a paper's. CAKES (Yu et al., AAAI 2021, arXiv:2003.12798) was applied to medical volumes as well, but that
code was never published. Its paper says that volumes need all axes treated alike, and so all seven kinds of sub-kernel
(lib/models/swap.py, "mixconvall").
Input   (N, 3, D, H, W), a volume's grey value three times
"""

from torch import nn

from lib.models.heads import Head
from lib.models.layers import conv_bn
from lib.models.registry import register
from lib.models.video_net import VideoNet

WIDTH = 16
STAGES = 2  # each halves the size, the second doubles the channels


class Residual(nn.Module):
    """Two 3x3x3 convolutions and a shortcut; half the size along every axis."""

    def __init__(self, c_in, c_out):
        super().__init__()
        self.first = conv_bn(c_in, c_out, 3, 2)
        self.second = conv_bn(c_out, c_out, 3)
        self.shortcut = conv_bn(c_in, c_out, 1, 2)
        self.act = nn.ReLU(inplace=True)

    def forward(self, x):  # (N, c_in, D, H, W) -> (N, c_out, D/2, H/2, W/2)
        return self.act(self.second(self.act(self.first(x))) + self.shortcut(x))


class VolumeNet(VideoNet):
    """Stem, residual stages, global average, linear layer; total stride (8, 8, 8)."""

    def __init__(self, num_classes):
        super().__init__()
        self.stem = nn.Sequential(*conv_bn(3, WIDTH, 3, 2), nn.ReLU(inplace=True))
        widths = [WIDTH, *(WIDTH * 2**i for i in range(STAGES))]
        self.stages = nn.Sequential(*(Residual(*pair) for pair in zip(widths, widths[1:], strict=False)))
        self.dropout = nn.Dropout(0.0)
        self.fc = Head(widths[-1], num_classes)

    def feature_map(self, x):  # (N, 3, D, H, W) -> (N, 32, D/8, H/8, W/8)
        self.check(x)
        return self.stages(self.stem(x))


@register
def volume_nano(num_classes=8):
    """CPU-size net for volumes of some 24 voxels a side."""
    return VolumeNet(num_classes)
