"""Videos to clips. Every draw depends on (seed, epoch, index) alone: workers and restarts change nothing."""

import numpy as np
import torch
from torch.utils.data import Dataset

from lib.data import watch
from lib.data.augment import find_augmentations
from lib.data.crops import TRAIN_CROPS
from lib.data.protocol import Protocol, at_least
from lib.data.readers import READERS, open_listed
from lib.data.transforms import crop, mirror, mirrored_label, resize, resize_short_side
from lib.data.watch import within


class ClipDataset(Dataset):
    """The clips of a split's usable videos; `dataset[epoch, i]` is (clip, label, i).

    clip      uint8 (3, frames, size, size), RGB; its memory lies as (frames, size, size, 3)
    protocol  a lib.data.Protocol: which frames, what of each, and what its `pixels` become later, on the net's device
    training  one clip a video: frames jittered within their segments, a crop, a mirror image with probability 1/2
              where the manifest's mirror_pairs allow it (the label follows)
    testing   `views` clips a video: item i is view i % views of video i // views; the first crop's clips come
              first, then the next crop's; nothing is drawn
    cache     a DecodedCache, a JpegCache, or None to decode through `reader`
    ValueError: a cache that this protocol cannot be read from, or videos of unlike numbers of views
    """

    def __init__(self, manifest, split, protocol, *, train, seed=0, cache=None, reader="decord"):
        if not isinstance(protocol, Protocol):
            raise ValueError(f"protocol must be a lib.data.Protocol, such as own_protocol(8, 64), not {protocol!r}")
        at_least(0, seed=seed)
        if reader not in READERS:
            raise ValueError(f"no reader {reader!r}; there are {', '.join(READERS)}")
        self.manifest, self.videos = manifest, manifest.split(split)
        if not self.videos:
            raise ValueError(f"{manifest.name} has no usable video in split {split!r}: {manifest.folder}")
        if cache is not None:
            _check_cache(cache, self.videos, protocol)
        self.protocol, self.train, self.seed = protocol, train, seed
        self.cache, self.reader = cache, reader
        self.short_side = protocol.short_side or (None if train else protocol.size)
        self.mirror = train and protocol.mirror and manifest.mirror_pairs is not None
        self._crop = TRAIN_CROPS.get(protocol.train_crop, protocol.train_crop) if train else protocol.test_crop
        self._of_frames, self._of_clips = find_augmentations(protocol.augment if train else ())
        self.views = 1 if train else self._count_views()

    @property
    def pixels(self):
        """What the clips' pixels become: `normalize(clips, dataset.pixels)`."""
        return self.protocol.pixels

    @property
    def decodes(self):
        """Whether a clip costs decoding, and not only reading."""
        return self.cache is None or getattr(self.cache, "decodes", False)

    @property
    def classes(self):
        """How many classes the labels are of."""
        return len(self.manifest.classes)

    @property
    def labels(self):
        """The class of every item, as the manifest says it: a mirrored clip may show another."""
        return [video.label for video in self.videos for _ in range(self.views)]

    def shows(self, label):
        """The classes that the clips of a label show, each as often: a mirrored one can be its partner's."""
        if not self.mirror or label in self.manifest.unmirrored:
            return (label,)
        return tuple({label, mirrored_label(label, self.manifest.mirror_pairs)})

    def describe(self, i):
        """What item i shows, for messages: its file."""
        return self.videos[i // self.views].path

    def __len__(self):
        return len(self.videos) * self.views

    def __getitem__(self, item):
        epoch, i, *again = item  # an item that is drawn again in an epoch shows another clip
        video, view = self.videos[i // self.views], i % self.views
        again = [2 * number for number in again]
        rng = generator(self.seed, epoch, i + 1, *again) if self.train else None
        shown = video.frame_range()
        clips = self.protocol.sampler(len(shown), rng=rng)
        frames, indices = self._decode(video, shown.start + clips[view % len(clips)])
        # a stream of its own: with or without it, the crop is the same
        noise = generator(self.seed, epoch, i + 1, 1 + sum(again))
        clip, label = self._transform(frames, indices, video.label, view // len(clips), rng, noise)
        return torch.from_numpy(np.ascontiguousarray(clip)).permute(3, 0, 1, 2), label, i

    def _decode(self, video, indices):
        """Frames of `video`, and which of them the clip shows: all that are decoded, or some of the cache's."""
        if self.cache is not None:
            return self.cache.clip(video.path, indices)
        return within(watch.STALLED_AFTER_S, self.manifest.root / video.path, self._read, video, indices), slice(None)

    def _read(self, video, indices):
        with open_listed(self.manifest, video, self.reader) as source:
            return source.read(indices)

    def _transform(self, video, indices, label, which_crop, rng, noise):
        """Cut, resize, mirror and augment frames `indices` of `video`; only what the clip shows is copied."""
        size, resampling = self.protocol.size, self.protocol.resampling
        if self.short_side is not None and min(video.shape[1:3]) != self.short_side:
            video, indices = resize_short_side(video[indices], self.short_side, resampling), slice(None)
        for change in self._of_frames:
            video, indices = change(video[indices], noise), slice(None)
        height, width = video.shape[1:3]
        if rng is None:
            box = self._crop(height, width, size)[which_crop]
        else:
            box = self._crop(height, width, size, rng)
        clip = resize(crop(video, box)[indices], size, size, resampling)
        if self.mirror and rng.random() < 0.5 and label not in self.manifest.unmirrored:
            clip, label = mirror(clip), mirrored_label(label, self.manifest.mirror_pairs)
        for change in self._of_clips:
            clip = change(clip, noise)
        return clip, label

    def _count_views(self):
        """Clips times crops, which must be as many for every video."""
        views = {self.protocol.views(length) for length in {len(video.frame_range()) for video in self.videos}}
        if len(views) > 1:
            raise ValueError(
                f"the sampler gives these videos from {min(views)} to {max(views)} views each: "
                "lib.evaluate.predictions.predict_videos takes them apart by that number"
            )
        return views.pop()


def generator(seed, epoch, *stream):
    """Stream 0 orders the epoch, stream i + 1 belongs to item i, stream (i + 1, 1) to what augments it.

    (i + 1, 2 k) and (i + 1, 2 k + 1) are those of its k-th repetition in the epoch.
    """
    return np.random.default_rng([seed, epoch, *stream])


def _check_cache(cache, videos, protocol):
    for video in videos:
        if video.path not in cache or cache.frames(video.path) != video.frames:
            raise ValueError(f"the cache {cache.folder} does not hold {video.path}: build_cache for this manifest")
        if video.content and getattr(cache, "contents", {}).get(video.path, video.content) != video.content:
            raise ValueError(f"the cache {cache.folder} holds another {video.path}: build_cache for this manifest")
    if cache.short_side < (size := protocol.short_side or protocol.size):
        raise ValueError(f"the cache's short side of {cache.short_side} pixels is too little: {size} are asked for")
    if cache.resampling not in (None, protocol.resampling):
        raise ValueError(
            f"the cache {cache.folder} was resized as {cache.resampling} does it, but protocol {protocol.name} says "
            f"{protocol.resampling}: build_cache(..., resampling={protocol.resampling!r})"
        )
