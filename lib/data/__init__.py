"""Videos to clip tensors: manifest, readers, sampling, transforms, the decoded cache, batches."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # what an editor and a type checker see
    from lib.data.cache import DecodedCache, build_cache
    from lib.data.clips import ClipDataset
    from lib.data.jpeg_cache import JpegCache, build_jpeg_cache, cache_for
    from lib.data.loading import batches
    from lib.data.manifest import Manifest, Video, read_manifest, write_manifest
    from lib.data.protocol import PIXELS, Pixels, Protocol, own_protocol
    from lib.data.readers import open_video
    from lib.data.transforms import as_clip, normalize

# Found on first use: the processes that only decode videos need no torch, which takes seconds and memory in each.
_HOMES = {
    "ClipDataset": "lib.data.clips",
    "DecodedCache": "lib.data.cache",
    "JpegCache": "lib.data.jpeg_cache",
    "Manifest": "lib.data.manifest",
    "PIXELS": "lib.data.protocol",
    "Pixels": "lib.data.protocol",
    "Protocol": "lib.data.protocol",
    "Video": "lib.data.manifest",
    "as_clip": "lib.data.transforms",
    "batches": "lib.data.loading",
    "build_cache": "lib.data.cache",
    "build_jpeg_cache": "lib.data.jpeg_cache",
    "cache_for": "lib.data.jpeg_cache",
    "normalize": "lib.data.transforms",
    "open_video": "lib.data.readers",
    "own_protocol": "lib.data.protocol",
    "read_manifest": "lib.data.manifest",
    "write_manifest": "lib.data.manifest",
}
__all__ = [
    "ClipDataset",
    "DecodedCache",
    "JpegCache",
    "Manifest",
    "PIXELS",
    "Pixels",
    "Protocol",
    "Video",
    "as_clip",
    "batches",
    "build_cache",
    "build_jpeg_cache",
    "cache_for",
    "normalize",
    "open_video",
    "own_protocol",
    "read_manifest",
    "write_manifest",
]


def __getattr__(name):
    if name not in _HOMES:
        raise AttributeError(f"module 'lib.data' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
