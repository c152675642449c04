"""Sub-kernels in any net: its 3x3x3 convolutions, exchanged for candidates to search among, or for a plan's kinds.

Paper  Yu et al., CAKES: Channel-wise Automatic KErnel Shrinking for Efficient 3D Networks, AAAI 2021, arXiv:2003.12798
Ours   the paper searches one ResNet; here every 3x3x3 convolution whose batch norm is the next child of its module is
       swapped in place, dense or depthwise (CSN's, MobileNet's), so that C3D, I3D and volumes can be searched as well.
       Its supernet adds the kinds up where the paper's concatenates them: the layers around stay as they are
"""

from math import prod, sqrt

import torch
from torch import nn

from kernels import depthwise_subkernel_conv3d
from lib.models.subkernels import KINDS, OPS, SuperConv, convolve, read_plan


def cut(weight, kind):
    """The centred sub-kernel of a kernel (c_out, c_in, 3, 3, 3), scaled to keep the variance of what it computes."""
    size = KINDS[kind]
    t, h, w = (slice(None) if k == 3 else slice(1, 2) for k in size)
    return weight[:, :, t, h, w] * sqrt(27 / prod(size))


class SwappedConv(nn.Module):
    """A convolution's stand-in: the same channels and stride, sub-kernels in place of 3x3x3 kernels.

    conv    dense or depthwise; its weights are where the sub-kernels start; a bias is dropped: a norm follows
    counts  {kind: channels}, in the order of the channels
    """

    def __init__(self, conv, counts):
        super().__init__()
        counts = {kind: count for kind, count in counts.items() if count}
        self.kinds, self.stride, self.depthwise = tuple(counts), conv.stride, conv.groups > 1
        parts = conv.weight.detach().split(list(counts.values()))
        self.weights = nn.ParameterList(cut(part, kind).contiguous() for kind, part in zip(counts, parts, strict=True))

    def forward(self, x):  # (N, C, T, H, W) -> (N, channels, T', H', W')
        op = depthwise_subkernel_conv3d if self.depthwise else convolve
        return op(x, dict(zip(self.kinds, self.weights, strict=True)), self.stride)


class SummedConv(nn.Module):
    """A convolution's and its norm's stand-in in a supernet: every kind on all channels, each with a norm of its own,
    added up. `norm` holds the kinds' norms, one after the other, as a SuperConv's does."""

    def __init__(self, conv, norm, op):
        super().__init__()
        self.kinds, self.planes = OPS[op], conv.out_channels
        self.convs = nn.ModuleList(SwappedConv(conv, {kind: self.planes}) for kind in self.kinds)
        self.norm = nn.BatchNorm3d(len(self.kinds) * self.planes, norm.eps, norm.momentum)

    def forward(self, x):  # (N, C, T, H, W) -> (N, planes, T', H', W')
        y = self.norm(torch.cat([conv(x) for conv in self.convs], 1))
        return y.unflatten(1, (len(self.kinds), self.planes)).sum(1)


def super_layers(net):
    """The layers whose kinds a search chooses, in order; ValueError if there are none."""
    layers = [module for module in net.modules() if isinstance(module, SuperConv | SummedConv)]
    if not layers:
        raise ValueError(
            f"{type(net).__name__} is no supernet: build it with search=True, with an op that drops channels, or by "
            "lib.models.swap.to_supernet"
        )
    return layers


def swappable(net):
    """[(module, its child the convolution, its child the norm)], names of children, of all that can be swapped."""
    found = [(module, *names) for module in net.modules() for names in _pairs(module)]
    if not found:
        raise ValueError(f"{type(net).__name__} has no 3x3x3 convolution, dense or depthwise, before a batch norm")
    return found


def _pairs(module):
    children = list(module.named_children())
    pairs = zip(children, children[1:], strict=False)
    return [(a, b) for (a, conv), (b, norm) in pairs if _is_whole(conv) and isinstance(norm, nn.BatchNorm3d)]


def _is_whole(conv):
    if not isinstance(conv, nn.Conv3d) or conv.kernel_size != (3, 3, 3):
        return False
    separable = conv.groups == 1 or conv.groups == conv.in_channels == conv.out_channels
    return separable and conv.padding == (1, 1, 1) and conv.dilation == (1, 1, 1)


def to_supernet(net, op="conv1_2_3d"):
    """Swap in place for the search among an op's kinds, see OPS; "mixconvall" has all seven, for volumes. -> the net"""
    for module, conv, norm in swappable(net):
        setattr(module, conv, SummedConv(getattr(module, conv), getattr(module, norm), op))
        setattr(module, norm, nn.Identity())
    return net


def with_plan(net, plan=None, op="conv1_2_3d"):
    """Swap in place for a plan's kinds; plans as `lib.models.subkernels.read_plan` takes them. -> the net"""
    places = swappable(net)
    layers = read_plan(plan, op, [getattr(module, conv).out_channels for module, conv, _ in places])
    for (module, conv, _), counts in zip(places, layers, strict=True):
        setattr(module, conv, SwappedConv(getattr(module, conv), counts))
    return net
