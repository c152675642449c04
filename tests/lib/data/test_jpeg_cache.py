"""The cache of JPEG frames: nearly the same pixels, in less space, and never taken for the pixels themselves."""

import json
import pickle

import numpy as np
import pytest

from lib.data import ClipDataset, JpegCache, build_cache, build_jpeg_cache, own_protocol, read_manifest
from lib.identity import used
from lib.models import create_model
from lib.pace import choose_workers


@pytest.fixture(scope="module")
def manifest(tiny_shapes):
    return read_manifest(tiny_shapes / "shape")


@pytest.fixture(scope="module")
def raw(manifest, tiny_shapes):
    return build_cache(manifest, tiny_shapes / "cache", 32, progress=False)


@pytest.fixture
def jpeg(manifest, tmp_path):
    return build_jpeg_cache(manifest, tmp_path, 32, progress=False)


def clips(manifest, cache):
    return ClipDataset(manifest, "train", own_protocol(4, 24), train=True, cache=cache)


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.suffix in (".jpgs", ".jsonl", ".json")}


def test_a_clip_is_nearly_that_of_the_decoded_cache(manifest, raw, jpeg):
    for i in range(5):
        (near, label, _), (exact, same, _) = clips(manifest, jpeg)[3, i], clips(manifest, raw)[3, i]
        apart = (near.int() - exact.int()).abs().float().mean()
        assert label == same and near.shape == exact.shape and near.stride() == exact.stride() and 0 < apart < 8
    path = manifest.videos[0].path
    shown, which = jpeg.clip(path, [5, 2, 2])
    assert which == slice(None) and (shown[1] == shown[2]).all() and (shown[0] != shown[1]).any()
    assert np.abs(shown[0].astype(int) - raw[path][5]).mean() < 8
    assert jpeg.frames(path) == raw.frames(path) and len(jpeg) == len(raw)


def test_a_lower_quality_takes_less_space_and_another_folder(manifest, raw, jpeg, tmp_path):
    low = build_jpeg_cache(manifest, tmp_path, 32, quality=50, progress=False)
    bytes_of = [sum(map(len, contents(cache.folder).values())) for cache in (low, jpeg)]
    assert bytes_of[0] < bytes_of[1] < (raw.folder / "frames.u8").stat().st_size
    assert low.folder != jpeg.folder


def test_it_is_another_run_and_worth_workers(manifest, raw, jpeg):
    net = create_model("c2d_nano", num_classes=8)
    said = [used(net, clips(manifest, cache))["videos"] for cache in (None, raw, jpeg)]
    assert said[0] == said[1] and said[2] == {**said[0], "cache": {"jpeg_quality": 90, "short_side": 32}}
    assert choose_workers("auto", clips(manifest, jpeg)) > choose_workers("auto", clips(manifest, raw)) == 0


@pytest.mark.parametrize("torn", ["journal", "frames", "both"])
def test_what_a_killed_one_wrote_is_gone_on_with(torn, manifest, jpeg, tmp_path, monkeypatch):
    whole, folder = contents(jpeg.folder), jpeg.folder
    (folder / "index.json").unlink()
    with pytest.raises(ValueError, match="no complete cache of JPEG"):
        JpegCache(folder)
    if torn != "frames":
        (folder / "videos.jsonl").write_bytes(whole["videos.jsonl"][: len(whole["videos.jsonl"]) // 2])
    if torn != "journal":
        (folder / "frames.jpgs").write_bytes(whole["frames.jpgs"][: len(whole["frames.jpgs"]) // 3])
    again = build_jpeg_cache(manifest, tmp_path, 32, progress=False)
    assert again.folder == folder and contents(folder) == whole


def test_damage_is_named(manifest, jpeg):
    file = jpeg.folder / "frames.jpgs"
    content = bytearray(file.read_bytes())
    content[-100] ^= 1
    file.write_bytes(content)
    last = max(manifest.videos, key=lambda video: video.path).path
    with pytest.raises(ValueError, match=f"frames of {last} are damaged"):
        pickle.loads(pickle.dumps(jpeg)).clip(last, [0])
    file.write_bytes(content[:-1])
    with pytest.raises(ValueError, match="no complete cache"):
        JpegCache(jpeg.folder)


def test_the_same_command_mends(manifest, jpeg, tmp_path, capsys):
    whole, last = contents(jpeg.folder), max(manifest.videos, key=lambda video: video.path).path
    (jpeg.folder / "frames.jpgs").write_bytes(whole["frames.jpgs"][:-9] + bytes(9))
    with pytest.raises(ValueError, match=f"frames of {last} are damaged. Run again: build_jpeg_cache mends it"):
        build_jpeg_cache(manifest, tmp_path, 32, progress=False).clip(last, [0])
    build_jpeg_cache(manifest, tmp_path, 32, progress=False).clip(last, [0])
    assert contents(jpeg.folder) == whole


@pytest.mark.parametrize("before, after", [('"short_side": 32', '"short_side": 64'), ('"pillow"', '"opencv"')])
def test_an_index_that_says_something_else_is_written_again(before, after, manifest, jpeg, tmp_path):
    whole, index = contents(jpeg.folder), jpeg.folder / "index.json"
    assert before in index.read_text()
    index.write_text(index.read_text().replace(before, after))
    with pytest.raises(ValueError, match="no complete cache"):
        JpegCache(jpeg.folder)
    build_jpeg_cache(manifest, tmp_path, 32, progress=False)
    assert contents(jpeg.folder) == whole


@pytest.mark.parametrize("index", [True, False])
def test_frames_never_change_their_videos(index, manifest, jpeg, tmp_path):
    """Two names of the journal were exchanged; without an index their lengths tell, if they differ."""
    whole, journal, lengths = contents(jpeg.folder), jpeg.folder / "videos.jsonl", {}
    for video in manifest.videos:
        lengths.setdefault(video.frames, video.path)
    first, second = list(lengths.values())[:2]
    text = journal.read_text().replace(f'"{first}"', '"@"').replace(f'"{second}"', f'"{first}"')
    journal.write_text(text.replace('"@"', f'"{second}"'))
    if not index:
        (jpeg.folder / "index.json").unlink()
    build_jpeg_cache(manifest, tmp_path, 32, progress=False)
    assert contents(jpeg.folder) == whole


def test_sizes_are_held_against_the_file_before_they_are_read(manifest, jpeg, tmp_path):
    whole, rows = contents(jpeg.folder), [json.loads(line) for line in open(jpeg.folder / "videos.jsonl")]
    (jpeg.folder / "index.json").unlink()
    rows[0][2] = [2**45] * len(rows[0][2])
    (jpeg.folder / "videos.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    build_jpeg_cache(manifest, tmp_path, 32, progress=False)
    assert contents(jpeg.folder) == whole


@pytest.mark.parametrize("quality", [0, 96, 90.0, True, "90"])
def test_a_quality_that_there_is_not(quality, manifest, tmp_path):
    with pytest.raises(ValueError, match="quality must be a whole number from 1 to 95"):
        build_jpeg_cache(manifest, tmp_path, 32, quality=quality)


@pytest.mark.parametrize(
    "line", ['["x", "0", [3], 1]', '["x", 0, 3, 1]', '["x", 0, ["3"], 1]', '["x", -1, [3], 1]', "[" * 9999, "7", "{}"]
)
def test_a_journal_of_another_shape_is_as_good_as_none(line, manifest, tmp_path):
    first = build_jpeg_cache(manifest, tmp_path, 32, progress=False)
    (first.folder / "index.json").unlink()
    journal = first.folder / "videos.jsonl"
    journal.write_text(f"{line}\n{journal.read_text()}")
    assert len(build_jpeg_cache(manifest, tmp_path, 32, progress=False)) == len(first)
