"""What each op is measured against: the slow reference, torch.compile of it, and what PyTorch has in its place.

A builder takes channels, stride (t, h, w) and the backends of ours to measure, and gives the op's parameters and
{version: function(x, *parameters)}. Versions compute the same, and differ in time. A version's name ends in its memory
format where that is not the op's own.
"""

from collections import namedtuple
from functools import partial

import torch
from torch.nn import functional as F

from kernels import (
    depthwise_subkernel_conv3d,
    frame_shift,
    shift3d,
    subkernel_conv3d,
    temporal_filter,
    tsm_offset,
)
from kernels.depthwise_subkernel_conv3d import op as depthwise_op
from kernels.frame_shift import op as frame_shift_op
from kernels.frame_shift.reference import frame_shift_reference
from kernels.shift import op as shift_op
from kernels.shift.reference import shift_reference
from kernels.subkernel_conv3d import op as subkernel_op
from kernels.temporal_filter import op as temporal_filter_op
from kernels.temporal_filter.reference import filter_reference

LAYOUTS = {"contiguous": torch.contiguous_format, "channels_last_3d": torch.channels_last_3d}
COMPILED = "torch.compile"  # needs a C++ compiler, or Triton on a GPU, and half a minute


def compiled(function):
    return torch.compile(function, dynamic=False)


def of_backends(op, backends, **options):
    return {backend: partial(op, backend=backend, **options) for backend in backends}


def shift_versions(channels, stride, backends):
    def reference(x, shift):
        return shift_reference(x, shift, stride, (0, 0, 0), False, "central")

    own = of_backends(shift3d, backends, stride=stride)
    conv = partial(shift_as_convolution, stride=stride)
    shift = 2 * torch.rand(3, channels) - 1
    return [shift], {**own, COMPILED: compiled(reference), "conv3d channels_last_3d": conv}


def shift_as_convolution(x, shift, stride=1):
    """shift3d for shifts from -1 to 1, as PyTorch's depthwise convolution with the shift's taps; gradients not at unit
    length."""
    taps = torch.stack([(-shift).clamp(min=0), 1 - shift.abs(), shift.clamp(min=0)])  # (at -1, 0, 1; axes; C)
    kernels = torch.einsum("tc,hc,wc->cthw", *taps.unbind(1)).unsqueeze(1)
    return F.conv3d(x, kernels.to(x.dtype), None, stride, 1, 1, len(kernels))


def frame_shift_versions(channels, stride, backends):
    own = of_backends(frame_shift, backends)
    return [tsm_offset(channels)], {**own, COMPILED: compiled(frame_shift_reference)}


def temporal_filter_versions(channels, stride, backends):
    own = of_backends(temporal_filter, backends)

    def reference(x, weight):
        return filter_reference(x, (weight / (weight.std(1, keepdim=True) + 1e-6) / 2).softmax(1))

    return [torch.rand(channels, 3)], {**own, COMPILED: compiled(reference)}


def depthwise_versions(channels, stride, backends):
    def own(x, weight, backend):
        return depthwise_subkernel_conv3d(x, {"kxkxk": weight}, stride, backend=backend)

    def conv(x, weight):
        return F.conv3d(x, weight.to(x.dtype), None, stride, 1, 1, channels)

    return [torch.randn(channels, 1, 3, 3, 3) / 5], {**of_backends(own, backends), **in_both_formats(conv)}


def subkernel_versions(channels, stride, backends):
    """CAKES' uniform split over 3D, 2D and 1D kinds; PyTorch's dense convolution does the same with zeros around."""
    kinds = {"kxkxk": (3, 3, 3), "1xkxk": (1, 3, 3), "kx1x1": (3, 1, 1)}
    shares = [channels - 2 * (channels // 3), channels // 3, channels // 3]
    weights = [torch.randn(n, channels, *size) / 50 for n, size in zip(shares, kinds.values(), strict=True)]

    def own(x, *weights, backend):
        return subkernel_conv3d(x, dict(zip(kinds, weights, strict=True)), stride, backend=backend)

    def conv(x, *weights):
        return F.conv3d(x, torch.cat([_embedded(w) for w in weights]).to(x.dtype), None, stride, 1)

    return weights, {**of_backends(own, backends), **in_both_formats(conv)}


def _embedded(weight):
    """A sub-kernel in the middle of a 3 x 3 x 3 kernel."""
    return F.pad(weight, [side for size in reversed(weight.shape[2:]) for side in [1 - size // 2] * 2])


def in_both_formats(conv):
    return {f"conv3d {layout}": conv for layout in LAYOUTS}


# versions, the backends that there are, memory format that nets call the op in, whether its backward reads x
Op = namedtuple("Op", "versions backends layout rereads")
OPS = {
    "shift3d": Op(shift_versions, shift_op.VERSIONS, "contiguous", True),
    "frame_shift": Op(frame_shift_versions, frame_shift_op.VERSIONS, "channels_last_3d", False),
    "temporal_filter": Op(temporal_filter_versions, temporal_filter_op.VERSIONS, "contiguous", True),
    "subkernel_conv3d": Op(subkernel_versions, subkernel_op.BACKENDS, "channels_last_3d", True),
    "depthwise_subkernel_conv3d": Op(depthwise_versions, depthwise_op.VERSIONS, "channels_last_3d", True),
}


def layout_of(op, version):
    """The name of the memory format that a version is given its clips in."""
    last = version.split()[-1]
    return last if last in LAYOUTS else OPS[op].layout
