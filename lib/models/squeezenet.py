"""SqueezeNet in 3D, with batch norm and simple bypass: squeeze to few channels, expand by 1x1x1 and 3x3x3.

Paper   Kopuklu et al., Resource Efficient 3D CNNs, ICCVW 2019, arXiv:1904.02422, table 8
Origin  Iandola et al., SqueezeNet, arXiv:1602.07360
Input   (N, 3, T, H, W)
"""

import torch
from torch import nn

from lib.models.efficient3dcnns import SYSTEM, layout
from lib.models.heads import PointwiseHead
from lib.models.layers import conv_bn, init_fan_out
from lib.models.registry import register
from lib.models.video_net import VideoNet, stages_of

# version: (stem's channels, kernel, what follows); "pool" halves T, H, W, a pair is a Fire: (squeezed, each half)
VERSIONS = {
    "1.0": (96, 7, ["pool", (16, 64), (16, 64), "pool", (32, 128), (32, 128), "pool", (48, 192), (48, 192), (64, 256),
                    "pool", (64, 256)]),
    "1.1": (64, 3, ["pool", (16, 64), (16, 64), "pool", (32, 128), (32, 128), "pool", (48, 192), (48, 192), "pool",
                    (64, 256), (64, 256)]),
}  # fmt: skip


class Fire(nn.Module):
    """Squeeze 1x1x1, expand by 1x1x1 beside 3x3x3; add the input where the shapes allow."""

    def __init__(self, c_in, squeezed, half):
        super().__init__()
        self.squeeze = conv_bn(c_in, squeezed, 1, bias=True)
        self.expand1 = conv_bn(squeezed, half, 1, bias=True)
        self.expand3 = conv_bn(squeezed, half, 3, bias=True)
        self.act = nn.ReLU(inplace=True)
        self.residual = c_in == 2 * half

    def forward(self, x):  # (N, c_in, T, H, W) -> (N, 2 * half, T, H, W)
        y = self.act(self.squeeze(x))
        y = torch.cat([self.expand1(y), self.expand3(y)], 1)
        return self.act(x + y if self.residual else y)


class SqueezeNet(VideoNet):
    """Stem, a table of pools and Fires, dropout, a pointwise convolution to the classes, ReLU, global average."""

    def __init__(self, num_classes, version, dropout):
        super().__init__()
        stem, kernel, table = VERSIONS[version]
        self.stem = nn.Sequential(*conv_bn(3, stem, kernel, (1, 2, 2), bias=True), nn.ReLU(inplace=True))
        self.layers = nn.Sequential()
        channels = stem
        for row in table:
            self.layers.append(nn.MaxPool3d(3, 2, 1) if row == "pool" else Fire(channels, *row))
            channels = channels if row == "pool" else 2 * row[1]
        self.dropout = nn.Dropout(dropout)
        self.fc = PointwiseHead(channels, num_classes)
        self.act = nn.ReLU(inplace=True)
        self.apply(init_fan_out)

    def feature_map(self, x):  # (N, 3, T, H, W) -> (N, 512, T/16, H/32, W/32)
        self.check(x)
        return self.layers(self.stem(x))

    def forward(self, x):  # (N, 3, T, H, W) -> (N, num_classes), none below 0
        return self.act(self.fc(self.dropout(self.feature_map(x)))).mean((2, 3, 4))

    def stage_modules(self):
        return stages_of(self.layers)


UNITS = {"squeeze": "squeeze", "expand1": "expand1x1", "expand3": "expand3x3"}


def published_key(ours):
    match ours.split("."):
        case ["fc", leaf]:
            return f"classifier.1.{leaf}"
        case ["stem", layer, leaf]:
            return f"features.{layer}.{leaf}"
        case ["layers", index, unit, layer, leaf]:
            return f"features.{int(index) + 3}.{UNITS[unit]}{('', '_bn')[int(layer)]}.{leaf}"


@register(**SYSTEM, layouts=[layout(published_key)], variants=[{"version": "1.1"}, {"version": "1.0"}])
def squeezenet3d(num_classes=400, version="1.1", dropout=0.5):
    """3D-SqueezeNet; version 1.1 is published, 1.0 can be built."""
    if str(version) not in VERSIONS:
        raise ValueError(f"version={version!r}; SqueezeNet has the versions {', '.join(VERSIONS)}")
    return SqueezeNet(num_classes, str(version), dropout)
