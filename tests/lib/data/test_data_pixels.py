"""What a reader shows is what the file says: its colours, its depth, its stream, and no other file."""

import av
import numpy as np
import pytest
from PIL import Image
from tiny_videos import picture, put_video, write_file
from zoo import COLOURS, painted, read_colours, write_tagged

from lib.data import open_video
from lib.data.images import read_image
from lib.data.readers import READERS, FrameFolder

BT601, BT709, LIMITED, FULL = 5, 1, 1, 2


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("space, extent", [(BT601, LIMITED), (BT709, LIMITED), (BT709, FULL), (BT601, FULL)])
def test_colours_follow_their_tags(tmp_path, reader, space, extent):
    """PyAV before 17 was up to 22 levels off with BT.709: that is why pyproject.toml asks for 17."""
    write_tagged(tmp_path / "a.mp4", "yuv420p", space, extent)
    with open_video(tmp_path / "a.mp4", reader) as video:
        assert np.abs(read_colours(video.read(range(3))) - COLOURS).max() <= 6


PLAYLISTS = {
    "hls": "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1.0,\n{target}\n#EXT-X-ENDLIST\n",
    "hls_after_a_mark": "\ufeff#EXTM3U\n#EXTINF:1.0,\n{target}\n#EXT-X-ENDLIST\n",
    "concat": "ffconcat version 1.0\nfile '{target}'\n",
    "dash": "<?xml version='1.0'?>\n<MPD><BaseURL>{target}</BaseURL></MPD>\n",
    "sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\nm=video 5004 RTP/AVP 96\n",
    "asx": "<asx version='3.0'><entry><ref href='{target}'/></entry></asx>",
}


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("kind", PLAYLISTS)
def test_a_playlist_called_mp4_is_not_followed(tmp_path, reader, kind):
    put_video(tmp_path / "secret", tmp_path, suffix=".ts")
    (tmp_path / "a.mp4").write_text(PLAYLISTS[kind].format(target=tmp_path / "secret.ts"))
    with pytest.raises(ValueError, match="a.mp4 cannot be read by .*: it is a playlist that names other files"):
        open_video(tmp_path / "a.mp4", reader)


@pytest.mark.parametrize("reader", READERS)
def test_a_path_is_never_a_protocol(tmp_path, reader, monkeypatch):
    """A folder may be called `concat:`; FFmpeg would read both files that its path then names."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "concat:x").mkdir()
    put_video(tmp_path / "concat:x" / "a", tmp_path, frames=12)
    with open_video("concat:x/a.mp4", reader) as video:
        assert len(video) == 12


def test_the_default_stream_is_read(tmp_path):
    with av.open(str(tmp_path / "a.mkv"), "w") as file:
        streams = [file.add_stream("libx264", rate=25) for _ in range(2)]
        for stream, default in zip(streams, (0, 1), strict=True):
            stream.height, stream.width, stream.pix_fmt = 32, 40, "yuv420p"
            stream.disposition = av.stream.Disposition.default if default else av.stream.Disposition(0)
        for image in picture(6):
            for stream, shown in zip(streams, (image, 255 - image), strict=True):
                file.mux(stream.encode(av.VideoFrame.from_ndarray(shown, format="rgb24")))
        for stream in streams:
            file.mux(stream.encode())
    from lib.data.verify import verify_video

    with open_video(tmp_path / "a.mkv", "pyav") as video:
        assert np.abs(video.read(range(6)).astype(int) - (255 - picture(6))).mean() < 20
    assert "2 video streams; number 1, the default, is read" in verify_video(tmp_path / "a.mkv").note


@pytest.mark.parametrize("mode, largest", [("L", 255), ("I;16", 65535), ("RGB", 255), ("1", 1)])
def test_images_of_every_depth(tmp_path, mode, largest):
    ramp = np.linspace(0, largest, 32 * 40).reshape(32, 40)
    kinds = {"I;16": np.uint16, "1": bool}
    values = ramp.round().astype(kinds.get(mode, np.uint8))
    if mode == "RGB":
        values = np.repeat(values[:, :, None], 3, 2)
    Image.fromarray(values).save(tmp_path / "a.png")
    expected = ramp.round() * 255 / largest if mode != "RGB" else ramp.round()
    assert np.abs(read_image(tmp_path / "a.png") - expected[:, :, None]).max() <= 1


def test_deep_frames_are_not_white(tmp_path):
    for i in range(3):
        Image.fromarray(np.full((32, 40), 20000 * i, np.uint16)).save(tmp_path / f"{i}.png")
    frames = FrameFolder(tmp_path, "{:01d}.png", 0, 3, 0.0).read([2, 0])
    assert frames[:, 0, 0, 0].tolist() == [156, 0]


@pytest.mark.parametrize("name, content", [("a.jpg", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\nshowpage\n")])
def test_an_image_that_is_a_program_is_not_run(tmp_path, name, content, monkeypatch):
    import subprocess

    monkeypatch.setattr(subprocess, "check_call", lambda *_, **__: pytest.fail("a program was started"))
    (tmp_path / name).write_bytes(content)
    with pytest.raises(OSError, match="cannot identify image file"):
        read_image(tmp_path / name)


def test_a_depth_that_is_not_known_is_refused(tmp_path):
    from lib.data.images import to_rgb

    with pytest.raises(ValueError, match="floating-point"):
        to_rgb(Image.fromarray(np.zeros((4, 4), np.float32)))
    with pytest.raises(ValueError, match="no 8 or 16 bits"):
        to_rgb(Image.fromarray(np.full((4, 4), 70000, np.int32)))


def test_ten_bits_are_flagged(tmp_path):
    from data_prep.scan import scan_one

    write_file(tmp_path / "a.mp4", painted(12), pixels="yuv420p10le")
    assert "decord shows other pixels than PyAV" in scan_one("a.mp4", root=str(tmp_path), source="video").status


TURNED = {
    2: lambda x: x[:, ::-1],
    3: lambda x: x[::-1, ::-1],
    4: lambda x: x[::-1],
    5: lambda x: x.swapaxes(0, 1),
    6: lambda x: np.rot90(x, -1),
    7: lambda x: x[::-1, ::-1].swapaxes(0, 1),
    8: lambda x: np.rot90(x),
}


@pytest.mark.parametrize("orientation, turn", TURNED.items())
def test_photographs_are_turned_as_they_say(tmp_path, orientation, turn):
    pixels, exif = painted(1)[0], Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(pixels).save(tmp_path / "a.png", exif=exif)
    np.testing.assert_array_equal(read_image(tmp_path / "a.png"), turn(pixels))
