"""The curve of a run that trains follows its file, and ends with what came last."""

import json
from types import SimpleNamespace

import matplotlib.pyplot as plt
import pytest

from bench.report import live


def row(epoch):
    return {"epoch": epoch, "train_loss": 2.0, "val_top1": 12.5 * epoch, "seconds": 1.0}


def write(folder, epochs):
    (folder / "metrics.jsonl").write_text("".join(json.dumps(row(epoch)) + "\n" for epoch in range(epochs)))


def draw(record):
    figure = plt.figure()
    figure.epochs = len(record["history"])
    return figure


@pytest.fixture
def shown(monkeypatch):
    """How many epochs every picture had that a front end was given."""
    pictures = []
    handle = SimpleNamespace(update=lambda figure: pictures.append(figure.epochs))
    monkeypatch.setattr(live, "display", lambda *_, **__: handle)
    return pictures


def test_it_ends_with_the_last_epoch(tmp_path, shown):
    before = plt.get_fignums()
    with live.watching(tmp_path, draw, every=60):  # it never looks by itself in this time
        write(tmp_path, 3)
    assert shown == [3] and plt.get_fignums() == before


def test_every_new_state_is_drawn_once(tmp_path):
    pictures, epochs = [], iter([0, 1, 1, 2, 2])

    class Ended:
        def wait(self, every):
            write(tmp_path, number := next(epochs))
            return number == 2 and len(pictures) > 1

    live.follow(tmp_path, draw, lambda figure: pictures.append(figure.epochs), Ended())
    assert pictures == [1, 2]


def test_a_run_that_fails_ends_it_too(tmp_path, shown):
    with pytest.raises(KeyboardInterrupt), live.watching(tmp_path, draw, every=60):
        write(tmp_path, 1)
        raise KeyboardInterrupt
    assert shown == [1]


def test_without_a_front_end_nothing_is_drawn(tmp_path, shown):
    with live.watching(tmp_path, draw, shown=False):
        write(tmp_path, 1)
    assert shown == []
