"""The decoded-clip cache: every frame of a dataset's videos at one short side, uint8, in one memory-mapped file.

Decoding a video costs as much as a small net's training step; the cache pays it once. It is filled through a reader,
by one process at a time, and goes on where a killed one stopped. Reading it needs numpy only.

    <folder>/<short side>px-<key>/frames.u8    frames of one video after another, (frames, height, width, 3) each
    <folder>/<short side>px-<key>/index.json   where each video lies; written last
"""

import hashlib
import json
import os
from pathlib import Path

import numpy as np

from lib.data.readers import open_listed
from lib.data.transforms import resize_short_side, short_side_size
from lib.files import locked, read_json, write_json


class DecodedCache:
    """Decoded videos by their path in the manifest: `cache[path]` is uint8 (frames, height, width, 3)."""

    def __init__(self, arrays, short_side, folder=None, resampling=None):
        self._arrays, self.short_side, self.folder = arrays, short_side, folder
        self.resampling = resampling  # whose bilinear made the frames, lib.data.transforms.RESAMPLINGS; None: as given

    def __getitem__(self, path):
        return self._arrays[path]

    def __contains__(self, path):
        return path in self._arrays

    def __len__(self):
        return len(self._arrays)

    def __reduce__(self):  # another process maps the file itself instead of receiving its bytes
        if self.folder is not None:
            return DecodedCache.open, (self.folder,)
        return DecodedCache, (self._arrays, self.short_side)

    @classmethod
    def open(cls, folder):
        """Map a cache that `build_cache` filled; `folder` is its `.folder`."""
        index, file = _index(folder), Path(folder) / "frames.u8"
        if index is None or not file.is_file() or file.stat().st_size != index["bytes"]:
            raise ValueError(f"{folder} holds no complete cache; build_cache makes it")
        data = np.asarray(np.memmap(file, np.uint8, "r"))
        arrays = {}
        for path, (offset, *shape) in index["videos"].items():
            arrays[path] = data[offset : offset + _bytes(shape)].reshape(shape)
        return cls(arrays, index["short_side"], Path(folder), index.get("resampling", "pillow"))

    @classmethod
    def from_arrays(cls, manifest, arrays):
        """A cache in memory, no files, no decoder: one uint8 (frames, height, width, 3) per row of the manifest."""
        if len(arrays) != len(manifest.videos):
            raise ValueError(f"{len(arrays)} arrays for the {len(manifest.videos)} rows of {manifest.name}")
        for video, array in zip(manifest.videos, arrays, strict=True):
            if array.dtype != np.uint8 or array.shape != (video.frames, video.height, video.width, 3):
                raise ValueError(f"{video.path}: {array.dtype} {array.shape} is not what the manifest says: {video}")
        named = {video.path: array for video, array in zip(manifest.videos, arrays, strict=True)}
        return cls(named, min(min(array.shape[1:3]) for array in arrays))


def build_cache(manifest, folder, short_side, *, resampling="pillow", reader="decord", progress=True):
    """Decode every usable video once, resize its short side to `short_side` pixels, and keep it.  -> DecodedCache

    Fills a folder of its own under `folder`, or opens it if it is there: manifests over the same video files share it.
    resampling, as a Protocol has it, says whose bilinear. A second process waits for the first.
    A video that cannot be read, or is not as long and large as its row says,
    is a ValueError that names it.
    """
    videos = {video.path: video for video in manifest.videos if video.status == "ok"}
    for video in videos.values():
        if not (manifest.root / video.path).exists():
            raise FileNotFoundError(f"{manifest.root / video.path}: no such video, but {manifest.folder} lists it")
    folder = Path(folder) / f"{short_side}px-{_key(manifest.root, videos.values(), short_side, resampling, reader)}"
    with locked(folder, waiting=f"waiting for the process that fills {folder}"):
        if _index(folder) is None:
            _fill(folder, manifest, list(videos.values()), short_side, resampling, reader, progress)
    return DecodedCache.open(folder)


def _key(root, videos, short_side, resampling, reader):
    """16 hex digits that change with any video file's name, size or length; labels and splits do not enter."""
    files = {v.path: os.stat(root / v.path).st_size if (root / v.path).is_file() else 0 for v in videos}
    rows = sorted([v.path, v.frames, v.height, v.width, files[v.path]] for v in videos)
    return hashlib.sha256(json.dumps([rows, short_side, resampling, reader]).encode()).hexdigest()[:16]


def _index(folder):
    file = Path(folder) / "index.json"
    return read_json(file) if file.is_file() else None


def _bytes(shape):
    return int(np.prod(shape, dtype=np.int64))


def _fill(folder, manifest, videos, short_side, resampling, reader, progress):
    from tqdm import tqdm

    videos = sorted(videos, key=lambda video: video.path)
    shapes = [(v.frames, *short_side_size(v.height, v.width, short_side, resampling), 3) for v in videos]
    ends = np.cumsum([_bytes(shape) for shape in shapes]).tolist()
    with open(folder / "frames.u8", "ab") as file:
        whole = int(np.searchsorted(ends, file.tell(), side="right"))  # videos that a killed process left complete
        file.truncate(ends[whole - 1] if whole else 0)
        for video in tqdm(videos[whole:], f"decode {manifest.name}", disable=not progress, unit="video"):
            file.write(_decode(manifest, video, short_side, resampling, reader).tobytes())
        file.flush()
        os.fsync(file.fileno())
    places = {v.path: [end - _bytes(shape), *shape] for v, shape, end in zip(videos, shapes, ends, strict=True)}
    made = {"short_side": short_side, "resampling": resampling, "reader": reader}
    write_json(folder / "index.json", {**made, "bytes": ends[-1], "videos": places})


def _decode(manifest, video, short_side, resampling, reader):
    with open_listed(manifest, video, reader) as source:
        return resize_short_side(source.read(range(len(source))), short_side, resampling)
