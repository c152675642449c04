"""DG-P3D: P3D with a global context in every block and a second, dual head over coarser time and finer space.

Paper   Qiu et al., Optimization Planning for 3D ConvNets, ICML 2021, section 5
Input   (N, 3, T, H, W), T a multiple of early_stride, at least 4 of them: 16 frames as published

Departure: the context's last bias starts at 0, not at random, so that a fresh context adds nothing.
"""

import torch.nn.functional as F
from torch import nn

from lib.models import p3d
from lib.models.layers import check_clip
from lib.models.layout import Layout
from lib.models.registry import register

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


class DGNet(p3d.Net):
    """The last stage twice: as it is, and on a fourth of the time steps without its spatial stride."""

    def __init__(self, blocks, num_classes, stem, early_stride, dropout, width=64, **grouped):
        super().__init__(p3d.FAMILIES["p3d"], Block, blocks, num_classes, stem, early_stride, dropout, width, **grouped)
        planes = width * 2 ** (len(blocks) - 1)
        channels = planes // 2 * Block.expansion
        self.pool_time = nn.MaxPool3d((COARSER, 1, 1))
        self.dual = self.stage(channels, planes, blocks[-1], 1, sum(blocks[:-1]))
        self.fc_dual = nn.Linear(planes * Block.expansion, num_classes)
        self.dual.apply(p3d.init_fan_out)

    def check(self, x):
        steps = x.shape[2] / self.early_stride if x.ndim == 5 else 0
        least = COARSER * self.early_stride
        takes = f"multiples of early_stride={self.early_stride} frames, at least {least}"
        check_clip(x, "DG-P3D", steps >= COARSER and steps == int(steps), takes)

    def heads(self, x):
        """(N, 3, T, H, W) -> the temporal and the spatial head's logits, each (N, num_classes)."""
        self.check(x)
        x = self.stages[:-1](self.pool(self.stem(x)))  # (N, 1024, T/es, H/16, W/16)
        temporal = self.stages[-1](x)  # (N, 2048, T/es, H/32, W/32)
        spatial = self.dual(self.pool_time(x))  # (N, 2048, T/es/4, H/16, W/16)
        return (
            self.fc(self.dropout(temporal.mean((2, 3, 4)))),
            self.fc_dual(self.dropout(spatial.mean((2, 3, 4)))),
        )

    def forward(self, x):
        """The tuple of the heads in training, their mean in evaluation."""
        heads = self.heads(x)
        return heads if self.training else sum(heads) / len(heads)


def published_key(ours):
    match ours.split("."):
        case ["dual", *rest]:
            return published_key(".".join(["stages", "3", *rest])).replace("layer4", "layer4_dual")
        case ["stages", stage, block, "context", linear, leaf]:
            return f"layer{int(stage) + 1}.{block}.{linear}.{leaf}"
        case _:
            return p3d.published_key(ours)


LAYOUT = Layout("optimization planning", published_key, p3d.published_input, "model", "module.")


def _net(depth, **grouped):
    def build(num_classes=400, early_stride=4, frozen_bn=False, dropout=0.5):
        deep = depth == 103
        stem = (p3d.deep_stem if deep else p3d.plain_stem)(64, early_stride)
        net = DGNet(p3d.DEPTHS[depth][1], num_classes, stem, early_stride, dropout, **grouped)
        return p3d.finish(net, 2e-5 if deep else 1e-5, frozen_bn)

    return build


for depth in (50, 101, 103, 152):  # basic blocks cannot run: their type B cannot change the channels
    register(_net(depth), name=f"dg_p3d_{depth}", layouts=[LAYOUT])
register(_net(50, groups=32, width_per_group=4), name="dg_p3d_resnext50", layouts=[LAYOUT])


@register
def dg_p3d_nano(num_classes=400, early_stride=1, frozen_bn=False, dropout=0.0):
    """CPU-size DG-P3D for 8 x 64 x 64 clips, total stride (1, 16, 16): ours, not the paper's."""
    stem = p3d.plain_stem(16, early_stride, 3)
    return p3d.finish(DGNet((1, 1, 1), num_classes, stem, early_stride, dropout, 16), frozen_bn=frozen_bn)
