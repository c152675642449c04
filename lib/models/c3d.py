"""C3D with batch norm: eight 3x3x3 convolutions, five pools, three linear layers.

Paper   Kopuklu et al., Resource Efficient 3D CNNs, ICCVW 2019, arXiv:1904.02422, table 8: a comparison net, by its code
Origin  Tran et al., Learning Spatiotemporal Features with 3D Convolutional Networks, ICCV 2015, arXiv:1412.0767, fig. 3
Input   (N, 3, T, H, W) of one size, which the first linear layer is built for
"""

import torch.nn.functional as F
from torch import nn

from lib.models.efficient3dcnns import SYSTEM, layout
from lib.models.heads import Head
from lib.models.layers import conv_bn
from lib.models.registry import register
from lib.models.video_net import VideoNet

# channels of each group's convolutions; kernel, stride, padding of its max pool
GROUPS = [
    ((64,), (2, (1, 2, 2), 0)),
    ((128,), (2, 2, 0)),
    ((256, 256), (2, 2, 0)),
    ((512, 512), (2, 2, 0)),
    ((512, 512), ((1, 2, 2), 2, (0, 1, 1))),
]
HIDDEN = 4096


class C3D(VideoNet):
    """Groups of convolutions, each with a pool; then three linear layers."""

    hidden_names = ("fc1", "fc2")

    def __init__(self, num_classes, frames, size, dropout):
        super().__init__()
        self.frames, self.size = frames, size
        self.groups = nn.Sequential()
        channels = 3
        for widths, pool in GROUPS:
            group = nn.Sequential()
            for width in widths:
                group.extend([*conv_bn(channels, width, 3, bias=True), nn.ReLU(inplace=True)])
                channels = width
            self.groups.append(group.append(nn.MaxPool3d(*pool)))
        t, s = ((frames - 1) // 8 + 1) // 2, size // 16 // 2 + 1  # what the pools leave: 1 and 4 of 16 and 112
        self.fc1 = nn.Linear(channels * t * s**2, HIDDEN)
        self.fc2 = nn.Linear(HIDDEN, HIDDEN)
        self.dropout = nn.Dropout(dropout)
        self.fc = Head(HIDDEN, num_classes)

    def feature_map(self, x):  # (N, 3, frames, size, size) -> (N, 512, t, s, s)
        takes = f"{self.frames} frames of {self.size} x {self.size} as built (options frames, size)"
        self.check(x, tuple(x.shape[2:]) == (self.frames, self.size, self.size), takes)
        return self.groups(x)

    def features(self, x):  # (N, 3, frames, size, size) -> (N, 4096)
        """What the second hidden layer says, its dropout still to come."""
        x = self.feature_map(x).flatten(1)  # (N, 512 * t * s * s)
        return F.relu(self.fc2(self.dropout(F.relu(self.fc1(x)))))

    def stem_modules(self):
        return [self.groups[0]]

    def stage_modules(self):
        return [[group] for group in self.groups[1:]]


def published_key(ours):
    match ours.split("."):
        case [("fc1" | "fc2" | "fc") as linear, leaf]:
            return f"{linear}.0.{leaf}"
        case ["groups", group, index, leaf]:
            return f"group{int(group) + 1}.{index}.{leaf}"
        case _:
            return ours


@register(**SYSTEM, layouts=[layout(published_key)])
def c3d(num_classes=400, frames=16, size=112, dropout=0.5):
    """C3D for clips of `frames` at `size` x `size` pixels. (The published code miscounts some sizes, and fails.)"""
    if frames < 9 or size < 16:
        raise ValueError(f"frames={frames}, size={size}; C3D's pools leave nothing of less than 9 frames of 16 pixels")
    return C3D(num_classes, frames, size, dropout)
