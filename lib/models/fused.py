"""Layers of a net that only evaluates: convolutions that compute their norm and their activation, too.

On a CPU they call the operator of oneDNN that PyTorch's own compiler calls: convolution, bias and activation in one
pass over memory, by weights that are laid out for it once and not at every call. Elsewhere (another device, float64,
gradients, export, compilation, the meta device) they are PyTorch's convolution, and the activation follows.
"""

import torch
from torch import nn

from kernels import eager
from kernels._format import is_channels_last
from lib.models.efficientnet import SameConv
from lib.models.fast import DepthwiseConv, trains
from lib.models.heads import PointwiseHead
from lib.models.layers import FrameConv
from lib.models.subkernels import SubKernelConv, SuperConv
from lib.models.tsm import ShiftedConv
from lib.precision import guarded, smaller

# activation: how oneDNN's operator names it, and its numbers
ACTIVATIONS = {nn.ReLU: ("relu", []), nn.ReLU6: ("hardtanh", [0.0, 6.0]), nn.SiLU: ("swish", [])}
NONE = ("none", [])
TYPES = (torch.float32, torch.bfloat16)


class Folded:
    """Mixed into a convolution of zero padding.

    act        class of the activation that it computes, or None
    turns      whether it turns contiguous clips into channels_last_3d, which oneDNN computes faster
    """

    act = packed = packed_as = None
    turns = False

    def _conv_forward(self, x, weight, bias):
        if not by_onednn(x, weight):
            return super()._conv_forward(x, weight, bias)
        where = [_three(self.padding, 0), _three(self.stride, 1), _three(self.dilation, 1), self.groups]
        kind = weight.dtype
        work = torch.float32 if smaller(x, weight) else kind  # see lib.precision.SmallInFloat32
        x, bias = x.to(work), None if bias is None else bias.to(work)
        if self.turns or is_channels_last(x):  # with laid out weights the result is channels_last_3d
            weight = self._laid_out(weight, where, x.shape, work)
        conv, act = torch.ops.mkldnn._convolution_pointwise, ACTIVATIONS.get(self.act, NONE)
        y = conv(x, weight.to(work), bias, *where, *act, "").to(kind)
        if self.act:
            y.activated = self.act  # the activation that follows looks for it
        return y

    def _laid_out(self, weight, where, shape, work):
        """The weight in the type `work` as oneDNN wants it for x of this shape; the last one is kept."""
        known = (shape, weight.dtype, weight.data_ptr(), weight._version)
        if self.packed_as != known:
            packed = torch.ops.mkldnn._reorder_convolution_weight(weight.to(work), *where, shape)
            self.packed, self.packed_as = packed, known
        return self.packed

    def __getstate__(self):
        """Without what can be made again."""
        return {name: value for name, value in super().__getstate__().items() if not name.startswith("packed")}


def by_onednn(x, weight):
    """Whether oneDNN's operator computes this convolution, and nobody needs a gradient or PyTorch's own operators."""
    if x.device.type != "cpu" or weight.dtype not in TYPES or not torch.backends.mkldnn.is_available():
        return False
    if weight.dtype == torch.bfloat16 and not torch.ops.mkldnn._is_mkldnn_bf16_supported():
        return False
    wanted = torch.get_autocast_dtype("cpu") if torch.is_autocast_enabled("cpu") else x.dtype
    return weight.dtype == wanted and torch.backends.mkldnn.enabled and not trains(x, weight) and eager(x)


def _three(values, first):
    """(t, h, w) of a convolution of frames: `first` along t."""
    return [first] * (3 - len(values)) + list(values)


class FoldedConv(Folded, nn.Conv3d):
    """nn.Conv3d, see `Folded`."""


class FoldedSameConv(Folded, SameConv):
    """SameConv, see `Folded`."""


class FoldedFrameConv(Folded, FrameConv):
    """FrameConv, see `Folded`."""


class FoldedShiftedConv(Folded, ShiftedConv):
    """ShiftedConv, see `Folded`."""


# layer: what it becomes
CONVOLUTIONS = {
    nn.Conv3d: FoldedConv,
    DepthwiseConv: FoldedConv,
    PointwiseHead: FoldedConv,
    SameConv: FoldedSameConv,
    FrameConv: FoldedFrameConv,
    ShiftedConv: FoldedShiftedConv,
}


class Once:
    """Mixed into an activation: what a convolution has activated already, it passes on."""

    def forward(self, x):
        return x if getattr(x, "activated", None) is self.kind else super().forward(x)


class OnceReLU(Once, nn.ReLU):
    """nn.ReLU, see `Once`."""

    kind = nn.ReLU


class OnceReLU6(Once, nn.ReLU6):
    """nn.ReLU6, see `Once`."""

    kind = nn.ReLU6


class OnceSiLU(Once, nn.SiLU):
    """nn.SiLU, see `Once`."""

    kind = nn.SiLU


ONCE = {cls.kind: cls for cls in (OnceReLU, OnceReLU6, OnceSiLU)}


class JoinedConvs(SubKernelConv):
    """A SubKernelConv that calls its convolutions one by one, so that each can have a bias."""

    def forward(self, x):  # (N, C, T, H, W) -> (N, channels, T', H', W')
        return self.norm(torch.cat([conv(x) for conv in self.convs], 1))


JOINED = (SubKernelConv, SuperConv)


class Fused(nn.Module):
    """What `lib.fuse` returns: a net that only evaluates.

    net        with norms folded in
    precision  "fp32", or "bf16": convolutions and linear layers in bfloat16, sums in float32
    """

    def __init__(self, net, precision):
        super().__init__()
        self.net, self.precision = net, precision
        self.training = False
        if hasattr(net, "registered_as"):
            self.registered_as = net.registered_as  # its memory format

    def forward(self, x):  # (N, 3, T, H, W) -> (N, num_classes)
        if self.precision == "fp32":
            return self.net(x)
        with torch.autocast(x.device.type, torch.bfloat16), guarded(x.device.type, "bf16"):
            return self.net(x)

    def train(self, mode=True):
        """Evaluation is all there is. ValueError for anything else."""
        if mode:
            raise ValueError(f"a fused {type(self.net).__name__} only evaluates: train the net that it was made of")
        return super().train(False)

    def load_state_dict(self, *args, **kwargs):
        """Its weights are not the net's. ValueError."""
        raise ValueError(
            f"a fused {type(self.net).__name__} takes no weights: load them into the net, and fuse it then"
        )
