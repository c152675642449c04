"""Freed memory is kept: pages that a step used are not fetched from the system again. No time is judged."""

import ctypes
import os
import subprocess
import sys

import pytest

from lib import memory

# blocks of 64 MB, more than glibc keeps by itself; what is printed: pages fetched by two that follow a first one
STEPS = """
import ctypes, resource, sys
from lib.memory import keep_freed
c = ctypes.CDLL(None)
c.malloc.restype, c.malloc.argtypes, c.free.argtypes = ctypes.c_void_p, [ctypes.c_size_t], [ctypes.c_void_p]
def step():
    block = c.malloc(1 << 26)
    ctypes.memset(block, 1, 1 << 26)
    c.free(block)
def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
print(keep_freed() if sys.argv[1] == "keep" else "as it is")
step()
before = faults()
step(), step()
print(faults() - before)
"""


def run(what, **variables):
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("MALLOC_", "GLIBC_TUNABLES"))}
    done = subprocess.run(
        [sys.executable, "-c", STEPS, what], env={**clean, **variables}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    said, faults = done.stdout.split("\n")[:2]
    return said, int(faults)


@pytest.mark.skipif(
    not hasattr(ctypes.CDLL(None), "mallopt"),
    reason="mallopt is glibc's: on macOS freed memory is the system's, and keep_freed does nothing",
)
def test_pages_are_kept():
    _, usual = run("leave")
    assert usual > 30  # 2 x 64 MB, even if a page has 2 MB
    said, kept = run("keep")
    assert said == "True" and kept < usual / 10


def test_a_users_own_choice_stays():
    said, _ = run("keep", MALLOC_ARENA_MAX="2")
    assert said == "False"


def test_other_systems(monkeypatch):
    for name in [name for name in os.environ if name.startswith(("MALLOC_", "GLIBC_TUNABLES"))]:
        monkeypatch.delenv(name)
    monkeypatch.setattr(memory.ctypes, "CDLL", lambda name: object())
    assert memory.keep_freed() is False
