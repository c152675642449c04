"""A worker that is killed costs nothing, a script that would wait for itself is told so."""

import subprocess
import sys
import time

import pytest
from misbehaving import killed_while_waiting, misbehave_once
from tiny_videos import put_video

from data_prep.scan import scan
from data_prep.workers import survive


def test_a_killed_workers_job_is_done_by_another(tmp_path):
    jobs = [(tmp_path, name) for name in ("a", "killed", "b", "c")]
    found = {name: (result, reason) for (_, name), result, reason in survive(misbehave_once, jobs, 1)}
    assert found == {name: (name.upper(), None) for _, name in jobs}


def test_a_worker_may_be_killed_while_it_waits():
    found = []
    for job, result, reason in survive(killed_while_waiting, ["a", "b"], 1):
        found.append((job, result, reason))
        time.sleep(1.5 if job == "a" else 0)
    assert found == [("a", "A", None), ("b", "B", None)]


def test_a_full_disk_is_an_os_error(tmp_path):
    with pytest.raises(OSError, match="No space left"):
        list(survive(misbehave_once, [(tmp_path, "full")], 1))


SCRIPTS = {
    "moving_shapes": "from data_prep.moving_shapes.dataset import prepare\nprepare({out!r}, videos=90, workers=2)",
    "lists": "from data_prep.datasets.lists import prepare\n"
    "prepare({out!r}, root={root!r}, format='mmaction_videos', train={train!r}, classes={classes!r}, workers=1)",
}


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_without_a_main_guard_does_not_wait_for_itself(tmp_path, name):
    put_video(tmp_path / "videos" / "a", tmp_path)
    (tmp_path / "train.txt").write_text("a.mp4 0\n")
    (tmp_path / "classes.txt").write_text("one\n")
    paths = {name: str(tmp_path / name) for name in ("out", "train.txt", "classes.txt", "videos")}
    names = {"out": paths["out"], "root": paths["videos"], "train": paths["train.txt"], "classes": paths["classes.txt"]}
    (tmp_path / "script.py").write_text(SCRIPTS[name].format(**names))
    ran = subprocess.run([sys.executable, tmp_path / "script.py"], capture_output=True, text=True, timeout=60)
    assert ran.returncode and "needs `if __name__ == '__main__':`" in ran.stderr


def test_a_video_whose_worker_died_is_tried_again_by_the_next_run(tmp_path, monkeypatch):
    put_video(tmp_path / "a", tmp_path)
    options = {"root": tmp_path, "source": "video", "journal": tmp_path / "scan.jsonl", "progress": False}
    with monkeypatch.context() as patch:
        patch.setattr("data_prep.scan.survive", lambda *_: iter([("a.mp4", None, "the decoder dies: exit status -9")]))
        assert scan(["a.mp4"], **options)["a.mp4"].status == "the decoder dies: exit status -9"
    assert scan(["a.mp4"], workers=0, **options)["a.mp4"].status == "ok"
