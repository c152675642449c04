"""What a net sees of a video, in one value: `Protocol`, and in it `Pixels`, what its pixels become.

Datasets take a protocol, weights bring one, runs and tables record one; nothing else carries these facts.

    ours = own_protocol(frames=8, size=64)                                 # one frame from each of 8 segments
    ClipDataset(manifest, "train", ours, train=True)
    TEST_PROTOCOLS["csn_10x3"].views(300)                                  # 30: 10 clips x 3 crops
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, fields, is_dataclass
from functools import partial
from numbers import Integral

from lib.bounds import shown
from lib.data.augment import find_augmentations
from lib.data.crops import TEST_CROPS, TRAIN_CROPS, with_options
from lib.data.sampling import sample_frames
from lib.data.transforms import CHANNEL_ORDERS, RESAMPLINGS

RANGES = (1.0, 255.0)
AVERAGES = ("prob", "score")
ANY_LENGTH = 1000  # frames of a video: a sampler must cut clips of the same T from any


def at_least(least, **options):
    """ValueError: an option that is no whole number, or below `least`."""
    for name, value in options.items():
        if isinstance(value, bool) or not isinstance(value, Integral):
            raise ValueError(f"{name} must be a whole number, not {shown(value)}")
        if value < least:
            raise ValueError(f"{name} must be at least {least}, not {value}")


def _one_of(name, value, table):
    if value not in table:
        raise ValueError(f"no {name} {shown(value)}; there are {', '.join(map(str, table))}")
    return value


@dataclass(frozen=True)
class Pixels:
    """What a pixel becomes before a net sees it: (pixel * value_range / 255 - mean) / std, channel by channel.

    mean, std      three numbers each, in channel_order, in the unit of value_range
    value_range    what the brightest pixel is before mean and std: 1 or 255
    channel_order  "RGB", or "BGR" for nets that were trained so
    ValueError: mean and std that cannot be meant for this value range
    """

    mean: tuple
    std: tuple
    value_range: float = 1.0
    channel_order: str = "RGB"

    def __post_init__(self):
        for name in ("mean", "std"):
            object.__setattr__(self, name, tuple(map(float, getattr(self, name))))
        object.__setattr__(self, "value_range", float(self.value_range))
        top = _one_of("value_range", self.value_range, RANGES)
        _one_of("channel_order", self.channel_order, CHANNEL_ORDERS)
        if len(self.mean) != 3 or not all(0 <= value <= top for value in self.mean):
            raise ValueError(f"mean={self.mean} must be three numbers from 0 to value_range={top:g}")
        if len(self.std) != 3 or not all(top / 255 <= value <= top for value in self.std):
            raise ValueError(f"std={self.std} must be three numbers from {top / 255:.2g} to value_range={top:g}")

    def scaled(self, value_range):
        """The same pixels, their mean and std said on another scale.  -> Pixels"""
        mean, std = ([round(v * value_range / self.value_range, 9) for v in values] for values in (self.mean, self.std))
        return Pixels(mean, std, value_range, self.channel_order)


_ACTIVITYNET = (114.7748, 107.7354, 99.475)
# What published nets were fed. The order of ActivityNet's means is not swapped with that of the channels.
PIXELS = {
    "own": Pixels((0.45,) * 3, (0.225,) * 3),  # of everything that is trained from scratch here
    "imagenet": Pixels((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),  # optplan, RubiksNet, CAKES, TSM; CSN, scaled
    "kinetics": Pixels((0.43216, 0.394666, 0.37645), (0.22803, 0.22145, 0.216989)),  # VMZ; CSN, scaled
    "3d_resnets": Pixels((0.4345, 0.4051, 0.3775), (0.2768, 0.2713, 0.2737)),  # Hara et al.'s code of today
    "activitynet": Pixels(_ACTIVITYNET, (1.0,) * 3, 255),  # Efficient-3DCNNs: Jester, UCF-101
    "activitynet_bgr": Pixels(_ACTIVITYNET, (1.0,) * 3, 255, "BGR"),  # and Kinetics
    "efficient3dcnns_kinetics": Pixels(
        (110.63666788, 103.16065604, 96.29023126), (38.7568578, 37.88248729, 40.02898126), 255
    ),
}


@dataclass(frozen=True)
class Protocol:
    """How a video becomes a net's input, in training and in testing. ValueError: parts that contradict each other.

    frames      T of a clip
    size        height and width of a clip, pixels
    sampler     f(frames_in_video, rng=None) -> frame numbers (clips, frames): one clip with an rng, in training
    short_side  pixels; frames are resized to it before they are cropped. None: training crops the frames as they are,
                testing resizes to `size`
    crop        of testing: a name in lib.data.crops, or such a function; each of its boxes is a view of each clip
    resampling  whose bilinear: "pillow" (antialiased), "opencv" (plain, the long side rounded half up) or
                "slowfast" (plain, rounded down)
    pixels      Pixels
    average     of a video's views: "prob", the mean of their softmax, or "score", of their raw logits
    Of training alone:
    train_crop  a name in lib.data.crops, or such a function
    mirror      mirror with probability 1/2 where the manifest's mirror_pairs allow it
    augment     names in lib.data.augment, or such functions: each is drawn once a clip
    """

    name: str
    frames: int
    size: int
    sampler: Callable
    short_side: int | None = None
    crop: str | Callable = "centre"
    resampling: str = "pillow"
    pixels: Pixels = PIXELS["own"]
    average: str = "prob"
    train_crop: str | Callable = "multi_scale"
    mirror: bool = True
    augment: tuple = ()

    def __post_init__(self):
        sides = {} if self.short_side is None else {"short_side": self.short_side}
        at_least(1, frames=self.frames, size=self.size, **sides)
        if not isinstance(self.mirror, bool):
            raise ValueError(f"mirror must be true or false, not {self.mirror!r}")
        object.__setattr__(self, "augment", tuple(self.augment))
        if self.short_side is not None and self.short_side < self.size:
            raise ValueError(f"short_side={self.short_side} is too little for clips of size={self.size}")
        for name, table in _CHOICES.items():
            if not callable(value := getattr(self, name)):
                _one_of(name, value, table)
        if not isinstance(self.pixels, Pixels):
            raise ValueError(f"pixels must be a lib.data.Pixels, not {self.pixels!r}")
        find_augmentations(self.augment)
        cut = self.sampler(ANY_LENGTH).shape[1]
        if cut != self.frames:
            raise ValueError(f"frames={self.frames}, but the sampler {_text(self.sampler)} cuts clips of {cut}")

    def views(self, frames_in_video):
        """How many views a video of this length gets in a test: clips x crops."""
        return len(self.sampler(frames_in_video)) * self.crops

    @property
    def crops(self):
        """Boxes of the test crop."""
        return len(self.test_crop(self.size, self.size, self.size))

    @property
    def test_crop(self):
        """f(height, width, size) -> boxes"""
        return TEST_CROPS.get(self.crop, self.crop)

    def plain(self):
        """Everything that the protocol says, as JSON takes it: a run's record keeps it."""
        return {field.name: _plain(getattr(self, field.name)) for field in fields(self)}


def agreed(train, val, test=None):
    """What the protocols of a training's datasets say, for its record.

    ValueError: their pixels differ, and the net that is measured would see another video than the one that is trained
    -> {"protocol": of training, "val_protocol": where it is another}
    """
    for name, dataset in (("val", val), ("test", test)):
        if dataset is not None and dataset.pixels != train.pixels:
            raise ValueError(f"{name} has {dataset.pixels}, but training {train.pixels}: a net sees one kind of pixels")
    said, measured = train.protocol.plain(), val.protocol.plain()
    return {"protocol": said} if said == measured else {"protocol": said, "val_protocol": measured}


_CHOICES = {"crop": TEST_CROPS, "train_crop": TRAIN_CROPS, "resampling": RESAMPLINGS, "average": AVERAGES}


def own_protocol(frames, size, *, segments=None, frame_stride=1, clips=1, scales=None, area=None, name=None, **facts):
    """Our own: frames from equal parts of the video, `lib.data.sampling.sample_frames`.  -> Protocol

    segments      None: one frame from each of `frames` segments; K: frames / K from each of K; 1: one dense clip
    frame_stride  video frames from one frame of a segment to the next
    clips         when testing: clips per video, at different moments
    scales        of the training crop's sides; None: the crop's own
    area          of the random_resized training crop: the least and the largest share of a frame; None: 0.08 and 1
    name          None: what it says, as own(segments=8)
    facts         Protocol's others; pixels can be a name in PIXELS
    """
    segments = frames if segments is None else segments
    at_least(1, frames=frames, size=size, segments=segments, frame_stride=frame_stride, clips=clips)
    if frames % segments:
        raise ValueError(f"frames={frames} cannot be shared equally among segments={segments}")
    places = {"segments": segments, "run": frames // segments, "frame_stride": frame_stride}
    facts["train_crop"] = with_options(facts.get("train_crop", "multi_scale"), scales=scales, area=area)
    if isinstance(facts.get("pixels"), str):
        facts["pixels"] = PIXELS[_one_of("pixels", facts["pixels"], PIXELS)]
    if unknown := sorted(set(facts) - {field.name for field in fields(Protocol)}):
        raise ValueError(f"a protocol has no {', '.join(map(shown, unknown))}; there are {', '.join(OWN)}")
    said = {"segments": segments, "frame_stride": frame_stride, "clips": clips}
    name = name or f"own({', '.join(f'{key}={value}' for key, value in said.items() if value != 1)})"
    return Protocol(name, frames, size, OneInTraining(partial(sample_frames, **places), clips), **facts)


def own_again(said):
    """The protocol of our own that `plain()` put into words, what it says of training left out; None: it is another."""
    try:
        bound = re.fullmatch(r"sample_frames\((.*)\)", said["sampler"])[1].split(", ")
        places = {key: int(value) for key, value in (pair.split("=") for pair in bound) if key != "run"}
        shown = {key: said[key] for key in ("name", "short_side", "crop", "resampling", "average")}
        protocol = own_protocol(said["frames"], said["size"], pixels=Pixels(**said["pixels"]), **places, **shown)
    except (KeyError, TypeError, ValueError, AttributeError):
        return None
    return protocol if protocol.plain()["sampler"] == said["sampler"] else None


@dataclass(frozen=True)
class OneInTraining:
    """A sampler that cuts `clips` clips of a video in testing and one in training, where there is an rng."""

    sampler: Callable
    clips: int

    def __call__(self, frames_in_video, rng=None):
        return self.sampler(frames_in_video, rng=rng, clips=self.clips if rng is None else 1)


OWN = (
    "segments",
    "frame_stride",
    "clips",
    "scales",
    "area",
    *(f.name for f in fields(Protocol) if f.name != "sampler"),
)


def _plain(value):
    if is_dataclass(value) and not callable(value):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    return _text(value) if callable(value) else value


def _text(function):
    """A function as one would write it, its bound options included: tsn(segments=8)."""
    if isinstance(function, OneInTraining):
        bound = {**function.sampler.keywords, "clips": function.clips}
        return _text(partial(function.sampler.func, **bound))
    if isinstance(function, partial):
        bound = ", ".join(f"{key}={_plain(value)}" for key, value in function.keywords.items())
        return f"{_text(function.func)}({bound})"
    return getattr(function, "__name__", type(function).__name__)
