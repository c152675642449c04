"""One net by decoded frames and by JPEG frames in one suite, from video files to tables: told apart all the way."""

import os
import signal
import subprocess
import sys
import time

import pandas as pd
import pytest
from dying import dies_after
from helpers.suite_runs import same_results
from helpers.watched_suites import descendants
from kills import outcome, without_clock

from bench.report import tables
from bench.report.redraw import redraw
from bench.runner import status
from bench.runner.run import _write_jobs, facts
from bench.runner.suite import load_suite
from bench.runner.train import train
from lib.files import read_json
from lib.run import ROOT, done, say_done

SUITE = """train:
  defaults: {model: c2d_nano, frames: 4, size: 32, epochs: EPOCHS, batch_size: 8}
  runs: [{}, {cached: 90}]
costs: {timed_runs: 2}
data: """
MADE, NAMES = "{videos: 24, frames: 8, size: 32}", ["c2d_nano", "c2d_nano jpeg=90"]
COST = {"params_m": 0.1, "gmacs": 0.2, "mbytes_moved": 9.0, "latency_ms_p50": 5.0, "threads": 1}


def suite_of(folder, epochs, data=MADE):
    (suite := folder / "kept.yaml").write_text(f"{SUITE.replace('EPOCHS', str(epochs))}{data}\n")
    return suite


def trainings(suite, out):
    """The run folders of the suite's trainings, by decoded frames first."""
    return [out / "runs" / suite.stem / job.id for job in load_suite(suite).jobs if job.rule == "train"]


def check_told_apart(suite, out, patch):
    """Names, records, figures, and what is shipped of a suite whose results lie in `out`."""
    decoded, jpeg = trainings(suite, out)
    assert "jpeg=90" in jpeg.name and "jpeg" not in decoded.name, "who reads a list of runs sees which is which"
    results = out / "results" / "kept"
    for table in ("runs", "trade_off"):
        assert list(pd.read_csv(results / f"{table}.csv").net) == NAMES
    assert pd.read_csv(results / "differences.csv")[["a", "b"]].to_numpy().tolist() == [NAMES]
    costs = pd.read_csv(results / "trade_off.csv")[["gmacs", "params_m", "latency_ms_p50"]]
    assert costs.notna().all(axis=None) and costs.nunique().eq(1).all(), "a net costs the same, however frames are kept"
    kept = [read_json(run / "run.json")["used"]["videos"].get("cache") for run in (decoded, jpeg)]
    assert kept == [None, {"jpeg_quality": 90, "short_side": 32}]
    losses = [[row["train_loss"] for row in done(run)["history"]] for run in (decoded, jpeg)]
    assert losses[0] != losses[1], "a lossy frame is another frame"
    drawn = {path.name: path.read_bytes() for path in results.glob("*.svg")}
    redraw(out)
    assert drawn and drawn == {path.name: path.read_bytes() for path in results.glob("*.svg")}
    patch.setattr(tables, "ROOT", out / "clone")
    tables.ship("kept", out)
    shipped = out / "clone" / "results" / "shipped" / "kept"
    for name, make in tables.MADE.items():
        pd.testing.assert_frame_equal(make(shipped / "runs"), make(out / "runs" / "kept"), obj=name)
        assert (shipped / f"{name}.csv").exists() == (results / f"{name}.csv").exists()


def test_both_are_told_apart_and_go_on_where_they_were_killed(tiny_shapes, tmp_path, monkeypatch, capsys):
    """A suite without its notebooks: what they train, where they write."""
    file = suite_of(tmp_path, 2, f"{{manifest: {tiny_shapes / 'motion'}}}")
    suite, runs, left = load_suite(file), tmp_path / "runs" / "kept", tmp_path / "killed"
    _write_jobs(runs, suite, tmp_path, "cpu", 1)
    listed, origin = facts(suite, tmp_path, "cpu"), None
    for job in suite.jobs[:2]:
        told = {"options": job.options, "data": job.data, "weights": job.weights}
        record = train(told, runs / job.id, listed, "cpu")
        say_done(runs / job.id, record)
        origin = record["provenance"]
        with dies_after(5):  # four steps an epoch
            train(told, left / job.id, listed, "cpu")
        assert without_clock(train(told, left / job.id, listed, "cpu")) == without_clock(record)
        assert outcome(left / job.id)["best.pt"] == outcome(runs / job.id)["best.pt"]
    say_done(runs / suite.jobs[2].id, {"nets": [{**net, **COST} for net in suite.jobs[2].options["nets"]],
                                       "provenance": origin})  # fmt: skip
    tables.write_results(runs, tmp_path / "results" / "kept")
    check_told_apart(file, tmp_path, monkeypatch)
    capsys.readouterr()
    status.run(suite=file, out=tmp_path)
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == ["done"] * 3


def start(*words):
    command = [sys.executable, "-m", "bench", *map(str, words)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    return subprocess.Popen(command, cwd=ROOT, start_new_session=True, **pipes)


def bench(*words):
    process = start(*words)
    said = process.communicate(timeout=1200)[0]
    assert process.returncode == 0, said
    return said


@pytest.mark.long
def test_the_whole_suite_killed_in_the_middle_of_both_ends_as_if_nobody_had(tmp_path, monkeypatch):
    suite, whole, killed = suite_of(tmp_path, 40), tmp_path / "whole", tmp_path / "killed"
    bench("run", suite, "--out", whole)
    check_told_apart(suite, whole, monkeypatch)
    left = set(trainings(suite, killed))
    while left:  # in whatever order they come
        runner = start("run", suite, "--out", killed, "--jobs", "1")
        while runner.poll() is None and not (begun := [run for run in left if (run / "metrics.jsonl").exists()]):
            time.sleep(0.05)
        for process in (runner.pid, *descendants(runner.pid)):
            os.kill(process, signal.SIGKILL)
        runner.communicate()
        assert not any((run / "result.json").exists() for run in begun), "it was over before it was killed"
        said = {line.split()[1]: line for line in bench("status", suite, "--out", killed).splitlines()}
        assert not any(said[run.name].startswith("done") for run in begun)
        left -= set(begun)
    bench("run", suite, "--out", killed)
    for one, other in zip(trainings(suite, whole), trainings(suite, killed), strict=True):
        first, second = outcome(one), outcome(other)
        same = [name for name in first if name not in ("done.json", "run.json")]
        assert {name: first[name] for name in same} == {name: second[name] for name in same}
        assert (first["run.json"], len(done(one)["history"])) == (second["run.json"], 40)
    same_results(whole, killed, "kept")
