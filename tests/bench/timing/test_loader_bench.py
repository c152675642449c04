"""The loader's benchmark: every source, every sampling, one row per number; and what must be decoded for a clip."""

import csv
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from bench.__main__ import main
from bench.timing import loader
from bench.timing.loader_sources import key_frames, make_sources
from bench.timing.rows import COLUMNS
from lib.data import ClipDataset, open_video, own_protocol


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("loader")


@pytest.fixture(scope="module")
def sources(folder):
    return make_sources(folder, videos=4, frames=40, size=64, progress=False)


def test_every_source_shows_the_same_videos(sources):
    clips = {}
    for source in sources:
        options = {"train": True, "reader": source.reader, "cache": source.cache}
        dataset = ClipDataset(source.manifest, "train", own_protocol(8, 56), **options)
        clips[source.name, source.impl] = dataset[0, 1][0].float()
    assert len(clips) == 8
    assert torch.equal(clips["video, GOP 250", "decord"], clips["video, GOP 250", "pyav"])
    assert torch.equal(clips["frames", "pillow"], clips["lmdb", "pillow"])
    for clip in clips.values():
        assert (clip - clips["cache", "memmap"]).abs().mean() < 8


def test_key_frames(sources):
    long, short = (source.manifest for source in sources if source.impl == "decord")
    for video in long.videos:
        assert key_frames(long.root / video.path) == [0]
        assert key_frames(short.root / video.path) == list(range(0, video.frames, 12))
        with open_video(short.root / video.path) as file:
            assert len(file) == video.frames


@pytest.mark.parametrize(
    "impl, cached, count",
    [
        ("decord", None, 6 + (20 - 12 + 1) + (30 - 24 + 1) + 1),
        ("pyav", None, 32),
        ("pillow", None, 0),
        ("memmap", 1, 0),
    ],
)
def test_how_many_frames_must_be_decoded(monkeypatch, tmp_path, impl, cached, count):
    monkeypatch.setattr(loader, "_key_frames", lambda path: [0, 12, 24, 36])
    kind = "frames" if impl == "pillow" else "video"
    source = SimpleNamespace(impl=impl, cache=cached, manifest=SimpleNamespace(root=tmp_path, source=kind))
    assert loader.decoded_frames(source, SimpleNamespace(path="a"), [30, 5, 20, 31, 5]) == count


def test_the_table(folder, sources, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(loader, "SAMPLINGS", {"8 segments": {"frames": 8}})
    monkeypatch.setattr(torch, "set_num_threads", lambda count: None)
    main(["loader", "--quick", "--out", str(tmp_path / "loader.csv"), "--data", str(folder)])
    with open(tmp_path / "loader.csv") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == COLUMNS
    found = {(row["op"], row["impl"], row["metric"]) for row in rows if row["mode"] == "8 segments"}
    assert found == {
        (source.name, source.impl, metric)
        for source in sources
        for metric in ("decode", "transform", "throughput", "waiting")
    }
    p50 = {(row["op"], row["impl"], row["metric"]): float(row["p50"]) for row in rows}
    assert p50["cache", "memmap", "decode"] < p50["video, GOP 250", "pyav", "decode"]
    assert all(0 <= value <= 100 for (_, _, metric), value in p50.items() if metric == "waiting")
    assert np.isfinite(list(p50.values())).all() and min(p50.values()) >= 0
    assert "times as fast" in capsys.readouterr().out
