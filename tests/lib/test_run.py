"""What a record says of where it comes from, and what counts as done."""

import os
import subprocess
import sys

import pytest

from bench.runner.job import finished
from bench.runner.run import run_suite
from data_prep.moving_shapes import dataset as moving_shapes
from lib import run
from lib.files import remove_temporaries, slug, write_json
from lib.run import ROOT, commit, cores, done, done_or_aside, run_id

LISTED = {"data": ""}


def test_git_variables_do_not_change_the_commit(monkeypatch, tmp_path):
    before = commit()
    other = tmp_path / "other"
    subprocess.run(["git", "init", "-q", str(other)], check=True)
    monkeypatch.setenv("GIT_DIR", str(other / ".git"))
    monkeypatch.setenv("GIT_WORK_TREE", str(other))
    assert commit() == before


def test_a_copy_inside_another_clone_has_no_commit(monkeypatch):
    monkeypatch.setattr(run, "ROOT", ROOT / "lib")
    assert commit() == "unknown"


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="no affinity here")
def test_cores_are_those_that_may_be_used():
    script = (
        "import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))}); from lib.run import cores; print(cores())"
    )
    said = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True)
    assert said.stdout.strip() == "1", said.stderr


@pytest.mark.parametrize(("quotas", "wanted"), [([], 8), ([2.0], 2), ([0.5], 1), ([3.9, 2.5], 2), ([64.0], 8)])
def test_a_quota_of_time_counts_too(quotas, wanted, monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    monkeypatch.setattr(run, "_quotas", lambda: quotas)
    assert cores() == wanted


@pytest.mark.parametrize(("version_2", "files", "wanted"), [
    (True, {"cpu.max": "150000 100000\n"}, [1.5]),
    (True, {"cpu.max": "max 100000\n"}, []),
    (True, {}, []),
    (False, {"cpu.cfs_quota_us": "200000\n", "cpu.cfs_period_us": "100000\n"}, [2.0]),
    (False, {"cpu.cfs_quota_us": "-1\n", "cpu.cfs_period_us": "100000\n"}, []),
])  # fmt: skip
def test_quotas_of_control_groups(version_2, files, wanted, tmp_path):
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    assert run._quota(tmp_path, version_2) == wanted


@pytest.mark.parametrize("text", ["null", "[]", "{}", "3", "", '{"test": {'])
def test_done_is_a_record_or_nothing(text, tmp_path, capsys):
    """Who reads is told; who makes the run again sets aside what is there."""
    (file := tmp_path / "done.json").write_text(text)
    with pytest.raises(ValueError, match=f"{file} .*; the suite's next `bench run`"):
        done(tmp_path)
    assert file.read_text() == text and done_or_aside(tmp_path) is None
    assert (tmp_path / "done.json.torn").read_text() == text and str(file) in capsys.readouterr().err


def test_done_needs_all_that_it_promises(tmp_path):
    write_json(tmp_path / "done.json", {"files": {"figure.png": 3}, "headline": "x"})
    assert finished(tmp_path, {"rule": "train", "id": "a"}, LISTED) is None
    (tmp_path / "figure.png").write_bytes(b"abc")
    assert finished(tmp_path, {"rule": "train", "id": "a"}, LISTED)["headline"] == "x"


def test_a_dataset_that_was_deleted_is_not_done(tmp_path):
    moving_shapes.prepare(tmp_path / "a", videos=9, frames=8, size=32, workers=1, progress=False)
    write_json(tmp_path / "done.json", {"headline": "x"})
    job, listed = {"rule": "prepare", "id": "a"}, {"data": str(tmp_path)}
    assert finished(tmp_path, job, listed)
    next((tmp_path / "a" / "videos" / "train").glob("*.mp4")).unlink()
    assert finished(tmp_path, job, listed) is None
    assert finished(tmp_path, {"rule": "prepare", "id": "gone"}, listed) is None


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("a/b", "a-b"),
        ("../../x", "x"),
        ("", "x"),
        ("ü $\\frac{1$", "u-frac-1"),
        ("a=[{'b': 3}]", "a=-b-3"),
        ("\n", "x"),
    ],
)
def test_slugs(text, wanted):
    assert slug(text) == wanted and len(slug(text * 99)) <= 80
    assert run_id(text, {}).startswith(f"{wanted}-")


def test_temporaries_of_the_killed_are_swept(tmp_path):
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / ".last.pt.123.tmp").write_text("")
    (tmp_path / "keep.tmp").write_text("")
    remove_temporaries(tmp_path)
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["keep.tmp"]


def test_two_suites_of_one_name_do_not_share_a_folder(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "mine.yaml").write_text("data: {videos: 24}\n")
    write_json(tmp_path / "runs" / "mine" / "suite.json", {"file": str(tmp_path / "a" / "mine.yaml")})
    with pytest.raises(ValueError, match="runs/mine belongs to the suite .*a/mine.yaml: rename .*b/mine.yaml"):
        run_suite(tmp_path / "b" / "mine.yaml", out=tmp_path)


def test_our_packages_come_before_those_of_the_working_directory(tmp_path):
    for package in ("lib", "kernels", "data_prep", "torch", "numpy", "yaml"):
        (tmp_path / package).mkdir()
        (tmp_path / package / "__init__.py").write_text("raise SystemExit('not ours')\n")
    command = [sys.executable, "-m", "bench", "status", "nothing"]
    said = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert said.stderr.startswith("error: no suite 'nothing'; there are"), said.stderr
