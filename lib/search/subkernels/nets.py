"""Any registered net as a supernet, or with a plan: CAKES' own by its options, the others by swapping."""

import torch

from lib.models.frame_resnet import inflate
from lib.models.registry import create_model, model_options
from lib.models.subkernels import DROPPING
from lib.models.swap import to_supernet, with_plan

PRIORITIES = ("cost", "performance")


def build_supernet(model, op, priority="cost", *, weights="", **options):
    """The supernet of a search among an op's kinds.

    priority  "performance" is for `cakes_*` and for ops that have a dropping twin, as published
    weights   the file of a 2D ResNet's state dict, torchvision's names, to inflate a `cakes_*` net from; "": scratch
    """
    if priority not in PRIORITIES:
        raise ValueError(f"priority is {priority!r}; it can be {', '.join(map(repr, PRIORITIES))}")
    if priority == "cost":
        return _build(model, {"op": op, "search": True}, lambda net: to_supernet(net, op), weights, options)
    twin = {base: name for name, (base, _) in DROPPING.items()}.get(op)
    if twin is None or not _has_plans(model):
        raise ValueError(
            f"no performance-priority search of {model} among {op!r}: it is for cakes_* nets and the ops "
            f"{', '.join(base for base, _ in DROPPING.values())}"
        )
    return _build(model, {"op": twin}, None, weights, options)


def build_planned(model, op, plan, *, weights="", **options):
    """The net that a plan describes, see `lib.models.subkernels.read_plan`; `weights` as of `build_supernet`."""
    return _build(model, {"op": op, "plan": plan}, lambda net: with_plan(net, plan, op), weights, options)


def _has_plans(model):
    return {"op", "plan", "search"} <= set(model_options(model))


def _build(model, own, swap, weights, options):
    if _has_plans(model):
        net = create_model(model, **own, **options)
        return inflate(net, torch.load(weights, map_location="cpu", weights_only=True)) if weights else net
    if weights:
        raise ValueError(f"weights={str(weights)!r}; only cakes_* nets are inflated from a 2D net, {model} is not")
    return swap(create_model(model, **options))
