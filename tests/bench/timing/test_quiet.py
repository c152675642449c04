"""A busy machine is told from a quiet one, and nothing is concluded on it."""

import pytest
import torch

from bench.timing import quiet


@pytest.mark.parametrize(("worked", "share"), [(1.0, 1.0), (0.4, 0.4)])
def test_what_our_threads_got_of_what_they_asked_for(worked, share, monkeypatch):
    """A clock that moves by a second a look, and threads that worked for a part of it."""
    wall, looks = iter(range(100)), []
    monkeypatch.setattr(quiet.time, "perf_counter", lambda: next(wall))
    monkeypatch.setattr(quiet.time, "process_time", lambda: looks.append(0) or (len(looks) - 1) * worked * 3)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 1)
    monkeypatch.setattr(quiet, "SIDE", 2)
    assert quiet.share_of_time(3) == pytest.approx(share)


@pytest.mark.parametrize(
    ("seconds", "shares", "words"),
    [(0.5, (0.99, 0.95), "ours is faster"), (0.5, (0.99, 0.6), "60 % of their time"), (0, (1.0, 1.0), "nothing was")],
)
def test_a_conclusion_needs_a_quiet_machine_before_and_after(seconds, shares, words, monkeypatch, capsys):
    found = iter(shares)
    monkeypatch.setattr(quiet, "share_of_time", lambda seconds: next(found))
    check = quiet.Quiet(seconds)
    check.look()
    said = check.conclude("ours is faster")
    assert "*" not in said, "it is printed as well as displayed"
    assert check.mark == ("" if check.conclusive else "(no finding) ")
    assert words in said and ("No conclusion" in said) == (words != "ours is faster") == (not check.conclusive)
    assert ("BUSY" in capsys.readouterr().out) == (min(shares) < 0.9)
