"""X3D: a small 2D net expanded, an axis at a time, to a light 3D net; depthwise 3x3x3, squeeze-excitation, swish.

Paper   Feichtenhofer, X3D: Expanding Architectures for Efficient Video Recognition, CVPR 2020, arXiv:2004.04730,
        table 1; sizes as in its code, SlowFast (configs/Kinetics/X3D_*.yaml)
Guest   not one of the five systems; a net to compare with
Input   (N, 3, T, H, W); no stride in time. XS, S and M are one net for other clips: 4 x 160, 13 x 160 and 16 x 224 in
        training, where the head's pool leaves one position
"""

from functools import partial
from itertools import pairwise

import torch.nn.functional as F
from torch import nn

from lib.models.heads import Head
from lib.models.layers import avg_pool3d, conv, conv_bn, init_fan_out
from lib.models.registry import register
from lib.models.video_net import VideoNet
from lib.models.x3d_files import layouts

# channels of stem and stages; inner channels of the blocks; channels inside squeeze-excitation
WIDTHS = (24, 24, 48, 96, 192)
INNER = (54, 108, 216, 432)  # int(2.25 * stage)
SQUEEZED = (8, 8, 16, 32)  # inner / 16, to a multiple of 8 that is not below 0.9 of it
HIDDEN = 2048
# name: blocks per stage, and of a clip: frames, frame stride, training crop
NETS = {
    "x3d_xs": ((3, 5, 11, 7), 4, 12, 160),
    "x3d_s": ((3, 5, 11, 7), 13, 6, 160),
    "x3d_m": ((3, 5, 11, 7), 16, 5, 224),
    "x3d_l": ((5, 10, 25, 15), 16, 5, 312),
}
SYSTEM = {"system": "X3D", "source": "Feichtenhofer, X3D, CVPR 2020, arXiv:2004.04730, table 1; a guest"}
# ours: three stages at half the width, for clips of 8 x 64 x 64, total stride (1, 16, 16)
NANO = {"widths": (12, 12, 24, 48), "inner": (27, 54, 108), "squeezed": (8, 8, 8), "hidden": 192}
NANO_BLOCKS = (1, 2, 2)


class SqueezeExcitation(nn.Module):
    """Scale every channel by a gate between 0 and 1 that the means of all channels decide."""

    def __init__(self, channels, squeezed):
        super().__init__()
        self.reduce = conv(channels, squeezed, 1, bias=True)
        self.expand = conv(squeezed, channels, 1, bias=True)

    def forward(self, x):  # (N, C, T, H, W)
        gate = self.expand(F.relu(self.reduce(x.mean((2, 3, 4), keepdim=True))))  # (N, C, 1, 1, 1)
        return x * gate.sigmoid()


class Block(nn.Module):
    """Expand 1x1x1, filter depthwise 3x3x3, (squeeze-excitation), project 1x1x1; add the shortcut.

    shortcut_norm  False: the projected shortcut has no norm, as in stage 1 of pytorchvideo's net
    """

    def __init__(self, c_in, inner, c_out, stride, squeezed, shortcut_norm=True):
        super().__init__()
        self.expand = conv_bn(c_in, inner, 1)
        self.filter = conv_bn(inner, inner, 3, (1, stride, stride), groups=inner)
        self.gate = SqueezeExcitation(inner, squeezed) if squeezed else nn.Identity()
        self.project = conv_bn(inner, c_out, 1)
        self.shortcut = nn.Identity()
        if stride != 1 or c_in != c_out:
            projected = conv_bn(c_in, c_out, 1, (1, stride, stride))
            self.shortcut = projected if shortcut_norm else projected[:1]
        self.act = nn.ReLU()

    def forward(self, x):  # (N, c_in, T, H, W)
        y = self.act(self.expand(x))  # (N, inner, T, H, W)
        y = F.silu(self.gate(self.filter(y)))  # (N, inner, T, H/s, W/s); swish, with a gate or without
        return self.act(self.project(y) + self.shortcut(x))  # (N, c_out, T, H/s, W/s)


class X3D(VideoNet):
    """Stem, stages of blocks, and a head that classifies at every position which its pool leaves.

    head_pool      (t, h, w) of the average pool at stride 1, at most the feature map; None: global average
    shortcut_norm  whether the projected shortcut of stage 1 has a norm; pytorchvideo's has none
    """

    hidden_names = ("neck", "hidden")

    def __init__(
        self,
        blocks,
        num_classes,
        head_pool=None,
        shortcut_norm=True,
        dropout=0.5,
        *,
        widths=WIDTHS,
        inner=INNER,
        squeezed=SQUEEZED,
        hidden=HIDDEN,
    ):
        super().__init__()
        self.head_pool = head_pool
        self.stem = nn.Sequential(  # 1x3x3, then 5x1x1 depthwise with nothing between
            conv(3, widths[0], (1, 3, 3), (1, 2, 2)),
            conv(widths[0], widths[0], (5, 1, 1), groups=widths[0]),
            nn.BatchNorm3d(widths[0]),
        )
        self.stages = nn.Sequential()
        for index, (c_in, c_out) in enumerate(pairwise(widths)):
            stage, shape = nn.Sequential(), (inner[index], c_out)
            for block in range(blocks[index]):
                gate = 0 if block % 2 else squeezed[index]
                first = block == 0
                norm = shortcut_norm or index > 0
                stage.append(Block(c_in if first else c_out, *shape, 2 if first else 1, gate, norm))
            self.stages.append(stage)
        self.neck = conv_bn(widths[-1], inner[-1], 1)
        self.hidden = conv(inner[-1], hidden, 1)
        self.dropout = nn.Dropout(dropout)
        self.fc = Head(hidden, num_classes)
        self.apply(_init)

    def feature_map(self, x):  # (N, 3, T, H, W) -> (N, 192, T, H/32, W/32)
        self.check(x)
        return self.stages(F.relu(self.stem(x)))

    def windows(self, x):  # (N, 3, T, H, W) -> (N, positions, 2048)
        """The features of every position that the head's pool leaves."""
        x = F.relu(self.neck(self.feature_map(x)))  # (N, 432, T, H/32, W/32)
        window = [min(k, n) for k, n in zip(self.head_pool or x.shape[2:], x.shape[2:], strict=True)]
        x = F.relu(self.hidden(avg_pool3d(x, window, 1)))
        return x.flatten(2).transpose(1, 2)

    def features(self, x):  # (N, 3, T, H, W) -> (N, 2048)
        return self.windows(x).mean(1)

    def positions(self, x):  # (N, 3, T, H, W) -> (N, positions, classes)
        """The logits of every position."""
        return self.fc(self.dropout(self.windows(x)))

    def forward(self, x):  # (N, 3, T, H, W) -> (N, classes)
        return self.positions(x).mean(1)

    def probabilities(self, x):
        """The mean over the positions of their softmax, as SlowFast tests: (N, 3, T, H, W) -> (N, classes).

        It differs from the softmax of the mean wherever there are several positions, as at the published test crops.
        """
        return self.positions(x).softmax(-1).mean(1)


def _init(module):
    """Sec. 1 of SlowFast's `init_weights`: the last norm of every block starts at 0."""
    init_fan_out(module)
    if isinstance(module, nn.Conv3d) and module.bias is not None:
        nn.init.zeros_(module.bias)
    if isinstance(module, nn.Linear):
        nn.init.normal_(module.weight, 0, 0.01)
        nn.init.zeros_(module.bias)
    if isinstance(module, Block):
        nn.init.zeros_(module.project[1].weight)


def x3d(blocks, num_classes=400, dropout=0.5, head_pool=None, shortcut_norm=True):
    return X3D(blocks, num_classes, head_pool, shortcut_norm, dropout)


for name, (blocks, frames, frame_stride, crop) in NETS.items():
    pool = (frames, -(-crop // 32), -(-crop // 32))  # it leaves one position at the training crop
    files = list(layouts(name, frames, frame_stride, crop))
    register(partial(x3d, blocks, head_pool=pool), name=name, layouts=files, **SYSTEM)


@register(**SYSTEM)
def x3d_nano(num_classes=400, dropout=0.0):
    """CPU-size X3D for 8 x 64 x 64 clips: ours, not the paper's."""
    return X3D(NANO_BLOCKS, num_classes, dropout=dropout, **NANO)
