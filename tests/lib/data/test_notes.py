"""What a user should know of a usable video is told: pixels that are no squares, HDR, fields, a late picture."""

from fractions import Fraction

import av
import numpy as np
import pytest
from tiny_videos import displayed
from tiny_videos import picture as moving

from data_prep.report import notes
from data_prep.scan import scan_one

CLIP = moving(12)


def write(path, *, sound=False, begins=0, options=None, pixel=None, pixels="yuv420p", container_options=None):
    """Twelve frames in H.264, with a second of sound, the picture beginning at frame `begins`."""
    with av.open(str(path), "w", options=container_options or {}) as container:
        stream = container.add_stream("libx264", rate=30, options={"bf": "0", **(options or {})})
        stream.height, stream.width, stream.pix_fmt = 32, 40, pixels
        stream.codec_context.thread_count = 1
        if pixel:
            stream.codec_context.sample_aspect_ratio = pixel
        if sound:
            track = container.add_stream("aac", rate=16000)
            for i in range(16):
                frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
                frame.sample_rate, frame.pts, frame.time_base = 16000, 1024 * i, Fraction(1, 16000)
                container.mux(track.encode(frame))
            container.mux(track.encode())
        for i, picture in enumerate(CLIP):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = begins + i, Fraction(1, 30)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())


@pytest.mark.parametrize(
    "name, how, note",
    [
        ("a.mp4", {}, ""),
        ("a.mp4", {"sound": True}, ""),
        ("a.mkv", {"sound": True, "begins": 3}, ""),
        ("a.mp4", {"pixel": Fraction(4, 3)}, "its pixels are 4/3, as wide as high they are shown"),
        ("a.mkv", {"pixel": Fraction(12, 11)}, "its pixels are 12/11, as wide as high they are shown"),
        ("a.mp4", {"options": {"x264-params": "transfer=arib-std-b67"}}, "it is HDR, and shown as if it were not"),
        ("a.mkv", {"options": {"x264-params": "transfer=smpte2084"}}, "it is HDR, and shown as if it were not"),
        ("a.mp4", {"options": {"flags": "+ildct+ilme", "x264-params": "tff=1"}, "pixels": "yuv444p"},
         "it is interlaced, and both fields are shown as one frame"),
        ("a.mp4", {"sound": True, "begins": 60},
         "its picture begins 2.00 s after its sound; seconds are counted from the picture on"),
    ],
)  # fmt: skip
def test_a_note(tmp_path, name, how, note):
    write(tmp_path / name, **how)
    found = scan_one(name, root=str(tmp_path), source="video")
    assert (found.status, found.note) == ("ok", note)


def test_a_turn_that_is_no_quarter_is_told(tmp_path):
    write(tmp_path / "plain.mp4")
    part = 0.5**0.5
    turned = displayed((tmp_path / "plain.mp4").read_bytes(), part, part, -part, part)
    (tmp_path / "a.mp4").write_bytes(turned)
    found = scan_one("a.mp4", root=str(tmp_path), source="video")
    assert found.status == "ok" and "45 degrees, and is shown by quarter turns alone" in found.note


def test_short_fragments_with_b_frames_are_whole(tmp_path):
    """MPEG-DASH counts a stream's seconds from 0, where the first picture begins two frames later."""
    write(tmp_path / "a.mp4", options={"bf": "2"}, container_options={"movflags": "dash+frag_keyframe"})
    assert scan_one("a.mp4", root=str(tmp_path), source="video").status == "ok"


def test_a_note_of_many_videos_is_one_line():
    told = {f"{k}.mp4": "its pixels are 4/3" for k in range(9)} | {"x.mp4": "it is HDR", "y.mp4": "it is HDR"}
    assert notes(told) == ["0.mp4: its pixels are 4/3 (and 8 more videos)", "x.mp4: it is HDR", "y.mp4: it is HDR"]
