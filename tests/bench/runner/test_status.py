"""What `bench status` says of runs that are done, running, failed and waiting."""

import json
import sys
from types import SimpleNamespace

from bench.__main__ import main
from bench.runner.slurm import Queued
from bench.runner.status import progress, state, write_events
from bench.runner.suite import load_suite
from lib.files import locked, write_json

ROW = {"epoch": 0, "train_loss": 2.0, "val_top1": 25.0, "seconds": 30.0, "clips_per_s": 51.26, "waiting": 3.2}


def test_a_line_for_every_run(tmp_path, capsys):
    path = tmp_path / "mine.yaml"
    runs = "[{model: c2d_nano, epochs: 4, frames: 4, size: 32}, {model: ircsn_nano, frames: 4, size: 32}]"
    path.write_text(f"data: {{videos: 24}}\ntrain: {{runs: {runs}}}\n")
    prepare, first, second, costs = load_suite(path).jobs
    folder = tmp_path / "runs" / "mine"
    write_json(folder / prepare.id / "done.json", {"headline": "24 videos"})
    write_json(folder / second.id / "failed.json", {"error": "ValueError: no such thing", "date": ""})
    with locked(folder / first.id, "job.lock"):
        (folder / first.id / "metrics.jsonl").write_text(json.dumps(ROW) + "\n")
        assert main(["status", str(path), "--out", str(tmp_path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["done", "running", "failed", "waiting"]
    assert lines[0].endswith("24 videos") and "ValueError: no such thing" in lines[2] and costs.id in lines[3]
    pace = "51.3 clips/s, waiting for clips 3 % of the time"
    assert lines[1].endswith(f"epoch 1 of 4, loss 2.000, val top-1 25.0 %, {pace}, 1.5 minutes left")


def test_a_damaged_record_is_a_line_of_its_own_and_stays(tmp_path, capsys):
    (path := tmp_path / "mine.yaml").write_text("data: {videos: 24}\ntrain: {runs: [{model: c2d_nano, epochs: 4}]}\n")
    prepare, first, costs = load_suite(path).jobs
    runs = tmp_path / "runs" / "mine"
    for job, name in ((prepare, "done"), (first, "failed")):
        (runs / job.id).mkdir(parents=True)
        (runs / job.id / f"{name}.json").write_text("[1]")
    assert main(["status", str(path), "--out", str(tmp_path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["damaged", "damaged", "waiting"]
    assert f"{runs / prepare.id / 'done.json'} holds [1], no record" in lines[0]
    assert not list(tmp_path.rglob("*.torn"))


def test_a_lock_that_nobody_holds_runs_nothing(tmp_path):
    with locked(tmp_path, "job.lock"):
        assert state(tmp_path, {})[0] == "running"
    assert state(tmp_path, {}) == ("waiting", "")
    assert progress(tmp_path / "metrics.jsonl", 3) == ""


def test_a_row_of_before_has_no_pace(tmp_path):
    old = {name: value for name, value in ROW.items() if name not in ("clips_per_s", "waiting")}
    (tmp_path / "metrics.jsonl").write_text(json.dumps(old) + "\n")
    assert progress(tmp_path / "metrics.jsonl", 2) == "epoch 1 of 2, loss 2.000, val top-1 25.0 %, 0.5 minutes left"


def test_curves_for_tensorboard(tmp_path, monkeypatch):
    """A stand-in keeps what is written: the package is optional."""
    written = []

    class Writer:
        def __init__(self, folder):
            self.folder = folder

        def __enter__(self):
            return self

        def __exit__(self, *_):
            written.append("closed")

        def add_scalar(self, *scalar):
            written.append(scalar)

    (tmp_path / "metrics.jsonl").write_text(json.dumps({**ROW, "gammas": [[1.0]]}) + "\n")
    monkeypatch.setitem(sys.modules, "tensorboard", SimpleNamespace())
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", SimpleNamespace(SummaryWriter=Writer))
    write_events(tmp_path / "metrics.jsonl", tmp_path / "curves")
    names = ("clips_per_s", "seconds", "train_loss", "val_top1", "waiting")
    assert written == [*((name, ROW[name], 1) for name in names), "closed"]
    write_events(tmp_path / "none", tmp_path / "curves")
    assert len(written) == 6


def test_a_training_says_its_pace_where_it_is_known(tmp_path):
    metrics = tmp_path / "metrics.jsonl"
    metrics.write_text(json.dumps({**ROW, "clips_per_s": 81.25, "waiting": 12.4}) + "\n")
    said = (
        "epoch 1 of 2, loss 2.000, val top-1 25.0 %, 81.2 clips/s, waiting for clips 12 % of the time, 0.5 minutes left"
    )
    assert progress(metrics, 2) == said
    metrics.write_text(json.dumps({**ROW, "waiting": "none"}) + "\n")
    assert "is damaged" in progress(metrics, 2)


def test_a_job_in_slurms_queue_is_pending_running_or_was_killed(tmp_path):
    run_dir = tmp_path / "ircsn_nano-s0-0123abcd"
    log = tmp_path / "slurm" / "rule_job" / run_dir.name / "7.log"
    assert state(run_dir, {}, Queued("7", "PENDING", "Resources")) == ("pending", "job 7, Resources")
    assert state(run_dir, {}, Queued("7", "CONFIGURING", "None")) == ("pending", "job 7, configuring")
    log.parent.mkdir(parents=True)
    log.write_text("")
    assert state(run_dir, {}, Queued("7", "RUNNING", "None")) == ("running", "job 7")
    log.write_text("slurmstepd: error: *** JOB 7 ON a CANCELLED AT 2026-01-01T00:00:00 DUE TO TIME LIMIT ***\n")
    word, text = state(run_dir, {}, Queued("7", "TIMEOUT", "TimeLimit"))
    assert word == "failed" and text.startswith("job 7 TIMEOUT: slurmstepd: error") and "7.log" in text
    with locked(tmp_path):  # the suite is at work
        assert "killed 1 times, submitted again" in state(run_dir, {}, None)[1]
        write_json(run_dir / "failed.json", {"error": "ValueError: no", "date": "", "killed": False})
        assert state(run_dir, {}, None) == ("failed", f"ValueError: no (all of it: {run_dir / 'log.txt'})")
