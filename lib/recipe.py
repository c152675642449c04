"""The trainer's options: their defaults, and what each of them can be."""

from lib import bounds
from lib.data.balance import SAMPLING, WEIGHTING

RECIPE = {
    "epochs": 8,
    "clips_per_epoch": 0,  # so many of the training clips, drawn anew for every epoch; 0: all
    "batch_size": 16,  # clips per forward pass
    "accumulate": 1,  # forward passes per step
    "learning_rate": 0.05,
    "momentum": 0.9,
    "nesterov": True,
    "weight_decay": 1e-4,
    "schedule": "cosine",  # cosine, steps, constant
    "milestones": [],  # of schedule "steps": fractions of the training
    "warmup_epochs": 1.0,
    "clip_norm": 0.0,  # largest norm of the gradient; 0: any
    "loss_weight": 1.0,  # what the loss is multiplied by; the one in the history is without
    "label_smoothing": 0.0,
    "smoothing_rule": "proper",  # targets sum to 1; "optplan": to a little more, as Optimization Planning's do
    "mixup": 0.0,  # alpha, 0.8 in Optimization Planning's code; 0: no mixup
    "cutmix": 0.0,  # alpha, 1.0 there
    "class_sampling": "natural",  # long-tailed sets: which classes an epoch shows how often; natural, as the videos are
    "class_weights": "equal",  # of a clip in the loss, by its class; or a list, a number a class
    "seed": 0,
    "precision": "fp32",  # fp32, bf16, fp16, or auto, which becomes what pays on the device; see lib/precision.py
    "last_step": "drop",  # drop: what fills no step is left out, the next epoch draws anew; keep: a smaller step
    "compile": False,  # the training passes; true: by Inductor; "aot_eager" traces alone, and needs no compiler
    "checkpointing": False,  # keep each block's input alone and compute the rest twice: less memory, the same losses
    "deterministic": False,  # refuse what gives other last bits every time, on CUDA; a CPU's training has none of it
}
# Options that came after the first runs: at its default, such a one is not written into what makes a run this run.
ADDED = ("precision", "last_step", "compile", "checkpointing", "deterministic")


def _one_of(*choices):
    return lambda v: isinstance(v, str) and v in choices, " or ".join(map(repr, choices))


def _fractions(values):
    right = bounds.BOUNDS["milestones"].right
    return isinstance(values, (list, tuple)) and all(map(right, values)) and list(values) == sorted(set(values))


def _weights(values):
    if isinstance(values, str):
        return values in ("equal", *WEIGHTING)
    right = bounds.number(0, 1e9).right
    return isinstance(values, (list, tuple)) and all(map(right, values)) and any(values)


_SWITCH = lambda v: isinstance(v, bool), "true or false"
# option: (f(value) -> whether it can be that, what is right); the numbers' are those of lib.bounds
RULES = {name: (bounds.BOUNDS[name].right, bounds.BOUNDS[name].words()) for name in RECIPE if name in bounds.BOUNDS} | {
    "nesterov": _SWITCH,
    "schedule": _one_of("cosine", "steps", "constant"),
    "milestones": (_fractions, "a list of rising fractions of the training, such as [0.5, 0.75]"),
    "smoothing_rule": _one_of("proper", "optplan"),
    "class_sampling": _one_of(*SAMPLING),
    "class_weights": (_weights, f"'equal', {', '.join(map(repr, WEIGHTING))} or a list with a number from 0 per class"),
    "precision": _one_of("fp32", "bf16", "fp16", "auto"),
    "last_step": _one_of("drop", "keep"),
    "compile": (lambda v: isinstance(v, bool) or v == "aot_eager", "true, false or 'aot_eager'"),
    "checkpointing": _SWITCH,
    "deterministic": _SWITCH,
}


def complete(recipe):
    """RECIPE with the given changes. ValueError: an unknown option, or a value that it cannot have."""
    if unknown := sorted(set(recipe) - set(RECIPE)):
        raise ValueError(f"no training option {', '.join(map(bounds.shown, unknown))}; there are {', '.join(RECIPE)}")
    for name, value in recipe.items():
        right, what = RULES[name]
        if not right(value):
            raise ValueError(f"{name} must be {what}, not {bounds.shown(value)}{text_hint(value)}")
    return {**RECIPE, **recipe}


def identity(recipe):
    """A complete recipe as records hold it, the same as before there were the options of ADDED where none is used."""
    return {name: value for name, value in recipe.items() if name not in ADDED or value != RECIPE[name]}


def text_hint(value):
    """Of text that looks like a number: how to write it; else ""."""
    try:
        return f" (it is text: write {float(value):g}, without quotes)" if isinstance(value, str) else ""
    except ValueError:
        return ""
