"""DG-P3D: P3D with a global context in every block and a second, dual head over coarser time and finer space.

Paper   Qiu et al., Optimization Planning for 3D ConvNets, ICML 2021, arXiv:2201.04021, section 5
Input   (N, 3, T, H, W), T a multiple of early_stride, at least 4 of them: 16 frames as published

Departure: the context's last bias starts at 0, not at random, so that a fresh context adds nothing.
"""

import torch
import torch.nn.functional as F
from torch import nn

from lib.models import p3d, p3d_zoo
from lib.models.heads import Head
from lib.models.layout import Layout
from lib.models.registry import register_all

COARSER = 4  # time steps that the dual head pools into one


class Context(nn.Module):
    """What the mean over the clip adds to every position: fc2(relu(fc1(mean(x))))."""

    def __init__(self, channels):
        super().__init__()
        self.fc1 = nn.Linear(channels, channels // 16)
        self.fc2 = nn.Linear(channels // 16, channels)
        nn.init.zeros_(self.fc2.weight)
        nn.init.zeros_(self.fc2.bias)

    def forward(self, x):  # (N, C, T, H, W) -> (N, C, 1, 1, 1)
        return self.fc2(F.relu(self.fc1(x.mean((2, 3, 4)))))[:, :, None, None, None]


class Block(p3d.Bottleneck):
    """P3D's bottleneck, its residual's context added; temporal convolutions are grouped as the spatial ones are."""

    def __init__(self, unit, c_in, planes, stride, groups=1, width_per_group=64):
        super().__init__(unit, c_in, planes, stride, groups, width_per_group, temporal_groups=groups)
        self.context = Context(planes * self.expansion)

    def forward(self, x):  # (N, c_in, T, H, W) -> (N, c_out, T, H/stride, W/stride)
        y = self.residual(x)
        return self.act(y + self.shortcut(x) + self.context(y))


class DGNet(p3d.TwoHeadedNet):
    """The last stage twice: as it is, and on a fourth of the time steps without its spatial stride."""

    block_kinds = {"bottleneck": Block}
    head_names = ("fc", "fc_dual")

    def __init__(self, units, block, blocks, num_classes, stem, early_stride=4, dropout=0.5, width=64, **grouped):
        super().__init__(units, block, blocks, num_classes, stem, early_stride, dropout, width, **grouped)
        planes = width * 2 ** (len(blocks) - 1)
        channels = planes // 2 * Block.expansion
        self.pool_time = nn.MaxPool3d((COARSER, 1, 1))
        self.dual = self.stage(channels, planes, blocks[-1], 1, sum(blocks[:-1]))
        self.fc_dual = Head(planes * Block.expansion, num_classes)
        self.dual.apply(p3d.init_fan_out)

    def feature_maps(self, x):
        """(N, 3, T, H, W) -> temporal (N, 2048, T/es, H/32, W/32), spatial (N, 2048, T/es/4, H/16, W/16)"""
        self.check_frames(x, COARSER)
        x = self.stages[:-1](self.pool(self.stem(x)))  # (N, 1024, T/es, H/16, W/16)
        return self.stages[-1](x), self.dual(self.pool_time(x))

    def feature_map(self, x):  # (N, 3, T, H, W) -> (N, 2048, T/es, H/32, W/32), the temporal head's
        return self.feature_maps(x)[0]

    def head_features(self, x):  # (N, 3, T, H, W) -> the temporal and the spatial head's, each (N, 2048)
        return tuple(each.mean((2, 3, 4)) for each in self.feature_maps(x))

    def features(self, x):  # (N, 3, T, H, W) -> (N, 4096), the temporal head's, then the spatial head's
        return torch.cat(self.head_features(x), 1)

    def stage_modules(self):
        return [*super().stage_modules()[:-1], [self.stages[-1], self.dual]]


def published_key(ours):
    match ours.split("."):
        case ["dual", *rest]:
            return published_key(".".join(["stages", "3", *rest])).replace("layer4", "layer4_dual")
        case ["stages", stage, block, "context", linear, leaf]:
            return f"layer{int(stage) + 1}.{block}.{linear}.{leaf}"
        case _:
            return p3d.published_key(ours)


LAYOUT = Layout("optimization planning", published_key, p3d.published_input, "model", "module.")


# name: (class, family, depth). None of basic blocks: their type B cannot change the channels
NETS = {
    "dg_p3d_50": (DGNet, "p3d", 50),
    "dg_p3d_101": (DGNet, "p3d", 101),
    "dg_p3d_103": (DGNet, "p3d", 103),
    "dg_p3d_152": (DGNet, "p3d", 152),
    "dg_p3d_resnext50": (DGNet, "p3d", "x50"),
}
NANOS = {"dg_p3d_nano": (DGNet, "p3d")}  # ours: for clips of 8 x 64 x 64

register_all(p3d_zoo.zoo_net, NETS, **p3d_zoo.SYSTEM, layouts=[LAYOUT])
register_all(p3d_zoo.zoo_nano, NANOS, **p3d_zoo.SYSTEM)
