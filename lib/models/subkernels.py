"""Sub-kernel convolutions: every output channel has its own part of a 3x3x3 kernel.

Paper  Yu et al., CAKES: Channel-wise Automatic KErnel Shrinking for Efficient 3D Networks, AAAI 2021, arXiv:2003.12798,
       section 3
Split  {kind: channels} of one layer; "1xkxk" is a 1x3x3 kernel. The channels lie kind by kind, in the order of OPS
Deal   the splits of all layers of a net, a list; the paper's word for it is plan
"""

import json
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional as F

import kernels
from kernels import kernel_size, subkernel_conv3d
from lib.bounds import shown
from lib.models.frame_resnet import fill_norm
from lib.models.layers import FrozenBatchNorm, conv, set_in_channels

# kind: its kernel (t, h, w); a point is no sub-kernel
KINDS = {kind: kernel_size(kind, 3) for kind in kernels.KINDS if "k" in kind}
# op: its kinds, in the order of their channels
OPS = {
    "conv3d": ("kxkxk",),
    "conv2d": ("1xkxk",),
    "conv1_2d": ("1xkxk", "kx1x1"),
    "convst": ("kxkxk", "1xkxk"),
    "conv2_3d": ("kxkxk", "1xkxk"),
    "conv1_2_3d": ("kxkxk", "1xkxk", "kx1x1"),
    "mixconv1d": ("kx1x1", "1xkx1", "1x1xk"),
    "mixconv2d": ("kxkx1", "1xkxk", "kx1xk"),
    "mixconvall": ("kxkxk", "1xkxk", "kx1xk", "kxkx1", "kx1x1", "1xkx1", "1x1xk"),
}
PUBLISHED_DEALS, OWN_DEALS = (
    json.loads(Path(__file__).with_name(name).read_text(encoding="utf-8"))
    for name in ("cakes_deals.json", "cakes_deep_nano_deals.json")
)
DEALS = {**PUBLISHED_DEALS, **OWN_DEALS}  # by name; of our own, each costs what an even deal does


class SubKernelConv(nn.Module):
    """A convolution of several kinds of sub-kernels, and one norm over all channels.

    split   {kind: channels}, in the order of the channels; a kind without channels has no weights
    stride  (t, h, w)
    """

    op_backend = "auto"

    def __init__(self, c_in, split, stride):
        super().__init__()
        split = {kind: count for kind, count in split.items() if count}
        self.kinds, self.stride, self.channels = tuple(split), stride, sum(split.values())
        self.convs = nn.ModuleList(conv(c_in, count, KINDS[kind], stride) for kind, count in split.items())
        self.norm = nn.BatchNorm3d(self.channels)

    def set_in_channels(self, channels):
        """See `lib.models.VideoNet.set_in_channels`."""
        for convolution in self.convs:
            set_in_channels(convolution, channels)

    def weights(self):
        return {kind: conv.weight for kind, conv in zip(self.kinds, self.convs, strict=True)}

    def forward(self, x):  # (N, C, T, H, W) -> (N, channels, T', H', W')
        return self.norm(subkernel_conv3d(x, self.weights(), self.stride, backend=self.op_backend))

    @torch.no_grad()
    def fill(self, weight, norm):
        """Start from a 2D convolution (p, C, h, w) and its norm; the layer has p channels, in all or of each kind."""
        start = 0
        for kind, own in self.weights().items():
            own.copy_(inflated(weight[start : start + len(own)], kind))
            start = (start + len(own)) % len(weight)
        fill_norm(self.norm, norm)


class FactorizedConv(nn.Module):
    """The convolution of P3D: 1x3x3, then 3x1x1 with nothing between, and one norm."""

    def __init__(self, c_in, c_out, stride):
        super().__init__()
        self.channels = c_out
        self.convs = nn.ModuleList([conv(c_in, c_in, (1, 3, 3), stride), conv(c_in, c_out, (3, 1, 1))])
        self.norm = nn.BatchNorm3d(c_out)

    def forward(self, x):  # (N, C, T, H, W) -> (N, channels, T', H', W')
        for layer in self.convs:
            x = layer(x)
        return self.norm(x)

    @torch.no_grad()
    def fill(self, weight, norm):
        """Start from a 2D convolution and its norm; the kernel in time keeps its random weights."""
        self.convs[0].weight.copy_(inflated(weight, "1xkxk"))
        fill_norm(self.norm, norm)


def any_subset(kinds, channels):
    """Draw `channels` of the kinds * channels candidates; all subsets are equally likely."""
    return torch.randperm(kinds * channels, device="cpu")[:channels]


def any_counts(kinds, channels):
    """For two kinds: draw how many of each, all counts equally likely; then draw which."""
    first = int(torch.randint(channels + 1, (), device="cpu"))
    counts = (first, channels - first)
    return torch.cat([i * channels + any_subset(1, channels)[:count] for i, count in enumerate(counts)])


# op of a supernet that drops channels: (the op, how it draws the channels to keep)
DROPPING = {
    "conv1_2d_dropout": ("conv1_2d", any_subset),
    "convst_dropout": ("convst", any_counts),
    "conv1_2_3d_dropout": ("conv1_2_3d", any_subset),
}


class SuperConv(SubKernelConv):
    """A layer of a supernet: every kind has as many channels as the searched layer will have in all."""

    def __init__(self, c_in, planes, op, stride):
        super().__init__(c_in, dict.fromkeys(OPS[op], planes), stride)
        self.planes = planes


class DroppingConv(SuperConv):
    """A layer of a supernet that drops channels: each forward pass keeps as many candidates as one kind has channels.

    In training the kept candidates are drawn. Output channel j is the j-th kept one, normalised by the statistics of
    the batch; the running statistics do not move, as published. The published code cannot evaluate such a layer. Here
    it can, with `kept` set to sorted numbers of candidates (channels,): training then moves their running statistics,
    and evaluation uses them.
    """

    def __init__(self, c_in, c_out, op, stride):
        base, draw = DROPPING[op]
        super().__init__(c_in, c_out, base, stride)
        self.channels, self.draw, self.kept = c_out, draw, None

    def forward(self, x):  # (N, C, T, H, W) -> (N, channels, T', H', W')
        if self.kept is None and not self.training:
            raise ValueError("a supernet that drops channels evaluates only with `kept` set: see lib.search.subkernels")
        kept = self.draw(len(self.kinds), self.channels).sort().values if self.kept is None else self.kept
        kept = kept.to(x.device)
        mine = [kept[kept // self.channels == i] % self.channels for i in range(len(self.kinds))]
        weights = {kind: w[rows] for (kind, w), rows in zip(self.weights().items(), mine, strict=True) if len(rows)}
        return self._normed(subkernel_conv3d(x, weights, self.stride, backend=self.op_backend), kept)

    def _normed(self, y, kept):
        norm, moves = self.norm, self.training and not isinstance(self.norm, FrozenBatchNorm)
        mean, variance = norm.running_mean[kept], norm.running_var[kept]  # copies
        y = F.batch_norm(y, mean, variance, norm.weight[kept], norm.bias[kept], moves, norm.momentum, norm.eps)
        if moves and self.kept is not None:
            norm.running_mean[kept], norm.running_var[kept] = mean, variance
        return y


def inflated(weight, kind):
    """A 2D kernel (c_out, c_in, 3, 3) inflated to a kind of 3D kernel (c_out, c_in, t, h, w).

    3D: repeated along t and divided by 3. 2D: its two axes are put where the kind has its own. 1D: summed to one value,
    which is repeated along the line and divided by 3.
    """
    line = weight.sum((2, 3))[..., None].expand(-1, -1, 3) / 3
    return {
        "kxkxk": weight[:, :, None].expand(-1, -1, 3, -1, -1) / 3,
        "1xkxk": weight[:, :, None],
        "kx1xk": weight[:, :, :, None],  # (t, w) = (old h, old w)
        "kxkx1": weight.transpose(2, 3)[..., None],  # (t, h) = (old w, old h)
        "kx1x1": line[..., None, None],
        "1xkx1": line[:, :, None, :, None],
        "1x1xk": line[:, :, None, None],
    }[kind]


def uniform(kinds, channels):
    """The split with the same number of channels for every kind; the first kind gets the remainder."""
    share = channels // len(kinds)
    return {kind: share if i else channels - (len(kinds) - 1) * share for i, kind in enumerate(kinds)}


def read_deal(deal, op, channels):
    """A deal as a list of splits, one per layer; every split has all kinds of the op, in its order.

    deal      one of DEALS, the path of a JSON file, a list of splits, or None: the uniform one
    op        of OPS; a deal may use its kinds only
    channels  of every layer
    """
    kinds = OPS[op]
    if deal is None:
        return [uniform(kinds, count) for count in channels]
    layers = deal if isinstance(deal, list | tuple) else DEALS.get(str(deal)) or _from_file(deal)
    where = "the deal" if isinstance(deal, list | tuple) else f"the deal {deal}"
    if len(layers) != len(channels):
        raise ValueError(f"{where} has {len(layers)} layers; the net has {len(channels)}")
    return [_complete(number, *layer, op, where) for number, layer in enumerate(zip(layers, channels, strict=True))]


def _from_file(path):
    if not Path(path).is_file():
        raise ValueError(f"no deal {shown(str(path))}; it is a JSON file or one of {', '.join(DEALS)}")
    try:
        layers = json.loads(Path(path).read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:  # also text that is not UTF-8, numbers of too many digits
        raise ValueError(f"{path} holds no deal, a list of splits in JSON: {error}") from None
    if not isinstance(layers, list):
        raise ValueError(f"{path} holds no deal, a list of splits in JSON, but {repr(layers)[:60]}")
    return layers


def _complete(number, split, channels, op, deal):
    """The split of layer `number`, checked, with all kinds of the op in its order."""
    where = f"layer {number} of {deal}"
    if not isinstance(split, dict):
        raise ValueError(f"{where} is {repr(split)[:60]}; it must be a split {{kind: channels}}")
    if foreign := [kind for kind in split if kind not in OPS[op]]:
        fitting = [name for name, kinds in OPS.items() if set(split) <= set(kinds)]
        raise ValueError(
            f"{where} has {repr(foreign[0])[:60]}, op {op!r} has not; ops with its kinds: {', '.join(fitting)}"
        )
    if not all(type(count) is int and count >= 0 for count in split.values()):
        raise ValueError(f"{where} is {repr(split)[:200]}; channels are whole numbers, 0 or more")
    if sum(split.values()) != channels:
        raise ValueError(f"{where} has {sum(split.values())} channels; the layer has {channels}")
    return {kind: split.get(kind, 0) for kind in OPS[op]}
