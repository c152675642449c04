"""GST: some channels are convolved in space and time, the others in space alone. CAKES compares itself with it.

Paper  Luo and Yuille, Grouped Spatial-Temporal Aggregation for Efficient Action Recognition, ICCV 2019,
       arXiv:1909.13130, section 3
Input  (N, 3, T, H, W), any T
"""

from functools import partial

import torch
from torch import nn

from lib.models.frame_resnet import (
    BLOCKS,
    Bottleneck,
    FrameResNet,
    fill_norm,
    published_input,
    published_key,
)
from lib.models.layers import conv, conv_bn
from lib.models.layout import Layout
from lib.models.registry import register


class GroupedConv(nn.Module):
    """A 1x3x3 and a 3x3x3 convolution side by side. Their outputs are joined, then normalised.

    alpha  the 3x3x3 convolution makes 1/alpha of the output channels, the 1x3x3 the rest
    beta   2: the 1x3x3 reads the first half of the input channels, the 3x3x3 the last; 1 (GST-Large): both read all
    """

    def __init__(self, channels, stride, alpha, beta):
        super().__init__()
        self.channels, self.read = channels, channels // beta
        self.spatial = conv(self.read, channels // alpha * (alpha - 1), (1, 3, 3), (1, stride, stride))
        self.temporal = conv(self.read, channels // alpha, 3, (1, stride, stride))
        self.norm = nn.BatchNorm3d(channels)

    def forward(self, x):  # (N, C, T, H, W) -> (N, C, T, H/stride, W/stride)
        first, last = x[:, : self.read], x[:, -self.read :]
        return self.norm(torch.cat([self.spatial(first), self.temporal(last)], 1))

    @torch.no_grad()
    def fill(self, weight, norm):
        """Copy a 2D convolution's weights into the 1x3x3, and its norm. The 3x3x3 keeps its random start."""
        own = self.spatial.weight
        own.copy_(weight[: own.shape[0], : own.shape[1], None])
        fill_norm(self.norm, norm)


class GST(FrameResNet):
    """See `GroupedConv` for alpha and beta."""

    def __init__(self, blocks, num_classes, alpha, beta, dropout):
        if beta not in (1, 2):
            raise ValueError(f"beta is {beta!r}; it is 2, or 1 for GST-Large")
        if alpha < 2 or 64 % alpha:
            raise ValueError(f"alpha is {alpha!r}; it is 2 or more and divides the 64 channels of the first stage")

        def block(number, c_in, planes, stride):
            return Bottleneck(c_in, planes, stride, GroupedConv(planes, stride, alpha, beta))

        super().__init__(block, blocks, num_classes, dropout, conv_bn(3, 64, (1, 7, 7), (1, 2, 2)))


def _inside(ours):
    """Our key inside a `GroupedConv` -> the published one."""
    unit, leaf = ours.split(".")
    return f"{ {'spatial': 'conv2', 'temporal': 'Tconv', 'norm': 'bn2'}[unit] }.{leaf}"


LAYOUT = Layout(
    "GST",
    partial(published_key, _inside, "new_fc"),
    partial(published_input, protocol="cakes_1clip"),
    "state_dict",
    "module.",
)


@register(
    system="CAKES",  # one of its baselines
    source="Luo, Yuille, GST, ICCV 2019, arXiv:1909.13130, section 3",
    layouts=[LAYOUT],
    variants=[{"beta": 2}, {"beta": 1}],
)
def gst_50(num_classes=174, alpha=4, beta=2, dropout=0.3):
    """GST on ResNet-50; beta=1 is GST-Large."""
    return GST(BLOCKS[50], num_classes, alpha, beta, dropout)
