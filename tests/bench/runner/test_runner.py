"""The smoke suite as a user runs it: every notebook, once whole and once killed again and again."""

import os
import random
import signal
import subprocess
import sys
import time

import pandas as pd
import pytest
import yaml
from helpers.hostile import make_hostile
from helpers.suite_runs import same_results
from helpers.verdicts import VERDICT, outputs_of

from bench.runner.suite import SUITES, load_suite
from lib.run import ROOT, done


def start(out, *options, suite="smoke", cwd=ROOT, env=None):
    command = [sys.executable, "-m", "bench", "run", str(suite), "--out", str(out), *options]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    return subprocess.Popen(command, cwd=cwd, env=env, start_new_session=True, **pipes)


def finish(out, *options, **where):
    runner = start(out, *options, **where)
    said = runner.communicate(timeout=3600)[0]
    assert runner.returncode == 0, said
    return said


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """The folder of a smoke run that nobody disturbed, what it said, and how long it took."""
    out, started = tmp_path_factory.mktemp("whole"), time.monotonic()
    said = finish(out)
    return out, said, time.monotonic() - started


def test_smoke_runs_every_notebook_and_writes_its_results(undisturbed):
    out, said, _ = undisturbed
    suite = load_suite("smoke")
    for job in suite.jobs:
        folder = out / "runs" / "smoke" / job.id
        assert done(folder), said
        assert (folder / "notebook.ipynb").exists() and list(folder.glob("*.png")), f"{job.notebook} drew nothing"
        assert not VERDICT.search(outputs_of(folder / "notebook.ipynb")), f"{job.notebook} ranks on one seed"
    results = {path.name for path in (out / "results" / "smoke").iterdir()}
    assert {f"trade_off.{kind}" for kind in ("csv", "md", "svg", "png")} | {"differences.csv", "runs.csv"} <= results
    assert "c2d_nano" in said and str(out / "results" / "smoke" / "trade_off.png") in said


def test_a_net_of_ones_own_stands_beside_those_that_are_done_elsewhere(undisturbed, tmp_path):
    out, _, _ = undisturbed
    spec = yaml.safe_load((SUITES / "smoke.yaml").read_text())
    del spec["lessons"]
    spec["train"]["runs"].append({"model": "p3d_nano"})
    (tmp_path / "wider.yaml").write_text(yaml.safe_dump(spec))
    said = finish(tmp_path / "out", "--reuse", out / "runs" / "smoke", suite=tmp_path / "wider.yaml")
    assert "6 runs are taken from" in said and "wider: 3 of 9 runs to do" in said  # videos, p3d_nano, costs
    mine, theirs = (
        pd.read_csv(where / "runs.csv") for where in (tmp_path / "out/results/wider", out / "results/smoke")
    )
    assert set(mine.model) == {*theirs.model, "p3d_nano"}
    pd.testing.assert_frame_equal(mine[mine.model != "p3d_nano"].reset_index(drop=True), theirs)
    assert "nothing to do" in finish(tmp_path / "out", suite=tmp_path / "wider.yaml")


def test_a_second_call_has_nothing_to_do(undisturbed):
    out, _, _ = undisturbed
    before = {path: path.stat().st_mtime_ns for path in (out / "runs").rglob("done.json")}
    assert "nothing to do" in finish(out)
    assert before == {path: path.stat().st_mtime_ns for path in (out / "runs").rglob("done.json")}


def kill_then_finish(out, suite, kills, duration, seed):
    """Kill a suite's run `kills` times, every second time the runner alone, and let it end; returns the moments."""
    rng, moments = random.Random(seed), []
    for kill in range(kills):
        runner = start(out, suite=suite)
        moments.append(rng.uniform(1, max(3, 0.7 * duration / kills)))
        time.sleep(moments[-1])
        only_runner = kill % 2 == 1
        os.kill(runner.pid, signal.SIGKILL) if only_runner else os.killpg(runner.pid, signal.SIGKILL)
        runner.wait()
    finish(out, suite=suite)
    return moments


@pytest.mark.parametrize(
    ("kills", "lessons"), [(3, ["04_factorised_and_inflated"]), pytest.param(10, None, marks=pytest.mark.long)]
)
def test_a_killed_run_ends_like_an_undisturbed_one(kills, lessons, undisturbed, tmp_path):
    """All that its tables are made of, and some lessons: none stands in a table, and each is a job as `costs` is."""
    whole, _, duration = undisturbed
    suite, seed = tmp_path / "smoke.yaml", random.randrange(2**32)
    spec = yaml.safe_load((SUITES / "smoke.yaml").read_text())
    spec["lessons"] = [row for row in spec["lessons"] if lessons is None or row["notebook"] in lessons]
    suite.write_text(yaml.safe_dump(spec, sort_keys=False))
    duration *= len(load_suite(suite).jobs) / len(load_suite("smoke").jobs)
    print(f"seed {seed}: killed after", kill_then_finish(tmp_path, suite, kills, duration, seed))
    same_results(tmp_path, whole)


@pytest.mark.long
def test_a_hostile_afternoon_gives_the_undisturbed_tables(undisturbed, tmp_path):
    """Everything of a user's that leaked into numbers once, at a time; and another number of jobs."""
    here = tmp_path / "here"
    env = make_hostile(here)
    env |= {"PYTHONPATH": f"{here}:{ROOT}", "HOME": str(here), "OMP_THREAD_LIMIT": "1", "OMP_DYNAMIC": "true"}
    finish(tmp_path / "out # {x}: ü", "--jobs", "1", cwd=here, env=env)
    same_results(tmp_path / "out # {x}: ü", undisturbed[0])


def test_the_clone_stays_clean(undisturbed):
    status = subprocess.run(["git", "status", "--porcelain"], cwd=ROOT, capture_output=True, text=True)
    if status.returncode:
        pytest.skip("not a git clone")
    untracked = [line for line in status.stdout.splitlines() if line.startswith("??")]
    assert not [line for line in untracked if any(word in line for word in ("runs", "results", "data/", ".snakemake"))]
