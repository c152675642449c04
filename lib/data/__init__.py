"""Videos to clip tensors: manifest, readers, sampling, transforms, the decoded cache, batches."""

from lib.data.manifest import Manifest, Video, read_manifest, write_manifest

__all__ = ["Manifest", "Video", "read_manifest", "write_manifest"]
