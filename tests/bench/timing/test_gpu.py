"""The GPU's quarter of an hour, without a GPU: what its parts write, how it ends when time is up."""

import csv
import subprocess
import sys
import time

import pytest
import torch

from bench.timing import gpu
from lib.files import read_json
from lib.run import ROOT

ON_A_GPU_BOX = """
import sys
for name in ("decord", "av", "fvcore", "pandas", "papermill", "matplotlib", "scipy", "yaml", "PIL", "hypothesis"):
    sys.modules[name] = None
from pathlib import Path
from bench.timing import gpu
out = Path(sys.argv[1])
small = {"videos": 45, "frames": 12, "size": 32, "epochs": 1, "workers": 1}
nets = [("ircsn_nano", (3, 8, 32, 32))]
parts = {
    "training": (1, lambda out, device: gpu.train_shapes(out, device, nets=["ircsn_nano"], **small)),
    "latency": (1, lambda out, device: gpu.time_nets(out, device, nets=nets, runs=2, batch=2)),
}
sys.exit(gpu.run_gpu(out=out, device="cpu", budget_minutes=5, parts=parts))
"""


def test_training_and_latency_need_no_codec(tmp_path):
    """Run on the CPU, with only what a bare GPU machine has."""
    command = [sys.executable, "-c", ON_A_GPU_BOX, str(tmp_path)]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=200)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert {path.name for path in tmp_path.iterdir()} == {"gpu.json", "training.json", "latency.csv"}
    report, training = read_json(tmp_path / "gpu.json"), read_json(tmp_path / "training.json")
    assert report["training"]["ended"] == report["latency"]["ended"] == "done"
    assert training["ircsn_nano"]["top1"]["videos"] == 10 and training["ircsn_nano"]["train_clips_per_s"] > 0
    for record in (report, training):
        assert record["provenance"]["device"] and record["provenance"]["commit"]
    with open(tmp_path / "latency.csv") as file:
        rows = list(csv.DictReader(file))
    assert [row["impl"] for row in rows] == ["auto", "conv3d"]
    assert all(float(row["latency_ms_p50"]) > 0 and row["device"] and row["date"] for row in rows)


def test_it_stops_when_the_time_is_up(tmp_path):
    def endless(out, device):
        while True:
            try:
                time.sleep(10)
            except Exception:  # as someone's broad except would
                pass

    def quick(out, device):
        return {"found": 1}

    started = time.monotonic()
    parts = {"endless": (1, endless), "quick": (1, quick)}
    assert gpu.run_gpu(out=tmp_path, device="cpu", budget_minutes=2 / 60, parts=parts) == 0
    assert time.monotonic() - started < 3
    report = read_json(tmp_path / "gpu.json")
    assert report["endless"]["ended"] == "out of time" and report["endless"]["seconds"] == pytest.approx(1, abs=0.3)
    assert report["quick"] == {"ended": "done", "seconds": 0.0, "found": 1}


def test_a_failed_part_does_not_stop_the_others(tmp_path):
    def broken(out, device):
        raise RuntimeError("no such thing")

    parts = {"broken": (1, broken), "fine": (1, lambda out, device: None)}
    assert gpu.run_gpu(out=tmp_path, device="cpu", parts=parts) == 1
    report = read_json(tmp_path / "gpu.json")
    assert report["broken"]["ended"] == "failed: RuntimeError: no such thing" and report["fine"]["ended"] == "done"


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_without_a_gpu_it_says_so(tmp_path):
    command = [sys.executable, "-m", "bench", "gpu", "--out", str(tmp_path / "out")]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=100)
    assert ran.returncode == 2 and ran.stderr == "no GPU: torch sees no CUDA GPU; nothing was run\n"
    assert not (tmp_path / "out").exists()
