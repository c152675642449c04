"""EfficientNet on the frames of a clip: inverted residuals with squeeze-excitation, B0 wider and deeper.

Paper   Qiu et al., Optimization Planning for 3D ConvNets, ICML 2021, arXiv:2201.04021, section 5; its code's zoo
Origin  Tan and Le, EfficientNet, ICML 2019, arXiv:1905.11946, table 1
Input   (N, 3, T, H, W), any T; with a stem in time a multiple of early_stride. Nothing else strides time

Departure: padding, "same" as TensorFlow's, follows the clip's size; the code fixes it when the net is built.
"""

from math import ceil

import torch
import torch.nn.functional as F
from torch import nn

from lib.models.heads import Head
from lib.models.layers import conv, conv_bn
from lib.models.video_net import VideoNet, stages_of

# blocks, kernel, stride, expansion, channels in, channels out of each stage of B0
STAGES = (
    (1, 3, 1, 1, 32, 16),
    (2, 3, 2, 6, 16, 24),
    (2, 5, 2, 6, 24, 40),
    (3, 3, 2, 6, 40, 80),
    (3, 5, 1, 6, 80, 112),
    (4, 5, 2, 6, 112, 192),
    (1, 3, 1, 6, 192, 320),
)
HIDDEN = 1280
DROP = 0.2  # probability that the last block's residual is left out in training; the first one's is 0


def widened(channels, width):
    """The multiple of 8 nearest to channels * width, that is not below 0.9 of it."""
    wide = channels * width
    rounded = max(8, int(wide + 4) // 8 * 8)
    return rounded + 8 if rounded < 0.9 * wide else rounded


class SameConv(nn.Conv3d):
    """A convolution whose output has size / stride pixels, rounded up; an odd pixel of padding goes right and below."""

    def __init__(self, c_in, c_out, kernel, stride=(1, 1, 1), groups=1):
        super().__init__(c_in, c_out, kernel, stride, groups=groups, bias=False)

    def forward(self, x):  # (N, c_in, T, H, W) -> (N, c_out, T/st, H/s, W/s)
        padding = [0, 0]  # none in time
        for size, kernel, stride in zip(x.shape[3:], self.kernel_size[1:], self.stride[1:], strict=True):
            total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
            padding = [total // 2, total - total // 2, *padding[:-2], *padding[-2:]]
        return super().forward(F.pad(x, padding))


def same_conv_bn(c_in, c_out, kernel, stride=(1, 1, 1), groups=1):
    return nn.Sequential(SameConv(c_in, c_out, kernel, stride, groups), nn.BatchNorm3d(c_out))


class SqueezeExcitation(nn.Module):
    """Scale every channel by a gate that the means of all channels decide: of the clip, or of each time step."""

    def __init__(self, channels, squeezed, over_time):
        super().__init__()
        self.axes = (2, 3, 4) if over_time else (3, 4)
        self.reduce = conv(channels, squeezed, 1, bias=True)
        self.expand = conv(squeezed, channels, 1, bias=True)

    def forward(self, x):  # (N, C, T, H, W)
        gate = self.expand(F.silu(self.reduce(x.mean(self.axes, keepdim=True))))  # (N, C, 1 or T, 1, 1)
        return x * gate.sigmoid()


class Filter(nn.Module):
    """The depthwise convolutions, 1xkxk and perhaps 3x1x1, and their norm."""

    def __init__(self, channels, kernel, stride, in_time):
        super().__init__()
        self.spatial = SameConv(channels, channels, (1, kernel, kernel), (1, stride, stride), channels)
        self.norm = nn.BatchNorm3d(channels)
        self.temporal = conv(channels, channels, (3, 1, 1), groups=channels) if in_time else nn.Identity()

    def forward(self, x):  # (N, C, T, H, W) -> (N, C, T, H/stride, W/stride)
        return self.norm(self.temporal(self.spatial(x)))


class MBConv(nn.Module):
    """Expand 1x1x1, filter depthwise, squeeze-excitation, project 1x1x1; add the input where the shapes allow.

    drop  probability that in training a sample keeps its input alone
    """

    def __init__(self, c_in, c_out, kernel, stride, expansion, in_time, over_time, drop):
        super().__init__()
        inner = c_in * expansion
        self.expand = nn.Sequential(*conv_bn(c_in, inner, 1), nn.SiLU()) if expansion > 1 else nn.Identity()
        self.filter = Filter(inner, kernel, stride, in_time)
        self.gate = SqueezeExcitation(inner, max(1, c_in // 4), over_time)
        self.project = conv_bn(inner, c_out, 1)
        self.drop, self.drop_axes = drop, (0,) if over_time else (0, 2)
        self.residual = stride == 1 and c_in == c_out

    def forward(self, x):  # (N, c_in, T, H, W) -> (N, c_out, T, H/stride, W/stride)
        y = self.gate(F.silu(self.filter(self.expand(x))))  # (N, inner, T, H/stride, W/stride)
        y = self.project(y)
        return x + self.thinned(y) if self.residual else y

    def thinned(self, y):
        """In training, some samples become 0 and the others larger; a sample is a clip, or a time step of a 2D net."""
        if not (self.training and self.drop):
            return y
        shape = [n if axis in self.drop_axes else 1 for axis, n in enumerate(y.shape)]
        kept = torch.rand(shape, device=y.device) < 1 - self.drop
        return y * kept.to(y.dtype) / (1 - self.drop)


class EfficientNet(VideoNet):
    """Stem, blocks, a wide 1x1x1 layer, global average, dropout, linear layer.

    scale      multiples of B0's width and depth
    in_time    with depthwise convolutions in time
    over_time  whether squeeze-excitation averages over time
    """

    hidden_names = ("neck",)

    def __init__(self, scale, num_classes, dropout, early_stride, in_time, over_time, stages=STAGES, hidden=HIDDEN):
        super().__init__()
        width, depth = scale
        self.early_stride = early_stride
        stem = widened(stages[0][4], width)
        stem = same_conv_bn(3, stem, (early_stride, 3, 3), (early_stride, 2, 2))
        self.stem = nn.Sequential(stem, nn.SiLU())
        rows = [(row, first) for row in stages for first in (True, *[False] * (ceil(row[0] * depth) - 1))]
        self.blocks = nn.Sequential()
        for index, ((_, kernel, stride, expansion, c_in, c_out), first) in enumerate(rows):
            c_in, c_out = widened(c_in if first else c_out, width), widened(c_out, width)
            shape = (c_in, c_out, kernel, stride if first else 1, expansion)
            self.blocks.append(MBConv(*shape, in_time, over_time, DROP * index / len(rows)))
        hidden = widened(hidden, width)
        self.neck = nn.Sequential(*conv_bn(c_out, hidden, 1), nn.SiLU())
        self.dropout = nn.Dropout(dropout)
        self.fc = Head(hidden, num_classes)

    def feature_map(self, x):  # (N, 3, T, H, W) -> (N, 320 * width, T/es, H/32, W/32)
        frames = x.shape[2] if x.ndim == 5 else 0
        fits = frames > 0 and frames % self.early_stride == 0
        self.check(x, fits, f"multiples of early_stride={self.early_stride} frames")
        return self.blocks(self.stem(x))

    def features(self, x):  # (N, 3, T, H, W) -> (N, 1280 * width)
        return self.neck(self.feature_map(x)).mean((2, 3, 4))

    def stage_modules(self):
        return stages_of(self.blocks)


class FrameEfficientNet(EfficientNet):
    """The 2D net: its head classifies every frame."""

    def forward(self, x):  # (N, 3, T, H, W) -> (N, num_classes)
        frames = self.neck(self.feature_map(x)).mean((3, 4)).transpose(1, 2)  # (N, T, 1280 * width)
        return self.fc(self.dropout(frames)).mean(1)
