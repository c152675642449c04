"""A cache for videos that are too many for a decoded one: every frame at one short side, as JPEG, in one file.

Lossy: a training on it is another run, and says so (`lib.identity.used`). A clip costs the decoding of its own frames,
whatever lies between them. Filled by one process at a time; it goes on where a killed one stopped. Every video has a
checksum, which each process that reads it compares once.

    <folder>/<short side>px-q<quality>-<key>/frames.jpgs    one JPEG after another, video after video
    <folder>/<short side>px-q<quality>-<key>/videos.jsonl   [path, offset, [bytes of each frame], CRC-32], as written
    <folder>/<short side>px-q<quality>-<key>/index.json     what is there in all; written last
"""

import contextlib
import io
import json
import os
import zlib
from pathlib import Path

import numpy as np

from lib.bounds import whole
from lib.data import watch
from lib.data.cache import build_cache, cache_key, check_there, check_unchanged, contents, decode_video
from lib.data.cache_files import summed, write_index
from lib.data.images import read_image
from lib.data.watch import ahead, within
from lib.files import locked, naming

MIN_QUALITY = 50  # of a training's frames: under it, blocks are seen
FORMAT = {"subsampling": "4:2:0"}  # of the colours, as cameras and Pillow's default have it


class JpegCache:
    """What `build_jpeg_cache` filled; a ClipDataset takes it in the place of a DecodedCache.

    ValueError: there is no complete cache, or the bytes of a video are not those that were written
    """

    decodes = True

    def __init__(self, folder):
        self.folder = Path(folder)
        if (index := _index(self.folder)) is None:
            raise ValueError(f"{folder} holds no complete cache of JPEG; build_jpeg_cache makes it")
        self.short_side, self.quality, self.resampling = (index[k] for k in ("short_side", "quality", "resampling"))
        self.contents = index.get("content", {})  # caches of before have none
        self._videos, self._seen = _journal(self.folder), set()
        self._file = os.open(self.folder / "frames.jpgs", os.O_RDONLY)

    def __reduce__(self):
        return JpegCache, (self.folder,)

    def __del__(self):
        if hasattr(self, "_file"):
            os.close(self._file)

    def __contains__(self, path):
        return path in self._videos

    def __len__(self):
        return len(self._videos)

    @property
    def changes(self):
        """What it does to pixels, for a run's identity."""
        return {"jpeg_quality": self.quality, "short_side": self.short_side}

    def frames(self, path):
        """How many frames of a video there are; nothing is read."""
        return len(self._videos[path][1])

    def clip(self, path, indices):
        """Decoded frames of a video, and which of them the clip shows: all."""
        offset, sizes, checksum = self._videos[path]
        if path not in self._seen:
            there = offset + sum(sizes) <= os.fstat(self._file).st_size  # a size is not believed before it is held
            if not there or zlib.crc32(os.pread(self._file, sum(sizes), offset)) != checksum:
                with contextlib.suppress(OSError):
                    (self.folder / "index.json").unlink(missing_ok=True)  # so the next build looks at every video
                raise ValueError(
                    f"{self.folder}: the frames of {path} are damaged. Run again: build_jpeg_cache mends it"
                )
            self._seen.add(path)
        starts = np.cumsum([offset, *sizes])
        wanted, place = np.unique(np.asarray(indices), return_inverse=True)
        shown = [read_image(io.BytesIO(os.pread(self._file, sizes[i], int(starts[i])))) for i in wanted]
        return np.stack(shown)[place], slice(None)


def cache_for(manifest, folder, protocol, cached=True, progress=True):
    """The cache that a training's parameter asks for.  -> DecodedCache, JpegCache; None if clips are decoded anew

    protocol  what a net sees: its short side (without one its size) and resampling are the cache's
    cached    True keeps the decoded frames, a number keeps JPEGs of this quality, False keeps nothing
    ValueError: see `check_cached`
    """
    check_cached(cached)
    how = {"short_side": protocol.short_side or protocol.size, "resampling": protocol.resampling, "progress": progress}
    if isinstance(cached, bool):
        return build_cache(manifest, folder, **how) if cached else None
    return build_jpeg_cache(manifest, folder, quality=cached, **how)


def check_cached(cached):
    """ValueError: neither a bool nor a quality of JPEG; 1 is none, as who writes it means true."""
    if not isinstance(cached, bool) and not whole(MIN_QUALITY, 95).right(cached):
        raise ValueError(f"cached must be true, false or a quality of JPEG from {MIN_QUALITY} to 95, not {cached!r}")


def build_jpeg_cache(manifest, folder, short_side, quality=90, *, resampling="pillow", reader="decord", progress=True):
    """As `lib.data.build_cache`, but each frame is kept as a JPEG of this quality, 1 to 95.  -> JpegCache"""
    if not isinstance(quality, int) or isinstance(quality, bool) or not 1 <= quality <= 95:
        raise ValueError(f"quality must be a whole number from 1 to 95, not {quality!r}")
    videos = check_there(manifest)
    made = {"short_side": short_side, "resampling": resampling, "reader": reader}
    key = cache_key(manifest, videos.values(), {**made, "quality": quality, **FORMAT})
    folder = Path(folder) / f"{short_side}px-q{quality}-{key}"
    with locked(folder, waiting=f"waiting for the process that fills {folder}"), naming(folder):
        if _index(folder) is None:
            _fill(folder, manifest, sorted(videos.values(), key=lambda video: video.path), made, quality, progress)
    return JpegCache(folder)


def _fill(folder, manifest, videos, made, quality, progress):
    from tqdm.auto import tqdm

    content, lengths = contents(manifest, videos), {video.path: video.frames for video in videos}
    (folder / "frames.jpgs").touch()
    with open(folder / "frames.jpgs", "r+b") as file:
        there = _whole({} if _was_edited(folder) else _journal(folder), file, lengths)
        file.truncate(end := max((offset + sum(sizes) for offset, sizes, _ in there.values()), default=0))
        file.seek(end)
        with open(folder / "videos.jsonl", "w", encoding="utf-8") as journal:
            journal.writelines(json.dumps([path, *place]) + "\n" for path, place in there.items())
            missing = [video for video in videos if video.path not in there]
            found = ahead(lambda video: _encoded(manifest, video, made, quality), missing)
            found = tqdm(found, f"decode {manifest.name}", len(missing), disable=not progress, unit="video")
            for video, coded in zip(missing, found, strict=True):
                place = [file.tell(), list(map(len, coded)), zlib.crc32(b"".join(coded))]
                file.write(b"".join(coded))
                file.flush()
                journal.write(json.dumps([video.path, *place]) + "\n")
                journal.flush()
            file.flush()
            os.fsync(file.fileno())
            os.fsync(journal.fileno())
    check_unchanged(manifest, missing, content)
    write_index(folder, {**made, "quality": quality, "content": content, **_sums(folder)})


def _encoded(manifest, video, made, quality):
    how = manifest, video, *made.values()
    frames = within(watch.STALLED_AFTER_S, manifest.root / video.path, decode_video, *how)
    return [_encode(frame, quality) for frame in frames]


def _encode(frame, quality):
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(frame).save(file, "JPEG", quality=quality, **FORMAT)
    return file.getvalue()


def _was_edited(folder):
    """Is the journal another than when the cache was complete? No checksum in it says whose frames are whose."""
    index = summed(folder)
    return index is not None and index.get("journal") != _sums(folder)["journal"]


def _whole(videos, file, lengths):
    """Of the videos of a journal those whose bytes are all there, up to the first that is not."""
    found, end = {}, os.fstat(file.fileno()).st_size
    for path, (offset, sizes, checksum) in videos.items():
        if len(sizes) != lengths.get(path) or offset + sum(sizes) > end:
            break
        file.seek(offset)
        if zlib.crc32(file.read(sum(sizes))) != checksum:
            break
        found[path] = (offset, sizes, checksum)
    return found


def _journal(folder):
    """{path: (offset, sizes, checksum)} of videos.jsonl; a torn line, or one that is no such place, ends it."""
    file, found = folder / "videos.jsonl", {}
    for line in file.read_bytes().splitlines() if file.is_file() else []:
        try:
            path, offset, sizes, checksum = json.loads(line)
            numbers = [offset, checksum, *sizes]
        except (ValueError, TypeError, RecursionError):
            break
        if not isinstance(path, str) or not all(type(n) is int and 0 <= n < 2**48 for n in numbers):
            break
        found[path] = (offset, sizes, checksum)
    return found


def _sums(folder):
    journal, size = folder / "videos.jsonl", (folder / "frames.jpgs").stat().st_size
    return {"bytes": size, "journal": zlib.crc32(journal.read_bytes()) if journal.is_file() else None}


def _index(folder):
    """index.json, or None: it is not as it was written, or the two other files are not those of that time."""
    try:
        index = summed(folder)
        return index if index and {**index, **_sums(folder)} == index else None
    except OSError:
        return None
