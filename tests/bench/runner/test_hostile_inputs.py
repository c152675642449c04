"""What a file says that no program of ours wrote: one line that names the file, and nothing raw."""

import json

import pytest

from bench.__main__ import main
from bench.runner.status import progress
from bench.runner.suite import load_suite

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
