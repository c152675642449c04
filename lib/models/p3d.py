"""C2D, I3D, R(2+1)D and P3D: one ResNet skeleton, and what stands in place of its 3x3 convolution.

Paper   Qiu et al., Optimization Planning for 3D ConvNets, ICML 2021, whose zoo this is
Input   (N, 3, T, H, W), T a multiple of early_stride: the stem spans and steps that many frames, nothing else does
"""

from torch import nn

from lib.models.layers import check_clip, conv_bn, freeze_batch_norms, init_fan_out
from lib.models.layout import Layout, Preprocessing
from lib.models.p3d_units import FAMILIES, TypeB
from lib.models.registry import register


# ---- blocks: residual(x) + shortcut(x)
class Bottleneck(nn.Module):
    """Reduce 1x1x1, the family's unit, expand 1x1x1."""

    expansion = 4

    def __init__(self, unit, c_in, planes, stride, groups=1, width_per_group=64, temporal_groups=1):
        super().__init__()
        width, c_out = planes * width_per_group // 64 * groups, planes * self.expansion
        self.reduce = conv_bn(c_in, width, 1)
        self.middle = unit(width, width, stride, groups, temporal_groups)
        self.expand = conv_bn(width, c_out, 1)
        self.shortcut = _shortcut(c_in, c_out, stride)
        self.act = nn.ReLU(inplace=True)

    def residual(self, x):
        return self.expand(self.act(self.middle(self.act(self.reduce(x)))))

    def forward(self, x):  # (N, c_in, T, H, W) -> (N, c_out, T, H/stride, W/stride)
        return self.act(self.residual(x) + self.shortcut(x))


class Basic(nn.Module):
    """The family's unit twice."""

    expansion = 1

    def __init__(self, unit, c_in, planes, stride, groups=1, width_per_group=64, temporal_groups=1):
        super().__init__()
        self.first = unit(c_in, planes, stride, 1)
        self.second = unit(planes, planes, 1, 1, inner_act=False)
        self.shortcut = _shortcut(c_in, planes, stride)
        self.act = nn.ReLU(inplace=True)

    def residual(self, x):
        if isinstance(self.first, TypeB):  # the temporal path runs on its own beside the spatial one
            path = self.first.temporal(x)
            y = self.act(self.first.norm(self.first.spatial(x) + path))
            return self.second.norm(self.second.spatial(y) + self.second.temporal(path))
        return self.second(self.act(self.first(x)))

    forward = Bottleneck.forward


def _shortcut(c_in, c_out, stride):
    if stride == 1 and c_in == c_out:
        return nn.Identity()
    return conv_bn(c_in, c_out, 1, (1, stride, stride))


# depth: (block, blocks per stage); 103 is 101 with a deep stem
DEPTHS = {
    18: (Basic, (2, 2, 2, 2)),
    34: (Basic, (3, 4, 6, 3)),
    50: (Bottleneck, (3, 4, 6, 3)),
    101: (Bottleneck, (3, 4, 23, 3)),
    103: (Bottleneck, (3, 4, 23, 3)),
    152: (Bottleneck, (3, 8, 36, 3)),
}


def plain_stem(width, early_stride, size=7):
    """(N, 3, T, H, W) -> (N, width, T/early_stride, H/2, W/2)"""
    return nn.Sequential(_stem_conv(3, width, early_stride, size), nn.ReLU(inplace=True))


def deep_stem(width, early_stride):
    """The same size by three 3x3 convolutions, to twice the channels."""
    relu = nn.ReLU(inplace=True)
    first = _stem_conv(3, width, early_stride, 3)
    return nn.Sequential(
        first, relu, conv_bn(width, width, (1, 3, 3)), relu, conv_bn(width, 2 * width, (1, 3, 3)), relu
    )


def _stem_conv(c_in, c_out, early_stride, size):
    unit = conv_bn(c_in, c_out, (early_stride, size, size), (early_stride, 2, 2))
    unit[0].padding = (0, size // 2, size // 2)
    return unit


class Net(nn.Module):
    """Stem, max pool in space, stages of blocks, global average, dropout, linear layer.

    units  the family's, in turn
    block  `Bottleneck` or `Basic`, or a class with their arguments
    """

    def __init__(self, units, block, blocks, num_classes, stem, early_stride=4, dropout=0.5, width=64, **grouped):
        super().__init__()
        self.early_stride = early_stride
        self.units, self.block, self.grouped = units, block, grouped
        self.stem = stem
        self.pool = nn.MaxPool3d((1, 3, 3), (1, 2, 2), (0, 1, 1))
        self.stages = nn.Sequential()
        channels, first = stem[-2][0].out_channels, 0
        for index, count in enumerate(blocks):
            planes, stride = width * 2**index, 1 if index == 0 else 2
            self.stages.append(self.stage(channels, planes, count, stride, first))
            channels, first = planes * block.expansion, first + count
        self.dropout = nn.Dropout(dropout)
        self.fc = nn.Linear(channels, num_classes)
        self.apply(init_fan_out)

    def stage(self, c_in, planes, count, stride, first):
        """`count` blocks, of which the net's number `first` is the first and has the stride."""
        stage = nn.Sequential()
        for index in range(count):
            unit = self.units[(first + index) % len(self.units)]
            stage.append(self.block(unit, c_in, planes, stride if index == 0 else 1, **self.grouped))
            c_in = planes * self.block.expansion
        return stage

    def check(self, x):
        fits = x.ndim == 5 and x.shape[2] >= self.early_stride and x.shape[2] % self.early_stride == 0
        check_clip(x, "a net with this stem", fits, f"multiples of early_stride={self.early_stride} frames")

    def forward(self, x):  # (N, 3, T, H, W)
        self.check(x)
        x = self.pool(self.stem(x))  # (N, 64, T/es, H/4, W/4)
        x = self.stages(x)  # (N, 512 * expansion, T/es, H/32, W/32)
        return self.fc(self.dropout(x.mean((2, 3, 4))))


def finish(net, eps=1e-5, frozen_bn=False):
    """Set every batch norm's epsilon; freeze all but the stem's first, whose statistics go on moving."""
    for module in net.modules():
        if isinstance(module, nn.BatchNorm3d):
            module.eps = eps
    if frozen_bn:
        freeze_batch_norms(net, keep=[net.stem[0][1]])
    return net


# ---- published files
UNITS = {"spatial": "conv{}", "temporal": "conv{}_t", "norm": "bn{}"}
SLOTS = {"reduce": 1, "first": 1, "middle": 2, "second": 2, "expand": 3}


def published_key(ours):
    """Torchvision's names, with `convN_t` for temporal convolutions."""
    match ours.split("."):
        case ["stem", index, layer, leaf]:
            return f"{('conv', 'bn')[int(layer)]}{int(index) // 2 + 1}.{leaf}"
        case ["stages", stage, block, "shortcut", layer, leaf]:
            return f"layer{int(stage) + 1}.{block}.downsample.{layer}.{leaf}"
        case ["stages", stage, block, ("reduce" | "expand") as slot, layer, leaf]:
            return f"layer{int(stage) + 1}.{block}.{('conv', 'bn')[int(layer)]}{SLOTS[slot]}.{leaf}"
        case ["stages", stage, block, ("first" | "middle" | "second") as slot, unit, leaf]:
            return f"layer{int(stage) + 1}.{block}.{UNITS[unit].format(SLOTS[slot])}.{leaf}"
        case _:
            return ours


def published_input(file_name):
    """Planned Kinetics weights end on 64 frames, every second; the plain recipe has 16."""
    frames, step = (64, 2) if file_name.startswith("op-kinetics") else (16, 1)
    mean, std = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
    return Preprocessing("RGB", (0, 1), mean, std, 224, frames, step)


LAYOUT = Layout("optimization planning", published_key, published_input, "model", "module.")


def _net(family, depth, **grouped):
    def build(num_classes=400, early_stride=4, frozen_bn=False, dropout=0.5):
        block, blocks = DEPTHS[depth]
        stem = (deep_stem if depth == 103 else plain_stem)(64, early_stride)
        net = Net(FAMILIES[family], block, blocks, num_classes, stem, early_stride, dropout, **grouped)
        return finish(net, 2e-5 if depth == 103 and family != "c2d" else 1e-5, frozen_bn)

    return build


def _nano(family):
    """Ours: CPU-size nets for clips of 8 x 64 x 64, width 16, total stride (1, 16, 16)."""

    def build(num_classes=400, early_stride=1, frozen_bn=False, dropout=0.0):
        stem = plain_stem(16, early_stride, 3)
        net = Net(FAMILIES[family], Bottleneck, (1, 1, 1), num_classes, stem, early_stride, dropout, 16)
        return finish(net, frozen_bn=frozen_bn)

    return build


for family in FAMILIES:
    for depth, (block, _) in DEPTHS.items():
        if (family, block) != ("p3db", Basic):  # its temporal path cannot change the channels
            register(_net(family, depth), name=f"{family}_{depth}", layouts=[LAYOUT])
    register(_net(family, 50, groups=32, width_per_group=4), name=f"{family}_resnext50", layouts=[LAYOUT])
for family in ("c2d", "i3d", "p3d"):
    register(_nano(family), name=f"{family}_nano")
