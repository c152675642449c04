"""What a suite can say: its shape, and the values deep inside it, checked before anything runs.

The rules themselves belong to what they are about (lib.recipe, lib.data.protocol, lib.weights.fine_tune, the nets), so
that a notebook's parameter gets the same error as a suite's.
"""

from functools import cache
from pathlib import Path

from bench.runner import resources
from bench.runner.parameters import TYPES
from lib import bounds
from lib.data.balance import check_length
from lib.recipe import complete, text_hint

SEEDS = "seeds"
PARAMETERS = "parameters"
TEXT = "text"
COUNT = "count"
SUITE_THREADS = bounds.whole(1, 1024)
LARGEST = 2**36  # bytes of a batch of clips: 64 GiB
# parameters, and what of them is said elsewhere: written there, it would be lost without a word
DEFAULTS, OF_A_NET, OF_A_SEARCH, COSTS = "defaults", "of a net", "of a search", "costs"
ELSEWHERE = {
    DEFAULTS: {
        "seed": "write seeds: [0], a list, in train",
        "seeds": "they stand in train, or in an entry of its runs",
    },
    OF_A_NET: {"seed": "write seeds: [0], a list"},
    OF_A_SEARCH: {"seed": "write seeds: [0], a list, beside parameters"},
    COSTS: {"nets": "all nets of train are counted"},
}
# of a training's parameters, those that its recipe could say a second time
NAMED = ("epochs", "batch_size", "learning_rate", "weight_decay", "seed")
# a dict: these keys and no others; a list: any number of its one element; a function: it says what is right
SHAPE = {
    "about": TEXT,
    "data": PARAMETERS,
    "train": {"defaults": DEFAULTS, "seeds": SEEDS, "runs": [OF_A_NET]},
    "searches": [{"notebook": TEXT, "parameters": OF_A_SEARCH, "seeds": SEEDS}],
    "costs": COSTS,
    "lessons": [{"notebook": TEXT, "parameters": PARAMETERS}],
    "threads": COUNT,
    "processes": COUNT,
    "resources": resources.SHAPE,
    "modules": [TEXT],
    "base": TEXT,
}


def check_shape(value, shape=SHAPE, where="the suite"):
    """ValueError: a key that does not exist, or a value of another kind; it names the key and what can stand there."""
    if isinstance(shape, dict):
        _check(isinstance(value, dict), where, f"a mapping of {', '.join(shape)}", value)
        for key, inner in value.items():
            if key not in shape:
                raise ValueError(f"{where} has no key {key!r}; there are {', '.join(shape)}")
            check_shape(inner, shape[key], key if where == "the suite" else f"{where}.{key}")
        if "notebook" in shape and "notebook" not in value:
            raise ValueError(f"{where} needs a notebook")
    elif isinstance(shape, list):
        _check(isinstance(value, list), where, "a list", value)
        for number, inner in enumerate(value, 1):
            check_shape(inner, shape[0], f"{where}, entry {number}")
    elif callable(shape):
        try:
            shape(value)
        except ValueError as right:
            raise ValueError(f"{where} must be {right}, not {bounds.shown(value)}") from None
    elif shape == SEEDS:
        _check(
            isinstance(value, list) and value and all(_seed(v) for v in value), where, "a list of whole numbers", value
        )
        _check(len(set(value)) == len(value), where, "a list without repetitions", value)
    elif shape == COUNT:
        _check(SUITE_THREADS.right(value), where, SUITE_THREADS.words(), value)
    elif shape == TEXT:
        _check(isinstance(value, str), where, "text", value)
    else:
        _check(isinstance(value, dict), where, "a mapping of parameters", value)
        if misplaced := [key for key in ELSEWHERE.get(shape, {}) if key in value]:
            raise ValueError(f"{where} has {misplaced[0]}: {ELSEWHERE[shape][misplaced[0]]}")


def check_values(options, classes=None):
    """ValueError: a value inside a training's options that the trainer, the videos' protocol or the net cannot take.

    classes  of its videos; None: not known yet
    """
    from lib.data.jpeg_cache import check_cached  # with PyTorch, which a job's own process does without

    check_net(options["model"], options["options"])
    batch = 12 * options["batch_size"] * options["frames"] * options["size"] ** 2
    if batch > LARGEST:
        raise ValueError(f"batch_size, frames and size make a batch of {batch / 2**30:.0f} GiB; lower one of them")
    _inside("recipe", lambda: _check_recipe(options))
    if classes:
        _inside("recipe", lambda: check_length(options["recipe"].get("class_weights", "equal"), classes))
    check_cached(options["cached"])
    _inside("sampling", lambda: _protocol(options))
    if options["weights"] and "pixels" in options["sampling"]:
        raise ValueError("sampling: pixels is of nets without weights; beside `weights` say pixels: NAME")
    _inside("freeze", lambda: _check_freeze(options["freeze"]))
    _forward(options["model"], _key(options["options"]), options["frames"], options["size"])
    if options["weights"] and Path(options["weights"]).is_file():  # that there is none is said with the run's id
        _fits(*(options[name] for name in ("model", "weights", "freeze", "pixels")), _key(options["options"]))


def _check_recipe(options):
    recipe = options["recipe"]
    if twice := [key for key in NAMED if key in recipe]:
        raise ValueError(f"{twice[0]} stands beside recipe, not in it: there it would count, and nobody would see it")
    full = complete({**{key: options[key] for key in NAMED}, **recipe})
    if full["milestones"] and full["schedule"] != "steps":
        raise ValueError(f"milestones are of schedule: steps; it is {full['schedule']}, which has none")
    if full["warmup_epochs"] > full["epochs"]:
        raise ValueError(
            f"warmup_epochs: {full['warmup_epochs']:g} are more than the training's {full['epochs']} epochs"
        )


def check_search(options):
    """ValueError: a value of a search's own parameters that it cannot take; of a notebook that has none, nothing."""
    import torch

    from lib.models.subkernels import OPS
    from lib.search.subkernels.nets import build_supernet

    if "model" in options:
        check_net(options["model"], options.get("options", {}))

    rules = {
        "op": (f"one of {', '.join(OPS)}", lambda v: v in OPS),
        "priority": ("cost or performance", lambda v: v in ("cost", "performance")),
        "alone": ("kinds of the op, in a list", lambda v: set(v) <= set(OPS[options["op"]])),
        "segments": ("a list of numbers, at least one", bool),
        "factors": ("a list of numbers, at least one", bool),
    }
    for name, (wanted, right) in rules.items():
        if name in options and not right(options[name]):
            raise ValueError(f"{name} must be {wanted}, not {str(options[name])[:60]!r}")
    if {"model", "op", "priority"} <= options.keys():
        with torch.device("meta"):
            _inside(options["model"], lambda: build_supernet(*(options[name] for name in ("model", "op", "priority"))))


def check_net(model, options):
    """ValueError: no such net, no such option, or a value of another type than the option's default."""
    from lib.models.registry import is_ours, model_options

    if "num_classes" in options:
        raise ValueError(f"{model}: num_classes is that of the videos; leave it out")
    if said := bounds.wrong("" if is_ours(model) else "options", options):
        raise ValueError(f"{model}: {said}")
    for name, default in model_options(model).items():
        if name in options and type(default) in KINDS and not TYPES[KINDS[type(default)]](options[name]):
            wanted = f"{KINDS[type(default)]}, such as {default!r}"
            hint = text_hint(options[name])
            raise ValueError(f"{model}: {name} should be {wanted}, not {bounds.shown(options[name])}{hint}")
    _build(model, _key(options))


KINDS = {bool: "bool", int: "int", float: "float"}


@cache
def _build(model, options):
    import torch

    from lib import create_model

    try:
        with torch.device("meta"):
            return create_model(model, **dict(_plain(options)))
    except TypeError as error:
        raise ValueError(f"{model}: {error}") from None


@cache
def _forward(model, options, frames, size):
    """One clip without numbers through the net: it says what it cannot take."""
    import torch

    net = _build(model, options).eval()
    if frames < 1 or size < 1:
        raise ValueError(f"frames and size must be at least 1, not {frames} and {size}")
    try:
        with torch.no_grad():
            net(torch.empty(1, 3, frames, size, size, device="meta"))
    except (RuntimeError, ValueError) as error:
        raise ValueError(f"{model} cannot take {frames} frames of {size} x {size} pixels: {error}") from None


@cache
def _fits(model, weights, freeze, pixels, options):
    from lib.weights.fine_tune import start_from

    start_from(model, weights, 2, freeze, pixels=pixels, report=lambda text: None, **dict(_plain(options)))


def _protocol(options):
    from lib.data import own_protocol

    sampling = options["sampling"]
    try:
        own_protocol(options["frames"], options["size"], **sampling)
    except TypeError as error:
        raise ValueError(str(error).rpartition("() ")[2]) from None


def _check_freeze(freeze):
    from lib.weights.fine_tune import FREEZE

    if freeze not in FREEZE:
        raise ValueError(f"no {bounds.shown(freeze)}; it can be {', '.join(map(repr, FREEZE))}")


def _inside(key, check):
    try:
        check()
    except (ValueError, AttributeError) as error:
        raise ValueError(f"{key}: {error}") from None


def _key(value):
    """A value that a cache can hold: lists and mappings as tuples, said by their kind."""
    if isinstance(value, dict):
        return "dict", tuple((name, _key(inner)) for name, inner in value.items())
    return ("list", tuple(map(_key, value))) if isinstance(value, list) else ("value", value)


def _plain(key):
    kind, value = key
    if kind == "dict":
        return {name: _plain(inner) for name, inner in value}
    return list(map(_plain, value)) if kind == "list" else value


def _seed(value):
    return bounds.BOUNDS["seed"].right(value)


def _check(right, where, what, value):
    if not right:
        raise ValueError(f"{where} must be {what}, not {bounds.shown(value)}")
