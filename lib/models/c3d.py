"""C3D with batch norm: eight 3x3x3 convolutions, five pools, three linear layers.

Origin  Tran et al., Learning Spatiotemporal Features with 3D Convolutional Networks, ICCV 2015, arXiv:1412.0767;
        as in the code of Kopuklu et al., arXiv:1904.02422
Input   (N, 3, T, H, W) of one size, which the first linear layer is built for
"""

import torch.nn.functional as F
from torch import nn

from lib.models.efficient3dcnns import layout
from lib.models.layers import check_clip, conv_bn
from lib.models.registry import register

# channels of each group's convolutions; kernel, stride, padding of its max pool
GROUPS = [
    ((64,), (2, (1, 2, 2), 0)),
    ((128,), (2, 2, 0)),
    ((256, 256), (2, 2, 0)),
    ((512, 512), (2, 2, 0)),
    ((512, 512), ((1, 2, 2), 2, (0, 1, 1))),
]
HIDDEN = 4096


class C3D(nn.Module):
    """Groups of convolutions, each with a pool; then three linear layers."""

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
        self.fc = nn.Linear(HIDDEN, num_classes)

    def forward(self, x):  # (N, 3, frames, size, size)
        check_clip(x, "C3D", tuple(x.shape[2:]) == (self.frames, self.size, self.size), self._takes())
        x = self.groups(x).flatten(1)  # (N, 512 * t * s * s)
        for linear in (self.fc1, self.fc2):
            x = self.dropout(F.relu(linear(x)))
        return self.fc(x)

    def _takes(self):
        return f"{self.frames} frames of {self.size} x {self.size} as built (options frames, size)"


def published_key(ours):
    match ours.split("."):
        case [("fc1" | "fc2" | "fc") as linear, leaf]:
            return f"{linear}.0.{leaf}"
        case ["groups", group, index, leaf]:
            return f"group{int(group) + 1}.{index}.{leaf}"
        case _:
            return ours


@register(layouts=[layout(published_key)])
def c3d(num_classes=400, frames=16, size=112, dropout=0.5):
    """C3D for clips of `frames` at `size` x `size` pixels. (The published code miscounts some sizes, and fails.)"""
    if frames < 9 or size < 16:
        raise ValueError(f"frames={frames}, size={size}; C3D's pools leave nothing of less than 9 frames of 16 pixels")
    return C3D(num_classes, frames, size, dropout)
