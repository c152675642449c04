"""2D ResNets on the frames of a clip, as in the zoo of Optimization Planning: frame by frame, or behind C2D's stem.

Paper   Qiu et al., Optimization Planning for 3D ConvNets, ICML 2021, arXiv:2201.04021, section 5; its code's zoo
Origin  He et al., Deep Residual Learning for Image Recognition, CVPR 2016, arXiv:1512.03385, table 1
Input   (N, 3, T, H, W), any T; `seq_*`: a multiple of early_stride

`resnet2d_*` is the code's `resnet*`, whose clips are (N, 3 * T, H, W): it classifies every frame, logits are averaged.
`seq_*` has a stem that spans early_stride frames, and folds time into the batch behind it: C2D with 2D kernels stored.
Departure: `seq_103` applies all three convolutions of its stem; the code leaves the second out. No file of it is known.
"""

from lib.models import p3d
from lib.models.layout import Layout
from lib.models.p3d_units import C2D
from lib.models.p3d_zoo import DEPTHS, SYSTEM, deep_stem, zoo_net
from lib.models.registry import register_all


class FrameNet(p3d.Net):
    """C2D with a stem of one frame; its head classifies every frame."""

    def forward(self, x):  # (N, 3, T, H, W) -> (N, num_classes)
        frames = self.feature_map(x).mean((3, 4)).transpose(1, 2)  # (N, T, channels)
        return self.fc(self.dropout(frames)).mean(1)


def resnet2d(depth, num_classes=400, frozen_bn=False, dropout=0.5):
    block, blocks, stem, grouped = DEPTHS[depth]
    made = FrameNet((C2D,), block, blocks, num_classes, stem(64, 1), 1, dropout, **grouped)
    return p3d.finish(made, 2e-5 if stem is deep_stem else 1e-5, frozen_bn)


def seq(depth, num_classes=400, early_stride=4, frozen_bn=False, dropout=0.5):
    made = zoo_net(p3d.Net, "c2d", depth, num_classes, early_stride, False, dropout)
    p3d.finish(made, 2e-5 if DEPTHS[depth][2] is deep_stem else 1e-5, frozen_bn)
    made.stem[0][1].eps = 1e-5
    return made


# name: (depth,)
FRAME_BY_FRAME = {
    "resnet2d_18": (18,),
    "resnet2d_34": (34,),
    "resnet2d_50": (50,),
    "resnet2d_101": (101,),
    "resnet2d_103": (103,),
    "resnet2d_152": (152,),
    "resnet2d_resnext50": ("x50",),
}
BEHIND_A_STEM = {
    "seq_18": (18,),
    "seq_34": (34,),
    "seq_50": (50,),
    "seq_101": (101,),
    "seq_152": (152,),
    "seq_resnext50": ("x50",),
}
DEEP = {"seq_103": (103,)}


def layout(*planar):
    """The zoo's layout; planar as in `Layout`."""
    return Layout("optimization planning", p3d.published_key, p3d.published_input, "model", "module.", planar=planar)


register_all(resnet2d, FRAME_BY_FRAME, **SYSTEM, layouts=[layout("*")])
register_all(seq, BEHIND_A_STEM, **SYSTEM, layouts=[layout("stages.*")])
register_all(seq, DEEP, **SYSTEM)
