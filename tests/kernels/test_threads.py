"""Ops and threads: they leave Numba's settings as they were, and several Python threads may call them at once."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import numba
import pytest
import torch

from kernels import _threads, shift3d

ROOT = Path(__file__).parents[2]
TWO = {"OMP_NUM_THREADS": "2", "NUMBA_NUM_THREADS": "4"}


def in_a_process(code, **environment):
    """Run code in a Python of its own: what it prints, or its error."""
    environment = os.environ | TWO | environment | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", code]
    run = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, f"{run.returncode}: {run.stderr[-2000:]}"
    return run.stdout.split()


MANY = """
import threading, numba, torch
from kernels import shift3d, temporal_filter
x, shift = torch.randn(4, 8, 8, 32, 32), torch.rand(3, 8)
want, failed = shift3d(x, shift), []
def work():
    torch.set_num_threads(2)
    for _ in range(30):
        if not torch.equal(shift3d(x, shift), want):
            failed.append(1)
threads = [threading.Thread(target=work) for _ in range(3)]
[t.start() for t in threads]
[t.join() for t in threads]
print(numba.threading_layer(), len(failed))
"""


@pytest.mark.parametrize("layer", ["workqueue", "default"])
def test_many_threads_at_once(layer):
    """Numba's workqueue layer, the only one where there is no OpenMP, aborts the process if two threads use it."""
    used, failed = in_a_process(MANY, NUMBA_THREADING_LAYER=layer)
    assert failed == "0" and (layer == "default" or used == layer)


SETTINGS = """
import numba, torch
from kernels import shift3d
torch.set_num_threads(2)
x, shift = torch.randn(4, 8, 8, 32, 32), torch.rand(3, 8)
for threads in (3, 1, 4):
    numba.set_num_threads(threads)
    shift3d(x, shift)
    print(numba.get_num_threads())
"""


def test_numbas_threads_stay_as_they_were():
    assert in_a_process(SETTINGS) == ["3", "1", "4"]


def test_also_when_a_kernel_fails(monkeypatch):
    monkeypatch.setattr(numba.config, "NUMBA_NUM_THREADS", 2)
    monkeypatch.setattr(numba, "get_num_threads", lambda: 7)
    seen = []
    monkeypatch.setattr(numba, "set_num_threads", seen.append)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 2)

    def broken(*work):
        raise MemoryError("no room")

    with pytest.raises(MemoryError):
        _threads.run(None, broken, 8, 1 << 20)
    assert seen == [2, 7]


def test_a_thread_of_its_own_gets_the_same_bits():
    x, shift, found = torch.randn(2, 6, 4, 9, 9), torch.rand(3, 6), []
    thread = threading.Thread(target=lambda: found.append(shift3d(x, shift)))
    thread.start()
    thread.join()
    assert torch.equal(found[0], shift3d(x, shift))
