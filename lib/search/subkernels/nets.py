"""Any registered net as a supernet, or built from a deal: `cakes_*` by their options, the others by swapping."""

from lib.models.registry import create_model, model_options
from lib.models.subkernels import DROPPING
from lib.models.swap import to_supernet, with_deal
from lib.weights.reading import read_tensors
from lib.weights.transfer_2d import inflate

PRIORITIES = ("cost", "performance")


def build_supernet(model, op, priority="cost", *, weights="", **options):
    """The supernet of a search among the kinds of an op.

    priority  "performance" works for `cakes_*` nets and the ops that have a twin that drops channels, as published
    weights   file with the state dict of a 2D ResNet, torchvision's names: a `cakes_*` net is inflated from it;
              "": random weights
    """
    if priority not in PRIORITIES:
        raise ValueError(f"priority is {priority!r}; it can be {', '.join(map(repr, PRIORITIES))}")
    if priority == "cost":
        return _build(model, {"op": op, "search": True}, lambda net: to_supernet(net, op), weights, options)
    twin = {base: name for name, (base, _) in DROPPING.items()}.get(op)
    if twin is None or not _takes_deals(model):
        raise ValueError(
            f"no performance-priority search of {model} among {op!r}: it is for cakes_* nets and the ops "
            f"{', '.join(base for base, _ in DROPPING.values())}"
        )
    return _build(model, {"op": twin}, None, weights, options)


def build_dealt(model, op, deal, *, weights="", **options):
    """A net with the kernels of a deal: see `lib.models.subkernels.read_deal`. weights  as in `build_supernet`"""
    return _build(model, {"op": op, "plan": deal}, lambda net: with_deal(net, deal, op), weights, options)


def _takes_deals(model):
    return {"op", "plan", "search"} <= set(model_options(model))


def _build(model, own, swap, weights, options):
    if _takes_deals(model):
        net = create_model(model, **own, **options)
        if weights:
            inflate(net, read_tensors(weights))
        return net
    if weights:
        raise ValueError(f"weights={str(weights)!r}; only cakes_* nets are inflated from a 2D net; {model} is none")
    return swap(create_model(model, **options))
