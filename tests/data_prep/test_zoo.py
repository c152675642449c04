"""Containers x codecs and GOP structures, numbers painted in: `ok` means that every reader names every frame rightly.

The table of data_prep/README.md is made here: WRITE_PAGE=1 pytest -m long tests/data_prep/test_zoo.py
"""

import os
from pathlib import Path

import numpy as np
import pytest
from zoo import CODECS, COLOURS, CONTAINERS, read_colours, read_numbers, write_zoo

from data_prep import check, reencode
from lib.data import Video, open_video, write_manifest
from lib.data.readers import READERS

QUIET = {"workers": 2, "progress": False}
PAGE = Path(__file__).parents[2] / "data_prep" / "README.md"
NO_VIDEO = ("it has no video stream", "FFmpeg has no decoder for it")  # a muxer wrote what no demuxer knows
BEGIN, END = "<!-- table: begin -->", "<!-- table: end -->"


def examine(folder, frames, **which):
    """Write a zoo, check it, encode it again.  -> Manifest before, after"""
    names = write_zoo(folder / "zoo", frames, **which)
    rows = [Video(name, 0, "train", None, None, 0, 0.0, 0, 0, "not scanned") for name in names]
    write_manifest(folder / "m", name="zoo", root="../zoo", classes=["a"], videos=rows, mirror_pairs=())
    before = check.run(folder / "m", **QUIET)
    return before, reencode.run(folder / "m", out=folder / "r", short_side=64, gop=12, repetitions=0, **QUIET)


def assert_right(path, frames):
    """One by one, backwards, eight at once, in order: by every reader the number that was painted, and its colours."""
    numbers, rng = np.arange(frames), np.random.default_rng(0)
    eights = [np.sort(rng.choice(frames, 8, replace=False)) for _ in range(4)] + [numbers[k::7][:8] for k in range(7)]
    asked = [*numbers[:, None], *numbers[::-1, None], *eights, numbers]
    for reader in READERS:
        with open_video(path, reader) as video:
            asked_here = asked if reader == "decord" else asked[-12:]  # PyAV does not seek
            for indices in asked_here:
                assert (read_numbers(video.read(indices)) == indices).all(), (path.name, reader, indices)
            assert np.abs(read_colours(video.read(numbers)) - COLOURS).max() <= 6, (path.name, reader)


def assert_zoo(before, after, frames):
    for old, new in zip(before.videos, after.videos, strict=True):
        if old.status == "ok":
            assert_right(before.root / old.path, frames)
        elif any(words in old.status for words in NO_VIDEO):
            assert new.status != "ok"
            continue
        else:
            assert "reencode it" in old.status, old
        assert (new.status, new.frames) == ("ok", frames), new
        assert_right(after.root / new.path, frames)


def test_a_small_zoo(tmp_path):
    containers = ("mp4", "mkv", "avi", "mpg", "wmv", "ts")
    codecs = ("h264_b", "h264_open", "h264_intra", "h264_long", "hevc", "mpeg4_b", "mpeg2", "vp9")
    before, after = examine(tmp_path, 40, containers=containers, codecs=codecs)
    assert_zoo(before, after, 40)
    status = {video.path: video.status for video in before.videos}
    assert status["h264_b.mp4"] == status["h264_intra.mkv"] == status["vp9.mkv"] == "ok"
    assert "names other frames" in status["mpeg4_b.avi"] and "names other frames" in status["h264_open.mp4"]


@pytest.mark.long
def test_the_whole_zoo_and_its_page(tmp_path):
    before, after = examine(tmp_path, 98)
    assert len({video.path.split(".")[1] for video in before.videos if video.status == "ok"}) >= 8
    assert_zoo(before, after, 98)
    text = PAGE.read_text()
    start, end = text.index(BEGIN) + len(BEGIN), text.index(END)
    if os.environ.get("WRITE_PAGE"):
        PAGE.write_text(text[:start] + "\n" + table(before) + text[end:])
    else:
        assert text[start:end].strip() == table(before).strip(), "the page is old; see the top of this file"


def table(manifest):
    """Which pairs are read as they are, which are mended by `reencode`, which no demuxer knows."""
    words = {True: "read", False: "mended"}
    cell = {}
    for video in manifest.videos:
        unknown = any(reason in video.status for reason in NO_VIDEO)
        cell[video.path] = "lost" if unknown else words[video.status == "ok"]
    rows = [["", *(f"`.{suffix}`" for suffix in CONTAINERS)], ["---"] * (len(CONTAINERS) + 1)]
    rows += [[codec, *(cell.get(f"{codec}.{suffix}", "") for suffix in CONTAINERS)] for codec in CODECS]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)
