"""Figures that commands write: the same bytes whatever style a user has."""

import os
import subprocess
import sys

import matplotlib
import pytest
from suite_runs import write_runs

from bench.report.figure_files import draw_suite
from bench.report.trainings import trade_off
from lib.run import ROOT


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    nets = [("c2d_nano", {0: 25.0}), ("ircsn_nano", {0: 75.0})]
    return trade_off(write_runs(tmp_path_factory.mktemp("runs"), nets, {"c2d_nano": 0.1, "ircsn_nano": 0.2}))


def test_a_users_style_changes_no_byte(table, tmp_path):
    first = draw_suite(table, tmp_path / "ours").read_bytes()
    loud = {"font.size": 20, "figure.dpi": 30, "savefig.bbox": "tight", "text.usetex": True, "axes.facecolor": "red"}
    with matplotlib.rc_context(loud):
        assert draw_suite(table, tmp_path / "loud").read_bytes() == first
        assert matplotlib.rcParams["font.size"] == 20, "the user's own stay"
    for suffix in ("svg", "png"):
        ours, loud = (tmp_path / name / f"trade_off.{suffix}" for name in ("ours", "loud"))
        assert ours.read_bytes() == loud.read_bytes()


def test_a_back_end_that_is_not_there_stops_no_command(tmp_path):
    environment = {**os.environ, "MPLBACKEND": "nowhere", "MATPLOTLIBRC": str(tmp_path)}
    (tmp_path / "matplotlibrc").write_text("text.usetex: True\nbackend: nothing\n")
    command = [sys.executable, "-m", "bench", "figures", "--out", str(tmp_path)]
    said = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert f"error: no trade_off.csv under {tmp_path}" in said.stderr, said.stderr
