"""Videos to clip tensors: manifest, readers, sampling, transforms, the decoded cache, batches."""

from lib.data.cache import DecodedCache, build_cache
from lib.data.clips import ClipDataset, batches
from lib.data.manifest import Manifest, Video, read_manifest, write_manifest
from lib.data.readers import open_video
from lib.data.transforms import as_clip, normalize

__all__ = [
    "ClipDataset",
    "DecodedCache",
    "Manifest",
    "Video",
    "as_clip",
    "batches",
    "build_cache",
    "normalize",
    "open_video",
    "read_manifest",
    "write_manifest",
]
