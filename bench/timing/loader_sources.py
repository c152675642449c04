"""The same videos in every form that a dataset comes in, to time reading them: files, images, databases, a cache."""

from collections import namedtuple
from dataclasses import replace
from fractions import Fraction
from io import BytesIO
from pathlib import Path

from data_prep import reencode
from data_prep.moving_shapes import dataset as moving_shapes
from lib.data import Video, build_cache, build_jpeg_cache, open_video, read_manifest, write_manifest
from lib.files import locked, replacing

JPEG_QUALITY = 90
# How x264 encodes unless told otherwise, and so most videos that people download. No scene ends in ours.
DOWNLOADED = {"preset": "veryfast", "g": "250"}
SHORT_GOP = 12
IMAGES = {"frames": "img_{:05d}.jpg", "lmdb": "{:06d}.jpg"}
FPS = 30

# name and reader as the table calls them, a Manifest, the reader's name in lib.data, a DecodedCache or None
Source = namedtuple("Source", "name impl manifest reader cache")


def make_sources(folder, *, videos=4, frames=300, size=256, progress=True):
    """Videos of moving_shapes, short side `size` pixels and up to `frames` frames, in all forms.  -> [Source, ...]

    What is in the folder already is not made again.
    """
    folder = Path(folder) / f"{videos}x{frames}-{size}px"
    with locked(folder, waiting=f"{folder}: another process makes it, waiting"):
        long = _once(folder / "long", lambda home: _encode(home, videos, frames, size))
        short = _once(
            folder / "short",
            lambda home: reencode.run(
                long.folder, out=home, short_side=size, gop=SHORT_GOP, workers=0, repetitions=0, progress=False
            ),
        )
        images = {kind: _once(folder / kind, lambda home, k=kind: WRITERS[k](home, long)) for kind in IMAGES}
        cache = build_cache(long, folder / "cache", size, progress=progress)
    files = {f"video, GOP {DOWNLOADED['g']}": long, f"video, GOP {SHORT_GOP}": short}
    found = [Source(name, reader, made, reader, None) for name, made in files.items() for reader in ("decord", "pyav")]
    found += [Source(kind, "pillow", made, "decord", None) for kind, made in images.items()]
    small = build_jpeg_cache(long, folder / "cache", size, JPEG_QUALITY, progress=progress)
    return [*found, Source("cache", "memmap", long, "decord", cache), Source("cache", "jpeg", long, "decord", small)]


def _once(home, make):
    if not (home / "dataset.json").is_file():
        make(home)
    return read_manifest(home)


def _encode(home, videos, frames, size):
    import av

    rows = []
    for index in range(videos):
        picture, labels = moving_shapes.render(index, "train", frames=frames, size=size)
        count, height, width, _ = picture.shape
        with replacing(home / "videos" / f"{index}.mp4") as temporary, av.open(str(temporary), "w", "mp4") as file:
            stream = file.add_stream("libx264", rate=Fraction(FPS), options=DOWNLOADED)
            stream.height, stream.width, stream.pix_fmt = height, width, "yuv420p"
            for frame in picture:
                file.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
            file.mux(stream.encode())
        rows.append(Video(f"{index}.mp4", labels["motion"], "train", None, None, count, FPS, width, height))
    _describe(home, rows, "video")


def _describe(home, rows, source):
    kind = {"frame_pattern": IMAGES[source], "first_index": 1} if source in IMAGES else {}
    classes = moving_shapes.LABEL_SETS["motion"][0]
    write_manifest(
        home, name="loader", source=source, root="videos", classes=classes, videos=rows, mirror_pairs=(), **kind
    )


def _write_images(home, manifest):
    rows = []
    for video, images in _images(manifest):
        folder = home / "videos" / Path(video.path).stem
        folder.mkdir(parents=True, exist_ok=True)
        for number, content in enumerate(images, start=1):
            (folder / IMAGES["frames"].format(number)).write_bytes(content)
        rows.append(replace(video, path=folder.name))
    _describe(home, rows, "frames")


def _write_databases(home, manifest):
    import lmdb

    rows = []
    for video, images in _images(manifest):
        folder = home / "videos" / Path(video.path).stem
        folder.mkdir(parents=True, exist_ok=True)
        room = sum(map(len, images)) * 2 + 2**20
        with lmdb.open(str(folder), map_size=room) as environment, environment.begin(write=True) as transaction:
            for number, content in enumerate(images, start=1):
                transaction.put(IMAGES["lmdb"].format(number).encode(), content)
        rows.append(replace(video, path=folder.name))
    _describe(home, rows, "lmdb")


WRITERS = {"frames": _write_images, "lmdb": _write_databases}


def _images(manifest):
    """Every video's frames as JPEG files' bytes."""
    from PIL import Image

    for video in manifest.videos:
        contents = []
        with open_video(manifest.root / video.path) as file:
            for frame in file.read(range(len(file))):
                content = BytesIO()
                Image.fromarray(frame).save(content, "JPEG", quality=JPEG_QUALITY)
                contents.append(content.getvalue())
        yield video, contents


def key_frames(path):
    """The numbers of a video file's key frames, in the order of display."""
    import av

    with av.open(str(path)) as container:
        packets = [packet for packet in container.demux(video=0) if packet.size]
        shown = {time: number for number, time in enumerate(sorted(packet.pts for packet in packets))}
        return sorted(shown[packet.pts] for packet in packets if packet.is_keyframe)
