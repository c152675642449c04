"""Suites, searches' results and records of folders, damaged in any way: read, or refused by the file's name.

A few examples here, 1,000 a reader in `make test-long`.
"""

import json
import shutil

import pytest
from damage import damaged, every_odd_value, examples_of

from bench.report.classes import class_names
from bench.runner.run import claim_suite
from bench.runner.status import progress
from bench.runner.suite import Suite, load_suite
from data_prep.moving_shapes.dataset import _claim as claim_shapes
from data_prep.reencode import _claim as claim_encoding
from data_prep.reencode import write_lost
from data_prep.scan import _read_journal as read_scan
from data_prep.whole_files import compare
from lib.models.subkernels import read_deal
from lib.run import claim, done, read_record
from lib.search.schedule.schedules import load_schedule, published_schedules, stages

NET = {"model": "c2d_nano", "frames": 4, "size": 32, "epochs": 1, "options": {"dropout": 0.5}, "recipe": {"mixup": 0.5}}
SUITE = {
    "about": "x",
    "data": {"videos": 24, "frames": 8, "size": 32},
    "train": {"defaults": {"batch_size": 8}, "seeds": [0, 1], "runs": [NET]},
    "searches": [{"notebook": "11_search_sub_kernels", "parameters": {"epochs": 1}, "seeds": [0]}],
    "costs": {"timed_runs": 2},
    "lessons": [{"notebook": "14_trade_offs", "parameters": {}}],
    "threads": 1,
    "resources": {"defaults": {"memory": "4 GB"}},
}
SCHEDULE = published_schedules()["op-ucf101-dg-p3d-resnet50-kinetics"]
DEAL = [{"1xkxk": 4, "kx1x1": 4}, {"1xkxk": 2, "kx1x1": 6}]
SCAN = {"frames": 3, "fps": 25.0, "width": 40, "height": 32, "drift": 0.0, "status": "ok", "note": ""}
EPOCH = {"epoch": 0, "train_loss": 1.5, "seconds": 60.0, "val_top1": 50.0}
CODED = {"of": "x", "short_side": 32, "gop": 6, "crf": 20}
JOBS = {"data": "d", "jobs": [{"id": "a-1", "data": "", "options": {"data": "x", "labels": "y"}}]}
SHAPES = {"videos": 24, "frames": 8, "size": 32, "seed": 0, "difficulty": "plain", "drawing": "0123abcd"}


def text(value):
    return json.dumps(value).encode()


def a_suite(folder):
    return Suite("mine", (), folder / "elsewhere.yaml")


# reader: its file, what is in it, f(folder) that reads it
READERS = {
    "suite": ("mine.yaml", text(SUITE), lambda folder: load_suite(folder / "mine.yaml")),
    "schedule": ("plan.json", text(SCHEDULE), lambda folder: stages(load_schedule(folder / "plan.json"))),
    "deal": ("deal.json", text(DEAL), lambda folder: read_deal(folder / "deal.json", "conv1_2d", [8, 8])),
    "folder of a suite": ("suite.json", text({"file": "x"}), lambda folder: claim_suite(folder, a_suite(folder))),
    "folder of a run": ("run.json", text({"net": "x"}), lambda folder: claim(folder, {"net": "x"})),
    "result": ("result.json", text({"history": [EPOCH]}), lambda folder: read_record(folder / "result.json")),
    "done": ("done.json", text({"files": {"a": 1}}), done),
    "epochs": ("metrics.jsonl", text(EPOCH) + b"\n", lambda folder: progress(folder / "metrics.jsonl", 3)),
    "classes": ("names.txt", b"a\nb\n", lambda folder: class_names(folder, 2, folder / "names.txt")),
    "classes of a suite": ("jobs.json", text(JOBS), lambda folder: class_names(folder / "a-1", 2)),
    "scan": ("scan.jsonl", text(["a.mp4", [3, "x"], SCAN]) + b"\n", lambda folder: read_scan(folder / "scan.jsonl")),
    "encodings": ("encoded.jsonl", text(["a.mp4", "0123", "lost"]) + b"\n", write_lost),
    "folder of encodings": ("reencode.json", text(CODED), lambda folder: claim_encoding(folder, CODED)),
    "folder of shapes": ("moving_shapes.json", text(SHAPES), lambda folder: claim_shapes(folder, SHAPES)),
    "whole hashes": ("full.json", text({"a.mp4": ["01", "02"]}), lambda folder: compare(folder, [], folder, False)),
}


def assert_clear(home, name, content):
    file, _, read = READERS[name]
    folder = home / "read"
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "a-1").mkdir(parents=True)
    (folder / file).write_bytes(content)
    try:
        read(folder)
    except (ValueError, FileNotFoundError) as error:
        assert type(error) in (ValueError, FileNotFoundError), repr(error)
        assert file in str(error) or str(folder) in str(error), error
        assert len(str(error)) < 6000 and "\n" not in str(error), error


def run(home, name, examples):
    file, whole, read = READERS[name]
    assert_clear(home, name, whole)
    assert read(home / "read") is not False, "it is read as it should be"

    @examples_of(damaged({file: whole}), examples)
    def check(wrong):
        assert_clear(home, name, wrong[file])

    check()


@pytest.mark.parametrize("name", READERS)
def test_inputs(name, tmp_path):
    run(tmp_path, name, 25)


@pytest.mark.parametrize("name", [name for name in READERS if name != "suite"])
def test_every_odd_value(name, tmp_path):
    file, whole, _ = READERS[name]
    for wrong in every_odd_value(whole) if file.endswith((".json", ".jsonl")) else ():
        assert_clear(tmp_path, name, wrong)
    for whole in (b"", b"null", b"[]", b"3", b'"x"', b"{}", b"[" * 10**5, b"1" * 10**4, b"\xff", b"{"):
        assert_clear(tmp_path, name, whole)


@pytest.mark.long
@pytest.mark.parametrize("name", READERS)
def test_inputs_long(name, tmp_path):
    run(tmp_path, name, 1000)


@pytest.mark.long
def test_every_odd_value_of_a_suite(tmp_path):
    for wrong in every_odd_value(text(SUITE)):
        assert_clear(tmp_path, "suite", wrong)
