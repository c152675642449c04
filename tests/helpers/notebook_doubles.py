"""Broken stand-ins for what a notebook uses: a reader that is late, a dataset that changes, a function that is off."""

from types import SimpleNamespace

import numpy as np


def broken(function, change):
    """The function with `change` made to what it returns."""
    return lambda *arguments, **options: change(function(*arguments, **options))


def altered(record, **values):
    """A record's attributes, some of them others."""
    names = getattr(record, "_fields", None) or getattr(record, "__slots__", None) or vars(record)
    return SimpleNamespace(**{**{name: getattr(record, name) for name in names}, **values})


class Reader:
    """An open video that is `late` by some frames, or too short by some."""

    def __init__(self, inner, late=0, short=0):
        self.inner, self.late, self.short = inner, late, short

    def __enter__(self):
        self.inner.__enter__()
        return self

    def __exit__(self, *error):
        return self.inner.__exit__(*error)

    def __len__(self):
        return len(self.inner) - self.short

    def read(self, frames):
        return self.inner.read(np.maximum(np.asarray(frames) - self.late, 0))


class Restless:
    """A dataset that gives another clip every time it is asked."""

    def __init__(self, inner):
        self.inner, self.asked = inner, 0

    def __len__(self):
        return len(self.inner)

    def __getitem__(self, key):
        self.asked += 1
        clip, *rest = self.inner[key]
        return clip + 0.01 * self.asked, *rest


class LateCache:
    """A decoded cache that is one frame late."""

    def __init__(self, inner):
        self.inner = inner

    def __getitem__(self, path):
        return np.roll(self.inner[path], 1, axis=0)


def lagging(net, nn):
    """A net whose second head sees half of its time steps."""
    net.dual = nn.Sequential(net.dual, nn.AvgPool3d((2, 1, 1)))
    return net


def another_past(load):
    """torch.load, but a killed run's state remembers another first loss."""

    def loading(path, **options):
        state = load(path, **options)
        state["history"][0]["train_loss"] += "killed" in str(path)
        return state

    return loading


TOOLS = (broken, altered, lagging, another_past, Reader, Restless, LateCache, SimpleNamespace)
