"""The EfficientNets in the zoo of Optimization Planning, B0 to B8, each in four ways to see a clip.

Paper   Qiu et al., Optimization Planning for 3D ConvNets, ICML 2021, arXiv:2201.04021, section 5; its code's zoo
Origin  Tan and Le, EfficientNet, ICML 2019, arXiv:1905.11946, section 3.3

eftnet_*         the 2D net: it classifies every frame, logits are averaged
seq_eftnet_*     behind a stem that spans early_stride frames, the 2D net on every time step
seq_p3d_eftnet_* that, and in every block a 3x1x1 depthwise convolution behind the 1xkxk one
c2d_eftnet_*     as seq, but squeeze-excitation averages over time too
"""

from torch import nn

from lib.models.efficientnet import EfficientNet, FrameEfficientNet
from lib.models.layout import Layout
from lib.models.p3d import finish, published_input
from lib.models.p3d_zoo import SYSTEM
from lib.models.registry import register_all

SCALES = {  # multiples of width and depth
    0: (1.0, 1.0),
    1: (1.0, 1.1),
    2: (1.1, 1.2),
    3: (1.2, 1.4),
    4: (1.4, 1.8),
    5: (1.6, 2.2),
    6: (1.8, 2.6),
    7: (2.0, 3.1),
    8: (2.2, 3.6),
}
EPS, MOMENTUM = 1e-3, 0.01
# name: (key of SCALES,)
FRAME_BY_FRAME = {
    "eftnet_b0": (0,),
    "eftnet_b1": (1,),
    "eftnet_b2": (2,),
    "eftnet_b3": (3,),
    "eftnet_b4": (4,),
    "eftnet_b5": (5,),
    "eftnet_b6": (6,),
    "eftnet_b7": (7,),
    "eftnet_b8": (8,),
}
BEHIND_A_STEM = {
    "seq_eftnet_b0": (0,),
    "seq_eftnet_b1": (1,),
    "seq_eftnet_b2": (2,),
    "seq_eftnet_b3": (3,),
    "seq_eftnet_b4": (4,),
    "seq_eftnet_b5": (5,),
    "seq_eftnet_b6": (6,),
    "seq_eftnet_b7": (7,),
    "seq_eftnet_b8": (8,),
}
IN_TIME = {
    "seq_p3d_eftnet_b0": (0,),
    "seq_p3d_eftnet_b1": (1,),
    "seq_p3d_eftnet_b2": (2,),
    "seq_p3d_eftnet_b3": (3,),
    "seq_p3d_eftnet_b4": (4,),
    "seq_p3d_eftnet_b5": (5,),
    "seq_p3d_eftnet_b6": (6,),
    "seq_p3d_eftnet_b7": (7,),
    "seq_p3d_eftnet_b8": (8,),
}
OVER_TIME = {
    "c2d_eftnet_b0": (0,),
    "c2d_eftnet_b1": (1,),
    "c2d_eftnet_b2": (2,),
    "c2d_eftnet_b3": (3,),
    "c2d_eftnet_b4": (4,),
    "c2d_eftnet_b5": (5,),
    "c2d_eftnet_b6": (6,),
    "c2d_eftnet_b7": (7,),
    "c2d_eftnet_b8": (8,),
}


def _finished(net, frozen_bn):
    finish(net, EPS, frozen_bn)
    for module in net.modules():
        if isinstance(module, nn.BatchNorm3d):
            module.momentum = MOMENTUM
    return net


def frame_by_frame(scale, num_classes=400, frozen_bn=False, dropout=0.5):
    return _finished(FrameEfficientNet(SCALES[scale], num_classes, dropout, 1, False, False), frozen_bn)


def behind_a_stem(scale, num_classes=400, early_stride=4, frozen_bn=False, dropout=0.5):
    return _finished(EfficientNet(SCALES[scale], num_classes, dropout, early_stride, False, False), frozen_bn)


def in_time(scale, num_classes=400, early_stride=4, frozen_bn=False, dropout=0.5):
    return _finished(EfficientNet(SCALES[scale], num_classes, dropout, early_stride, True, False), frozen_bn)


def over_time(scale, num_classes=400, early_stride=4, frozen_bn=False, dropout=0.5):
    return _finished(EfficientNet(SCALES[scale], num_classes, dropout, early_stride, False, True), frozen_bn)


# ---- published files
UNITS = {
    "expand": ("_expand_conv", "_bn0"),
    "gate": {"reduce": "_se_reduce", "expand": "_se_expand"},
    "filter": {"spatial": "_depthwise_conv", "temporal": "_depthwise_conv_t.conv", "norm": "_bn1"},
    "project": ("_project_conv", "_bn2"),
}


def published_key(ours):
    match ours.split("."):
        case ["stem", "0", layer, leaf]:
            return f"{('_conv_stem', '_bn0')[int(layer)]}.{leaf}"
        case ["blocks", block, unit, layer, leaf]:
            return f"_blocks.{block}.{UNITS[unit][int(layer) if layer.isdigit() else layer]}.{leaf}"
        case ["neck", layer, leaf]:
            return f"{('_conv_head', '_bn1')[int(layer)]}.{leaf}"
        case _:
            return ours


def layout(*planar):
    """The zoo's layout; planar as in `Layout`."""
    return Layout("optimization planning", published_key, published_input, "model", "module.", planar=planar)


register_all(frame_by_frame, FRAME_BY_FRAME, **SYSTEM, layouts=[layout("*")])
register_all(behind_a_stem, BEHIND_A_STEM, **SYSTEM, layouts=[layout("blocks.*", "neck.*")])
register_all(in_time, IN_TIME, **SYSTEM, layouts=[layout("blocks.*", "neck.*")])
register_all(over_time, OVER_TIME, **SYSTEM, layouts=[layout()])
