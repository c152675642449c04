"""What tables and figures call a net. A name means one thing in its table: what differs is named."""

import json

from bench.runner.listed import told_options


def net_name(options):
    """A training's net by itself: its model, the options that it was given, and that its pixels were lossy."""
    return " ".join([options["model"], *(f"{name}={value}" for name, value in told_options(options).items())])


def label_set(options):
    """The label set's name; the dataset's, if it has but one."""
    return options["labels"] or options["data"].rpartition("-")[0]


def unique_names(trainings, base=net_name, apart=("seed",)):
    """A name for every training, the same exactly for those that differ in nothing but `apart`.  -> list of text

    trainings  the options of each
    base       what a training is called where nothing else is; nets of different label sets may share it, since
               tables have a column for that
    Where two trainings of one base differ in further options (frames, weights, learning rate, ...), these are added.
    """
    flat = [_flat({name: value for name, value in each.items() if name not in apart}) for each in trainings]
    homes = [(base(each), label_set(each)) for each in trainings]
    names = []
    for place, (name, _) in enumerate(homes):
        twins = [other for other, home in zip(flat, homes, strict=True) if home == homes[place]]
        differ = sorted({key for other in twins for key in {*flat[place], *other} if _differ(flat[place], other, key)})
        # of all twins: each is told by the same options
        differ = sorted({*differ, *(key for a in twins for b in twins for key in {*a, *b} if _differ(a, b, key))})
        names.append(" ".join([name, *(f"{key}={_text(flat[place].get(key))}" for key in differ)]))
    _refuse_doubles(names, homes, flat)
    return names


def _differ(a, b, key):
    return a.get(key, "") != b.get(key, "")


def _flat(options, before=""):
    """{"recipe": {"mixup": 1}} -> {"recipe.mixup": "1"}; every value as canonical JSON."""
    found = {}
    for key, value in options.items():
        if isinstance(value, dict) and value:
            found |= _flat(value, f"{before}{key}.")
        else:
            found[before + key] = json.dumps(value, sort_keys=True)
    return found


def _text(value):
    """A value as it is read: text without its quotes, nothing as "none"."""
    return "none" if value in (None, '""', "{}", "null") else value.strip('"')


def _refuse_doubles(names, homes, flat):
    first = {}
    for name, (_, labels), options in zip(names, homes, flat, strict=True):
        if first.setdefault((name, labels), options) != options:
            raise ValueError(f"two different trainings would both be called {name!r} in this table")
