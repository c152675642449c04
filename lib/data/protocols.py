"""Which frames the five systems' own code shows their nets, and which views it averages at test time.

Each sampler is f(frames_in_video, ..., rng) -> int64 (clips, frames); with its options bound by functools.partial it is
a Protocol's `sampler`. `rng`, a numpy Generator, is for training; None is testing. Frame numbers start at 0, while
the code of RubiksNet, CAKES and Efficient-3DCNNs counts from 1. What looks odd here is what published numbers rest on.
"""

import math
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import numpy as np

from lib.data.protocol import PIXELS, OneInTraining, Protocol, own_again
from lib.data.slowfast import slowfast


def tsn(frames_in_video, segments, rng=None, *, clips=1):
    """TSN as in TSM, RubiksNet and CAKES: one frame from each segment; a second test clip takes the segments' starts.

    Training: segments of whole frames, so the last n % segments frames are never seen; a video of fewer frames than
    segments shows only its first. Testing: the frame in the middle of each segment.
    """
    n = frames_in_video
    if rng is not None:
        length = n // segments
        return (np.arange(segments) * length + (rng.integers(0, length, segments) if length else 0))[None]
    if clips not in (1, 2):
        raise ValueError(f"clips must be 1 or 2 here, not {clips}")
    tick = n / segments
    return np.array([(half_tick + tick * np.arange(segments)).astype(int) for half_tick in (tick / 2, 0)[:clips]])


def tsn_validation(frames_in_video, segments, rng=None):
    """The same code's validation while it trains: a video of as many frames as segments, or fewer, shows its first."""
    return tsn(frames_in_video, segments) if frames_in_video > segments else np.zeros((1, segments), int)


def dense(frames_in_video, frames, rng=None, *, clips=10, span=64):
    """I3D's dense clips as in TSM and RubiksNet: frames spread over `span`, past the end from the start again.

    Training: one clip, anywhere but at the last place that fits. Testing: starts evenly spaced.
    """
    room = max(0, frames_in_video - span)
    starts = np.linspace(0, room, clips, dtype=int) if rng is None else [rng.integers(0, room) if room else 0]
    return (np.asarray(starts)[:, None] + span // frames * np.arange(frames)) % frames_in_video


def efficient3dcnns(frames_in_video, frames, rng=None, *, downsample=1, begin=False):
    """Efficient-3DCNNs: frames * downsample consecutive frames, looped if there are fewer, every downsample-th kept.

    Training: anywhere but at the last place that fits. Testing: in the middle, or at the beginning.
    """
    n, span = frames_in_video, frames * downsample
    if rng is None:
        first = 0 if begin else max(0, n // 2 - span // 2)
    else:
        first = int(rng.integers(0, max(0, n - span - 1) + 1))
    return _loop(range(first, min(first + span, n)), span)[None, ::downsample]


def efficient3dcnns_windows(frames_in_video, frames, windows=0):
    """Efficient-3DCNNs' test clips: ranges of at most `frames` frames, one after another (0) or evenly spaced.

    windows=1 is the whole video. The list can be longer than asked for, and a last single frame gets no window.
    """
    n = frames_in_video
    if windows == 1:
        return [range(n)]
    step = max(1, math.ceil((n - 1 - frames) / (windows - 1))) if windows > 1 else frames
    return [range(first, min(first + frames, n)) for first in range(0, n - 1, step)]


def efficient3dcnns_test(frames_in_video, frames, rng=None, *, downsample=1):
    """Efficient-3DCNNs' test: all windows of a video, each looped if it is short; their number differs from video to
    video, see `lib.evaluate.predictions.predict_videos`.

    Departures: windows of frames * downsample, where the published code thins out shorter ones; a single frame has one.
    """
    span = frames * downsample
    windows = efficient3dcnns_windows(frames_in_video, span) or [range(frames_in_video)]
    return np.stack([_loop(window, span)[::downsample] for window in windows])


def _loop(numbers, length):
    return np.resize(np.asarray(numbers), length)


def mmaction2(frames_in_video, frames, rng=None, *, frame_stride=2, clips=1, version="1.x", keep_tail_frames=False):
    """mmaction2's SampleFrames, CSN's sampler: dense clips, past the end from the start again.

    Its 0.x and 1.x lines place test clips differently: `version`. Training clips are drawn one from each equal part of
    the places where they fit; with keep_tail_frames the parts are not rounded down, so that the last places count too.
    """
    if version not in MMACTION2_STARTS:
        raise ValueError(f"no version {version!r}; there are {', '.join(MMACTION2_STARTS)}")
    if rng is None:
        starts = MMACTION2_STARTS[version](frames_in_video, frames, frame_stride, clips)
    else:
        starts = _mmaction2_training(frames_in_video, frames * frame_stride, clips, rng, keep_tail_frames)
    return (np.asarray(starts)[:, None] + frame_stride * np.arange(frames)) % frames_in_video


def _mmaction2_training(n, span, clips, rng, keep_tail_frames):
    i, share = np.arange(clips), (n - span + 1) // clips
    if keep_tail_frames:
        share = max(0, n - span + 1) / clips
        return (i * share + rng.uniform(0, share, clips)).astype(int)
    if share > 0:
        return i * share + rng.integers(0, share, clips)
    if n > max(clips, span):
        return np.sort(rng.integers(0, n - span + 1, clips))
    return np.around(i * (n - span + 1) / clips).astype(int) if share == 0 else 0 * i


def _mmaction2_starts_0x(n, frames, frame_stride, clips):
    share = max(0, n - frames * frame_stride + 1) / clips
    return (share * np.arange(clips) + share / 2).astype(int)


def _mmaction2_starts_1x(n, frames, frame_stride, clips):
    last = max(0, n - (frames - 1) * frame_stride - 1)
    return np.around(np.linspace(0, last, clips)).astype(int) if clips > 1 else [last // 2]


MMACTION2_STARTS = {"0.x": _mmaction2_starts_0x, "1.x": _mmaction2_starts_1x}


def optplan(frames_in_video, rng=None, *, segments, run, frame_stride=1, clips=1):
    """Optimization Planning: a run of frames from each segment; test clips move through the segments from their start.

    Of one clip that is the start, not the middle; of several the last never reaches the end. Departure: the
    published code refuses a video shorter than a run; here it is repeated.
    """
    n, i = frames_in_video, np.arange(segments)
    span, length = run * frame_stride, n // segments
    step = length if length >= span else max(0, n - span) / segments  # between segments; below 1 run they overlap
    room = length - span if length >= span else step
    if rng is not None:
        offset = rng.integers(0, int(room) + 1, (1, segments))
    else:
        offset = np.array([[int(room * clip / clips)] for clip in range(clips)])
    first = offset + (i * step).astype(int)
    return (first[:, :, None] + frame_stride * np.arange(run)).reshape(len(offset), -1) % n


class _Tested(NamedTuple):
    """How a system's published numbers were tested; T, clips and frame stride can be other weights' own."""

    sampler: Callable
    frames: int
    named: str  # the sampler's option that is T
    size: int
    short_side: int
    crop: str
    average: str
    pixels: str  # a key of PIXELS
    clips: int | None = None  # None: the sampler alone knows
    stride: str = ""  # the sampler's option that is the frame stride
    usual_stride: int = 1
    resampling: str = "pillow"


# Efficient-3DCNNs: Kinetics and UCF-101 by windows; Jester by one centre clip, of every second frame.
_TESTED = {
    "efficient3dcnns_centre": _Tested(
        efficient3dcnns, 16, "frames", 112, 112, "centre", "prob", "activitynet", stride="downsample"
    ),
    "efficient3dcnns_windows": _Tested(
        efficient3dcnns_test, 16, "frames", 112, 112, "centre", "prob", "activitynet_bgr", stride="downsample"
    ),
    "csn_10x3": _Tested(
        mmaction2, 32, "frames", 256, 256, "three_along", "prob", "imagenet", 10, "frame_stride", 2, "opencv"
    ),
    "rubiksnet_1clip": _Tested(tsn, 8, "segments", 224, 256, "centre", "score", "imagenet", 1),
    "rubiksnet_2clip": _Tested(tsn, 8, "segments", 224, 256, "three_quarters", "score", "imagenet", 2),
    "cakes_1clip": _Tested(tsn_validation, 8, "segments", 224, 256, "centre", "score", "imagenet"),
    "optplan_20x3": _Tested(
        partial(optplan, segments=1), 16, "run", 256, 256, "three_corners", "score", "imagenet", 20, "frame_stride"
    ),
}
# x3d_xs_10x3, x3d_xs_10x1, ..., x3d_l_10x1: frames, frame stride, training crop, test crop (= short side).
# Departures: videos of 30 fps, see `slowfast`; a view's score is the softmax of the net's mean over its head's places,
# where SlowFast averages their softmax (`X3D.probabilities`): the same with 10x1, which leaves one place
X3D = {"xs": (4, 12, 160, 182), "s": (13, 6, 160, 182), "m": (16, 5, 224, 256), "l": (16, 5, 312, 356)}
for _net, (_frames, _stride, _trained, _side) in X3D.items():
    for _views, _size, _crop in (("10x3", _side, "three_slowfast"), ("10x1", _trained, "centre_slowfast")):
        _shown = (_frames, "frames", _size, _side, _crop, "prob", "own", 10, "frame_stride", _stride, "slowfast")
        _TESTED[f"x3d_{_net}_{_views}"] = _Tested(partial(slowfast, frame_stride=_stride), *_shown)


def test_protocol(name, *, pixels=None, frames=None, frame_stride=None, clips=None, size=None, crop=None):
    """One of TEST_PROTOCOLS, with what is other than published; its name then says so.  -> Protocol

    pixels  the weights' own, `load_published(...).preprocessing.pixels`
    size    of the clip, pixels; the short side changes in proportion
    ValueError: no such protocol, or its sampler knows no clips or no stride
    """
    if name not in _TESTED:
        raise ValueError(f"no protocol {name!r}; there are {', '.join(_TESTED)}")
    row = _TESTED[name]
    sampler = _bound(name, row, frames or row.frames, frame_stride, clips)
    other = {
        "frames": (frames, row.frames),
        "frame_stride": (frame_stride, row.usual_stride),
        "clips": (clips, row.clips),
    }
    other |= {"size": (size, row.size), "crop": (crop, row.crop)}
    said = ", ".join(f"{key}={value}" for key, (value, usual) in other.items() if value not in (None, usual))
    size = size or row.size
    shown = {"crop": crop or row.crop, "resampling": row.resampling, "average": row.average}
    shown |= {"short_side": round(row.short_side * size / row.size), "pixels": pixels or PIXELS[row.pixels]}
    return Protocol(f"{name}({said})" if said else name, frames or row.frames, size, sampler, **shown)


test_protocol.__test__ = False  # pytest collects by name


def _bound(name, row, frames, frame_stride, clips):
    options = {row.named: frames}
    if frame_stride not in (None, row.usual_stride):
        if not row.stride:
            raise ValueError(f"frame_stride={frame_stride}, but {name} spreads its frames over the video")
        options[row.stride] = frame_stride
    if clips is not None and row.clips is None:
        raise ValueError(f"clips={clips}, but how many clips {name} cuts is not a matter of choice")
    sampler = partial(row.sampler, **options)
    return sampler if row.clips is None else OneInTraining(sampler, clips or row.clips)


TEST_PROTOCOLS = {name: test_protocol(name) for name in _TESTED}


def weights_protocol(preprocessing, name=None, **other):
    """How published weights are tested: with their own pixels, frames and stride.  -> Protocol

    preprocessing  `load_published(...).preprocessing`
    name           of another protocol than their system's
    other          as `test_protocol` takes it
    """
    protocol, changed = name or preprocessing.protocol, [key for key, value in other.items() if value is not None]
    if not protocol and not changed and preprocessing.said and (own := own_again(preprocessing.said)):
        return own
    if not protocol:
        raise ValueError(f"these weights name no protocol; there are {', '.join(_TESTED)}")
    if preprocessing.pixels is None:
        raise ValueError("how these weights see pixels is not known: say it, or they see another video")
    own = {name: getattr(preprocessing, name) for name in ("frames", "frame_stride", "pixels")}
    return test_protocol(protocol, **{**own, **{key: value for key, value in other.items() if value is not None}})
