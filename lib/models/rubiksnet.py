"""RubiksNet: 1x1 convolutions, and between them a learned shift of every channel in time, height and width.

Paper   Fan et al., RubiksNet: Learnable 3D-Shift for Efficient Video Action Recognition, ECCV 2020, section 3
        (not on arXiv)
Origin  its released code; the schedules of training and of the AQ variant's temperature were not released
Input   (N, 3, T, H, W), any T
"""

from functools import partial

import torch
from torch import nn

from kernels import temporal_filter
from lib.models.frame_resnet import published_input
from lib.models.heads import FrameHead
from lib.models.layers import FrameConv, parameter_groups
from lib.models.layout import Layout
from lib.models.registry import register, register_all
from lib.models.shifts import CUBE, SHIFTS, Shift
from lib.models.video_net import VideoNet

# name: (width, blocks in the five stages, squeeze-excitation)
NETS = {
    "rubiksnet_tiny": (54, (1, 3, 4, 6, 3), False),
    "rubiksnet_small": (72, (1, 3, 4, 6, 3), True),
    "rubiksnet_medium": (72, (1, 3, 4, 23, 3), False),
    "rubiksnet_large": (72, (1, 3, 8, 36, 3), False),
}
WIDTHS = (1, 1, 2, 4, 8)  # of the stages, in widths
STRIDES = ((1, 1, 1), (1, 2, 2), (1, 2, 2), (1, 2, 2), (1, 2, 2))
REDUCTION = 12  # of squeeze-excitation
# rows of the shift (T, H, W or H, W), and whether a temporal filter stands in for the row T
VARIANTS = {
    "rubiks3d": (3, False),
    "rubiks3d-aq": (2, True),
    "attention": (2, True),  # the published evaluation's name of rubiks3d-aq
    "rubiks2d": (2, False),  # blind to motion: the 2D net that the others are inflated from
}
# ours: a CPU-size net for clips of 8 x 64 x 64, total stride (1, 16, 16): channels, blocks, stride, shifted channels of
# the stages; the paper's blocks shift as many as they put out
NANO_STEM = (5, 4)
NANO_STAGES = [(16, 1, (1, 1, 1), 54), (32, 1, (1, 2, 2), 81), (64, 1, (1, 2, 2), 108)]


class TemporalFilter(nn.Module):
    """The AQ variant's soft choice of the frame before, this one or the next; hard as its temperature goes to 0."""

    op_backend = "auto"

    def __init__(self, channels):
        super().__init__()
        self.temperature = nn.Parameter(torch.tensor(2.0), requires_grad=False)
        self.taps = nn.Parameter(torch.rand(channels, 3))

    def forward(self, x):  # (N, C, T, H, W) -> like x
        return temporal_filter(x, self.taps, self.temperature, backend=self.op_backend)


class SqueezeExcitation(nn.Module):
    """Weigh the channels of every frame by what is in it."""

    def __init__(self, channels):
        super().__init__()
        self.reduce = nn.Linear(channels, channels // REDUCTION, bias=False)
        self.expand = nn.Linear(channels // REDUCTION, channels, bias=False)

    def forward(self, x):  # (N, C, T, H, W) -> like x
        scale = self.expand(self.reduce(x.mean((3, 4)).transpose(1, 2)).relu()).sigmoid()  # (N, T, C)
        return x * scale.transpose(1, 2)[..., None, None]


class Block(nn.Module):
    """Norm, (filter,) pointwise, norm, shift, (weigh,) pointwise, each norm with its activation; add the shortcut.

    mid  channels between the pointwise convolutions, that are shifted
    """

    def __init__(self, c_in, c_out, stride, mid, variant, weighs, kind):
        super().__init__()
        rows, filters = VARIANTS[variant]
        self.norm1 = nn.BatchNorm3d(c_in)
        self.filter = TemporalFilter(c_in) if filters else nn.Identity()
        self.conv1 = FrameConv(c_in, mid, 1, bias=False)
        self.norm2 = nn.BatchNorm3d(mid)
        self.shift = Shift(mid, stride, rows, kind)
        self.weigh = SqueezeExcitation(mid) if weighs else nn.Identity()
        self.conv2 = FrameConv(mid, c_out, 1, bias=False)
        projected = stride != (1, 1, 1) or c_in != c_out
        self.shortcut = FrameConv(c_in, c_out, 1, stride[1:], bias=False) if projected else None
        self.frames = stride[0]
        self.act = nn.ReLU(inplace=True)

    def forward(self, x):  # (N, c_in, T, H, W) -> (N, c_out, T/t, H/h, W/w)
        a = self.act(self.norm1(x))
        y = self.conv1(self.filter(a))  # at full resolution: the shift has the stride
        y = self.shift(self.act(self.norm2(y)))
        return self.conv2(self.weigh(y)) + (x if self.shortcut is None else self.shortcut(a[:, :, :: self.frames]))


class RubiksNet(VideoNet):
    """Stem without norm, stages of blocks, norm, every frame's average and logits; their mean.

    stages      (channels, blocks, stride (t, h, w) of the first block, shifted channels in each block)
    stem        kernel size and stride
    variant     of VARIANTS
    shift       of SHIFTS: "learned" from uniform -1 to 1; "fixed": TSM's in time, a 3 x 3 grid in space; "fixed-cube":
                the 27 neighbours in time and space; "learned-tsm", "learned-cube": from those; "none"
    shift_rate  multiple of the learning rate for shifts. Their gradients have unit length per channel, whatever the
                loss: the rate is the step in pixels. So accumulate over batches, or average over devices, only with
                that in mind: it adds up unit vectors
    """

    hidden_names = ("norm",)

    def __init__(self, stages, num_classes, variant, shift, shift_rate, weighs=False, stem=(3, 2)):
        super().__init__()
        _check("variant", variant, VARIANTS)
        learned = [kind for kind, (_, learns) in SHIFTS.items() if learns]
        _check("shift", shift, learned if VARIANTS[variant][1] else SHIFTS)  # a filter always learns
        self.shift_rate = shift_rate
        channels, (size, stride) = stages[0][0], stem
        self.stem = FrameConv(3, channels, size, stride, size // 2, bias=False)
        self.stages = nn.Sequential()
        for c_out, count, first, mid in stages:
            stage = nn.Sequential()
            for stride in (first, *[(1, 1, 1)] * (count - 1)):
                stage.append(Block(channels, c_out, stride, mid, variant, weighs, shift))
                channels = c_out
            self.stages.append(stage)
        self.norm = nn.BatchNorm3d(channels)
        self.act = nn.ReLU(inplace=True)
        self.fc = FrameHead(channels, num_classes)
        self.apply(_init)
        if shift in CUBE:
            self.apply(_see_neighbours)

    def feature_map(self, x):  # (N, 3, T, H, W) -> (N, 8 * width, T, H/32, W/32)
        self.check(x)
        return self.act(self.norm(self.stages(self.stem(x))))

    def forward(self, x):  # (N, 3, T, H, W) -> (N, num_classes)
        return self.fc(self.feature_map(x))

    def parameter_groups(self):
        """Weight decay on weights alone: not on shifts, nor on the filters, whose scale means nothing."""
        rest = dict.fromkeys(("bias", "norm", "taps", "temperature"), (1, 0))
        return parameter_groups(self, {"shift": (self.shift_rate, 0), **rest})


def _check(option, value, choices):
    if value not in choices:
        raise ValueError(f"{option} is {value!r}; it can be {', '.join(map(repr, choices))}")


def _init(module):
    if isinstance(module, FrameConv):
        nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")


def _see_neighbours(module):
    """Let the first pointwise convolution compute every 27 channels alike, as the shift sends them to 27 neighbours."""
    if isinstance(module, Block):
        weight = module.conv1.weight.data
        weight.copy_(weight[::27].repeat_interleave(27, 0)[: len(weight)])


# ---- published files
def published_key(variant, ours):
    """Layers 0 to 4 of a backbone; the AQ variant's filter stands in one sequence with its convolution."""
    filtered = VARIANTS[variant][1]
    units = {"norm1": "bn1", "norm2": "bn2", "conv2": "conv3", "shortcut": "shortcut"}
    units |= {"conv1": "conv2.1", "shift": "as3"} if filtered else {"conv1": "conv2", "shift": "as3.rubiks3d"}
    match ours.split("."):
        case ["fc", leaf]:
            return f"new_fc.{leaf}"
        case ["stem", leaf]:
            return f"backbone.conv1.{leaf}"
        case ["norm", leaf]:
            return f"backbone.bn_last.{leaf}"
        case ["stages", stage, block, "filter", leaf]:
            return f"backbone.layer{stage}.{block}.conv2.0.{ {'temperature': 'T', 'taps': 'weight'}[leaf] }"
        case ["stages", stage, block, "weigh", layer, leaf]:
            return f"backbone.layer{stage}.{block}.se.fc.{ {'reduce': 0, 'expand': 2}[layer] }.{leaf}"
        case ["stages", stage, block, unit, leaf]:
            return f"backbone.layer{stage}.{block}.{units[unit]}.{leaf}"


LAYOUTS = [
    Layout(variant, partial(published_key, variant), published_input, "model", options={"variant": variant})
    for variant in ("rubiks3d", "rubiks3d-aq")
]


SYSTEM = {
    "system": "RubiksNet",
    "source": "Fan et al., RubiksNet, ECCV 2020, section 3 (not on arXiv)",
    "memory_format": torch.contiguous_format,
    "evaluates_last": True,
}


def rubiksnet(width, blocks, weighs, num_classes=174, variant="rubiks3d", shift="learned", shift_rate=0.01):
    stages = [(width * factor, *rest, width * factor) for factor, *rest in zip(WIDTHS, blocks, STRIDES, strict=True)]
    return RubiksNet(stages, num_classes, variant, shift, shift_rate, weighs)


register_all(rubiksnet, NETS, **SYSTEM, layouts=LAYOUTS)


@register(**SYSTEM)
def rubiksnet_nano(num_classes=174, variant="rubiks3d", shift="learned-cube", shift_rate=0.1):
    """CPU-size RubiksNet for 8 x 64 x 64 clips: ours, not the paper's, in blocks and in the shifts' start.

    From uniform shifts it hardly learns in a CPU run's few hundred steps: channels that see neighbours of each other
    have nothing in common to compare. Here every 27 start as one feature, seen at 27 places.
    """
    return RubiksNet(NANO_STAGES, num_classes, variant, shift, shift_rate, stem=NANO_STEM)
