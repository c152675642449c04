"""A job says that it is done last of all: a notebook that fails, or is killed, after its training is not done."""

import pytest

from bench.runner import job
from bench.runner.job import run_job
from lib.files import read_json, write_json
from lib.run import done, finish, result


@pytest.fixture
def jobs(tmp_path):
    """jobs.json with one job, a training."""
    made = {"id": "a-1", "rule": "train", "notebook": "10_training", "options": {}, "data": "", "weights": ""}
    listed = {"threads": 1, "device": "cpu", "data": str(tmp_path), "jobs": [made]}
    write_json(tmp_path / "jobs.json", listed)
    return tmp_path / "jobs.json"


def test_what_fails_after_its_training_is_not_done(jobs, monkeypatch):
    """The training's own record stays, and the same call ends what is left."""
    run_dir = jobs.parent / "a-1"

    def executed(notebook, path, parameters):
        if not result(run_dir):
            finish(run_dir, {"headline": "x"})
        assert not (run_dir / "done.json").exists(), "the notebook is not at its end"
        if broken:
            raise RuntimeError("a figure that cannot be drawn")
        path.write_text("{}")
        (run_dir / "curves.png").write_bytes(b"x")

    monkeypatch.setattr(job, "execute", executed)
    broken = True
    with pytest.raises(RuntimeError, match="a figure"):
        run_job(jobs, "a-1", 1)
    first = result(run_dir)
    assert first and not done(run_dir) and "a figure" in read_json(run_dir / "failed.json")["error"]
    assert not (jobs.parent / "stamps" / "a-1").exists()
    broken = False
    (run_dir / "report").mkdir()
    (left := run_dir / "report" / ".curves.png.123.tmp").touch()  # of one that was killed
    run_job(jobs, "a-1", 1)
    assert not left.exists() and done(run_dir).items() >= first.items()
    assert not (run_dir / "failed.json").exists()
    assert set(done(run_dir)["files"]) == {"notebook.ipynb", "curves.png", "result.json"}
    assert (jobs.parent / "stamps" / "a-1").exists()


def test_a_figure_that_was_deleted_is_drawn_again(jobs, monkeypatch):
    run_dir, drawn = jobs.parent / "a-1", []

    def executed(notebook, path, parameters):
        finish(run_dir, {"headline": "x"})
        (run_dir / "curves.png").write_bytes(b"x")
        drawn.append(path)

    monkeypatch.setattr(job, "execute", executed)
    for _ in range(2):
        run_job(jobs, "a-1", 1)
    assert len(drawn) == 1
    (run_dir / "curves.png").unlink()
    run_job(jobs, "a-1", 1)
    assert len(drawn) == 2
