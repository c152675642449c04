"""Six clips in memory, in three classes, for tests that train: four to train, one to choose, one to test."""

import numpy as np

from lib.data import ClipDataset, DecodedCache, Video, own_protocol, write_manifest

SPLITS = ("train", "train", "train", "train", "val", "test")


def splits(folder, frames, size, **facts):
    """ClipDatasets for train, val and test of `frames` x `size` x `size` noise; facts: own_protocol's others."""
    videos = [Video(f"{i}.mp4", i % 3, split, None, None, frames, 30.0, size, size) for i, split in enumerate(SPLITS)]
    known = {"source": "video", "root": ".", "classes": ["left", "right", "up"], "mirror_pairs": ((0, 1),)}
    manifest = write_manifest(folder, name="noise", videos=videos, **known)
    noise = np.random.default_rng(0).integers(0, 256, (len(videos), frames, size, size, 3), dtype=np.uint8)
    cache, protocol = DecodedCache.from_arrays(manifest, list(noise)), own_protocol(frames, size, **facts)
    return [
        ClipDataset(manifest, split, protocol, train=split == "train", cache=cache)
        for split in ("train", "val", "test")
    ]
