"""A suite on videos of one's own: label lists as people have them, a manifest, a trained net, a row of the table."""

import shutil

import pytest
import yaml

from bench.report import tables
from bench.runner.job import run_job
from bench.runner.run import _write_jobs
from bench.runner.suite import load_suite
from data_prep import export
from data_prep.datasets import lists
from lib.data import read_manifest
from lib.run import done

RUN = {"model": "c2d_nano", "frames": 4, "size": 24, "epochs": 1, "batch_size": 8}
SPLITS = ("train", "val", "test")


@pytest.fixture(scope="module")
def own(tiny_shapes, tmp_path_factory):
    """A folder with one manifest over the videos of moving_shapes, made from lists as mmaction2 has them."""
    folder = tmp_path_factory.mktemp("own")
    export.run(tiny_shapes / "motion", out=folder / "labels", format="mmaction_videos")
    name = read_manifest(tiny_shapes / "motion").name
    files = {split: folder / "labels" / f"{name}_{split}_list_videos.txt" for split in SPLITS}
    files |= {"root": tiny_shapes / "videos", "classes": folder / "labels" / "label_map.txt"}
    lists.prepare(folder / "mine", format="mmaction_videos", **files, name="mine", workers=0, progress=False)
    return folder / "mine"


def suite_of(folder, manifest, run=RUN, **more):
    path = folder / "small.yaml"
    path.write_text(yaml.safe_dump({"data": {"manifest": str(manifest), **more}, "train": {"runs": [run]}}))
    return load_suite(path)


@pytest.mark.parametrize("cached", [True, False])
def test_from_lists_to_a_row_of_the_table(own, tmp_path, cached):
    suite = suite_of(tmp_path, own, {**RUN, "cached": cached, "sampling": {"segments": 2, "short_side": 28}})
    train, costs = suite.jobs
    assert costs.options["num_classes"] == 8 and train.needs == ()
    runs = tmp_path / "runs"
    _write_jobs(runs, suite, tmp_path, "cpu", 1)
    run_job(runs / "jobs.json", train.id, 1)
    record = done(runs / train.id)
    assert record["test"]["videos"] == 10 and (own / "cache").is_dir() == cached
    row = tables.trade_off(runs).iloc[0]
    assert (row.labels, row.dataset, row.videos) == ("mine", f"mine-{read_manifest(own).hash[:8]}", 10)
    shutil.rmtree(own / "cache", ignore_errors=True)


def test_an_id_holds_the_data_not_its_place(own, tmp_path, monkeypatch):
    ids = [job.id for job in suite_of(tmp_path, own).jobs]
    shutil.copytree(own, tmp_path / "there" / "split1")
    monkeypatch.chdir(tmp_path)
    assert [job.id for job in suite_of(tmp_path, "there/split1").jobs] == ids
    (among, _), (alone, _) = suite_of(tmp_path, "there", {**RUN, "labels": "split1"}).jobs, suite_of(tmp_path, own).jobs
    assert among.data == str(tmp_path / "there") and among.options["data"] == alone.options["data"]


@pytest.mark.parametrize(
    "manifest, run, more, message",
    [
        ("gone", RUN, {}, "gone holds no manifest.csv; data_prep writes one"),
        ("..", RUN, {}, "holds no manifest.csv; `labels` can be mine"),
        (".", {**RUN, "labels": "motion"}, {}, "mine/motion holds no manifest.csv"),
        (".", {**RUN, "labels": "../mine"}, {}, "labels '../mine' cannot be part of a path"),
        (".", RUN, {"videos": 9}, "beside manifest nothing can stand, but there is videos"),
    ],
)
def test_mistakes(own, tmp_path, manifest, run, more, message):
    with pytest.raises(ValueError, match=f"small.yaml: .*{message}"):
        suite_of(tmp_path, own / manifest, run, **more)


def test_a_missing_split_is_said_before_anything_runs(own, tiny_shapes, tmp_path):
    labels = own.parent / "labels"
    train, name = labels / "only_train.txt", read_manifest(tiny_shapes / "motion").name
    train.write_text((labels / f"{name}_train_list_videos.txt").read_text())
    options = {"root": tiny_shapes / "videos", "format": "mmaction_videos", "classes": labels / "label_map.txt"}
    lists.prepare(tmp_path / "less", **options, train=train, workers=0, progress=False)
    with pytest.raises(ValueError, match="no usable video for val, test: .* prepare it again with --hold-out 0.1"):
        suite_of(tmp_path, tmp_path / "less")
