"""CAKES: search which channels get 1D, 2D or 3D kernels, by the scales of the norms in a supernet.

Paper  Yu et al., CAKES: Channel-wise Automatic KErnel Shrinking for Efficient 3D Networks, AAAI 2021, arXiv:2003.12798
       and its code, which names the two ways:
Cost priority         every kind has all channels. The scales (gammas) of each layer's norm pay an L1 penalty in
                      proportion to the kernel's size, so that a large kernel must earn its cost
Performance priority  no penalty. Every forward pass keeps a random part of the candidates, so that none relies on the
                      others
Both end in the same way: a layer of p channels keeps the p candidates with the largest |gamma|.

    net = create_model("cakes_50", num_classes=8, search=True)                   # performance: op="conv1_2_3d_dropout"
    deal, record = search("runs/search", net, train, val, epochs=70)
    create_model("cakes_50", num_classes=8, plan="runs/search/deal.json")

The folder holds what `lib.train.fit` writes, the gammas of every epoch in the history, and deal.json, written last.
"""

import json
import warnings
from contextlib import contextmanager
from functools import partial
from math import prod
from pathlib import Path

import torch

from lib.data import batches, normalize
from lib.distributed import first
from lib.files import locked, write_text
from lib.models import in_format
from lib.models.subkernels import KINDS, DroppingConv
from lib.models.swap import super_layers
from lib.recipe import complete
from lib.train import fit


def search(run_dir, net, train, val, *, strength=None, by_volume=True, exact=True, recalibrate=8, **options):
    """Train the supernet `net` in the folder `run_dir` and prune it: (deal, record of the training).

    net          a supernet: `cakes_*` with search=True or an op that drops channels, or one of `lib.models.swap`
    train, val   ClipDatasets. The deal comes from the gammas of the last epoch; val is only watched
    strength     of the penalty. None: the paper's 1e-4, or 0 for a net that drops channels. What matters is strength
                 x learning rate x steps: a short search needs a larger strength
    by_volume    True: the penalty of a kernel is in proportion to its volume; False: the same for all kinds
    exact        see `kept_channels`
    recalibrate  for a net that drops channels: the number of training batches that set the running statistics of the
                 channels it would keep now, before it is measured; training goes on as if nothing had happened
    options      of lib.train.fit, and of its recipe
    After a kill, the same call goes on and ends with the same deal.
    """
    layers = super_layers(net)
    dropping = any(isinstance(layer, DroppingConv) for layer in layers)
    if dropping and strength:
        raise ValueError(f"strength={strength}; a net that drops channels is searched without penalty (strength=0)")
    strength = (0.0 if dropping else 1e-4) if strength is None else strength
    settings = {"strength": strength, "by_volume": by_volume, "recalibrate": recalibrate if dropping else 0}
    options["identity"] = {**options.get("identity", {}), "search": settings}
    if strength:
        options["penalty"] = partial(l1_penalty, strength=strength, by_volume=by_volume)
    if dropping:
        recipe = complete({key: value for key, value in options.items() if key in RECIPE_KEYS})
        options["measured"] = partial(pruned, clips=train, count=recalibrate, recipe=recipe)
    record = fit(run_dir, net, train, val, observe=gammas, **options)
    kinds = [layer.kinds for layer in layers]
    rows = zip(record["history"][-1]["gammas"], kinds, strict=True)
    deal = [prune(torch.tensor(values), names, exact=exact) for values, names in rows]
    first(_keep_deal, Path(run_dir), deal)
    return deal, record


def _keep_deal(run_dir, deal):
    with locked(run_dir):
        write_deal(run_dir / "deal.json", deal)


RECIPE_KEYS = frozenset(complete({}))


def kind_weights(kinds):
    """What a gamma of each kind pays, in proportion to the kernel's volume; the sum is 1. {kind: weight}"""
    volumes = {kind: prod(KINDS[kind]) for kind in kinds}
    return {kind: volume / sum(volumes.values()) for kind, volume in volumes.items()}


def l1_penalty(net, strength, by_volume=True):
    """strength * sum of weight * |gamma| over all candidates of all layers. The gradient at gamma = 0 is 0."""
    terms = []
    for layer in super_layers(net):
        weights = kind_weights(layer.kinds) if by_volume else dict.fromkeys(layer.kinds, 1.0)
        for gamma, weight in zip(layer.norm.weight.split(layer.planes), weights.values(), strict=True):
            terms.append(weight * gamma.abs().sum())
    return strength * sum(terms)


def gammas(net):
    """|gamma| of every layer, kind after kind, to 7 decimals. {"gammas": [[...], ...]}"""
    rows = [layer.norm.weight.detach().abs().tolist() for layer in super_layers(net)]
    return {"gammas": [[round(gamma, 7) for gamma in row] for row in rows]}


def kept_channels(gamma, planes, *, exact=True):
    """The numbers of the candidates that a layer of `planes` channels keeps, in order.

    gamma  (candidates,), a multiple of planes
    exact  True: exactly `planes` candidates, those with the largest |gamma|; of equal ones, the lower number. False,
           as in the original code: all that reach the planes-th largest. With ties these are more than `planes`, and
           no net has such a deal
    """
    size = gamma.detach().abs()
    order = size.argsort(descending=True, stable=True)
    if exact:
        return order[:planes].sort().values
    return torch.nonzero(size >= size[order[planes - 1]]).flatten()


def prune(gamma, kinds, *, exact=True):
    """One layer's split, {kind: channels}: how many of the kept candidates belong to each kind.

    gamma  (len(kinds) * planes,), kind after kind
    """
    planes = len(gamma) // len(kinds)
    if len(gamma) > 1 and (gamma.abs() == gamma.abs()[0]).all():
        warnings.warn("all gammas are equal, as before any training: the deal means nothing", stacklevel=2)
    owners = kept_channels(gamma, planes, exact=exact) // planes
    return {kind: int((owners == i).sum()) for i, kind in enumerate(kinds)}


def deal_of(net, *, exact=True):
    """The deal that the present gammas of a supernet give."""
    return [prune(layer.norm.weight.detach(), layer.kinds, exact=exact) for layer in super_layers(net)]


def write_deal(path, deal):
    """Write a deal as JSON, one split a line. `create_model(..., plan=path)` reads it."""
    write_text(path, "[\n " + ",\n ".join(json.dumps(split) for split in deal) + "\n]\n")


@contextmanager
def pruned(net, clips, count, recipe):
    """Inside this context a net that drops channels can be measured: each layer keeps the channels with the largest
    gammas, and the running statistics of all norms are averages over `count` batches of training clips. Afterwards the
    net is as it was."""
    before = {name: buffer.clone() for name, buffer in net.named_buffers()}
    layers = [layer for layer in super_layers(net) if isinstance(layer, DroppingConv)]
    for layer in layers:
        layer.kept = kept_channels(layer.norm.weight, layer.planes).cpu()
    try:
        _recalibrate(net, clips, count, recipe)
        yield net
    finally:
        for layer in layers:
            layer.kept = None
        for name, buffer in net.named_buffers():
            buffer.copy_(before[name])


@torch.no_grad()
def _recalibrate(net, clips, count, recipe):
    norms = [module for module in net.modules() if isinstance(module, torch.nn.BatchNorm3d)]
    usual = [norm.momentum for norm in norms]
    device = next(net.parameters()).device
    net.train()
    loader = batches(clips, 0, recipe["batch_size"], shuffle=True, sampling=recipe["class_sampling"])
    for number, (part, _, _) in zip(range(count), loader):  # noqa: B905, as many as there are, at most `count`
        for norm in norms:
            norm.momentum = 1 / (number + 1)
        net(in_format(net, normalize(part.to(device), clips.pixels)))
    for norm, momentum in zip(norms, usual, strict=True):
        norm.momentum = momentum
