"""ResNet and ResNeXt in 3D: every 3x3 kernel of the 2D net becomes 3x3x3.

Paper   Kopuklu et al., Resource Efficient 3D CNNs, ICCVW 2019, arXiv:1904.02422, table 8: its comparison nets
Origin  Hara, Kataoka, Satoh, Can Spatiotemporal 3D CNNs Retrace the History of 2D CNNs, CVPR 2018, arXiv:1711.09577,
        table 1
Input   (N, 3, T, H, W)
"""

import torch.nn.functional as F
from torch import nn

from lib.models.efficient3dcnns import SYSTEM, layout
from lib.models.heads import Head
from lib.models.layers import conv_bn, init_fan_out
from lib.models.registry import register, register_all
from lib.models.video_net import VideoNet


class Pad(nn.Module):
    """Shortcut A, without parameters: every stride-th position, zeros for the channels that are missing."""

    def __init__(self, c_in, c_out, stride):
        super().__init__()
        self.stride, self.extra = stride, c_out - c_in

    def forward(self, x):  # (N, c_in, T, H, W) -> (N, c_out, T/s, H/s, W/s)
        s = self.stride
        return F.pad(x[:, :, ::s, ::s, ::s], (0, 0, 0, 0, 0, 0, 0, self.extra))


def _shortcut(kind, c_in, c_out, stride):
    if stride == 1 and c_in == c_out:
        return nn.Identity()
    return Pad(c_in, c_out, stride) if kind == "A" else conv_bn(c_in, c_out, 1, stride)


class Basic(nn.Module):
    """Two 3x3x3 convolutions."""

    def __init__(self, c_in, planes, stride, shortcut):
        super().__init__()
        self.convs = nn.ModuleList([conv_bn(c_in, planes, 3, stride), conv_bn(planes, planes, 3)])
        self.shortcut = _shortcut(shortcut, c_in, planes, stride)
        self.act = nn.ReLU(inplace=True)

    def forward(self, x):  # (N, c_in, T, H, W) -> (N, c_out, T/s, H/s, W/s)
        y = x
        for conv in self.convs[:-1]:
            y = self.act(conv(y))
        return self.act(self.convs[-1](y) + self.shortcut(x))


class Bottleneck(Basic):
    """Reduce 1x1x1, filter 3x3x3 (in groups: ResNeXt), expand 1x1x1."""

    def __init__(self, c_in, mid, c_out, stride, shortcut, groups=1):
        nn.Module.__init__(self)
        filtered = conv_bn(mid, mid, 3, stride, groups)
        self.convs = nn.ModuleList([conv_bn(c_in, mid, 1), filtered, conv_bn(mid, c_out, 1)])
        self.shortcut = _shortcut(shortcut, c_in, c_out, stride)
        self.act = nn.ReLU(inplace=True)


def basic(c_in, width, stride, shortcut):
    """The block of ResNet-10, 18, 34: (block, its channels)."""
    return Basic(c_in, width, stride, shortcut), width


def bottleneck(c_in, width, stride, shortcut):
    """The block of ResNet-50 and deeper."""
    return Bottleneck(c_in, width, 4 * width, stride, shortcut), 4 * width


def aggregated(cardinality):
    """The block of ResNeXt, with `cardinality` groups of width/16 channels."""

    def block(c_in, width, stride, shortcut):
        mid = cardinality * (width // 16)
        return Bottleneck(c_in, mid, 4 * width, stride, shortcut, cardinality), 4 * width

    return block


class ResNet3D(VideoNet):
    """Stem, max pool, stages of blocks that halve T, H, W (but the first), global average, linear layer."""

    def __init__(self, num_classes, block, counts, shortcut, stem, pool, width=64):
        super().__init__()
        if shortcut not in ("A", "B"):
            raise ValueError(f"shortcut={shortcut!r}; it can be 'A' (without parameters) or 'B' (projected)")
        self.stem = nn.Sequential(*conv_bn(3, width, stem, (1, 2, 2)), nn.ReLU(inplace=True))
        self.pool = pool
        self.stages = nn.Sequential()
        channels = width
        for index, count in enumerate(counts):
            stage = nn.Sequential()
            for number in range(count):
                stride = 2 if number == 0 and index > 0 else 1
                made, channels = block(channels, width * 2**index, stride, shortcut)
                stage.append(made)
            self.stages.append(stage)
        self.dropout = nn.Dropout(0.0)
        self.fc = Head(channels, num_classes)
        self.apply(init_fan_out)

    def feature_map(self, x):  # (N, 3, T, H, W) -> (N, channels, T/16, H/32, W/32)
        self.check(x)
        return self.stages(self.pool(self.stem(x)))


def published_key(ours):
    match ours.split("."):
        case ["stem", layer, leaf]:
            return f"{('conv1', 'bn1')[int(layer)]}.{leaf}"
        case ["stages", stage, block, "shortcut", layer, leaf]:
            return f"layer{int(stage) + 1}.{block}.downsample.{layer}.{leaf}"
        case ["stages", stage, block, "convs", index, layer, leaf]:
            return f"layer{int(stage) + 1}.{block}.{('conv', 'bn')[int(layer)]}{int(index) + 1}.{leaf}"
        case _:
            return ours


def _cardinality(tensors):
    """ResNeXt's, from the first block's width."""
    key = "layer1.0.conv1.weight"
    return {"cardinality": max(1, len(tensors[key]) // (64 // 16))} if key in tensors else {}


# name: (block, blocks per stage)
RESNETS = {
    "resnet3d_10": (basic, (1, 1, 1, 1)),
    "resnet3d_18": (basic, (2, 2, 2, 2)),
    "resnet3d_34": (basic, (3, 4, 6, 3)),
    "resnet3d_50": (bottleneck, (3, 4, 6, 3)),
    "resnet3d_101": (bottleneck, (3, 4, 23, 3)),
    "resnet3d_152": (bottleneck, (3, 8, 36, 3)),
    "resnet3d_200": (bottleneck, (3, 24, 36, 3)),
}
# name: (blocks per stage,)
RESNEXTS = {
    "resnext3d_50": ((3, 4, 6, 3),),
    "resnext3d_101": ((3, 4, 23, 3),),
    "resnext3d_152": ((3, 8, 36, 3),),
}


def resnet3d(block, counts, num_classes=400, shortcut="B"):
    return ResNet3D(num_classes, block, counts, shortcut, 7, nn.MaxPool3d(3, 2, 1))


def resnext3d(counts, num_classes=400, cardinality=32, shortcut="B"):
    if cardinality < 1:
        raise ValueError(f"cardinality={cardinality}; it is a number of groups, 32 in the paper")
    return ResNet3D(num_classes, aggregated(cardinality), counts, shortcut, 7, nn.MaxPool3d(3, 2, 1))


SHORTCUTS = [{"shortcut": kind} for kind in ("B", "A")]
register_all(resnet3d, RESNETS, **SYSTEM, layouts=[layout(published_key)], variants=SHORTCUTS)
register_all(resnext3d, RESNEXTS, **SYSTEM, layouts=[layout(published_key, _cardinality)])


@register(**SYSTEM)
def resnet3d_nano(num_classes=400, shortcut="B"):
    """CPU-size ResNet of basic blocks for 8 x 64 x 64 clips, total stride (4, 16, 16): ours, not the paper's."""
    return ResNet3D(num_classes, basic, (1, 1, 1), shortcut, 3, nn.MaxPool3d((1, 3, 3), (1, 2, 2), (0, 1, 1)), 16)
