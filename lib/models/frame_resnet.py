"""A bottleneck ResNet that never strides time and classifies every frame: the skeleton of CAKES, GST and TSM.

Origin  He et al., Deep Residual Learning for Image Recognition, CVPR 2016, arXiv:1512.03385, table 1, with the stride
        in the middle convolution
Input   (N, 3, T, H, W), any T
"""

import torch
from torch import nn

from lib.data.protocol import PIXELS
from lib.models.heads import FrameHead
from lib.models.layers import conv_bn, parameter_groups
from lib.models.layout import Preprocessing
from lib.models.video_net import VideoNet

BLOCKS = {50: (3, 4, 6, 3), 101: (3, 4, 23, 3)}
NANO_BLOCKS = (1, 1, 1)  # ours: width 16, for clips of 8 x 64 x 64, total stride (1, 16, 16)
EXPANSION = 4


class Bottleneck(nn.Module):
    """Reduce 1x1x1, the middle, expand 1x1x1; add the shortcut.

    middle  ends with its norm, has `channels`, and `fill(weight, norm)` if it can be made of a 2D convolution
    """

    def __init__(self, c_in, planes, stride, middle):
        super().__init__()
        self.reduce = conv_bn(c_in, planes, 1)
        self.middle = middle
        self.expand = conv_bn(middle.channels, EXPANSION * planes, 1)
        projected = stride != 1 or c_in != EXPANSION * planes
        self.shortcut = conv_bn(c_in, EXPANSION * planes, 1, (1, stride, stride)) if projected else nn.Identity()
        self.act = nn.ReLU(inplace=True)

    def forward(self, x):  # (N, c_in, T, H, W) -> (N, 4 * planes, T, H/stride, W/stride)
        y = self.act(self.middle(self.act(self.reduce(x))))
        return self.act(self.expand(y) + self.shortcut(x))


class FrameResNet(VideoNet):
    """Stem, max pool, stages of blocks, every frame's average and logits; their mean.

    block     (number of the block in the net, c_in, planes, stride) -> a module with EXPANSION * planes channels
    blocks    per stage
    policy    multiples of learning rate and weight decay, see `lib.models.layers.parameter_groups`
    head_std  of the classifier's weights at the start
    """

    policy = {"bias": (2, 0), "norm": (1, 0)}
    head_std = 0.001

    def __init__(self, block, blocks, num_classes, dropout, stem):
        super().__init__()
        self.stem = stem
        self.act = nn.ReLU(inplace=True)
        self.pool = nn.MaxPool3d((1, 3, 3), (1, 2, 2), (0, 1, 1))
        self.stages, number = nn.Sequential(), 0
        channels = width = stem[0].out_channels
        for index, count in enumerate(blocks):
            planes, stage = width * 2**index, nn.Sequential()
            for first in range(count):
                stage.append(block(number, channels, planes, 2 if index > 0 and first == 0 else 1))
                channels, number = EXPANSION * planes, number + 1
            self.stages.append(stage)
        self.fc = FrameHead(channels, num_classes, dropout, self.head_std)
        self.apply(self._init)

    def _init(self, module):
        if isinstance(module, nn.Conv2d | nn.Conv3d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
        elif module is self.fc:
            module.restart()

    def feature_map(self, x):  # (N, 3, T, H, W) -> (N, 32 * width, T, H/32, W/32)
        self.check(x)
        return self.stages(self.pool(self.act(self.stem(x))))

    def forward(self, x):  # (N, 3, T, H, W) -> (N, num_classes)
        return self.fc(self.feature_map(x))

    def parameter_groups(self):
        return parameter_groups(self, self.policy, head=self.fc)

    def blocks(self):
        """The blocks, in order."""
        return [block for stage in self.stages for block in stage]


def planes_of(blocks, width=64):
    """The planes of every block."""
    return [width * 2**index for index, count in enumerate(blocks) for _ in range(count)]


@torch.no_grad()
def fill(unit, weight, norm):
    """Fill a (convolution, norm) unit from a 2D kernel (c_out, c_in, h, w) and a norm's tensors by name.

    Where the unit has k times the channels, they are repeated: on a supernet, for each of its k kinds.
    """
    convolution, batch_norm = unit
    repeats = convolution.weight.shape[1] // weight.shape[1]
    convolution.weight.copy_(weight.repeat(1, repeats, 1, 1).reshape(convolution.weight.shape))
    fill_norm(batch_norm, norm)


@torch.no_grad()
def fill_norm(batch_norm, norm):
    for name in ("weight", "bias", "running_mean", "running_var"):
        tensor = getattr(batch_norm, name)
        tensor.copy_(norm[name].repeat(len(tensor) // len(norm[name])))


# ---- published files: torchvision's names
UNITS = {"reduce": ("conv1", "bn1"), "expand": ("conv3", "bn3"), "shortcut": ("downsample.0", "downsample.1")}


def published_key(middle, head, ours):
    """middle  our key inside a block's middle -> the file's key inside the block
    head    the file's name of the classifier
    """
    match ours.split("."):
        case ["fc", leaf]:
            return f"{head}.{leaf}"
        case ["stem", layer, leaf]:
            return f"base_model.{('conv1', 'bn1')[int(layer)]}.{leaf}"
        case ["stages", stage, block, "middle", *inside]:
            return f"base_model.layer{int(stage) + 1}.{block}.{middle('.'.join(inside))}"
        case ["stages", stage, block, unit, layer, leaf]:
            return f"base_model.layer{int(stage) + 1}.{block}.{UNITS[unit][int(layer)]}.{leaf}"


def published_input(file_name, options, protocol="rubiksnet_2clip"):
    """8 or 16 frames: it is in the file's name, not in the weights."""
    sixteen = file_name.startswith("16frame") or "segment16" in file_name
    note = "frames: 16, by the file's name" if sixteen else "frames: 8, as the file's name does not say 16"
    return Preprocessing(PIXELS["imagenet"], 224, 16 if sixteen else 8, note=note, protocol=protocol)
