"""Any registered net as a supernet, or with a plan: CAKES' own by its options, the others by swapping."""

from lib.models.registry import create_model, model_options
from lib.models.subkernels import DROPPING
from lib.models.swap import to_supernet, with_plan

PRIORITIES = ("cost", "performance")


def build_supernet(model, op, priority="cost", **options):
    """The supernet of a search among an op's kinds.

    priority  "performance" is for `cakes_*` and for ops that have a dropping twin, as published
    """
    if priority not in PRIORITIES:
        raise ValueError(f"priority is {priority!r}; it can be {', '.join(map(repr, PRIORITIES))}")
    if priority == "cost":
        if _has_plans(model):
            return create_model(model, op=op, search=True, **options)
        return to_supernet(create_model(model, **options), op)
    twin = {base: name for name, (base, _) in DROPPING.items()}.get(op)
    if twin is None or not _has_plans(model):
        raise ValueError(
            f"no performance-priority search of {model} among {op!r}: it is for cakes_* nets and the ops "
            f"{', '.join(base for base, _ in DROPPING.values())}"
        )
    return create_model(model, op=twin, **options)


def build_planned(model, op, plan, **options):
    """The net that a plan describes, see `lib.models.subkernels.read_plan`."""
    if _has_plans(model):
        return create_model(model, op=op, plan=plan, **options)
    return with_plan(create_model(model, **options), plan, op)


def _has_plans(model):
    return {"op", "plan", "search"} <= set(model_options(model))
