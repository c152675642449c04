"""Deals of sub-kernels: what they cost, how far apart they are, and random ones of equal cost to compare with.

A split is {kind: channels} of one layer. A deal is the list of all layers' splits; `lib.models.subkernels.read_deal`
reads one from a file.
"""

from math import prod

import torch

from lib.models.subkernels import KINDS, OPS, SubKernelConv, SuperConv, uniform
from lib.models.swap import SwappedConv


def layer_costs(net, clip):
    """What one weight of one output channel costs in each sub-kernel layer of a net: [multiply-accumulates].

    net   built from a deal, not a supernet; costs depend on its device only in time: the meta device is fastest
    clip  (C, T, H, W)
    Layer i of a deal costs costs[i] * the sum over its kinds of channels * kernel volume.
    """
    costs, hooks = [], []

    def note(layer, inputs, out):
        c_in = 1 if getattr(layer, "depthwise", False) else inputs[0].shape[1]
        costs.append(c_in * prod(out.shape[2:]))

    for layer in net.modules():
        if isinstance(layer, SubKernelConv | SwappedConv) and not isinstance(layer, SuperConv):
            hooks.append(layer.register_forward_hook(note))
    if not hooks:
        raise ValueError(
            f"{type(net).__name__} has no layers with a split; build the net from a deal, not as a supernet"
        )
    training = net.training
    with torch.no_grad():
        net.eval()(torch.zeros(1, *clip, device=next(net.parameters()).device))
    net.train(training)
    for hook in hooks:
        hook.remove()
    return costs


def deal_macs(deal, costs):
    """Multiply-accumulates of all sub-kernel layers of a deal, exact."""
    weights = [sum(prod(KINDS[kind]) * count for kind, count in split.items()) for split in deal]
    return sum(cost * count for cost, count in zip(costs, weights, strict=True))


def random_deal(op, channels, costs, macs, seed, *, tries=1000):
    """A random deal that costs exactly `macs`, as `deal_macs` counts.

    channels, costs  one entry per layer
    Every layer's split is drawn uniformly from all possible ones. Then random single channels change their kind, each
    time towards `macs`, until the cost is met. If no try meets it, a ValueError says the nearest cost.
    """
    rng, nearest = torch.Generator().manual_seed(seed), None
    for _ in range(tries):
        deal = [_draw_split(OPS[op], count, rng) for count in channels]
        gap = _repair(deal, costs, macs, rng)
        if gap == 0:
            return deal
        nearest = gap if nearest is None else min(nearest, gap, key=abs)
    raise ValueError(
        f"no deal of op {op!r} costs {macs} multiply-accumulates; the nearest found costs {macs + nearest}"
    )


def _draw_split(kinds, channels, rng):
    """Stars and bars: every possible split is equally likely."""
    bars = torch.randperm(channels + len(kinds) - 1, generator=rng)[: len(kinds) - 1].sort().values.tolist()
    edges = [-1, *bars, channels + len(kinds) - 1]
    return {kind: edges[i + 1] - edges[i] - 1 for i, kind in enumerate(kinds)}


def _repair(deal, costs, macs, rng):
    """Change the kind of single channels while that brings the cost nearer to `macs`.  -> the gap that is left"""
    gap = deal_macs(deal, costs) - macs
    while gap:
        moves = [
            (split, a, b, step)
            for split, cost in zip(deal, costs, strict=True)
            for a in split
            for b in split
            if split[a] and abs(gap + (step := cost * (prod(KINDS[b]) - prod(KINDS[a])))) < abs(gap)
        ]
        if not moves:
            return gap
        split, a, b, step = moves[int(torch.randint(len(moves), (), generator=rng))]
        split[a], split[b], gap = split[a] - 1, split[b] + 1, gap + step
    return 0


def moved_channels(deal, other):
    """How many of all channels, in percent, have another kind in one deal than in the other."""
    pairs = list(zip(deal, other, strict=True))
    moved = sum(abs(a.get(kind, 0) - b.get(kind, 0)) for a, b in pairs for kind in {*a, *b}) / 2
    return 100 * moved / sum(sum(split.values()) for split in deal)


def rivals(deal, op, costs, count, seed, alone=()):
    """The deals that a searched one has to beat: {"uniform": ..., "random 1": ..., "kxkxk alone": ..., ...}.

    count  how many random ones; they cost the same
    alone  kinds that get all channels of a net, such as "kxkxk": the paper's C3D; "1xkxk": its C2D
    """
    channels = [sum(split.values()) for split in deal]
    found = {"uniform": [uniform(OPS[op], each) for each in channels]}
    for number in range(1, count + 1):
        macs = deal_macs(deal, costs)
        found[f"random {number}"] = random_deal(op, channels, costs, macs, seed=1000 * seed + number)
    return found | {f"{kind} alone": [{kind: each} for each in channels] for kind in alone}
