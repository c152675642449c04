"""A stream from which packets were dropped decodes without an error, with wrong pixels: its own numbers tell."""

from fractions import Fraction

import av
import numpy as np
import pytest

from data_prep.scan import scan_one
from lib.data.verify import verify_video


def write(path, options, frames=60):
    rng = np.random.default_rng(0)
    texture = rng.integers(0, 255, (96, 128 + frames, 3), dtype=np.uint8)
    with av.open(str(path), "w") as file:
        stream = file.add_stream("libx264", rate=25, options=options)
        stream.width, stream.height, stream.pix_fmt = 128, 96, "yuv420p"
        for i in range(frames):
            file.mux(stream.encode(av.VideoFrame.from_ndarray(texture[:, i : i + 128].copy(), format="rgb24")))
        file.mux(stream.encode())
    return path


def drop(source, target, number, shift):
    """Copy all packets but one; with `shift`, what follows it moves up, so that no hole in time is left."""
    with av.open(str(source)) as before, av.open(str(target), "w") as after:
        stream = after.add_stream_from_template(before.streams.video[0])
        lost = Fraction(0)
        for k, packet in enumerate(before.demux(video=0)):
            if packet.dts is None:
                continue
            if k == number:
                lost = packet.duration
                continue
            if shift and lost:
                packet.pts, packet.dts = packet.pts - lost, packet.dts - lost
            packet.stream = stream
            after.mux(packet)
    return target


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "ts"])
@pytest.mark.parametrize(
    "options", [{"g": "12", "bf": "0"}, {"g": "20", "bf": "3"}, {"g": "250", "profile": "baseline"}]
)
def test_whole_streams_have_no_gap(options, suffix, tmp_path):
    assert len(verify_video(write(tmp_path / f"a.{suffix}", options))) == 60


@pytest.mark.parametrize("shift", [True, False])
@pytest.mark.parametrize(("number", "what"), [(12, "a key packet"), (15, "another")])
@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
def test_a_dropped_packet_is_seen(suffix, number, what, shift, tmp_path):
    write(tmp_path / f"whole.{suffix}", {"g": "12", "bf": "0"})
    drop(tmp_path / f"whole.{suffix}", tmp_path / f"less.{suffix}", number, shift)
    found = scan_one(f"less.{suffix}", root=str(tmp_path), source="video")
    assert f"a packet is missing before number {number + 1}, from which others are predicted" in found.status


def test_streams_that_were_cut_and_joined_count_anew(tmp_path):
    write(tmp_path / "whole.mp4", {"g": "12", "bf": "2", "x264-params": "open-gop=1"})
    verify_video(tmp_path / "whole.mp4")
    verify_video(drop(tmp_path / "whole.mp4", tmp_path / "less.mp4", 10**9, False))
