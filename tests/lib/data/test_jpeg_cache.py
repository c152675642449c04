"""The cache of JPEG frames: nearly the same pixels, in less space, and never taken for the pixels themselves."""

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
