"""Videos to batches of clips. Every draw depends on (seed, epoch, index) alone: workers and restarts change nothing."""

from functools import partial

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

from lib.data.augment import find_augmentations
from lib.data.crops import TEST_CROPS, TRAIN_CROPS
from lib.data.readers import READERS, open_listed
from lib.data.sampling import sample_frames
from lib.data.transforms import crop, mirror, mirrored_label, resize, resize_short_side

STALLED_AFTER_S = 600  # a decoder that hangs becomes an error instead of a training that never ends


class ClipDataset(Dataset):
    """The clips of a split's usable videos; `dataset[epoch, i]` is (clip, label, i).

    clip      uint8 (3, frames, size, size), RGB; its memory lies as (frames, size, size, 3)
    training  one clip a video: frames jittered within their segments, a crop, a mirror image with probability 1/2
              where the manifest's mirror_pairs allow it (the label follows)
    testing   `views` clips a video: item i is view i % views of video i // views; the first crop's clips come
              first, then the next crop's; nothing is drawn

    segments      None: one frame from each of `frames` segments; K: frames / K from each of K; 1: one dense clip
    frame_stride  video frames from one frame of a segment to the next
    clips         when testing: clips per video, at different moments; views = clips x the crop's boxes
    sampler       instead of these three: f(frames_in_video, rng) -> frame numbers (clips, frames), 1 clip in training
    short_side    pixels; frames are resized to it before they are cropped. None: training crops the frames as they
                  are, testing resizes to `size`
    crop          a name in lib.data.crops, or such a function; None: "multi_scale" in training, "centre" in testing
    scales        sides of the multi-scale crop, None: the crop's own
    augment       names in lib.data.augment, for training: each is drawn once a clip
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
        clips=1,
        sampler=None,
        short_side=None,
        crop=None,
        scales=None,
        mirror=True,
        augment=(),
    ):
        segments = frames if segments is None else segments
        _at_least(1, frames=frames, size=size, segments=segments, frame_stride=frame_stride, clips=clips)
        _at_least(0, seed=seed)
        if frames % segments:
            raise ValueError(f"frames={frames} cannot be shared equally among segments={segments}")
        if reader not in READERS:
            raise ValueError(f"no reader {reader!r}; there are {', '.join(READERS)}")
        if short_side is not None and short_side < size:
            raise ValueError(f"short_side={short_side} is too little for clips of size={size}")
        self.manifest, self.videos = manifest, manifest.split(split)
        if not self.videos:
            raise ValueError(f"{manifest.name} has no usable video in split {split!r}: {manifest.folder}")
        if cache is not None:
            _check_cache(cache, self.videos, short_side or size)
        self.frames, self.size, self.train, self.seed = frames, size, train, seed
        self.cache, self.reader = cache, reader
        self.short_side = short_side or (None if train else size)
        self.mirror = train and mirror and manifest.mirror_pairs is not None
        self._crop = _find_crop(crop, scales, train)
        self._of_frames, self._of_clips = find_augmentations(augment if train else ())
        places = {"segments": segments, "run": frames // segments, "frame_stride": frame_stride}
        self._sample = sampler or partial(sample_frames, **places, clips=1 if train else clips)
        self.views = 1 if train else self._count_views()

    def __len__(self):
        return len(self.videos) * self.views

    def __getitem__(self, item):
        epoch, i = item
        video, view = self.videos[i // self.views], i % self.views
        rng = _generator(self.seed, epoch, i + 1) if self.train else None
        shown = video.frame_range()
        clips = self._sample(len(shown), rng=rng)
        frames, indices = self._decode(video, shown.start + clips[view % len(clips)])
        noise = _generator(self.seed, epoch, i + 1, 1)  # a stream of its own: with or without it, the crop is the same
        clip, label = self._transform(frames, indices, video.label, view // len(clips), rng, noise)
        return torch.from_numpy(np.ascontiguousarray(clip)).permute(3, 0, 1, 2), label, i

    def _decode(self, video, indices):
        """Frames of `video`, and which of them the clip shows: all that are decoded, or some of the cache's."""
        if self.cache is not None:
            return self.cache[video.path], indices
        with open_listed(self.manifest, video, self.reader) as source:
            return source.read(indices), slice(None)

    def _transform(self, video, indices, label, which_crop, rng, noise):
        """Cut, resize, mirror and augment frames `indices` of `video`; only what the clip shows is copied."""
        if self.short_side is not None and min(video.shape[1:3]) != self.short_side:
            video, indices = resize_short_side(video[indices], self.short_side), slice(None)
        for change in self._of_frames:
            video, indices = change(video[indices], noise), slice(None)
        height, width = video.shape[1:3]
        if rng is None:
            box = self._crop(height, width, self.size)[which_crop]
        else:
            box = self._crop(height, width, self.size, rng)
        clip = resize(crop(video, box)[indices], self.size, self.size)
        if self.mirror and rng.random() < 0.5:
            clip, label = mirror(clip), mirrored_label(label, self.manifest.mirror_pairs)
        for change in self._of_clips:
            clip = change(clip, noise)
        return clip, label

    def _count_views(self):
        """Clips times crops; both numbers must be the same for every video."""
        lengths = {len(video.frame_range()) for video in self.videos}
        clips = {len(self._sample(length, rng=None)) for length in lengths}
        if len(clips) > 1:
            raise ValueError(
                f"the sampler gives these videos from {min(clips)} to {max(clips)} clips each: "
                "lib.evaluate.predictions.predict_videos takes them apart by that number"
            )
        return clips.pop() * len(self._crop(self.size, self.size, self.size))


def batches(dataset, epoch, batch_size, *, shuffle, workers=0, drop_last=False, start=0):
    """The clips of one epoch.  -> iterator of (clips uint8 (N, 3, T, H, W), labels (N,), indices (N,))

    The order depends on the dataset's seed and the epoch only. Clips are channels_last_3d, as they are decoded; the
    last batch is smaller unless drop_last. `start` batches are left out, unread: there a resumed epoch goes on.
    Closing the iterator early ends its workers.
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
    iterator = iter(loader)
    try:
        yield from iterator
    finally:
        iterator._shutdown_workers()  # left to the garbage collector, each worker of a failed epoch takes 5 s to end


def _collate(items):
    clips, labels, indices = zip(*items, strict=True)
    clips = torch.stack([clip.permute(1, 2, 3, 0) for clip in clips]).permute(0, 4, 1, 2, 3)
    return clips, torch.tensor(labels), torch.tensor(indices)


def _generator(seed, epoch, *stream):
    """Stream 0 orders the epoch, stream i + 1 belongs to item i, stream (i + 1, 1) to what augments it."""
    return np.random.default_rng([seed, epoch, *stream])


def _at_least(least, **options):
    for name, value in options.items():
        if value < least:
            raise ValueError(f"{name} must be at least {least}, not {value}")


def _find_crop(crop, scales, train):
    crops = TRAIN_CROPS if train else TEST_CROPS
    crop = ("multi_scale" if train else "centre") if crop is None else crop
    if not callable(crop) and crop not in crops:
        raise ValueError(f"no {'training' if train else 'test'} crop {crop!r}; there are {', '.join(crops)}")
    crop = crops.get(crop, crop)
    return partial(crop, scales=scales) if train and scales is not None else crop


def _check_cache(cache, videos, size):
    for video in videos:
        if video.path not in cache or len(cache[video.path]) != video.frames:
            raise ValueError(f"the cache {cache.folder} does not hold {video.path}: build_cache for this manifest")
    if cache.short_side < size:
        raise ValueError(f"the cache's short side of {cache.short_side} pixels is too little: {size} are asked for")
