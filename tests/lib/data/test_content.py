"""Identity is content: videos that changed, caches that were damaged, decoders that hang, each named."""

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from tiny_videos import put_database
from video_files import write_dataset

from data_prep.check import run as check
from lib.data import ClipDataset, DecodedCache, build_cache, cache, own_protocol, read_manifest, watch
from lib.data.content import SAMPLE, fingerprint
from lib.data.readers import open_listed

ROOT = Path(__file__).parents[3]
PROTOCOL = own_protocol(4, 32)


@pytest.fixture
def manifest(tmp_path):
    return write_dataset(tmp_path)


def swapped(folder, first, second):
    """Two files change places, padded to one size first: names, sizes and number of files stay."""
    for one, other in ((first, second), (second, first)):
        data = (folder / one).read_bytes()
        (folder / one).write_bytes(data + b"\0" * max(0, (folder / other).stat().st_size - len(data)))
    return (folder / first).read_bytes(), (folder / second).read_bytes()


@pytest.mark.parametrize("place", [0, 150_000, 299_999])
def test_a_fingerprint_sees_size_head_middle_and_tail(tmp_path, place):
    content = bytearray(np.random.default_rng(0).bytes(300_000))
    (tmp_path / "v").write_bytes(content)
    before = fingerprint(tmp_path / "v")
    content[place] ^= 1
    (tmp_path / "v").write_bytes(content)
    assert fingerprint(tmp_path / "v") != before and len(before) == 16 and 3 * SAMPLE < len(content)
    for size in (300_000, 300_001):  # of one byte all along, nothing but the size tells
        (tmp_path / str(size)).write_bytes(bytes(size))
    assert fingerprint(tmp_path / "300000") != fingerprint(tmp_path / "300001")


def test_a_fingerprint_of_images(tmp_path):
    for number in range(5):
        (tmp_path / f"{number}.jpg").write_bytes(b"x" * 9)
    before = fingerprint(tmp_path)
    (tmp_path / "2.jpg").write_bytes(b"y" * 9)
    other = fingerprint(tmp_path)
    (tmp_path / "1.jpg").rename(tmp_path / "7.jpg")
    assert len({before, other, fingerprint(tmp_path)}) == 3


def test_two_videos_of_equal_size_change_places(tmp_path, manifest):
    """The manifest, its check and a training all see it; another cache is filled, or rather refused."""
    videos = tmp_path / "videos"
    first, second = swapped(videos, "0.mp4", "2.mp4")
    same_size = write_dataset_again(manifest)
    held = build_cache(same_size, tmp_path / "cache", 32, progress=False)
    (videos / "0.mp4").write_bytes(second), (videos / "2.mp4").write_bytes(first)
    assert write_dataset_again(same_size, "again").hash != same_size.hash
    with pytest.raises(ValueError, match="prepare"):
        build_cache(same_size, tmp_path / "cache", 32, progress=False)
    with pytest.raises(ValueError, match="0.mp4 has|2.mp4 has"):
        [ClipDataset(same_size, "train", PROTOCOL, train=True)[0, i] for i in range(4)]
    assert len(held) == 6
    check(same_size.folder, workers=0, progress=False)
    after = check(same_size.folder, workers=0, progress=False)  # a second look does not make them right
    bad = {video.path: video.status for video in after.videos if video.status != "ok"}
    assert set(bad) == {"videos/0.mp4", "videos/2.mp4"} and all("prepare" in status for status in bad.values())


def test_a_video_that_still_looks_the_same_is_another(tmp_path, manifest):
    """As many frames, as large, the same pictures: its bytes tell."""
    fresh = write_dataset_again(manifest)
    open_listed(fresh, fresh.videos[0])
    with open(fresh.root / fresh.videos[0].path, "ab") as file:
        file.write(b"\0" * 8)
    with pytest.raises(ValueError, match="another content"):
        open_listed(fresh, fresh.videos[0])


def write_dataset_again(manifest, name="same"):
    from lib.data import write_manifest

    known = {"classes": manifest.classes, "videos": manifest.videos, "mirror_pairs": (), "root": manifest.root}
    return write_manifest(manifest.folder.parent / name, name="same", **known)


def test_manifests_without_the_column_are_read(manifest):
    file = manifest.folder / "manifest.csv"
    file.write_text("\n".join(line.rsplit(",", 1)[0] for line in file.read_text().splitlines()) + "\n")
    dataset = json.loads((manifest.folder / "dataset.json").read_text())
    del dataset["hash"]
    (manifest.folder / "dataset.json").write_text(json.dumps(dataset))
    assert {video.content for video in read_manifest(manifest.folder).videos} == {""}
    file.write_text(file.read_text().replace("status\n", "status,content\n").replace("ok\n", "ok,../x\n"))
    with pytest.raises(ValueError, match="line 2, column content: '../x' must be 16 hexadecimal digits"):
        read_manifest(manifest.folder)


def damage(folder, how):
    file = folder / "frames.u8"
    content = bytearray(file.read_bytes())
    if how == "half":
        content[len(content) // 2 :] = bytes(len(content) - len(content) // 2)
    if how == "cut":
        content = content[: len(content) // 2]
    if how == "bit":
        content[70_000] ^= 4
    file.write_bytes(content)
    if how == "index":
        (folder / "index.json").write_text('{"bytes": 1e99, "videos": {"a": [0, 99999999999, 1, 1, 3]}}')
    if how == "sums":
        (folder / "sums.jsonl").write_bytes(b"[1]\n\xff\xfe\n[[[[")


@pytest.mark.parametrize("how", ["half", "cut", "bit", "index", "sums"])
def test_a_damaged_cache_is_named_and_mended(manifest, tmp_path, how, capsys, monkeypatch):
    whole = build_cache(manifest, tmp_path / "cache", 32, progress=False)
    wanted = {video.path: np.array(whole[video.path]) for video in manifest.videos}
    damage(whole.folder, how)
    names, decode = [], cache.decode_video
    monkeypatch.setattr(
        cache, "decode_video", lambda m, video, *rest: names.append(video.path) or decode(m, video, *rest)
    )
    mended = build_cache(manifest, tmp_path / "cache", 32, progress=False)
    assert ("damaged, and decoded again: videos/" in capsys.readouterr().out) == (how != "index")
    assert len(names) == {"half": 3, "cut": 3, "bit": 1, "index": 0, "sums": 6}[how]
    for path, frames in wanted.items():
        np.testing.assert_array_equal(mended[path], frames)
    names.clear()
    build_cache(manifest, tmp_path / "cache", 32, progress=False)
    assert not names


@pytest.mark.parametrize("how", ["half", "bit"])
def test_a_damaged_cache_is_not_trained_on(manifest, tmp_path, how):
    """Opened before or after the damage, in this process or a worker's copy: the first read says so."""
    held = build_cache(manifest, tmp_path / "cache", 32, progress=False)
    with open(held.folder / "frames.u8", "r+b") as file:
        file.seek(40_000 if how == "bit" else held._size // 2)
        file.write(bytes(1 if how == "bit" else held._size - held._size // 2))
    for each in (held, DecodedCache.open(held.folder)):
        with pytest.raises(ValueError, match=r"frames of videos/\d.mp4 are damaged, its checksum differs.*mends it"):
            [each[video.path] for video in manifest.videos]
    assert not (held.folder / "checked.json").exists(), "the next build_cache looks at every video"


def test_a_cache_that_is_cut_while_it_is_read_ends_in_an_error(manifest, tmp_path):
    """Not in SIGBUS, which ends the process that trains."""
    held = build_cache(manifest, tmp_path / "cache", 32, progress=False)
    code = f"""
import os
from lib.data import DecodedCache
cache = DecodedCache.open({str(held.folder)!r})
os.truncate({str(held.folder / "frames.u8")!r}, 0)
try:
    cache["videos/0.mp4"].sum()
except ValueError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0 and "frames of videos/0.mp4 are damaged, frames.u8 was cut" in done.stdout


def test_a_moved_cache_is_looked_at_and_kept(manifest, tmp_path, monkeypatch):
    held = build_cache(manifest, tmp_path / "cache", 32, progress=False)
    shutil.copytree(tmp_path / "cache", tmp_path / "copy")
    monkeypatch.setattr(cache, "decode_video", None)  # decoding anything fails
    assert build_cache(manifest, tmp_path / "copy", 32, progress=False).folder.name == held.folder.name


@pytest.mark.parametrize("workers", [0, 1])
def test_a_decoder_that_hangs_is_named(manifest, monkeypatch, workers):
    from lib.data import batches, clips

    monkeypatch.setattr(watch, "STALLED_AFTER_S", 0.5)
    opened = clips.open_listed

    def hangs(manifest, video, reader):
        time.sleep(20 if video.path.endswith("2.mp4") else 0)
        return opened(manifest, video, reader)

    monkeypatch.setattr(clips, "open_listed", hangs)
    dataset = ClipDataset(manifest, "train", PROTOCOL, train=True)
    with pytest.raises((TimeoutError, RuntimeError), match=r"videos/2.mp4: its decoder has not come back after 0.5 s"):
        list(batches(dataset, 0, 1, shuffle=False, workers=workers))


def test_a_decoder_that_hangs_while_a_cache_is_filled_is_named(manifest, tmp_path, monkeypatch):
    monkeypatch.setattr(watch, "STALLED_AFTER_S", 0.2)
    monkeypatch.setattr(cache, "decode_video", lambda *_: time.sleep(10))
    with pytest.raises(TimeoutError, match="videos/0.mp4: its decoder has not come back after 0.2 s"):
        build_cache(manifest, tmp_path / "cache", 32, progress=False)


def test_a_database_that_was_cut_ends_in_an_error(tmp_path):
    """Not in SIGBUS, which ends the process that trains."""
    put_database(tmp_path / "v", frames=30)
    file = tmp_path / "v" / "data.mdb"
    code = f"""
from pathlib import Path
from lib.data.readers import FrameDatabase
try:
    with FrameDatabase(Path({str(tmp_path / "v")!r}), "{{:06d}}.jpg", 1, 30, 25.0) as frames:
        print(frames.read(range(30)).shape)
except ValueError as error:
    print(error)
"""

    def said():
        done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done
        return done.stdout

    assert said().startswith("(30, 32, 40, 3)")
    os.truncate(file, 5 * 4096)
    assert "data.mdb is cut short: it has 20480 of " in said()


def test_pages_that_nothing_uses_may_be_missing(tmp_path):
    """The count says more than the file has, but all that is used is there."""
    import lmdb

    from lib.data import images

    put_database(tmp_path / "v", frames=30)
    with lmdb.open(str(tmp_path / "v"), readonly=True, lock=False) as environment:
        pages, size = environment.info()["last_pgno"] + 1, environment.stat()["psize"]
        more = SimpleNamespace(info=lambda: {"last_pgno": pages + 10**6}, stat=lambda: {"psize": size})
    images._check_whole(more, tmp_path / "v")
    os.truncate(tmp_path / "v" / "data.mdb", 5 * size)
    with pytest.raises(ValueError, match="data.mdb is cut short"):
        images._check_whole(more, tmp_path / "v")
