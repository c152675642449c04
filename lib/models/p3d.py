"""C2D, I3D, R(2+1)D and P3D: one ResNet skeleton, and what stands in place of its 3x3 convolution.

Paper   Qiu et al., Optimization Planning for 3D ConvNets, ICML 2021, arXiv:2201.04021, section 5; its code's zoo
Input   (N, 3, T, H, W), T a multiple of early_stride: the stem spans and steps that many frames, nothing else does
"""

from torch import nn

from lib.data.protocol import PIXELS
from lib.models.heads import Head
from lib.models.layers import conv_bn, freeze_batch_norms, init_fan_out
from lib.models.layout import Layout, Preprocessing
from lib.models.p3d_units import TypeB
from lib.models.video_net import TwoHeads, VideoNet


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


class Net(VideoNet):
    """Stem, max pool in space, stages of blocks, global average, dropout, linear layer.

    units  the family's, in turn
    block  a key of `block_kinds`
    """

    block_kinds = {"basic": Basic, "bottleneck": Bottleneck}

    def __init__(self, units, block, blocks, num_classes, stem, early_stride=4, dropout=0.5, width=64, **grouped):
        super().__init__()
        self.early_stride = early_stride
        self.units, self.block, self.grouped = units, self.block_kinds[block], grouped
        self.stem = stem
        self.pool = nn.MaxPool3d((1, 3, 3), (1, 2, 2), (0, 1, 1))
        self.stages = nn.Sequential()
        channels, first = stem[-2][0].out_channels, 0
        for index, count in enumerate(blocks):
            planes, stride = width * 2**index, 1 if index == 0 else 2
            self.stages.append(self.stage(channels, planes, count, stride, first))
            channels, first = planes * self.block.expansion, first + count
        self.dropout = nn.Dropout(dropout)
        self.fc = Head(channels, num_classes)
        self.apply(init_fan_out)

    def stage(self, c_in, planes, count, stride, first):
        """`count` blocks, of which the net's number `first` is the first and has the stride."""
        stage = nn.Sequential()
        for index in range(count):
            unit = self.units[(first + index) % len(self.units)]
            stage.append(self.block(unit, c_in, planes, stride if index == 0 else 1, **self.grouped))
            c_in = planes * self.block.expansion
        return stage

    def check_frames(self, x, least=1):
        """ValueError unless the frames are a multiple of early_stride, and at least `least` of them."""
        frames, step = x.shape[2] if x.ndim == 5 else 0, self.early_stride
        takes = f"multiples of early_stride={self.early_stride} frames"
        takes += f", at least {least * self.early_stride}" if least > 1 else ""
        self.check(x, frames >= least * step and frames % step == 0, takes)

    def feature_map(self, x):  # (N, 3, T, H, W) -> (N, 512 * expansion, T/es, H/32, W/32)
        self.check_frames(x)
        return self.stages(self.pool(self.stem(x)))


class TwoHeadedNet(TwoHeads, Net):
    """Two heads, each with features of its own."""

    def heads(self, x):  # (N, 3, T, H, W) -> a tuple of logits, each (N, num_classes)
        heads = zip(self.head_names, self.head_features(x), strict=True)
        return tuple(getattr(self, name)(self.dropout(features)) for name, features in heads)


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


def published_input(file_name, options):
    """Planned Kinetics weights end on 64 frames, every second; the plain recipe has 16."""
    planned = file_name.startswith("op-kinetics")
    frames, step = (64, 2) if planned else (16, 1)
    note = "frames: by the file's name" if planned else "frames: 16, as the file's name does not begin with op-kinetics"
    return Preprocessing(PIXELS["imagenet"], 224, frames, step, note, "optplan_20x3")


LAYOUT = Layout("optimization planning", published_key, published_input, "model", "module.")
