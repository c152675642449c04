"""Tiny videos, sound and broken, as files, folders of frames and databases."""

import struct
from fractions import Fraction
from functools import cache
from io import BytesIO

import av
import lmdb
import numpy as np
from PIL import Image

CODECS = {".mp4": "libx264", ".webm": "libvpx-vp9", ".avi": "mpeg4", ".mkv": "libx264", ".ts": "libx264"}


def picture(frames=12, height=32, width=40, seed=0):
    """A drifting texture, uint8 (frames, height, width, 3)."""
    rng = np.random.default_rng(seed)
    y, x, t = np.ogrid[:height, :width, :frames]
    waves = [np.sin(x / a + y / b + t / 2 + c) for a, b, c in rng.uniform(4, 9, (3, 3))]
    clip = np.stack(waves, axis=-1).transpose(2, 0, 1, 3)
    return np.ascontiguousarray(np.round(127.5 + 120 * clip), dtype=np.uint8)


def write_file(path, frames, *, times_ms=None, pixels="yuv420p", codec=None, options=(), rate=30):
    """Encode frames; `times_ms` gives each one its own time."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w", options=dict(options)) as container:
        stream = container.add_stream(codec or CODECS[path.suffix], rate=rate)
        stream.height, stream.width, stream.pix_fmt = *frames.shape[1:3], pixels
        stream.codec_context.thread_count = 1
        if times_ms is not None:
            stream.codec_context.time_base = Fraction(1, 1000)
        for i, frame in enumerate(frames):
            image = av.VideoFrame.from_ndarray(frame, format="rgb24")
            if times_ms is not None:
                image.pts, image.time_base = int(times_ms[i]), Fraction(1, 1000)
            container.mux(stream.encode(image))
        container.mux(stream.encode())


@cache
def _content(suffix, frames, folder):
    path = folder / f"{frames}{suffix}"
    write_file(path, picture(frames))
    return path.read_bytes()


def put_video(folder, scratch, *, suffix=".mp4", frames=12):
    """folder + suffix becomes a video file."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    folder.with_name(folder.name + suffix).write_bytes(_content(suffix, frames, scratch))


@cache
def _images(frames):
    contents = []
    for frame in picture(frames):
        file = BytesIO()
        Image.fromarray(frame).save(file, "JPEG")
        contents.append(file.getvalue())
    return contents


def put_frames(folder, *, pattern="{:05d}.jpg", frames=12):
    """A folder of JPEG images, numbered from 1."""
    folder.mkdir(parents=True)
    for number, content in enumerate(_images(frames), start=1):
        (folder / pattern.format(number)).write_bytes(content)


def put_database(folder, *, frames=12):
    """optplan's layout: one LMDB environment per video, keys 000001.jpg ..., here with optical flow beside them."""
    folder.mkdir(parents=True)
    with lmdb.open(str(folder), map_size=2**20) as environment, environment.begin(write=True) as transaction:
        for number, content in enumerate(_images(frames), start=1):
            transaction.put(f"{number:06d}.jpg".encode(), content)
            transaction.put(f"{number:06d}_c1.jpg".encode(), b"flow")


def turned(content, degrees):
    """An MP4 file's bytes with a display matrix that turns it."""
    return displayed(content, *{90: (0, 1, -1, 0), 180: (-1, 0, 0, -1)}[degrees])


def displayed(content, a, b, c, d):
    """An MP4 file's bytes with a display matrix: x' = a x + c y, y' = b x + d y."""
    place = content.index(b"tkhd") + 4 + 4 + 20 + 16  # version and flags, times and ids, layer and volume
    one = 1 << 16
    matrix = struct.pack(">9i", int(a * one), int(b * one), 0, int(c * one), int(d * one), 0, 0, 0, 1 << 30)
    return content[:place] + matrix + content[place + 36 :]


def trimmed(source, target):
    """A stream copy that starts between two key frames: an edit list hides the frames before."""
    with av.open(str(source)) as given, av.open(str(target), "w") as made:
        stream = given.streams.video[0]
        copy = made.add_stream_from_template(stream)
        for packet in given.demux(stream):
            if packet.dts is not None:
                packet.pts -= int(0.2 / stream.time_base)
                packet.dts -= int(0.2 / stream.time_base)
                packet.stream = copy
                made.mux(packet)


def write_sound(path):
    """An MP4 file without a video stream."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=16000)
        for i in range(5):
            frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
            frame.sample_rate, frame.pts = 16000, 1024 * i
            container.mux(stream.encode(frame))
        container.mux(stream.encode())


# After `reencode` these are usable as well, some with a loss
MENDED = (
    "trimmed.mp4",
    "one_frame.webm",
    "odd_size.webm",
    "cut.webm",
    "cut_index_in_front.mp4",
    "flipped.mp4",
    "grows.ts",
)


def write_odd_videos(folder):
    """Videos that make trouble.  -> {file name: None if it can be used, else words of its status}"""
    folder.mkdir(parents=True, exist_ok=True)
    clip, uneven = picture(30, 32, 64), np.cumsum([33, 33, 33, 150, 33, 300] * 5)
    write_file(folder / "sound.mp4", clip)
    content = (folder / "sound.mp4").read_bytes()
    write_file(folder / "vfr.mp4", clip, times_ms=uneven)
    write_file(folder / "vfr.webm", clip, times_ms=uneven)
    write_file(folder / "late.mp4", clip, times_ms=5000 + 33 * np.arange(30))
    write_file(folder / "odd_size.mp4", picture(12, 33, 41), pixels="yuv444p")
    write_file(folder / "odd_size.webm", picture(12, 33, 41))
    write_file(folder / "one_frame.mp4", clip[:1])
    write_file(folder / "one_frame.webm", clip[:1])
    write_sound(folder / "audio_only.mp4")
    write_file(folder / "index_in_front.mp4", clip, options={"movflags": "faststart"}.items())
    in_front = (folder / "index_in_front.mp4").read_bytes()
    write_file(folder / "a.webm", clip)
    webm = (folder / "a.webm").read_bytes()
    write_file(folder / "grows.ts", clip)
    write_file(folder / "a.ts", picture(30, 48, 64))
    (folder / "grows.ts").write_bytes((folder / "grows.ts").read_bytes() + (folder / "a.ts").read_bytes())
    trimmed(folder / "sound.mp4", folder / "trimmed.mp4")
    flipped = bytearray(content)
    for place in np.random.default_rng(0).integers(len(content) // 4, len(content) // 2, 60):
        flipped[place] ^= 255
    for name in ("a.webm", "a.ts"):
        (folder / name).unlink()
    for name, changed in {
        "turned_90.mp4": turned(content, 90),
        "turned_180.mp4": turned(content, 180),
        "empty.mp4": b"",
        "garbage.mp4": np.random.default_rng(1).bytes(5000),
        "web_page.mp4": b"<html>404 Not Found</html>\n" * 50,
        "cut.mp4": content[: len(content) // 2],
        "cut_index_in_front.mp4": in_front[: len(in_front) * 2 // 3],
        "cut.webm": webm[: len(webm) // 2],
        "flipped.mp4": bytes(flipped),
    }.items():
        (folder / name).write_bytes(changed)
    return STATUSES


STATUSES = {
    "sound.mp4": None,
    "vfr.mp4": None,
    "vfr.webm": None,
    "late.mp4": None,
    "odd_size.mp4": None,
    "one_frame.mp4": None,
    "index_in_front.mp4": None,
    "turned_90.mp4": None,
    "turned_180.mp4": None,
    "odd_size.webm": "decord shows other pixels than PyAV",
    "one_frame.webm": "cannot be read by DecordReader",
    "audio_only.mp4": "it has no video stream",
    "empty.mp4": "empty file",
    "garbage.mp4": "Invalid data",
    "web_page.mp4": "Invalid data",
    "cut.mp4": "Invalid data",
    "cut_index_in_front.mp4": "Invalid data",
    "cut.webm": "is cut short: it holds",
    "flipped.mp4": "cannot be read by StrictReader",
    "grows.ts": "several sizes: 64x32 64x48",
    "trimmed.mp4": "PyAV reads 24 frames of 64x32, decord 30 frames of 64x32: reencode it",
}
