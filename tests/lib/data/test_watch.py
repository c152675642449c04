"""Several decoders at once: in order, no further ahead than there are threads, an error in its turn."""

from threading import Barrier

import pytest
import torch

from lib.data import watch


@pytest.fixture(autouse=True)
def _two_threads(monkeypatch):
    monkeypatch.setattr(torch, "get_num_threads", lambda: 2)


def test_items_are_worked_on_together_and_come_in_their_order():
    both = Barrier(2, timeout=20)  # broken, if one waits alone

    def meets_another(item):
        both.wait()
        return item

    assert list(watch.ahead(meets_another, range(6))) == list(range(6))


def test_an_error_comes_in_its_turn_and_little_more_is_started():
    started = []

    def fails_at_two(item):
        started.append(item)
        if item == 2:
            raise ValueError("item 2")
        return item

    with pytest.raises(ValueError, match="item 2"):
        list(watch.ahead(fails_at_two, range(100)))
    assert max(started) <= 4
