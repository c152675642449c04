"""Pictures of other kinds: mirrored by their file, with alpha, of other codecs. What is `ok` is what was painted."""

import numpy as np
import pytest
from tiny_videos import displayed, write_file
from zoo import COLOURS, painted, read_colours, read_numbers, write_zoo_file

from data_prep import check, reencode
from lib.data import Video, open_video, write_manifest

QUIET = {"workers": 0, "progress": False}
CLIP = painted(20)
MIRRORED = {  # display matrix, and what undoes it
    "beside": ((-1, 0, 0, 1), lambda clip: clip[:, :, ::-1]),
    "upside_down": ((1, 0, 0, -1), lambda clip: clip[:, ::-1]),
    "swapped": ((0, 1, 1, 0), lambda clip: clip.transpose(0, 2, 1, 3)),
    "swapped_and_turned": ((0, -1, -1, 0), lambda clip: clip[:, ::-1, ::-1].transpose(0, 2, 1, 3)),
}
PICTURES = {  # file: codec, pixel format
    "rgb.mp4": ("libx264rgb", "rgb24"),
    "444.mp4": ("libx264", "yuv444p"),
    "411.mkv": ("ffv1", "yuv411p"),
    "410.mkv": ("ffv1", "yuv410p"),
    "bgr0.mkv": ("ffv1", "bgr0"),
    "alpha.mkv": ("ffv1", "yuva420p"),
    "deep.mp4": ("libx264", "yuv420p10le"),
    "argb.mov": ("qtrle", "argb"),
    "png.avi": ("png", "rgb24"),
    "raw.avi": ("rawvideo", "bgr24"),
    "uyvy.mov": ("rawvideo", "uyvy422"),
    "gif.gif": ("gif", "rgb8"),
}


def manifest_of(folder, names):
    rows = [Video(name, 0, "train", None, None, 0, 0.0, 0, 0, "not scanned") for name in names]
    write_manifest(folder / "m", name="odd", root="../videos", classes=["a"], videos=rows, mirror_pairs=())
    before = check.run(folder / "m", **QUIET)
    return before, reencode.run(folder / "m", out=folder / "r", short_side=64, gop=12, repetitions=0, **QUIET)


def assert_painted(manifest, video, undo=lambda clip: clip, colours=12):
    for reader in ("decord", "pyav"):
        with open_video(manifest.root / video.path, reader) as opened:
            clip = undo(opened.read(range(len(opened))))
        assert (read_numbers(clip) == np.arange(20)).all(), (video.path, reader)
        assert np.abs(read_colours(clip) - COLOURS).max() <= colours, (video.path, reader)


def test_mirrored_by_their_file(tmp_path):
    """decord turns but never mirrors; the file is mended, and nobody is shown left for right."""
    (tmp_path / "videos").mkdir()
    write_zoo_file(tmp_path / "videos" / "plain.mp4", CLIP, "h264")
    content = (tmp_path / "videos" / "plain.mp4").read_bytes()
    for name, (matrix, _) in MIRRORED.items():
        (tmp_path / "videos" / f"{name}.mp4").write_bytes(displayed(content, *matrix))
    (tmp_path / "videos" / "empty.mp4").write_bytes(displayed(content, 0, 0, 0, 0))
    before, after = manifest_of(tmp_path, [f"{name}.mp4" for name in (*MIRRORED, "empty")])
    assert [video.status == "ok" for video in before.videos] == [False, False, False, False, True]
    for video, (_, undo) in zip(after.videos, MIRRORED.values(), strict=False):
        assert video.status == "ok"
        assert_painted(after, video, undo)
    assert_painted(before, before.videos[-1])


@pytest.mark.parametrize("name", PICTURES)
def test_pictures_of_all_kinds(tmp_path, name):
    codec, pixels = PICTURES[name]
    write_file(tmp_path / "videos" / name, CLIP, codec=codec, pixels=pixels, options=(), rate=25)
    before, after = manifest_of(tmp_path, [name])
    coarse = 40 if name == "gif.gif" else 12  # 256 colours
    if before.videos[0].status == "ok":
        assert_painted(before, before.videos[0], colours=coarse)
    else:
        assert "reencode it" in before.videos[0].status
    assert after.videos[0].status == "ok"
    assert_painted(after, after.videos[0], colours=coarse)
