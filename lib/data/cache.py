"""The decoded-clip cache: every frame of a dataset's videos at one short side, uint8, in one memory-mapped file.

Decoding a video costs as much as a small net's training step; the cache pays it once. It is filled through a reader,
by one process at a time, and goes on where a killed one stopped. Reading it needs numpy only. Every video has a
checksum, which its first reader compares: what was overwritten or cut is named, and decoded again by `build_cache`.

    <folder>/<short side>px-<key>/frames.u8      frames of one video after another, (frames, height, width, 3) each
    <folder>/<short side>px-<key>/sums.jsonl     [path, CRC-32 of its frames], a line for every video as it is written
    <folder>/<short side>px-<key>/index.json     where each video lies; written last
    <folder>/<short side>px-<key>/checked.json   size and date of frames.u8 when all of its checksums were right
"""

import contextlib
import hashlib
import json
import mmap
import os
import zlib
from pathlib import Path

import numpy as np

from lib.data import watch
from lib.data.cache_files import index_of, is_checked, place_bytes, read_sums, write_checked, write_index, write_sums
from lib.data.content import fingerprint
from lib.data.readers import open_listed
from lib.data.transforms import resize_short_side, short_side_size
from lib.data.watch import ahead, within
from lib.files import locked, naming


class DecodedCache:
    """Decoded videos by their path in the manifest: `cache[path]` is uint8 (frames, height, width, 3).

    ValueError: the frames of that video are not those that were written
    """

    def __init__(self, arrays, short_side, folder=None, resampling=None):
        self._arrays, self.short_side, self.folder = arrays, short_side, folder
        self.resampling = resampling  # whose bilinear made the frames, lib.data.transforms.RESAMPLINGS; None: as given
        self._sums, self.contents = None, {}

    def __getitem__(self, path):
        array = self._arrays[path]
        if self._sums is not None:
            self._verify(path, array)
        return array

    def __contains__(self, path):
        return path in self._arrays

    def __len__(self):
        return len(self._arrays)

    def clip(self, path, indices):
        """The frames of a video, and which of them a clip shows."""
        return self[path], indices

    def frames(self, path):
        """How many frames of a video there are; nothing is read."""
        return len(self._arrays[path])

    def __reduce__(self):  # another process maps the file itself instead of receiving its bytes
        if self.folder is not None:
            return DecodedCache.open, (self.folder,)
        return DecodedCache, (self._arrays, self.short_side)

    @classmethod
    def open(cls, folder):
        """Map a cache that `build_cache` filled; `folder` is its `.folder`."""
        folder = Path(folder)
        index, file = index_of(folder), folder / "frames.u8"
        if index is None or not file.is_file() or file.stat().st_size != index["bytes"]:
            raise ValueError(f"{folder} holds no complete cache; build_cache makes it")
        data = np.asarray(np.memmap(file, np.uint8, "r"))
        arrays = {}
        for path, (offset, *shape) in index["videos"].items():
            arrays[path] = data[offset : offset + place_bytes(shape)].reshape(shape)
        cache = cls(arrays, index["short_side"], folder, index["resampling"])
        cache._watch(read_sums(folder), file, index["bytes"])
        cache.contents = index.get("content", {})  # caches of before have none
        return cache

    def _watch(self, sums, file, size):
        self._sums, self._file, self._size = sums, open(file, "rb"), size
        self._places = {path: place for place, path in enumerate(self._arrays)}
        self._seen = mmap.mmap(-1, max(1, len(self._places)))  # shared with forked workers: a video is summed once

    def _verify(self, path, array):
        if os.fstat(self._file.fileno()).st_size < self._size:  # reading past its end would kill the process
            self._refuse(path, "frames.u8 was cut")
        place = self._places[path]
        if not self._seen[place]:
            if zlib.crc32(array) != self._sums.get(path):
                self._refuse(path, "its checksum differs")
            self._seen[place] = 1

    def _refuse(self, path, reason):
        with contextlib.suppress(OSError):
            (self.folder / "checked.json").unlink(missing_ok=True)  # so the next build_cache looks at every video
        raise ValueError(f"{self.folder}: the frames of {path} are damaged, {reason}. Run again: build_cache mends it")

    @classmethod
    def from_arrays(cls, manifest, arrays):
        """A cache in memory, no files, no decoder: one uint8 (frames, height, width, 3) per row of the manifest."""
        if len(arrays) != len(manifest.videos):
            raise ValueError(f"{len(arrays)} arrays for the {len(manifest.videos)} rows of {manifest.name}")
        for video, array in zip(manifest.videos, arrays, strict=True):
            if array.dtype != np.uint8 or array.shape != (video.frames, video.height, video.width, 3):
                raise ValueError(f"{video.path}: {array.dtype} {array.shape} is not what the manifest says: {video}")
        named = {}
        for video, array in zip(manifest.videos, arrays, strict=True):  # parts of a video are rows of one array
            if (other := named.setdefault(video.path, array)) is not array and not np.array_equal(other, array):
                raise ValueError(f"{video.path} has several rows, and other frames in one than in another")
        return cls(named, min(min(array.shape[1:3]) for array in arrays))


def build_cache(manifest, folder, short_side, *, resampling="pillow", reader="decord", progress=True):
    """Decode every usable video once, resize its short side to `short_side` pixels, and keep it.  -> DecodedCache

    Fills a folder of its own under `folder`, or opens it if it is there: manifests over the same video files share it.
    One that was changed since is looked through: what is damaged is named and decoded again. resampling, as a Protocol
    has it, says whose bilinear. A second process waits for the first. A video that cannot be read, or is not what its
    row says, is a ValueError that names it.
    """
    videos = check_there(manifest)
    made = {"short_side": short_side, "resampling": resampling, "reader": reader}
    folder = Path(folder) / f"{short_side}px-{cache_key(manifest, videos.values(), made)}"
    with locked(folder, waiting=f"waiting for the process that fills {folder}"), naming(folder):
        if index_of(folder) is None or not is_checked(folder):
            _fill(folder, manifest, sorted(videos.values(), key=lambda video: video.path), made, progress)
    return DecodedCache.open(folder)


def contents(manifest, videos):
    """{path: fingerprint} of what a cache shows, so that it is never taken for one of other videos of these names."""
    return {video.path: fingerprint(manifest.root / video.path) for video in videos}


def check_unchanged(manifest, videos, content):
    """ValueError: a video is no longer what `contents` said before it was decoded."""
    if changed := [path for path, now in contents(manifest, videos).items() if now != content[path]]:
        raise ValueError(f"{manifest.root / changed[0]} was changed while it was decoded; run again")


def check_there(manifest):
    """The usable videos of a manifest by their path; FileNotFoundError: one of them is not there."""
    videos = {video.path: video for video in manifest.videos if video.status == "ok"}
    for video in videos.values():
        if not (manifest.root / video.path).exists():
            raise FileNotFoundError(f"{manifest.root / video.path}: no such video, but {manifest.folder} lists it")
    return videos


def cache_key(manifest, videos, made):
    """16 hex digits that change with any video's name or content, and what its frames are called; labels and splits do
    not enter."""
    rows = sorted([v.path, v.frames, v.height, v.width, fingerprint(manifest.root / v.path)] for v in videos)
    return hashlib.sha256(json.dumps([rows, *made.values(), *manifest.frame_names]).encode()).hexdigest()[:16]


def _fill(folder, manifest, videos, made, progress):
    """Write every video that is not there with its own checksum; a file that was cut grows again."""
    from tqdm.auto import tqdm

    shapes = [
        (v.frames, *short_side_size(v.height, v.width, made["short_side"], made["resampling"]), 3) for v in videos
    ]
    ends = np.cumsum([place_bytes(shape) for shape in shapes]).tolist()
    places = {v.path: [end - place_bytes(shape), *shape] for v, shape, end in zip(videos, shapes, ends, strict=True)}
    sums, was_whole, content = read_sums(folder), index_of(folder) is not None, contents(manifest, videos)
    (folder / "frames.u8").touch()
    with open(folder / "frames.u8", "r+b") as file, open(folder / "sums.jsonl", "w", encoding="utf-8") as journal:
        missing = [v for v in videos if not _is_there(file, places[v.path], sums.get(v.path))]
        write_sums(journal, {v.path: sums[v.path] for v in videos if v not in missing})
        if was_whole and missing:
            more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
            print(f"{folder}: damaged, and decoded again: {missing[0].path}{more}", flush=True)
        found = ahead(lambda video: _decoded(manifest, video, made), missing)
        found = tqdm(found, f"decode {manifest.name}", len(missing), disable=not progress, unit="video")
        for video, frames in zip(missing, found, strict=True):
            file.seek(places[video.path][0])
            file.write(frames)
            file.flush()
            write_sums(journal, {video.path: zlib.crc32(frames)})
        file.truncate(ends[-1] if ends else 0)
        file.flush()
        os.fsync(file.fileno())
        os.fsync(journal.fileno())
    check_unchanged(manifest, missing, content)
    write_index(folder, {**made, "bytes": ends[-1] if ends else 0, "videos": places, "content": content})
    write_checked(folder)


def _decoded(manifest, video, made):
    how = manifest, video, *made.values()
    return within(watch.STALLED_AFTER_S, manifest.root / video.path, decode_video, *how).tobytes()


def _is_there(file, place, checksum):
    offset, *shape = place
    if checksum is None:
        return False
    file.seek(offset)
    frames = file.read(place_bytes(shape))
    return len(frames) == place_bytes(shape) and zlib.crc32(frames) == checksum


def decode_video(manifest, video, short_side, resampling, reader):
    """All frames of a video at a short side, uint8 (frames, H, W, 3)."""
    with open_listed(manifest, video, reader) as source:
        return resize_short_side(source.read(range(len(source))), short_side, resampling)
