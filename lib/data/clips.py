"""Videos to batches of clips. Every draw depends on (seed, epoch, index) alone: workers and restarts change nothing."""

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

from lib.data.cache import check_size
from lib.data.readers import READERS, open_video
from lib.data.sampling import sample_frames
from lib.data.transforms import (
    centre_box,
    crop,
    mirror,
    mirrored_label,
    multi_scale_box,
    resize,
)

STALLED_AFTER_S = 600  # a decoder that hangs becomes an error instead of a training that never ends


class ClipDataset(Dataset):
    """One clip of every usable video of a split, or `views` of them; `dataset[epoch, i]` is (clip, label, i).

    clip      uint8 (3, frames, size, size), RGB; its memory lies as (frames, size, size, 3)
    training  frames jittered within their segments, multi-scale crop, mirror image with probability 1/2 where
              the manifest's mirror_pairs allow it (the label follows)
    testing   the segments' centres, the centre crop of the short side

    segments      None: one frame from each of `frames` segments; K: frames / K from each of K; 1: one dense clip
    frame_stride  video frames from one frame of a segment to the next
    views         when testing: clips per video, at different moments; item i is view i % views of video i // views
    cache         a DecodedCache, or None to decode through `reader`
    """

    def __init__(
        self,
        manifest,
        split,
        *,
        frames,
        size,
        train,
        seed=0,
        cache=None,
        reader="decord",
        segments=None,
        frame_stride=1,
        views=1,
        mirror=True,
        scales=(1, 0.875, 0.75),
    ):
        segments = frames if segments is None else segments
        _at_least(1, frames=frames, size=size, segments=segments, frame_stride=frame_stride, views=views)
        _at_least(0, seed=seed)
        if frames % segments:
            raise ValueError(f"frames={frames} cannot be shared equally among segments={segments}")
        if reader not in READERS:
            raise ValueError(f"no reader {reader!r}; there are {', '.join(READERS)}")
        self.manifest, self.videos = manifest, manifest.split(split)
        if not self.videos:
            raise ValueError(f"{manifest.name} has no usable video in split {split!r}: {manifest.folder}")
        self.frames, self.size, self.train, self.seed = frames, size, train, seed
        self.cache, self.reader, self.scales = cache, reader, scales
        self.segments, self.frame_stride = segments, frame_stride
        self.views = 1 if train else views
        self.mirror = train and mirror and manifest.mirror_pairs is not None
        if cache is not None:
            _check_cache(cache, self.videos, size)

    def __len__(self):
        return len(self.videos) * self.views

    def __getitem__(self, item):
        epoch, i = item
        video, view = self.videos[i // self.views], i % self.views
        rng = _generator(self.seed, epoch, i + 1) if self.train else None
        shown = video.frame_range()
        run = self.frames // self.segments
        places = {"run": run, "frame_stride": self.frame_stride, "view": view, "views": self.views}
        indices = shown.start + sample_frames(len(shown), self.segments, rng, **places)
        if self.cache is not None:
            clip, label = self._augment(self.cache[video.path], indices, video.label, rng)
        else:
            with open_video(self.manifest.root / video.path, self.reader) as source:
                check_size(source, video)
                clip, label = self._augment(source.read(indices), slice(None), video.label, rng)
        return torch.from_numpy(clip).permute(3, 0, 1, 2), label, i

    def _augment(self, video, indices, label, rng):
        """Crop, resize and mirror frames `indices` of `video`; only what the clip shows is copied."""
        height, width = video.shape[1:3]
        if rng is None:
            short = min(height, width)
            return self._cut(video, indices, centre_box(height, width, short, short)), label
        clip = self._cut(video, indices, multi_scale_box(height, width, self.size, rng, self.scales))
        if self.mirror and rng.random() < 0.5:
            return mirror(clip).copy(), mirrored_label(label, self.manifest.mirror_pairs)
        return clip, label

    def _cut(self, video, indices, box):
        return np.ascontiguousarray(resize(crop(video, box)[indices], self.size, self.size))


def batches(dataset, epoch, batch_size, *, shuffle, workers=0, drop_last=False, start=0):
    """The clips of one epoch.  -> iterator of (clips uint8 (N, 3, T, H, W), labels (N,), indices (N,))

    The order depends on the dataset's seed and the epoch only. Clips are channels_last_3d, as they are decoded; the
    last batch is smaller unless drop_last. `start` leaves out that many batches. Closing the iterator early ends its workers.
    """
    _at_least(1, batch_size=batch_size)
    _at_least(0, epoch=epoch, workers=workers)
    order = _generator(dataset.seed, epoch, 0).permutation(len(dataset)) if shuffle else np.arange(len(dataset))
    stop = len(order) - len(order) % batch_size if drop_last else len(order)
    groups = [[(epoch, int(i)) for i in order[k : k + batch_size]] for k in range(start * batch_size, stop, batch_size)]
    if workers == 0:
        return (_collate([dataset[item] for item in group]) for group in groups)
    return _from_workers(dataset, groups, workers)


def _from_workers(dataset, groups, workers):
    # The platform's default way to start workers (fork on Linux) is safe here: a worker opens its own decoder, runs
    # torch on one thread (DataLoader sees to it) and no Numba kernel; forking after a parallel one would kill it.
    # The generator of its own keeps DataLoader from drawing from torch's global one, which a net's dropout uses.
    loader = DataLoader(
        dataset,
        batch_sampler=groups,
        num_workers=workers,
        collate_fn=_collate,
        timeout=STALLED_AFTER_S,
        generator=torch.Generator(),
    )
    yield from loader


def _collate(items):
    clips, labels, indices = zip(*items, strict=True)
    clips = torch.stack([clip.permute(1, 2, 3, 0) for clip in clips]).permute(0, 4, 1, 2, 3)
    return clips, torch.tensor(labels), torch.tensor(indices)


def _generator(seed, epoch, stream):
    """Stream 0 orders the epoch, stream i + 1 belongs to item i."""
    return np.random.default_rng([seed, epoch, stream])


def _at_least(least, **options):
    for name, value in options.items():
        if value < least:
            raise ValueError(f"{name} must be at least {least}, not {value}")


def _check_cache(cache, videos, size):
    for video in videos:
        if video.path not in cache or len(cache[video.path]) != video.frames:
            raise ValueError(f"the cache {cache.folder} does not hold {video.path}: build_cache for this manifest")
    if cache.short_side < size:
        raise ValueError(f"the cache holds a short side of {cache.short_side} pixels, too little for clips of {size}")
