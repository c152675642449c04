"""The zoo of Optimization Planning: which C2D, I3D, R(2+1)D and P3D nets there are, and with which stems.

Paper   Qiu et al., Optimization Planning for 3D ConvNets, ICML 2021, arXiv:2201.04021, section 5; its code's zoo
"""

from torch import nn

from lib.models.layers import conv_bn
from lib.models.p3d import LAYOUT, Net, finish
from lib.models.p3d_units import FAMILIES
from lib.models.registry import register_all


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


# depth: (kind of block, blocks per stage, stem, options of the blocks); 103 is 101 with a deep stem
DEPTHS = {
    18: ("basic", (2, 2, 2, 2), plain_stem, {}),
    34: ("basic", (3, 4, 6, 3), plain_stem, {}),
    50: ("bottleneck", (3, 4, 6, 3), plain_stem, {}),
    101: ("bottleneck", (3, 4, 23, 3), plain_stem, {}),
    103: ("bottleneck", (3, 4, 23, 3), deep_stem, {}),
    152: ("bottleneck", (3, 8, 36, 3), plain_stem, {}),
    "x50": ("bottleneck", (3, 4, 6, 3), plain_stem, {"groups": 32, "width_per_group": 4}),  # ResNeXt
}
# name: (class, family, depth). No p3db of basic blocks: its temporal path cannot change the channels
NETS = {
    "c2d_18": (Net, "c2d", 18),
    "c2d_34": (Net, "c2d", 34),
    "c2d_50": (Net, "c2d", 50),
    "c2d_101": (Net, "c2d", 101),
    "c2d_103": (Net, "c2d", 103),
    "c2d_152": (Net, "c2d", 152),
    "c2d_resnext50": (Net, "c2d", "x50"),
    "i3d_18": (Net, "i3d", 18),
    "i3d_34": (Net, "i3d", 34),
    "i3d_50": (Net, "i3d", 50),
    "i3d_101": (Net, "i3d", 101),
    "i3d_103": (Net, "i3d", 103),
    "i3d_152": (Net, "i3d", 152),
    "i3d_resnext50": (Net, "i3d", "x50"),
    "r2p1d_18": (Net, "r2p1d", 18),
    "r2p1d_34": (Net, "r2p1d", 34),
    "r2p1d_50": (Net, "r2p1d", 50),
    "r2p1d_101": (Net, "r2p1d", 101),
    "r2p1d_103": (Net, "r2p1d", 103),
    "r2p1d_152": (Net, "r2p1d", 152),
    "r2p1d_resnext50": (Net, "r2p1d", "x50"),
    "p3da_18": (Net, "p3da", 18),
    "p3da_34": (Net, "p3da", 34),
    "p3da_50": (Net, "p3da", 50),
    "p3da_101": (Net, "p3da", 101),
    "p3da_103": (Net, "p3da", 103),
    "p3da_152": (Net, "p3da", 152),
    "p3da_resnext50": (Net, "p3da", "x50"),
    "p3db_50": (Net, "p3db", 50),
    "p3db_101": (Net, "p3db", 101),
    "p3db_103": (Net, "p3db", 103),
    "p3db_152": (Net, "p3db", 152),
    "p3db_resnext50": (Net, "p3db", "x50"),
    "p3dc_18": (Net, "p3dc", 18),
    "p3dc_34": (Net, "p3dc", 34),
    "p3dc_50": (Net, "p3dc", 50),
    "p3dc_101": (Net, "p3dc", 101),
    "p3dc_103": (Net, "p3dc", 103),
    "p3dc_152": (Net, "p3dc", 152),
    "p3dc_resnext50": (Net, "p3dc", "x50"),
    "p3d_18": (Net, "p3d", 18),
    "p3d_34": (Net, "p3d", 34),
    "p3d_50": (Net, "p3d", 50),
    "p3d_101": (Net, "p3d", 101),
    "p3d_103": (Net, "p3d", 103),
    "p3d_152": (Net, "p3d", 152),
    "p3d_resnext50": (Net, "p3d", "x50"),
}
NANOS = {
    "c2d_nano": (Net, "c2d"),
    "i3d_nano": (Net, "i3d"),
    "p3d_nano": (Net, "p3d"),
}
SYSTEM = {
    "system": "Optimization Planning",
    "source": "Qiu et al., Optimization Planning for 3D ConvNets, ICML 2021, arXiv:2201.04021, section 5",
}


def zoo_net(net, family, depth, num_classes=400, early_stride=4, frozen_bn=False, dropout=0.5):
    block, blocks, stem, grouped = DEPTHS[depth]
    stem = stem(64, early_stride)
    made = net(FAMILIES[family], block, blocks, num_classes, stem, early_stride, dropout, **grouped)
    return finish(made, 2e-5 if depth == 103 and family != "c2d" else 1e-5, frozen_bn)


def zoo_nano(net, family, num_classes=400, early_stride=1, frozen_bn=False, dropout=0.0):
    """Ours: CPU-size nets for clips of 8 x 64 x 64, width 16, total stride (1, 16, 16)."""
    stem = plain_stem(16, early_stride, 3)
    made = net(FAMILIES[family], "bottleneck", (1, 1, 1), num_classes, stem, early_stride, dropout, 16)
    return finish(made, frozen_bn=frozen_bn)


register_all(zoo_net, NETS, **SYSTEM, layouts=[LAYOUT])
register_all(zoo_nano, NANOS, **SYSTEM)
