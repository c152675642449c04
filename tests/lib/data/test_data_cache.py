import pickle
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from video_files import moving_pattern, write_dataset, write_video

from lib.data import DecodedCache, Video, build_cache, cache, jpeg_cache, open_video, write_manifest
from lib.data.manifest import make_manifest
from lib.data.transforms import resize_short_side
from lib.files import locked

ROOT = Path(__file__).parents[3]


@pytest.fixture
def manifest(tmp_path):
    return write_dataset(tmp_path)


@pytest.fixture
def decoded(monkeypatch):
    """The videos that were decoded, in order."""
    names, decode = [], cache.decode_video
    monkeypatch.setattr(
        cache,
        "decode_video",
        lambda manifest, video, *rest: names.append(Path(video.path).name) or decode(manifest, video, *rest),
    )
    return names


@pytest.mark.parametrize("short_side", [32, 16])
def test_cache_holds_what_decord_reads(manifest, tmp_path, short_side):
    built = build_cache(manifest, tmp_path / "cache", short_side, progress=False)
    assert len(built) == len(manifest.videos) and built.short_side == short_side
    for video in manifest.videos:
        with open_video(manifest.root / video.path) as source:
            frames = source.read(range(video.frames))
        np.testing.assert_array_equal(built[video.path], resize_short_side(frames, short_side))
        assert min(built[video.path].shape[1:3]) == short_side


def test_it_is_filled_once_and_shared_by_label_sets(manifest, tmp_path, decoded):
    first = build_cache(manifest, tmp_path / "cache", 32, progress=False)
    other = write_manifest(
        tmp_path / "shape",
        name="other labels, other order",
        source="video",
        root="..",
        classes=["round", "square"],
        videos=[Video(**(vars(v) | {"label": 0, "split": "train"})) for v in reversed(manifest.videos)],
        mirror_pairs=(),
    )
    assert build_cache(other, tmp_path / "cache", 32, progress=False).folder == first.folder
    assert len(decoded) == len(manifest.videos)
    write_video(
        tmp_path / "videos" / "0.mp4", moving_pattern(12, 32, 40, seed=99)
    )  # another video, same name and length
    with pytest.raises(ValueError, match="0.mp4 has another content than when the dataset was prepared"):
        build_cache(manifest, tmp_path / "cache", 32, progress=False)
    unknown = replace(manifest, videos=tuple(replace(video, content="") for video in manifest.videos))
    assert build_cache(unknown, tmp_path / "cache", 32, progress=False).folder != first.folder


def test_a_killed_fill_goes_on_where_it_stopped(manifest, tmp_path, decoded):
    whole = build_cache(manifest, tmp_path / "whole", 32, progress=False)
    folder = tmp_path / "cut" / whole.folder.name
    folder.mkdir(parents=True)
    stopped_at = 32 * 40 * 3 * (12 + 13) + 1000  # within the third video
    (folder / "frames.u8").write_bytes((whole.folder / "frames.u8").read_bytes()[:stopped_at])
    lines = (whole.folder / "sums.jsonl").read_bytes().splitlines(keepends=True)
    (folder / "sums.jsonl").write_bytes(b"".join(lines[:2]) + lines[2][:9])
    with pytest.raises(ValueError, match="no complete cache"):
        DecodedCache.open(folder)
    decoded.clear()
    again = build_cache(manifest, tmp_path / "cut", 32, progress=False)
    assert decoded == ["2.mp4", "3.mp4", "4.mp4", "5.mp4"]
    for video in manifest.videos:
        np.testing.assert_array_equal(again[video.path], whole[video.path])


@pytest.mark.parametrize("kind, build", [(cache, build_cache), (jpeg_cache, jpeg_cache.build_jpeg_cache)])
def test_a_video_that_changes_while_it_is_decoded_is_named(kind, build, manifest, tmp_path, monkeypatch):
    """Else its old frames would be kept under the new video's fingerprint."""
    decode = cache.decode_video

    def decode_and_change(manifest, video, *rest):
        frames = decode(manifest, video, *rest)
        path = manifest.root / video.path
        path.write_bytes(path.read_bytes() + b"\0")
        return frames

    monkeypatch.setattr(kind, "decode_video", decode_and_change)
    with pytest.raises(ValueError, match="was changed while it was decoded; run again"):
        build(manifest, tmp_path / "cache", 16, progress=False)
    assert not list((tmp_path / "cache").glob("*/index.json"))


def test_a_second_process_waits_and_then_opens(manifest, tmp_path):
    whole = build_cache(manifest, tmp_path / "whole", 32, progress=False)
    folder = tmp_path / "cache" / whole.folder.name
    code = f"""
from lib.data import build_cache, cache, read_manifest
cache.decode_video = None                              # decoding anything fails
build_cache(read_manifest({str(manifest.folder)!r}), {str(tmp_path / "cache")!r}, 32)
"""
    with locked(folder):
        second = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, text=True)
        assert second.stdout.readline().startswith("waiting for the process that fills")
        for name in ("frames.u8", "sums.jsonl", "index.json"):
            shutil.copy(whole.folder / name, folder / name)
    assert second.wait(timeout=60) == 0
    second.stdout.close()


def test_from_arrays(manifest, tmp_path):
    arrays = [moving_pattern(v.frames, v.height, v.width) for v in manifest.videos]
    held = DecodedCache.from_arrays(manifest, arrays)
    assert held.short_side == 32
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(held))["videos/1.mp4"], arrays[1])
    with pytest.raises(ValueError, match="5 arrays for the 6 rows"):
        DecodedCache.from_arrays(manifest, arrays[1:])
    with pytest.raises(ValueError, match="videos/0.mp4: uint8 .13, 32, 40, 3. is not what the manifest says"):
        DecodedCache.from_arrays(manifest, arrays[1:] + arrays[:1])


def test_a_pickled_cache_is_a_path(manifest, tmp_path):
    built = build_cache(manifest, tmp_path / "cache", 32, progress=False)
    assert len(pickle.dumps(built)) < 1000


def test_a_wrong_video_is_named(manifest, tmp_path):
    write_video(tmp_path / "videos" / "2.mp4", moving_pattern(5, 32, 40))
    with pytest.raises(ValueError, match="2.mp4 has 5 frames of 40 x 32 pixels, but its row in the manifest says 14"):
        build_cache(manifest, tmp_path / "cache", 32, progress=False)
    (tmp_path / "videos" / "2.mp4").unlink()
    with pytest.raises(FileNotFoundError, match="2.mp4: no such video"):
        build_cache(manifest, tmp_path / "cache", 32, progress=False)


def test_training_from_a_cache_needs_no_decoder(manifest, tmp_path):
    folder = build_cache(manifest, tmp_path / "cache", 32, progress=False).folder
    code = f"""
import sys
for name in ("decord", "av", "pandas", "tqdm", "PIL"):
    sys.modules[name] = None                      # importing it raises
from lib.data import ClipDataset, DecodedCache, batches, own_protocol, read_manifest
cache = DecodedCache.open({str(folder)!r})
videos = read_manifest({str(manifest.folder)!r})
train = ClipDataset(videos, "train", own_protocol(8, 32), train=True, cache=cache)
clips, labels, indices = next(batches(train, 0, 4, shuffle=True))
assert clips.shape == (4, 3, 8, 32, 32)
"""
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT, timeout=120)


def test_rows_of_one_video_are_of_one_array():
    row = {"label": 0, "split": "train", "frames": 2, "fps": 1.0, "width": 4, "height": 3}
    rows = [Video(path="x", start=start, end=start + 1, **row) for start in (0.0, 1.0)]
    manifest = make_manifest(name="n", classes=["a"], videos=rows, mirror_pairs=())
    array = np.zeros((2, 3, 4, 3), np.uint8)
    assert len(DecodedCache.from_arrays(manifest, [array, array.copy()])) == 1
    with pytest.raises(ValueError, match="x has several rows, and other frames in one than in another"):
        DecodedCache.from_arrays(manifest, [array, array + 1])
