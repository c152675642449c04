"""What a file says that no program of ours wrote: one line that names the file, and nothing raw."""

import json
import os
import subprocess
import sys

import pytest

from bench.__main__ import main
from bench.runner.status import progress
from bench.runner.suite import load_suite
from lib.files import check_target
from lib.run import ROOT, claim, done, done_or_aside

DATA = "data: {{videos: 24, frames: 8, size: 32, seed: 0}}\n"
NET = DATA + "train: {{runs: [{{model: {}}}]}}\n"
SEARCH = DATA + "searches: [{{notebook: {}, parameters: {{{}}}}}]\n"
SUITES = {
    "a clip of 7 TiB": (NET.format("c2d_nano, frames: 1000000000000"), "MemoryError|frames"),
    "a net of too many channels": (NET.format("mobilenetv2_3d_nano, options: {width: 1.0e9}"), "width must be"),
    "a folder that is a number": ("data: {manifest: 3}\n", "manifest must be a folder, not 3"),
    "a way up": (NET.format("c2d_nano, labels: ../../x"), "labels: no '../../x'; there are motion, shape"),
    "labels that are not there": (NET.format("c2d_nano, labels: colour"), "labels: no 'colour'"),
    "no kinds": (SEARCH.format("11_search_sub_kernels", "op: nothing"), "op must be one of"),
    "no priority": (SEARCH.format("11_search_sub_kernels", "priority: none"), "priority must be cost or"),
    "no segments": (SEARCH.format("12_plan_the_optimization", "segments: [0, -1]"), "segments must be whole"),
    "no rates": (SEARCH.format("12_plan_the_optimization", "factors: [.nan]"), "factors must be numbers"),
}


@pytest.mark.parametrize("case", SUITES)
def test_suites(case, tmp_path):
    text, message = SUITES[case]
    path = tmp_path / "hostile.yaml"
    path.write_text(text)
    with pytest.raises(ValueError, match=message) as refused:
        load_suite(path)
    assert str(refused.value).startswith("hostile.yaml: ") and "\n" not in str(refused.value)


@pytest.mark.parametrize(
    "said", [{"test": 3}, {"test": []}, {"variants": [1]}, {"variants": {"a": {}}}, {"variants": 0}]
)
def test_records(said, tmp_path):
    (tmp_path / "result.json").write_text(json.dumps(said))
    with pytest.raises(SystemExit, match=f"error: {tmp_path}/result.json") as ended:
        main(["report", str(tmp_path)])
    assert "\n" not in str(ended.value)


@pytest.mark.parametrize("said", [b"null", b"[]", b"{}", b'{"seconds": "x"}', b"\xff", b"[" * 100000, b'{"secon'])
def test_metrics_of_a_running_training(said, tmp_path):
    row = b'{"epoch": 0, "train_loss": 1.5, "seconds": 60.0}\n'
    (tmp_path / "metrics.jsonl").write_bytes(row)
    assert progress(tmp_path / "metrics.jsonl", 3) == "epoch 1 of 3, loss 1.500, 2.0 minutes left"
    (tmp_path / "metrics.jsonl").write_bytes(row + said + b"\n")
    assert progress(tmp_path / "metrics.jsonl", 3).startswith(f"{tmp_path}/metrics.jsonl is damaged")


@pytest.mark.parametrize("said", ["null", "[]", "3", '"epochs"'])
def test_schedules(said, tmp_path):
    (tmp_path / "mine.json").write_text(said)
    with pytest.raises(SystemExit, match=f"error: {tmp_path}/mine.json: a schedule is a JSON object"):
        main(["schedule", str(tmp_path / "mine.json")])


@pytest.mark.parametrize("kind", ["a folder", "a link to nothing"])
def test_what_stands_in_a_record_s_place(kind, tmp_path, capsys):
    """It is no run that has not begun: who reads says so, who makes the run again sets it aside."""
    place = tmp_path / "run-0" / "done.json"
    place.parent.mkdir()
    place.mkdir() if kind == "a folder" else place.symlink_to("nowhere")
    with pytest.raises(ValueError, match=f"run-0/done.json is {kind}, no record; the suite's next `bench run`"):
        done(place.parent)
    assert done_or_aside(place.parent) is None and f"done.json is {kind}, no record; set" in capsys.readouterr().err
    assert not place.is_symlink() and not place.exists() and len(list(place.parent.iterdir())) == 1
    claimed = place.parent / "run.json"
    claimed.mkdir() if kind == "a folder" else claimed.symlink_to("nowhere")
    claim(place.parent, {"a": 1})
    assert claimed.is_file() and not claimed.is_symlink()


def test_status_goes_on_after_what_cannot_be_read(tmp_path, capsys):
    runs = tmp_path / "runs" / "smoke"
    first, second = [job.id for job in load_suite("smoke").jobs][:2]
    (runs / first / "done.json").mkdir(parents=True)
    (runs / second / "failed.json").mkdir(parents=True)
    assert main(["status", "smoke", "--out", str(tmp_path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[:2] for line in lines[:2]] == [["damaged", first], ["damaged", second]] and len(lines) > 9
    (tmp_path / "metrics.jsonl").mkdir()
    assert progress(tmp_path / "metrics.jsonl", 3).startswith(f"{tmp_path}/metrics.jsonl is damaged")


def test_places_are_named_as_they_were_asked_for(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(SystemExit, match=f"error: --out {tmp_path}/file is no folder"):
        main(["status", "smoke", "--out", str(tmp_path / "file")])
    with pytest.raises(OSError, match="/proc/x.csv"):
        check_target("/proc/x.csv")
    with pytest.raises(SystemExit, match="is the file itself; name another"):
        main(["checkpoint", str(tmp_path / "file"), "--out", str(tmp_path / "file")])


@pytest.mark.parametrize("device", ["tpu", "meta", "cpu:x"])
def test_a_device_that_is_none(device, tmp_path):
    with pytest.raises(SystemExit, match=f"error: --device {device}: PyTorch .* finds no such device here"):
        main(["run", "smoke", "--out", str(tmp_path), "--device", device])
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("words", [["--help"], ["merge", "--help"]])
def test_an_output_that_ends(words):
    """A reader that has gone, a disk that is full: one line at most."""
    command = [sys.executable, "-m", "bench", *words]
    read, write = os.pipe()
    os.close(read)
    gone = subprocess.run(command, cwd=ROOT, stdout=write, stderr=subprocess.PIPE, text=True)
    os.close(write)
    assert gone.stderr == "" and gone.returncode in (0, 1)  # argparse says nothing, where output is not buffered
    with open("/dev/full", "w") as full:
        said = subprocess.run([*command[:3], "--help"], cwd=ROOT, stdout=full, stderr=subprocess.PIPE, text=True)
    assert said.returncode == 1 and said.stderr.startswith("error: standard output: No space left on device")
    assert said.stderr.count("\n") == 1


def test_an_interrupt_is_a_line(monkeypatch, capsys):
    def stop(**_):
        raise KeyboardInterrupt

    monkeypatch.setattr("bench.report.report.run", stop)
    assert main(["report", "a"]) == 130 and capsys.readouterr().err == "interrupted\n"
