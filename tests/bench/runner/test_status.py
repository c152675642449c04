"""What `bench status` says of runs that are done, running, failed and waiting."""

import json
import sys
from types import SimpleNamespace

from bench.__main__ import main
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
