"""CAKES: a ResNet in which a search deals 1D, 2D and 3D kernels to the channels of the middle convolutions.

Paper  Yu et al., CAKES: Channel-wise Automatic KErnel Shrinking for Efficient 3D Networks, AAAI 2021, arXiv:2003.12798,
       section 3
Ops    lib/models/subkernels.py; the same net with one kind of kernel is the paper's C2D, C3D and P3D
Words  the paper's word for a deal is plan: the option `plan` of the registered nets, and nothing else, keeps it
Input  (N, 3, T, H, W), any T
"""

from functools import partial

from torch import nn

from lib.bounds import shown
from lib.models.frame_resnet import (
    BLOCKS,
    NANO_BLOCKS,
    Bottleneck,
    FrameResNet,
    planes_of,
    published_input,
    published_key,
)
from lib.models.layers import conv_bn
from lib.models.layout import Layout
from lib.models.registry import register, register_all
from lib.models.resnet3d import ResNet3D, basic
from lib.models.subkernels import (
    DROPPING,
    KINDS,
    OPS,
    PUBLISHED_DEALS,
    DroppingConv,
    FactorizedConv,
    SubKernelConv,
    SuperConv,
    read_deal,
    uniform,
)
from lib.models.swap import to_dropping, to_supernet, with_deal


class CAKES(FrameResNet):
    """The net of an op and a deal, or a supernet.

    op      of OPS; "convp3d"; or of DROPPING: supernets that drop channels, for the performance-priority search
    deal    the channels of every kind, block by block: see `read_deal`
    search  True builds the supernet of the cost-priority search, in which every kind has all channels
    """

    def __init__(self, blocks, num_classes, op, deal, search, dropout, stem):
        planes = planes_of(blocks, stem[0].out_channels)
        middles = _middles(op, deal, search, planes)

        def block(number, c_in, planes, stride):
            return Bottleneck(c_in, planes, stride, middles[number](planes, (1, stride, stride)))

        super().__init__(block, blocks, num_classes, dropout, stem)


def _check(op, deal, search, ops):
    if op not in ops:
        raise ValueError(f"no op {shown(op)}; there are {', '.join(ops)}")
    if deal is not None and (search or op not in OPS):
        raise ValueError(f"op {op!r}, search={search}: only the ops {', '.join(OPS)} without search take a plan")


def _middles(op, deal, search, planes):
    """One function per block: (channels, stride) -> the module in the block's middle."""
    _check(op, deal, search, (*OPS, "convp3d", *DROPPING))
    if op == "convp3d":
        return [lambda p, stride: FactorizedConv(p, p, stride)] * len(planes)
    if op in DROPPING:
        return [lambda p, stride: DroppingConv(p, p, op, stride)] * len(planes)
    if search:
        return [lambda p, stride: SuperConv(p, p, op, stride)] * len(planes)
    return [lambda p, stride, split=split: SubKernelConv(p, split, stride) for split in read_deal(deal, op, planes)]


# ---- published files: how a block's middle names its convolutions and its norm
FAMILIES = {
    "CAKES": ("convs.{}.0", "out.0"),
    "CAKES one kind": ("op.{}", "op.1"),
    "CAKES P3D": ("op.{}", "op.2"),
    "CAKES dropping": ("convs.{}.0", "norm"),
}
HEADS = {"": "new_fc", ", no dropout": "base_model.fc"}


def _inside(family, ours):
    convolution, norm = FAMILIES[family]
    match ours.split("."):
        case ["convs", index, leaf]:
            return f"convT.{convolution.format(index)}.{leaf}"
        case ["norm", leaf]:
            return f"convT.{norm}.{leaf}"


def published_options(blocks, family, tensors):
    """The options op, plan and search, read from the shapes in a file; {} if it is of another family or depth."""
    prefixes = [f"base_model.layer{stage}.{block}." for stage, count in enumerate(blocks, 1) for block in range(count)]
    convolution, norm = FAMILIES[family]
    if not all(f"{prefix}convT.{norm}.running_mean" in tensors for prefix in prefixes):
        return {}
    if family == "CAKES P3D":
        return {"op": "convp3d"}
    found = [_split(tensors, f"{prefix}convT.{convolution}.weight") for prefix in prefixes]
    kinds = {kind for split in found for kind in split}
    op = next(op for op, choices in OPS.items() if kinds <= set(choices))
    if family == "CAKES dropping":
        return {"op": next(name for name, (base, _) in DROPPING.items() if base == op)}
    planes = [len(tensors[f"{prefix}conv1.weight"]) for prefix in prefixes]
    if sum(found[0].values()) > planes[0]:
        return {"op": op, "search": True}
    deal = [{kind: split.get(kind, 0) for kind in OPS[op]} for split in found]
    return {"op": op, "plan": _short(deal, op, planes)}


def _split(tensors, key):
    """{kind: channels} of one block; {} if its kernels are not sub-kernels."""
    names = {size: kind for kind, size in KINDS.items()}
    weights = [tensors[key.format(index)] for index in range(len(KINDS)) if key.format(index) in tensors]
    return {names[tuple(w.shape[2:])]: len(w) for w in weights if tuple(w.shape[2:]) in names}


def _short(deal, op, planes):
    """The name of a published deal, None for the uniform one, any other deal as it is."""
    if deal == [uniform(OPS[op], count) for count in planes]:
        return None
    return next((name for name, named in PUBLISHED_DEALS.items() if read_deal(deal, op, planes) == named), deal)


def _layouts(blocks):
    seen = partial(published_input, protocol="cakes_1clip")
    for family in FAMILIES:
        for note, head in HEADS.items():
            key = partial(published_key, partial(_inside, family), head)
            infer = partial(published_options, blocks, family)
            options = {"dropout": 0.0} if note else {}
            yield Layout(family + note, key, seen, "state_dict", "module.", options=options, infer=infer)


SYSTEM = {"system": "CAKES", "source": "Yu et al., CAKES, AAAI 2021, arXiv:2003.12798, section 3"}
# name: (blocks per stage,)
NETS = {
    "cakes_50": (BLOCKS[50],),
    "cakes_101": (BLOCKS[101],),
}


def cakes(blocks, num_classes=174, op="conv1_2_3d", plan=None, search=False, dropout=0.3):
    return CAKES(blocks, num_classes, op, plan, search, dropout, conv_bn(3, 64, (1, 7, 7), (1, 2, 2)))


for name, (blocks,) in NETS.items():
    register_all(cakes, {name: (blocks,)}, **SYSTEM, layouts=_layouts(blocks))


@register(**SYSTEM)
def cakes_nano(num_classes=174, op="conv1_2_3d", plan=None, search=False, dropout=0.0):
    """CPU-size CAKES for 8 x 64 x 64 clips: ours, not the paper's."""
    return CAKES(NANO_BLOCKS, num_classes, op, plan, search, dropout, conv_bn(3, 16, (1, 3, 3), (1, 2, 2)))


@register(**SYSTEM)
def cakes_deep_nano(num_classes=174, op="conv1_2_3d", plan=None, search=False):
    """CPU-size net for 8 x 64 x 64 clips, with nine layers in which deals can differ: ours, not the paper's.

    The basic blocks of `resnet3d_nano`, whose stem sees motion at half the clip's resolution: eight bottlenecks behind
    a stem without time, as in `cakes_nano`, stay at chance for most of a CPU run.
    """
    net = ResNet3D(num_classes, basic, (1, 1, 2), "B", 3, nn.MaxPool3d((1, 3, 3), (1, 2, 2), (0, 1, 1)), 16)
    _check(op, plan, search, (*OPS, *DROPPING))
    if op in DROPPING:
        return to_dropping(net, op)
    return to_supernet(net, op) if search else with_deal(net, plan, op)
