"""CSN: channel-separated 3D ResNets, whose 3x3x3 convolutions are depthwise.

Paper   Tran et al., Video Classification with Channel-Separated Convolutional Networks, ICCV 2019, arXiv:1904.02811,
        section 3
Kinds   ir: a depthwise 3x3x3 in place of the 3x3x3, channels interact less; ip: a pointwise before it preserves the
        interactions; r3d: the paper's baseline, dense or grouped
Input   (N, 3, T, H, W)
"""

from functools import partial

from torch import nn

from lib.data.protocol import PIXELS, Pixels
from lib.models.heads import Head
from lib.models.layers import avg_pool3d, conv_bn, init_fan_out
from lib.models.layout import Layout, Preprocessing
from lib.models.registry import register_all
from lib.models.video_net import VideoNet

# depth: (blocks per stage, expansion); ours at "nano": CPU-size nets for clips of 8 x 64 x 64, total stride (4, 16, 16)
DEPTHS = {
    26: ((2, 2, 2, 2), 1),
    50: ((3, 4, 6, 3), 4),
    101: ((3, 4, 23, 3), 4),
    152: ((3, 8, 36, 3), 4),
    "nano": ((1, 1, 1), 4),
}
# name: (kind of its blocks, depth)
NETS = {
    "ircsn_26": ("ir", 26),
    "ircsn_50": ("ir", 50),
    "ircsn_101": ("ir", 101),
    "ircsn_152": ("ir", 152),
    "ipcsn_26": ("ip", 26),
    "ipcsn_50": ("ip", 50),
    "ipcsn_101": ("ip", 101),
    "ipcsn_152": ("ip", 152),
}
BASELINES = {
    "csn_r3d_26": (26,),
    "csn_r3d_50": (50,),
    "csn_r3d_101": (101,),
    "csn_r3d_152": (152,),
}
NANOS = {
    "ircsn_nano": ("ir",),
    "ipcsn_nano": ("ip",),
    "csn_r3d_nano": ("r3d",),
}
SYSTEM = {
    "system": "CSN",
    "source": "Tran et al., Channel-Separated Convolutional Networks, ICCV 2019, arXiv:1904.02811, section 3",
}
WIDEST = 512  # channels of the last stage's 3x3x3 convolutions; a stage of fewer than `groups` is depthwise
EPS = 1e-3  # of batch norm; 1e-5 moves the logits by 1 %


class Bottleneck(nn.Module):
    """Reduce 1x1x1, (interact 1x1x1,) filter 3x3x3, expand 1x1x1; add the shortcut."""

    def __init__(self, c_in, mid, c_out, stride, kind, groups, eps):
        super().__init__()
        self.reduce = conv_bn(c_in, mid, 1, eps=eps)
        self.interact = conv_bn(mid, mid, 1, eps=eps) if kind == "ip" else nn.Identity()
        self.filter = conv_bn(mid, mid, 3, stride, min(groups, mid) if kind == "r3d" else mid, eps)
        self.expand = conv_bn(mid, c_out, 1, eps=eps)
        projected = stride != 1 or c_in != c_out
        self.shortcut = conv_bn(c_in, c_out, 1, stride, eps=eps) if projected else nn.Identity()
        self.act = nn.ReLU(inplace=True)

    def forward(self, x):  # (N, c_in, T, H, W) -> (N, c_out, T/s, H/s, W/s)
        y = self.act(self.reduce(x))
        y = self.interact(y)  # no activation after it
        y = self.act(self.filter(y))  # (N, mid, T/s, H/s, W/s)
        return self.act(self.expand(y) + self.shortcut(x))


class CSN(VideoNet):
    """Stem without temporal stride, stages of bottlenecks, global average, dropout, linear layer.

    head_pool  (t, h, w) of pytorchvideo's head, which averages all its windows at stride 1; None: global average
    """

    def __init__(
        self,
        kind,
        blocks,
        expansion,
        num_classes,
        groups=1,
        eps=EPS,
        head_pool=None,
        dropout=0.5,
        width=64,
        stem=(3, 7, 7),
    ):
        super().__init__()
        self.head_pool = head_pool
        self.stem = conv_bn(3, width, stem, (1, 2, 2), eps=eps)
        self.act = nn.ReLU(inplace=True)
        self.pool = nn.MaxPool3d((1, 3, 3), (1, 2, 2), (0, 1, 1))
        self.stages = nn.Sequential()
        channels = width
        for index, count in enumerate(blocks):
            mid, stage = width * 2**index, nn.Sequential()
            for block in range(count):
                stride = 2 if block == 0 and index > 0 else 1
                stage.append(Bottleneck(channels, mid, mid * expansion, stride, kind, groups, eps))
                channels = mid * expansion
            self.stages.append(stage)
        self.dropout = nn.Dropout(dropout)
        self.fc = Head(channels, num_classes)
        self.apply(_init)

    def feature_map(self, x):  # (N, 3, T, H, W) -> (N, 512 * expansion, T/8, H/32, W/32)
        self.check(x)
        return self.stages(self.pool(self.act(self.stem(x))))

    def features(self, x):  # (N, 3, T, H, W) -> (N, 512 * expansion)
        x = self.feature_map(x)
        if self.head_pool is not None:
            window = [min(k, n) for k, n in zip(self.head_pool, x.shape[2:], strict=True)]
            x = avg_pool3d(x, window, 1)
        return x.mean((2, 3, 4))


def _init(module):
    init_fan_out(module)
    if isinstance(module, nn.Linear):
        nn.init.normal_(module.weight, 0, 0.01)
        nn.init.zeros_(module.bias)


# ---- published files: our module -> theirs, for each kind of block
MMACTION = {
    "ir": {"filter": "conv2.0"},
    "ip": {"interact": "conv2.0", "filter": "conv2.1"},
    "r3d": {"filter": "conv2"},
}
VMZ = {
    "ir": {"filter.0": "conv2.0", "filter.1": "conv2.1"},
    "ip": {"interact.0": "conv2.0.0", "interact.1": "conv2.0.1", "filter.0": "conv2.0.2", "filter.1": "conv2.1"},
}
PYTORCHVIDEO = {"reduce": "a", "filter": "b", "expand": "c"}


def _mmaction_key(kind, ours, backbone="backbone."):
    units = {"reduce": "conv1", **MMACTION[kind], "expand": "conv3", "shortcut": "downsample"}
    part = {"0": "conv", "1": "bn"}
    match ours.split("."):
        case ["fc", leaf]:
            return f"cls_head.fc_cls.{leaf}"
        case ["stem", layer, leaf]:
            return f"{backbone}conv1.{part[layer]}.{leaf}"
        case ["stages", stage, block, unit, layer, leaf]:
            return f"{backbone}layer{int(stage) + 1}.{block}.{units[unit]}.{part[layer]}.{leaf}"


def _vmz_key(kind, ours):
    match ours.split("."):
        case ["stages", stage, block, unit, layer, leaf]:
            plain = {"reduce": "conv1", "expand": "conv3", "shortcut": "downsample"}.get(unit)
            unit = VMZ[kind][f"{unit}.{layer}"] if plain is None else f"{plain}.{layer}"
            return f"layer{int(stage) + 1}.{block}.{unit}.{leaf}"
        case _:
            return ours


def _pytorchvideo_key(ours):
    match ours.split("."):
        case ["fc", leaf]:
            return f"blocks.5.proj.{leaf}"
        case ["stem", layer, leaf]:
            return f"blocks.0.{('conv', 'norm')[int(layer)]}.{leaf}"
        case ["stages", stage, block, "shortcut", layer, leaf]:
            return f"blocks.{int(stage) + 1}.res_blocks.{block}.branch1_{('conv', 'norm')[int(layer)]}.{leaf}"
        case ["stages", stage, block, unit, layer, leaf]:
            unit = f"{('conv', 'norm')[int(layer)]}_{PYTORCHVIDEO[unit]}"
            return f"blocks.{int(stage) + 1}.res_blocks.{block}.branch2.{unit}.{leaf}"


IMAGENET, KINETICS = PIXELS["imagenet"].scaled(255), PIXELS["kinetics"].scaled(255)


def _groups(tensors):
    """The baseline's groups, from a filter of its widest stage."""
    key = "backbone.layer4.0.conv2.conv.weight"
    return {"groups": WIDEST // tensors[key].shape[1]} if key in tensors else {}


def _mmaction_input(file_name, options):
    """Kinetics' mean for the 152-layer nets from scratch and from Sports-1M, else (IG-65M, 50 layers) ImageNet's."""
    from_scratch = "from_scratch" in file_name and "ig65m" not in file_name
    kinetics = "sports1m" in file_name or (from_scratch and "r152" in file_name)
    if "csn" not in file_name:
        return Preprocessing(None, 224, 32, 2, "the mean goes by mmaction2's file names, and this is none", "csn_10x3")
    return Preprocessing(KINETICS if kinetics else IMAGENET, 224, 32, 2, "mean: by the file's name", "csn_10x3")


def _vmz_input(file_name, options):
    return Preprocessing(KINETICS, 224, 32, 2, protocol="csn_10x3")


def _pytorchvideo_input(file_name, options):
    pixels = Pixels((0.45,) * 3, (0.225,) * 3)
    return Preprocessing(pixels, 224, 32, 2, "mean and std: not verified", "csn_10x3")


def _layouts(kind):
    """Files of mmaction2 (with and without head), of VMZ, of pytorchvideo."""
    key = partial(_mmaction_key, kind)
    ignored = ("data_preprocessor.*",)
    infer = _groups if kind == "r3d" else lambda tensors: {}
    yield Layout("mmaction2", key, _mmaction_input, "state_dict", ignored=ignored, infer=infer)
    bare = partial(_mmaction_key, kind, backbone="")
    yield Layout("mmaction2 backbone", bare, _mmaction_input, "state_dict", optional=("fc.*",), ignored=ignored)
    if kind in VMZ:
        yield Layout("VMZ", partial(_vmz_key, kind), _vmz_input)
    if kind == "ir":
        options = {"eps": 1e-5, "head_pool": (4, 7, 7)}
        yield Layout("pytorchvideo", _pytorchvideo_key, _pytorchvideo_input, "model_state", options=options)


def csn(kind, depth, num_classes=400, dropout=0.5, eps=EPS, head_pool=None):
    return CSN(kind, *DEPTHS[depth], num_classes, 1, eps, head_pool, dropout)


def csn_r3d(depth, num_classes=400, groups=1, dropout=0.5, eps=EPS):
    if groups < 1 or WIDEST % groups:
        raise ValueError(f"groups={groups}; it is a power of two from 1 (dense) to {WIDEST} (depthwise, ir-CSN)")
    return CSN("r3d", *DEPTHS[depth], num_classes, groups, eps, None, dropout)


def csn_nano(kind, num_classes=400, dropout=0.0):
    return CSN(kind, *DEPTHS["nano"], num_classes, dropout=dropout, width=16, stem=(3, 3, 3))


for name, (kind, depth) in NETS.items():
    register_all(csn, {name: (kind, depth)}, **SYSTEM, layouts=_layouts(kind))
register_all(csn_r3d, BASELINES, **SYSTEM, layouts=list(_layouts("r3d")))
register_all(csn_nano, NANOS, **SYSTEM)
