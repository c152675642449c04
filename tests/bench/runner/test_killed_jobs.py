"""A job of a suite, killed at the instant at which it says that it is done: the same command ends like nothing was."""

import json

import pandas as pd
import pytest
from kills import MOMENTS, kill_at, outcome, without_clock

from bench.report.tables import TIMED
from bench.runner.job import run_job
from bench.runner.run import _write_jobs, run_suite
from bench.runner.suite import load_suite
from lib.files import locked, read_json

pytestmark = pytest.mark.long
SUITE = """data: {videos: 24, frames: 8, size: 32}
train:
  defaults: {frames: 4, size: 32, epochs: 2, batch_size: 8}
  runs: [{model: c2d_nano}, {model: p3d_nano, labels: shape, options: {early_stride: 1}}]
costs: {timed_runs: 2}
"""


def work_off(suite, out):
    """What Snakemake does, in this process: a suite's jobs, one after the other."""
    loaded, runs = load_suite(suite), out / "runs" / "mine"
    with locked(runs):
        _write_jobs(runs, loaded, out, "cpu", 1)
    for job in loaded.jobs:
        run_job(runs / "jobs.json", job.id, 1)


def check_notebooks(runs):
    for path in (found := sorted(runs.glob("*/notebook.ipynb"))):
        cells = [cell for cell in json.loads(path.read_text())["cells"] if cell["cell_type"] == "code"]
        assert all(cell["execution_count"] for cell in cells), f"{path} did not run to its end"
        assert not [out for cell in cells for out in cell["outputs"] if out["output_type"] == "error"]
        record = read_json(path.with_name("done.json"))
        assert all(path.with_name(name).is_file() for name in record["files"])
        assert without_clock(record).items() >= without_clock(read_json(path.with_name("result.json"))).items()
    assert len(found) == 4


def test_killed_as_it_says_that_it_is_done_a_suite_ends_the_same(tmp_path):
    suite = tmp_path / "mine.yaml"
    suite.write_text(SUITE)
    killed, whole = tmp_path / "killed", tmp_path / "whole"
    assert run_suite(suite, out=whole, jobs=1) == 0
    for number in range(10):  # three of each job: before, before, and after its done.json is there
        assert kill_at("done.json", MOMENTS[number % 3], 1, work_off, suite, killed), f"kill {number} came too late"
    assert run_suite(suite, out=killed, jobs=1) == 0
    check_notebooks(killed / "runs" / "mine")
    for job in (job for job in load_suite(suite).jobs if job.rule in ("train", "prepare")):
        first, second = (outcome(out / "runs" / "mine" / job.id) for out in (killed, whole))
        same = [name for name in first if name.rpartition("/")[2] not in ("done.json", "run.json", "jobs.json")]
        assert {name: first[name] for name in same} == {name: second[name] for name in same}
    assert outcome(killed / "data") == outcome(whole / "data")
    for name in ("runs", "trade_off", "differences"):
        first, second = (pd.read_csv(out / "results" / "mine" / f"{name}.csv") for out in (killed, whole))
        timed = [column for column in TIMED if column in first]
        pd.testing.assert_frame_equal(first.drop(columns=timed), second.drop(columns=timed))
