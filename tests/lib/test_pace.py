"""The pace of a training: what counts as waiting, how many workers there are. No time is judged."""

import time

import pytest
import torch

from lib import pace
from lib.pace import Every, Pace, choose_workers


@pytest.fixture
def clock(monkeypatch):
    """A clock that is set by hand."""
    now = [0.0]
    monkeypatch.setattr(time, "perf_counter", lambda: now[0])
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    return now


def test_waiting_is_the_time_until_a_batch_is_there(clock):
    def batches():
        for _ in range(2):
            clock[0] += 3  # loading
            yield torch.zeros(8, 1), None

    found = Pace(workers=2)
    for _ in found.arriving(batches()):
        clock[0] += 1  # training
    assert found.facts() == {"clips_per_s": 2.0, "waiting": 75.0, "workers": 2}


def test_every_so_often(clock):
    every = Every(10)
    said = []
    for clock[0] in (5, 10, 11, 20, 22):
        said.append(every.again())
    assert said == [False, False, True, False, True]


class Clips:
    def __init__(self, decodes):
        self.decodes = decodes


@pytest.mark.parametrize(("cores", "threads", "device", "wanted"),
                         [(8, 2, "cpu", 6), (2, 2, "cpu", 1), (8, 2, "cuda", 7), (64, 1, "cuda", 16)])  # fmt: skip
def test_auto_leaves_the_cores_that_compute(cores, threads, device, wanted, monkeypatch):
    monkeypatch.setattr(pace, "cores", lambda: cores)
    monkeypatch.setattr(torch, "get_num_threads", lambda: threads)
    assert choose_workers("auto", Clips(True), device) == wanted
    assert choose_workers("auto", Clips(False), device) == choose_workers("auto", object()) == 0
    assert choose_workers(3, Clips(False), device) == 3


@pytest.mark.parametrize("workers", [-1, True, 1.5, "many", None])
def test_other_numbers_of_workers(workers):
    with pytest.raises(ValueError, match="workers must be 'auto' or a whole number from 0, not"):
        choose_workers(workers, Clips(True))
