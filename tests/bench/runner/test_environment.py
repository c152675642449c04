"""What a user's own settings may not change: a job runs in an environment that the runner makes."""

import json
import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
import yaml
from hostile import HOSTILE, make_hostile

from bench.runner import job
from bench.runner.environment import KERNEL, inside, job_environment, make_home, told
from bench.runner.job import run_job
from bench.runner.run import _write_jobs
from bench.runner.suite import load_suite
from data_prep import export
from data_prep.datasets import lists
from lib.data import read_manifest
from lib.pace import CLOCKS
from lib.run import ROOT, done


def test_only_what_is_listed_goes_through(tmp_path):
    user = {**HOSTILE, "PATH": "/bin", "PYTHONPATH": "/evil", "CUDA_VISIBLE_DEVICES": "1", "LC_ALL": "C", "SECRET": "x"}
    made = job_environment(tmp_path, 2, user)
    assert not {"SNAKEMAKE_PROFILE", "PYTHONSTARTUP", "PYTHONWARNINGS", "GIT_DIR", "SECRET"} & set(made)
    assert made["PYTHONPATH"] == str(ROOT) and made["PYTHONSAFEPATH"] == "1"
    assert made["OMP_NUM_THREADS"] == "2" and made["CUDA_VISIBLE_DEVICES"] == "1"
    assert made["MPLBACKEND"] != "Agg" and made["MATPLOTLIBRC"].startswith(str(tmp_path))
    assert told(user) == {"CUDA_VISIBLE_DEVICES": "1", "LC_ALL": "", "PATH": ""}


def test_costs_are_timed_as_in_a_users_own_process(tmp_path, monkeypatch):
    """OpenMP's threads wait actively there; passive ones, as trainings have, made a small net 2 to 4 times slower."""
    policies, listed = {}, {"threads": 1, "device": "cpu", "data": str(tmp_path)}
    for rule, notebook in (("costs", "08_counting_flops"), ("train", "10_training")):
        monkeypatch.setattr(job, "execute", lambda *_: policies.update({rule: os.environ.get("OMP_WAIT_POLICY")}))  # noqa: B023
        made = {"rule": rule, "notebook": notebook, "options": {}, "id": rule, "data": "", "weights": ""}
        with pytest.raises(RuntimeError, match="ended without"):
            job._run(made, tmp_path / "runs" / rule, listed, 2)
    assert policies == {"costs": None, "train": "passive"}


def test_no_home_and_no_name_is_no_hindrance(tmp_path):
    made = job_environment(tmp_path, 1, {})
    assert made["HOME"] == str(tmp_path) and made["USER"] and made["PATH"]


def test_the_kernel_is_this_python(tmp_path):
    """Also where the user has a kernel of that name, and one called python3."""
    evil = tmp_path / "evil" / "kernels"
    for name in ("python3", KERNEL):
        (evil / name).mkdir(parents=True)
        (evil / name / "kernel.json").write_text(
            json.dumps({"argv": ["/bin/false"], "display_name": "x", "language": "python"})
        )
    make_home(tmp_path / "home")
    environment = job_environment(tmp_path / "home", 1, {**os.environ, "JUPYTER_PATH": str(tmp_path / "evil")})
    script = f"from jupyter_client.kernelspec import get_kernel_spec; print(get_kernel_spec({KERNEL!r}).argv[0])"
    said = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, cwd=tmp_path)
    assert said.stdout.strip() == sys.executable, said.stderr


def test_inside_puts_back_what_was_there(monkeypatch):
    monkeypatch.setenv("MINE", "1")
    with pytest.raises(KeyError), inside({"OURS": "2"}):
        assert dict(os.environ) == {"OURS": "2"}
        os.environ["MINE"]
    assert os.environ["MINE"] == "1" and "OURS" not in os.environ


@pytest.fixture(scope="module")
def suite_file(tiny_shapes, tmp_path_factory):
    """A suite of one small training on a manifest that lists made; a class has a name that is no formula."""
    folder = tmp_path_factory.mktemp("hostile")
    export.run(tiny_shapes / "motion", out=folder / "labels", format="mmaction_videos")
    name = read_manifest(tiny_shapes / "motion").name
    files = {split: folder / "labels" / f"{name}_{split}_list_videos.txt" for split in ("train", "val", "test")}
    classes = (folder / "labels" / "label_map.txt").read_text().splitlines()
    (folder / "classes.txt").write_text("\n".join([r"$\frac{1$", *classes[1:]]) + "\n")
    files |= {"root": tiny_shapes / "videos", "classes": folder / "classes.txt"}
    lists.prepare(folder / "mine", format="mmaction_videos", **files, name="mine", workers=0, progress=False)
    run = {"model": "c2d_nano", "frames": 4, "size": 24, "epochs": 1, "batch_size": 8}
    path = folder / "small.yaml"
    path.write_text(yaml.safe_dump({"data": {"manifest": str(folder / "mine")}, "train": {"runs": [run]}}))
    return path


def test_a_hostile_afternoon_gives_the_undisturbed_result(suite_file, tmp_path):
    suite, quiet, loud = load_suite(suite_file), tmp_path / "quiet", tmp_path / "loud # {x}: ü"
    train = suite.jobs[0]
    _write_jobs(quiet, suite, tmp_path, "cpu", 1)
    run_job(quiet / "jobs.json", train.id, 1)
    _write_jobs(loud, suite, tmp_path, "cpu", 1)
    command = [sys.executable, "-m", "bench", "job", "jobs.json", train.id, "--threads", "1"]
    environment = {**make_hostile(tmp_path / "here"), "PYTHONPATH": f"{ROOT}:{tmp_path / 'here'}"}
    environment |= {"LC_ALL": "C", "PATH": "/nowhere"}  # no git
    ran = subprocess.run(command, cwd=loud, env=environment, umask=0o077, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    first, second = done(quiet / train.id), done(loud / train.id)
    for record in (first, second):
        record["history"] = [{k: v for k, v in row.items() if k not in CLOCKS} for row in record["history"]]
    assert first["history"] == second["history"] and first["test"] == second["test"]
    assert set(first["files"]) == set(second["files"]) >= {"notebook.ipynb", "confusion.png", "result.json"}
    for name in first["files"]:
        if name.endswith((".svg", ".png")):
            assert (quiet / train.id / name).read_bytes() == (loud / train.id / name).read_bytes(), name
    cells = json.loads((loud / train.id / "notebook.ipynb").read_text())["cells"]
    shown = [output for cell in cells for output in cell.get("outputs", ()) if "image/png" in output.get("data", {})]
    assert shown, "the figures are in the notebook too"
    assert Path(second["environment"] and sys.executable).exists()


def test_what_only_waits_for_a_kernel_imports_no_pytorch(tmp_path):
    """Two seconds of every job, and memory beside the kernel's own; a grammar of IRIs as many."""
    missing = tmp_path / "missing.ipynb"
    code = f"""
import sys
sys.modules["torch"] = None
from bench.runner import job
try:
    job.execute({str(missing)!r}, {str(missing)!r}, {{}})
except FileNotFoundError:
    sys.exit("papermill" not in sys.modules or "rfc3987_syntax.syntax_helpers" in sys.modules)
"""
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


def test_a_kernel_is_not_waited_for(tmp_path):
    """What a notebook makes is there when its last cell ends; what Python does at its own end takes seconds."""
    at_exit, made = tmp_path / "at_exit", tmp_path / "made"
    source = f"import atexit\nopen({str(made)!r}, 'w').close()\n_ = atexit.register(open, {str(at_exit)!r}, 'w')"
    cells = [nbformat.v4.new_code_cell(source)]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), tmp_path / "one.ipynb")
    make_home(tmp_path / "home")
    with inside(job_environment(tmp_path / "home")):
        job.execute(tmp_path / "one.ipynb", tmp_path / "executed.ipynb", {})
    assert made.exists() and not at_exit.exists()
