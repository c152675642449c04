"""TSM: a 2D ResNet in which 1/8 of the channels look one frame ahead, and 1/8 one frame back.

Paper  Lin, Gan, Han, TSM: Temporal Shift Module for Efficient Video Understanding, ICCV 2019, arXiv:1811.08383,
       section 4
Input  (N, 3, T, H, W), any T
"""

import torch
from torch import nn

from kernels import frame_shift, tsm_offset
from lib.models.frame_resnet import BLOCKS, EXPANSION, FrameResNet, published_input, published_key
from lib.models.layers import FrameConv
from lib.models.layout import Layout
from lib.models.registry import register


def frame_conv_bn(c_in, c_out, size, stride=1):
    """A 2D convolution of every frame, then batch norm."""
    return nn.Sequential(FrameConv(c_in, c_out, size, stride, size // 2, bias=False), nn.BatchNorm3d(c_out))


class ShiftedConv(FrameConv):
    """Shift frames, then convolve.

    div     1/div of the channels look ahead, 1/div back; 0: none
    causal  1/div look back, and none ahead
    """

    op_backend = "auto"

    def __init__(self, c_in, c_out, size, div, causal=False):
        super().__init__(c_in, c_out, size, bias=False)
        offset = tsm_offset(c_in, div, causal) if div else torch.zeros(c_in, dtype=torch.int64)
        self.register_buffer("offset", offset, persistent=False)

    def forward(self, x):  # (N, c_in, T, H, W) -> (N, c_out, T, H, W)
        return super().forward(frame_shift(x, self.offset, backend=self.op_backend))


class ShiftedBottleneck(nn.Module):
    """Shift, reduce 1x1, filter 3x3, expand 1x1; add the shortcut, which sees nothing shifted."""

    def __init__(self, c_in, planes, stride, div, causal=False):
        super().__init__()
        self.reduce = nn.Sequential(ShiftedConv(c_in, planes, 1, div, causal), nn.BatchNorm3d(planes))
        self.middle = frame_conv_bn(planes, planes, 3, stride)
        self.expand = frame_conv_bn(planes, EXPANSION * planes, 1)
        projected = stride != 1 or c_in != EXPANSION * planes
        self.shortcut = frame_conv_bn(c_in, EXPANSION * planes, 1, stride) if projected else nn.Identity()
        self.act = nn.ReLU(inplace=True)

    def forward(self, x, reduce=None):  # (N, c_in, T, H, W) -> (N, 4 * planes, T, H/stride, W/stride)
        y = self.act((reduce or self.reduce)(x))  # online, something else reduces
        y = self.act(self.middle(y))
        return self.act(self.expand(y) + self.shortcut(x))


class TSM(FrameResNet):
    """Its classifier learns five times as fast as the rest, its bias ten times."""

    policy = {"bias": (2, 0), "norm": (1, 0), "head_weight": (5, 1), "head_bias": (10, 0)}

    def __init__(self, blocks, num_classes, div, dropout, causal=False):
        def block(number, c_in, planes, stride):
            return ShiftedBottleneck(c_in, planes, stride, div, causal)

        stem = frame_conv_bn(3, 64, 7, 2)
        super().__init__(block, blocks, num_classes, dropout, stem)
        self.causal = causal


def _key(ours):
    """Torchvision's names, `.net` in the shifted convolutions."""
    theirs = published_key(lambda inside: f"{('conv2', 'bn2')[int(inside[0])]}{inside[1:]}", "new_fc", ours)
    return theirs.replace(".conv1.weight", ".conv1.net.weight") if ours.startswith("stages") else theirs


@register(
    system="RubiksNet",  # one of its baselines
    source="Lin, Gan, Han, TSM, ICCV 2019, arXiv:1811.08383, section 4",
    layouts=[Layout("TSM", _key, published_input, "state_dict", "module.")],
)
def tsm_50(num_classes=400, div=8, dropout=0.5, causal=False):
    """TSM on ResNet-50, frames shifted inside every block's branch; causal: none looks ahead, see tsm_online.py."""
    return TSM(BLOCKS[50], num_classes, div, dropout, causal)
