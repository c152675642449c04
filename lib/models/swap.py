"""Sub-kernels in any net: its 3x3x3 convolutions are swapped for the candidates of a search, or as a deal says.

Paper  Yu et al., CAKES: Channel-wise Automatic KErnel Shrinking for Efficient 3D Networks, AAAI 2021, arXiv:2003.12798,
       section 3
Ours   the paper searches one ResNet. Here every 3x3x3 convolution whose batch norm is the next child of its module is
       swapped in place, dense or depthwise (as in CSN and MobileNet), so that C3D, I3D and nets for volumes can be
       searched too. Our supernet adds the kinds where the paper concatenates them: the layers around stay as they are
"""

from math import prod, sqrt

import torch
from torch import nn

from kernels import depthwise_subkernel_conv3d, subkernel_conv3d
from lib.models.fast import use_backend
from lib.models.layers import for_channels
from lib.models.subkernels import KINDS, OPS, DroppingConv, SuperConv, read_deal


def cut(weight, kind):
    """The centred sub-kernel of a kernel (c_out, c_in, 3, 3, 3), scaled to keep the variance of what it computes."""
    size = KINDS[kind]
    t, h, w = (slice(None) if k == 3 else slice(1, 2) for k in size)
    return weight[:, :, t, h, w] * sqrt(27 / prod(size))


class SwappedConv(nn.Module):
    """Stands in for a convolution: the same channels and stride, sub-kernels in place of 3x3x3 kernels.

    conv   dense or depthwise; the sub-kernels start from its weights; its bias is dropped, because a norm follows
    split  {kind: channels}, in the order of the channels
    """

    op_backend = "auto"

    def __init__(self, conv, split):
        super().__init__()
        split = {kind: count for kind, count in split.items() if count}
        self.kinds, self.stride, self.depthwise = tuple(split), conv.stride, conv.groups > 1
        parts = conv.weight.detach().split(list(split.values()))
        self.weights = nn.ParameterList(cut(part, kind).contiguous() for kind, part in zip(split, parts, strict=True))

    def set_in_channels(self, channels):
        """See `lib.models.VideoNet.set_in_channels`."""
        self.weights = nn.ParameterList(
            nn.Parameter(for_channels(weight.detach(), channels), weight.requires_grad) for weight in self.weights
        )

    def forward(self, x):  # (N, C, T, H, W) -> (N, channels, T', H', W')
        op = depthwise_subkernel_conv3d if self.depthwise else subkernel_conv3d
        return op(x, dict(zip(self.kinds, self.weights, strict=True)), self.stride, backend=self.op_backend)


class SummedConv(nn.Module):
    """Stands in for a convolution and its norm in a supernet: every kind has all channels and a norm of its own, and
    the kinds are added. `norm` holds the norms of all kinds, one after the other, as in a SuperConv."""

    def __init__(self, conv, norm, op):
        super().__init__()
        self.kinds, self.planes = OPS[op], conv.out_channels
        self.convs = nn.ModuleList(SwappedConv(conv, {kind: self.planes}) for kind in self.kinds)
        self.norm = nn.BatchNorm3d(len(self.kinds) * self.planes, norm.eps, norm.momentum)

    def set_in_channels(self, channels):
        """See `lib.models.VideoNet.set_in_channels`."""
        for conv in self.convs:
            conv.set_in_channels(channels)

    def forward(self, x):  # (N, C, T, H, W) -> (N, planes, T', H', W')
        y = self.norm(torch.cat([conv(x) for conv in self.convs], 1))
        return y.unflatten(1, (len(self.kinds), self.planes)).sum(1)


def super_layers(net):
    """The layers of a supernet whose kinds a search chooses, in order; ValueError if there are none."""
    layers = [module for module in net.modules() if isinstance(module, SuperConv | SummedConv)]
    if not layers:
        raise ValueError(
            f"{type(net).__name__} is no supernet: build it with search=True, with an op that drops channels, or with "
            "lib.models.swap.to_supernet"
        )
    return layers


def swappable(net):
    """Every place that can be swapped: [(module, name of its convolution, name of the norm after it)]."""
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
    """Swap in place for a search among the kinds of an op; "mixconvall" has all seven, for volumes. -> the net"""
    for module, conv, norm in swappable(net):
        setattr(module, conv, SummedConv(getattr(module, conv), getattr(module, norm), op))
        setattr(module, norm, nn.Identity())
    return use_backend(net, getattr(net, "op_backend", "auto"))


def to_dropping(net, op):
    """Swap in place, each convolution and its norm, for layers that drop channels (op of DROPPING). -> the net

    ValueError: a depthwise convolution, whose output channel belongs to one input: candidates could not change places
    """
    for module, conv, norm in swappable(net):
        old = getattr(module, conv)
        if old.groups > 1:
            raise ValueError(f"{type(net).__name__} has depthwise convolutions: no layer of theirs can drop channels")
        new = DroppingConv(old.in_channels, old.out_channels, op, old.stride)
        for kind, weight in new.weights().items():
            weight.data.copy_(cut(old.weight.detach(), kind))
        setattr(module, conv, new)
        setattr(module, norm, nn.Identity())
    return use_backend(net, getattr(net, "op_backend", "auto"))


def with_deal(net, deal=None, op="conv1_2_3d"):
    """Swap in place for the kinds of a deal, in any form that `lib.models.subkernels.read_deal` takes. -> the net"""
    found = swappable(net)
    deal = read_deal(deal, op, [getattr(module, conv).out_channels for module, conv, _ in found])
    for (module, conv, _), split in zip(found, deal, strict=True):
        setattr(module, conv, SwappedConv(getattr(module, conv), split))
    return use_backend(net, getattr(net, "op_backend", "auto"))
