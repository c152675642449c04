"""`bench train`: what it trains is the suite's own run, by one process or by those that torchrun started."""

import json
import subprocess
import sys

import pytest
import torch
import yaml

from bench.report.names import net_name
from bench.runner import train
from bench.runner.job import finished
from bench.runner.suite import NOTEBOOKS, load_suite
from lib.files import read_json, write_text
from lib.run import ROOT

TINY = {"videos": 48, "frames": 10, "size": 32, "seed": 0}
DEFAULTS = {"labels": "shape", "frames": 4, "size": 32, "epochs": 2, "batch_size": 8}
RUNS = [{"model": "mobilenetv2_3d_nano", "options": {"dropout": 0.2}}, {"model": "c2d_nano"}]


def suite_of(folder, **sections):
    spec = {"data": TINY, "train": trainings(), **sections}
    write_text(folder / "tiny.yaml", yaml.safe_dump(spec))
    return folder / "tiny.yaml"


def trainings(**further):
    return {"defaults": {**DEFAULTS, **further}, "runs": RUNS}


def cells_that_make(*names):
    """The code cells of 10_training that set these names."""
    cells = json.loads((NOTEBOOKS / "10_training.ipynb").read_text(encoding="utf-8"))["cells"]
    sources = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    return [next(text for text in sources if f"\n{name} = " in f"\n{text}") for name in names]


@pytest.mark.parametrize(
    ("further", "kind"),
    [({}, "DecodedCache"), ({"cached": 80}, "JpegCache"), ({"cached": False}, "NoneType")],
)
def test_it_trains_what_the_notebook_trains(tiny_shapes, tmp_path, further, kind):
    job = load_suite(suite_of(tmp_path, train=trainings(**further))).jobs[1]
    net, clips, identity, recipe = train.prepared(job.options, tiny_shapes, "")
    cell = {**job.options, "data": str(tiny_shapes), "run_dir": str(tmp_path / "run"), "threads": 0, "device": "cpu"}
    exec("from pathlib import Path\nimport torch", cell)
    for source in cells_that_make("lesson", "manifest", "protocol", "identity"):
        exec(source, cell)
    assert (identity, recipe) == (cell["identity"], cell["recipe"])
    assert [type(each[0].cache).__name__ for each in (clips, list(cell["clips"].values()))] == [kind, kind]
    theirs = list(cell["clips"].values())
    assert [c.protocol.plain() for c in clips] == [c.protocol.plain() for c in theirs]
    for facts in ("train", "seed", "videos"):
        assert [getattr(c, facts) for c in clips] == [getattr(c, facts) for c in theirs]
    for key, value in net.state_dict().items():
        assert torch.equal(value, cell["net"].state_dict()[key])


def test_a_jpeg_cache_is_another_run_and_its_absence_is_none(tiny_shapes, tmp_path):
    """Without JPEG ids and identities are what they were before the parameter: nothing in them names it."""
    plain, said, lossy, finer = (
        load_suite(suite_of(tmp_path, train=trainings(**more))).jobs
        for more in ({}, {"cached": True}, {"cached": 80}, {"cached": 90})
    )
    assert said == plain
    shipped = read_json(ROOT / "results" / "shipped" / "deals" / "runs" / "jobs.json")["jobs"]
    trained = {job["id"] for job in shipped if job["rule"] == "train"}
    assert {job.id for job in load_suite("deals").jobs if job.rule == "train"} == trained
    assert len({jobs[1].id for jobs in (plain, lossy, finer)}) == 3
    identities = [train.prepared(jobs[1].options, tiny_shapes, "")[2] for jobs in (plain, lossy, finer)]
    assert "jpeg" not in json.dumps(identities[0])
    assert [identity["used"]["videos"].get("cache", {}).get("jpeg_quality") for identity in identities] == [
        None,
        80,
        90,
    ]
    labels = [jobs[2].id.rpartition("-")[0] for jobs in (plain, lossy)]
    assert labels == ["c2d_nano-shape-s0", "c2d_nano-jpeg=80-shape-s0"], "lists of runs show nothing else"
    assert net_name(lossy[2].options) == "c2d_nano jpeg=80" and net_name(plain[2].options) == "c2d_nano"


def test_processes_belong_to_a_run_and_one_is_as_ever(tmp_path):
    plain, two = load_suite(suite_of(tmp_path)), load_suite(suite_of(tmp_path, processes=2))
    assert load_suite(suite_of(tmp_path, processes=1)).jobs == plain.jobs
    changed = [a.rule for a, b in zip(plain.jobs, two.jobs, strict=True) if a.id != b.id]
    assert changed == ["train", "train"], "what one process does stays what it was"


@pytest.mark.parametrize(
    ("processes", "run", "said"),
    [
        (1, "resnet", "has 0 trainings that begin with 'resnet'; there are mobilenetv2_3d_nano-dropout=0.2-shape-s0-"),
        (2, "c2d", "start it as torchrun --nproc-per-node 2 -m bench train"),
    ],
)
def test_what_it_cannot_train_is_said_before_anything_runs(processes, run, said, tmp_path):
    with pytest.raises(ValueError, match=said):
        train.run(suite=suite_of(tmp_path, processes=processes), run=run, out=tmp_path)
    assert not (tmp_path / "data").exists()


@pytest.mark.long
@pytest.mark.parametrize("processes", [1, 2])
def test_a_trained_run_is_done_for_its_suite(processes, tmp_path):
    file = suite_of(tmp_path, processes=processes)
    job = next(job for job in load_suite(file).jobs if job.options.get("model") == "mobilenetv2_3d_nano")
    torchrun = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"] if processes > 1 else []
    command = [sys.executable, *torchrun, "-m", "bench", "train", str(file), "mobilenet", "--out", str(tmp_path)]
    how = {"cwd": ROOT, "capture_output": True, "text": True, "timeout": 600}
    ran = subprocess.run(command, **how)
    assert ran.returncode == 0, ran.stderr
    folder = tmp_path / "runs" / "tiny" / job.id
    record = finished(folder, {"rule": "train"}, {"threads": 1, "device": "cpu"})
    assert record["provenance"].get("processes", 1) == processes and (folder / "notebook.ipynb").is_file()
    assert read_json(folder / "run.json").get("processes", 1) == processes
    before = (folder / "done.json").stat().st_mtime_ns
    assert subprocess.run(command, **how).returncode == 0 and (folder / "done.json").stat().st_mtime_ns == before
    status = [sys.executable, "-m", "bench", "status", str(file), "--out", str(tmp_path)]
    told = subprocess.run(status, **how).stdout.splitlines()
    assert [line.split()[:2] for line in told if "mobilenet" in line] == [["done", job.id]]
