"""What stands in place of a ResNet's 3x3 convolution in C2D, I3D, R(2+1)D and P3D.

A unit is its convolution(s) and batch norm, (N, c_in, T, H, W) -> (N, c_out, T, H/stride, W/stride); s is a 1x3x3 and t
a 3x1x1 convolution.

Origins  I3D: Carreira and Zisserman, arXiv:1705.07750, section 2; P3D: Qiu et al., arXiv:1711.10305, section 3;
         R(2+1)D: Tran et al., arXiv:1711.11248, section 3.5
"""

from torch import nn

from lib.models.layers import conv


class C2D(nn.Module):
    """norm(s(x))"""

    kernel = (1, 3, 3)

    def __init__(self, c_in, c_out, stride, groups, temporal_groups=1, inner_act=True):
        super().__init__()
        self.spatial = conv(c_in, c_out, self.kernel, (1, stride, stride), groups)
        self.norm = nn.BatchNorm3d(c_out)

    def forward(self, x):  # (N, c_in, T, H, W) -> (N, c_out, T, H/stride, W/stride)
        return self.norm(self.spatial(x))


class I3D(C2D):
    """norm(3x3x3 convolution of x)"""

    kernel = 3


class R2Plus1D(nn.Module):
    """norm(t(s(x))), with as many channels between as give a 3x3x3 convolution's weights"""

    def __init__(self, c_in, c_out, stride, groups, temporal_groups=1, inner_act=True):
        super().__init__()
        mid = 9 * c_out // 4
        self.spatial = conv(c_in, mid, (1, 3, 3), (1, stride, stride), groups)
        self.temporal = conv(mid, c_out, (3, 1, 1))
        self.norm = nn.BatchNorm3d(c_out)

    def forward(self, x):  # (N, c_in, T, H, W) -> (N, c_out, T, H/stride, W/stride)
        return self.norm(self.temporal(self.spatial(x)))


class TypeA(C2D):
    """P3D-A, in a row: norm(t(s(x)))"""

    def __init__(self, c_in, c_out, stride, groups, temporal_groups=1, inner_act=True):
        super().__init__(c_in, c_out, stride, groups)
        self.temporal = conv(c_out, c_out, (3, 1, 1), groups=temporal_groups)

    def forward(self, x):  # (N, c_in, T, H, W) -> (N, c_out, T, H/stride, W/stride)
        return self.norm(self.temporal(self.spatial(x)))


class TypeB(C2D):
    """P3D-B, side by side: norm(s(x) + t(x))"""

    def __init__(self, c_in, c_out, stride, groups, temporal_groups=1, inner_act=True):
        super().__init__(c_in, c_out, stride, groups)
        self.temporal = conv(c_in, c_out, (3, 1, 1), (1, stride, stride), temporal_groups)

    def forward(self, x):  # (N, c_in, T, H, W) -> (N, c_out, T, H/stride, W/stride)
        return self.norm(self.spatial(x) + self.temporal(x))


class TypeC(TypeA):
    """P3D-C, a residual in time: y + t(y), y = relu(norm(s(x))), or without relu where a block ends"""

    def __init__(self, c_in, c_out, stride, groups, temporal_groups=1, inner_act=True):
        super().__init__(c_in, c_out, stride, groups, temporal_groups)
        self.inner_act = nn.ReLU(inplace=True) if inner_act else nn.Identity()

    def forward(self, x):  # (N, c_in, T, H, W) -> (N, c_out, T, H/stride, W/stride)
        y = self.inner_act(self.norm(self.spatial(x)))
        return y + self.temporal(y)


# family: the units of block 0, 1, 2, 0, 1, 2, ... counted through the whole net
FAMILIES = {
    "c2d": (C2D,),
    "i3d": (I3D,),
    "r2p1d": (R2Plus1D,),
    "p3da": (TypeA,),
    "p3db": (TypeB,),
    "p3dc": (TypeC,),
    "p3d": (TypeA, TypeB, TypeC),
}
