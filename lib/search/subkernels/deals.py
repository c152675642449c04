"""Plans of sub-kernels: what they cost, how far apart they are, and random ones of equal cost to compare with.

A plan is a list of {kind: channels}, one per layer, as `lib.models.subkernels.read_plan` reads it.
"""

from math import prod

import torch

from lib.evaluate.intervals import paired_difference
from lib.models.subkernels import KINDS, OPS, SubKernelConv, SuperConv, uniform
from lib.models.swap import SwappedConv


def layer_costs(net, clip):
    """Multiply-accumulates of one tap of one output channel's kernel, for every sub-kernel layer of a planned net.

    clip  (C, T, H, W); nothing is computed: the net is run on the meta device
    A plan's layers then cost sum of costs[i] * channels * kernel volume.
    """
    costs, hooks = [], []

    def note(layer, inputs, out):
        c_in = 1 if getattr(layer, "depthwise", False) else inputs[0].shape[1]
        costs.append(c_in * prod(out.shape[2:]))

    for layer in net.modules():
        if isinstance(layer, SubKernelConv | SwappedConv) and not isinstance(layer, SuperConv):
            hooks.append(layer.register_forward_hook(note))
    if not hooks:
        raise ValueError(f"{type(net).__name__} has no layers of a plan; a supernet's costs are none of a plan's")
    training = net.training
    with torch.no_grad():
        net.eval()(torch.zeros(1, *clip, device=next(net.parameters()).device))
    net.train(training)
    for hook in hooks:
        hook.remove()
    return costs


def plan_macs(plan, costs):
    """Multiply-accumulates of a plan's layers, exact."""
    volume = [sum(prod(KINDS[kind]) * count for kind, count in layer.items()) for layer in plan]
    return sum(cost * each for cost, each in zip(costs, volume, strict=True))


def random_plan(op, channels, costs, macs, seed, *, tries=1000):
    """A random plan that costs exactly `macs`, as `plan_macs` counts.

    channels, costs  of every layer
    Counts are drawn uniformly from all ways to share a layer's channels out; then random single channels change their
    kind, each time towards `macs`, until it is met. ValueError if no plan met it: the nearest cost is told.
    """
    rng, nearest = torch.Generator().manual_seed(seed), None
    for _ in range(tries):
        plan = [_share_out(OPS[op], count, rng) for count in channels]
        gap = _repair(plan, costs, macs, rng)
        if gap == 0:
            return plan
        nearest = gap if nearest is None else min(nearest, gap, key=abs)
    raise ValueError(
        f"no plan of op {op!r} costs {macs} multiply-accumulates; the nearest found costs {macs + nearest}"
    )


def _share_out(kinds, channels, rng):
    """Bars among stars: every way to share out is as likely."""
    bars = torch.randperm(channels + len(kinds) - 1, generator=rng)[: len(kinds) - 1].sort().values.tolist()
    edges = [-1, *bars, channels + len(kinds) - 1]
    return {kind: edges[i + 1] - edges[i] - 1 for i, kind in enumerate(kinds)}


def _repair(plan, costs, macs, rng):
    """Change single channels' kinds while that brings the cost nearer to `macs`.  -> what is left of the gap"""
    gap = plan_macs(plan, costs) - macs
    while gap:
        moves = [
            (layer, a, b, step)
            for layer, cost in zip(plan, costs, strict=True)
            for a in layer
            for b in layer
            if layer[a] and abs(gap + (step := cost * (prod(KINDS[b]) - prod(KINDS[a])))) < abs(gap)
        ]
        if not moves:
            return gap
        layer, a, b, step = moves[int(torch.randint(len(moves), (), generator=rng))]
        layer[a], layer[b], gap = layer[a] - 1, layer[b] + 1, gap + step
    return 0


def moved_channels(plan, other):
    """The share of all channels, in percent, whose kind differs between two plans of the same layers."""
    pairs = list(zip(plan, other, strict=True))
    moved = sum(abs(a.get(kind, 0) - b.get(kind, 0)) for a, b in pairs for kind in {*a, *b}) / 2
    return 100 * moved / sum(sum(layer.values()) for layer in plan)


def rivals(plan, op, costs, count, seed):
    """The plans that a found one has to beat: {"uniform": ..., "random 1": ..., ...}, the random ones at its cost."""
    channels = [sum(layer.values()) for layer in plan]
    found = {"uniform": [uniform(OPS[op], each) for each in channels]}
    for number in range(1, count + 1):
        macs = plan_macs(plan, costs)
        found[f"random {number}"] = random_plan(op, channels, costs, macs, seed=1000 * seed + number)
    return found


def compare(records, reference="searched"):
    """How much better the reference's top-1 is than each other's, over the same test videos.

    records  {name: done.json of its training}
    -> {name: (points, low, high, verdict)}: `lib.evaluate.intervals.paired_difference`, 95 %
    """
    ours, rows = records[reference]["test"], {}
    for name, record in records.items():
        if name != reference:
            points = paired_difference(ours["predicted"], record["test"]["predicted"], ours["labels"])
            covers = points[1] <= 0 <= points[2]
            better = reference if points[0] > 0 else name
            rows[name] = (*points, "not distinguishable" if covers else f"{better} is better")
    return rows
