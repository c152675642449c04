"""Synthetic volumes: noisy solids at any place, size and rotation, to be told apart by their form. Made while read.

A stand-in for what volumetric data asks of a kernel, no more: no organ, no scanner, no benchmark. Its point is that no
axis differs from another: rotations are drawn uniformly, so a net, or a search for sub-kernels, that prefers one axis
is biased. `Volumes` is read by `lib.train.fit` as a ClipDataset is.
"""

import numpy as np
import torch
from torch.utils.data import Dataset

from lib.data.protocol import own_protocol

# solid: inside(x, y, z), coordinates in units of its size
SOLIDS = {
    "ball": lambda x, y, z: x**2 + y**2 + z**2 < 0.8,
    "shell": lambda x, y, z: abs(np.sqrt(x**2 + y**2 + z**2) - 0.8) < 0.2,
    "box": lambda x, y, z: np.maximum(np.maximum(abs(x), abs(y)), abs(z)) < 0.75,
    "rod": lambda x, y, z: (np.hypot(x, y) < 0.35) & (abs(z) < 1.2),
    "plate": lambda x, y, z: (np.hypot(x, y) < 1.1) & (abs(z) < 0.25),
    "ring": lambda x, y, z: (np.hypot(x, y) - 0.8) ** 2 + z**2 < 0.08,
    "pair": lambda x, y, z: x**2 + y**2 + (abs(z) - 0.7) ** 2 < 0.25,
    "cross": lambda x, y, z: (np.sort(np.stack([abs(x), abs(y), abs(z)]), 0)[1] < 0.3) & (x**2 + y**2 + z**2 < 1.3),
}
SPLITS = ("train", "val", "test")
NOISE = 20  # standard deviation, grey values


def rotation(rng):
    """A rotation matrix, uniform over all rotations: a normalised normal quaternion's.  (3, 3)"""
    w, x, y, z = (q := rng.standard_normal(4)) / np.linalg.norm(q)
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
        ]
    )


def render(index, split, *, size=24, seed=0):
    """Volume `index` of a split.  -> uint8 (size, size, size), label"""
    rng = np.random.default_rng([seed, SPLITS.index(split), index])
    label = index % len(SOLIDS)
    scale = size * rng.uniform(0.24, 0.34)
    centre = (size - 1) / 2 + rng.uniform(-1, 1, 3) * max(0, size / 2 - 1.3 * scale)
    grid = np.stack(np.meshgrid(*[np.arange(size)] * 3, indexing="ij")).reshape(3, -1)
    inside = list(SOLIDS.values())[label](*(rotation(rng) @ (grid - centre[:, None]) / scale))
    contrast = rng.uniform(50, 90) * rng.choice([-1, 1])
    slope = rng.standard_normal(3) * 20 / size  # a smooth background
    grey = 128 + slope @ (grid - size / 2) + contrast * inside + rng.normal(0, NOISE, size**3)
    return grey.clip(0, 255).astype(np.uint8).reshape(size, size, size), label


class Volumes(Dataset):
    """A split of `count` volumes, in memory; `dataset[epoch, i]` is (volume uint8 (3, D, H, W), label, i).

    Training turns and mirrors a volume anew in every epoch, among the 48 ways that map the grid onto itself.
    """

    views = 1

    def __init__(self, split, count, *, size=24, seed=0):
        if split not in SPLITS:
            raise ValueError(f"no split {split!r}; there are {', '.join(SPLITS)}")
        self.train, self.seed = split == "train", seed
        self.protocol = own_protocol(size, size, name="volumes")  # of which the trainer asks pixels and average
        self.pixels, self.classes = self.protocol.pixels, len(SOLIDS)
        self.volumes = [render(index, split, size=size, seed=seed) for index in range(count)]

    def describe(self, i):
        return f"volume {i}"

    def __len__(self):
        return len(self.volumes)

    def __getitem__(self, item):
        epoch, i = item
        volume, label = self.volumes[i]
        if self.train:
            rng = np.random.default_rng([self.seed, epoch, i])
            volume = np.flip(volume.transpose(rng.permutation(3)), np.flatnonzero(rng.integers(0, 2, 3)))
        return torch.from_numpy(np.stack([volume] * 3, -1)).permute(3, 0, 1, 2), label, i
