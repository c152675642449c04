"""Work that is done is that of this content: a scan, an encoding, a cache of what was there before is not used."""

import json
import os

import lmdb
import numpy as np
import pytest
from PIL import Image
from tiny_videos import picture, put_database, put_frames, put_video, write_file

from data_prep import check, reencode
from data_prep.scan import scan, scan_one
from data_prep.tree import find_videos
from lib.data import ClipDataset, Video, build_cache, open_video, own_protocol, write_manifest
from lib.data.jpeg_cache import build_jpeg_cache
from lib.data.readers import open_listed
from lib.identity import used
from lib.models import create_model

QUIET = {"workers": 0, "progress": False}
IMAGES = {"source": "frames", "pattern": "{:05d}.jpg", "first_index": 1}


def put_image(file, level, size=(40, 32)):
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, (level,) * 3).save(file)


def described(folder, rows, **more):
    return write_manifest(folder, name="n", root="../v", classes=["a"], videos=rows, mirror_pairs=(), **more)


def row(path, status="ok", **more):
    return Video(**{**dict(path=path, label=0, split="train", start=None, end=None, frames=5, fps=0.0, width=40,
                           height=32, status=status), **more})  # fmt: skip


def test_a_video_that_rots_under_its_date_is_scanned_again(tmp_path):
    put_video(tmp_path / "a", tmp_path, frames=30)
    put_frames(tmp_path / "f", frames=5)
    options = {"root": tmp_path, "journal": tmp_path / "scan.jsonl", **QUIET}
    assert scan(["a.mp4"], **options, source="video")["a.mp4"].status == "ok"
    assert scan(["f"], **options, **IMAGES)["f"].status == "ok"
    content, stat = bytearray((tmp_path / "a.mp4").read_bytes()), (tmp_path / "a.mp4").stat()
    content[len(content) // 3 : len(content) // 2] = bytes(len(content) // 2 - len(content) // 3)
    (tmp_path / "a.mp4").write_bytes(content)
    os.utime(tmp_path / "a.mp4", ns=(stat.st_atime_ns, stat.st_mtime_ns))
    put_image(tmp_path / "f" / "00002.jpg", 9, size=(80, 32))  # the folder's own date stays
    assert "cannot be read" in scan(["a.mp4"], **options, source="video")["a.mp4"].status
    assert scan(["f"], **options, **IMAGES)["f"].status == "00002.jpg is 80x32, the images before it 40x32"


def test_a_source_that_changed_is_encoded_again(tmp_path):
    for levels in (picture(12), 255 - picture(12, seed=4)):
        write_file(tmp_path / "v" / "a.mp4", levels)
        described(tmp_path / "m", [row("a.mp4", frames=12, fps=30.0)])
        reencode.run(tmp_path / "m", out=tmp_path / "r", short_side=32, gop=6, repetitions=0, **QUIET)
        shown = [open_video(tmp_path / place / "a.mp4").read([3])[0].astype(int) for place in ("v", "r/videos")]
        assert np.abs(shown[0] - shown[1]).mean() < 10
    journal = tmp_path / "r" / "encoded.jsonl"
    journal.write_text(journal.read_text() + '["a.mp4", ')  # killed here; the next run passes over it
    reencode.run(tmp_path / "m", out=tmp_path / "r", short_side=32, gop=6, repetitions=0, **QUIET)


def test_two_videos_never_become_one_file(tmp_path):
    described(tmp_path / "m", [row("a.avi"), row("a.avi.mp4")])
    for name in ("a.avi", "a.avi.mp4"):
        put_image(tmp_path / "v" / "x.png", 1)
        (tmp_path / "v" / name).write_bytes(b"x")
    with pytest.raises(ValueError, match="a.avi and a.avi.mp4 would both become a.avi.mp4: rename one"):
        reencode.run(tmp_path / "m", out=tmp_path / "r", short_side=32, gop=6, **QUIET)
    assert not (tmp_path / "r").exists()


def test_other_images_of_the_same_folders_have_a_cache_and_a_run_of_their_own(tmp_path):
    for number in range(1, 6):
        put_image(tmp_path / "v" / "x" / f"rgb_{number:05d}.png", number)
        put_image(tmp_path / "v" / "x" / f"depth_{number:05d}.png", 100 + number)
    seen, runs = [], set()
    for name, first in (("rgb", 1), ("depth", 1), ("rgb", 2)):
        frames = {"source": "frames", "frame_pattern": f"{name}_{{:05d}}.png", "first_index": first}
        manifest = described(tmp_path / "m", [row("x", frames=4)], **frames)
        for build in (build_cache, build_jpeg_cache):
            cache = build(manifest, tmp_path / "cache", 32, progress=False)
            shown, indices = cache.clip("x", [0, 1])
            seen.append(int(round(shown[indices][0].mean())))
        clips = ClipDataset(manifest, "train", own_protocol(2, 32), train=True)
        runs.add(json.dumps(used(create_model("c2d_nano", num_classes=1), clips)["videos"]))
    assert seen == [1, 1, 101, 101, 2, 2] and len(runs) == 3


def test_who_only_looks_into_a_folder_changes_no_video(tmp_path):
    put_frames(tmp_path / "v" / "x", frames=5)
    frames = {"source": "frames", "frame_pattern": "{:05d}.jpg", "first_index": 1}
    manifest = described(tmp_path / "m", [row("x")], **frames)
    assert manifest.videos[0].content
    for name in ("Thumbs.db", ".DS_Store", "._00001.jpg", "desktop.ini"):
        (tmp_path / "v" / "x" / name).write_bytes(b"left behind")
    with open_listed(manifest, manifest.videos[0]) as source:
        assert len(source) == 5
    assert check.run(tmp_path / "m", **QUIET).found == {"train": 1}


@pytest.mark.parametrize(
    "files, told",
    [
        (["00004.png", "00005.png"], "00004.png has the number of a frame, and another name than 00001.jpg"),
        (["00004.JPG"], "00004.JPG has the number of a frame, and another name than 00001.jpg"),
        (["4.jpg"], "4.jpg has the number of a frame, and another name than 00001.jpg"),
        (["00000.jpg"], "ok; 00000.jpg is not used: frames begin at 00001.jpg"),
        (["00002.png", "mask_00004.png", "00001_c1.jpg", "info.json"], "ok; "),
    ],
)
def test_no_frame_is_left_out_in_silence(tmp_path, files, told):
    put_frames(tmp_path / "v", frames=3)
    for name in files:
        put_image(tmp_path / "v" / name, 7) if name.lower().endswith(("jpg", "png")) else (
            tmp_path / "v" / name
        ).touch()
    found = scan_one("v", root=str(tmp_path), **IMAGES)
    assert told == (f"{found.status}; {found.note}" if found.status == "ok" else found.status)
    if found.status == "ok":
        assert found.frames == 3


def test_a_database_that_counts_from_zero_is_told(tmp_path):
    put_database(tmp_path / "v", frames=3)
    with lmdb.open(str(tmp_path / "v"), map_size=2**20) as environment, environment.begin(write=True) as images:
        images.put(b"000000.jpg", images.get(b"000001.jpg"))
    found = scan_one("v", root=str(tmp_path), source="lmdb", pattern="{:06d}.jpg", first_index=1)
    assert (found.frames, found.note) == (3, "000000.jpg is not used: frames begin at 000001.jpg")


def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "a.mp4")
    put_frames(tmp_path / "f", frames=3)
    (tmp_path / "f" / "00002.jpg").unlink()
    os.mkfifo(tmp_path / "f" / "00002.jpg")
    for reader in ("decord", "pyav"):
        with pytest.raises(ValueError, match="a.mp4 is no file and no folder, but a pipe or a device"):
            open_video(tmp_path / "a.mp4", reader)
    assert scan_one("a.mp4", root=str(tmp_path), source="video").status.startswith(
        "is no file and no folder, but a pipe"
    )
    assert scan_one("f", root=str(tmp_path), **IMAGES).status == "00002.jpg is missing (2 images, up to number 3)"


def test_a_cache_of_other_videos_of_these_names(tmp_path):
    manifests = []
    for name, level in (("p", 1), ("q", 200)):
        for number in range(1, 6):
            put_image(tmp_path / name / "v" / "x" / f"{number:05d}.png", level)
        frames = {"source": "frames", "frame_pattern": "{:05d}.png", "first_index": 1}
        manifests.append(described(tmp_path / name / "m", [row("x")], **frames))
    for build in (build_cache, build_jpeg_cache):
        cache = build(manifests[0], tmp_path / "cache", 32, progress=False)
        assert len(ClipDataset(manifests[0], "train", own_protocol(2, 32), train=True, cache=cache)) == 1
        with pytest.raises(ValueError, match="holds another x: build_cache for this manifest"):
            ClipDataset(manifests[1], "train", own_protocol(2, 32), train=True, cache=cache)


def test_a_link_to_itself_is_a_remark(tmp_path):
    put_video(tmp_path / "a", tmp_path, frames=5)
    (tmp_path / "self.mp4").symlink_to(tmp_path / "self.mp4")
    tree = find_videos(tmp_path)
    assert "a.mp4" in tree.paths and tree.problems == ["'self.mp4': Too many levels of symbolic links"]
