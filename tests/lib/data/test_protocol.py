"""What a net sees, as one value: parts that contradict each other, what it says about itself, how it resizes."""

import json

import numpy as np
import pytest

from lib.data import PIXELS, Pixels, own_protocol
from lib.data.protocol import Protocol
from lib.data.transforms import resize, resize_short_side


@pytest.mark.parametrize(
    "facts, words",
    [
        ({"mean": (0.4, 0.4)}, "mean=.* must be three numbers"),
        ({"mean": (110.0, 103.0, 96.0)}, "from 0 to value_range=1"),
        ({"std": (0.0, 0.2, 0.2)}, "std=.* must be three numbers"),
        ({"value_range": 255}, "std=.* must be three numbers from 1 to value_range=255"),  # 0.45 and 0.225 are of 0..1
        ({"value_range": 2}, "no value_range 2.0; there are 1.0, 255.0"),
        ({"channel_order": "GBR"}, "no channel_order 'GBR'; there are RGB, BGR"),
        ({"mean": (float("nan"), 0.4, 0.4)}, "mean=.* must be three numbers"),
    ],
)
def test_pixels_that_nobody_means(facts, words):
    with pytest.raises(ValueError, match=words):
        Pixels(**{"mean": (0.45,) * 3, "std": (0.225,) * 3, **facts})


def test_pixels_on_another_scale():
    scaled = PIXELS["imagenet"].scaled(255)
    assert scaled == Pixels((123.675, 116.28, 103.53), (58.395, 57.12, 57.375), 255)
    assert scaled.scaled(1) == PIXELS["imagenet"] and hash(scaled) != hash(PIXELS["imagenet"])


@pytest.mark.parametrize(
    "facts, words",
    [
        ({"frames": 0}, "frames must be at least 1, not 0"),
        ({"size": 0}, "size must be at least 1"),
        ({"frame_stride": 0}, "frame_stride must be at least 1"),
        ({"clips": 0}, "clips must be at least 1"),
        ({"segments": 3}, "frames=8 cannot be shared equally among segments=3"),
        ({"short_side": 16}, "short_side=16 is too little for clips of size=32"),
        ({"crop": "multi_scale"}, "no crop 'multi_scale'; there are centre, "),
        ({"train_crop": "centre"}, "no train_crop 'centre'; there are multi_scale, "),
        ({"resampling": "lanczos"}, "no resampling 'lanczos'; there are pillow, opencv"),
        ({"average": None}, "no average None; there are prob, score"),
        ({"augment": ["pepper"]}, "no augmentation 'pepper'"),
        ({"pixels": {"mean": 0}}, "pixels must be a lib.data.Pixels"),
        ({"segmens": 1}, "a protocol has no 'segmens'; there are segments, frame_stride"),
    ],
)
def test_contradictions(facts, words):
    with pytest.raises(ValueError, match=words):
        own_protocol(**{"frames": 8, "size": 32, **facts})


def test_the_sampler_cuts_clips_of_as_many_frames():
    with pytest.raises(ValueError, match="frames=16, but the sampler .*run=1.* cuts clips of 8"):
        Protocol("mine", 16, 32, own_protocol(8, 32).sampler)


def test_what_a_protocol_says_is_json():
    plain = own_protocol(8, 32, segments=2, clips=3, crop="three_along", scales=(1, 0.8), augment=["blur"]).plain()
    assert json.loads(json.dumps(plain)) == plain
    assert plain["sampler"] == "sample_frames(segments=2, run=4, frame_stride=1, clips=3)"
    assert plain["train_crop"] == "multi_scale_box(scales=[1, 0.8])" and plain["augment"] == ["blur"]
    assert plain["pixels"]["mean"] == [0.45] * 3


def test_views_are_clips_times_crops():
    protocol = own_protocol(4, 32, clips=2, crop="three_along")
    assert protocol.views(20) == 6 and protocol.sampler(20).shape == (2, 4)
    assert protocol.sampler(20, rng=np.random.default_rng(0)).shape == (1, 4), "training draws one clip"


def opencv_bilinear(frame, height, width):
    """OpenCV's INTER_LINEAR of 8 bits, from its definition: pixel centres, no low-pass, edges repeated."""
    axes = []
    for length, wanted in zip(frame.shape[:2], (height, width), strict=True):
        places = ((np.arange(wanted) + 0.5) * length / wanted - 0.5).clip(0, length - 1)
        low = places.astype(int)
        axes.append((low, np.minimum(low + 1, length - 1), places - low))
    (top, bottom, down), (left, right, along) = axes
    rows = frame[top] * (1 - down[:, None, None]) + frame[bottom] * down[:, None, None]
    return (rows[:, left] * (1 - along[:, None]) + rows[:, right] * along[:, None]).round()


@pytest.mark.parametrize("size, to", [((224, 398), (256, 455)), ((480, 640), (256, 341)), ((31, 50), (64, 20))])
def test_opencv_resampling(size, to):
    frame = np.random.default_rng(0).integers(0, 256, (*size, 3), dtype=np.uint8)
    found = resize(frame[None], *to, "opencv")[0].astype(float)
    assert np.abs(found - opencv_bilinear(frame.astype(float), *to)).max() <= 1
    if to[0] < size[0]:
        assert np.abs(found - resize(frame[None], *to)[0]).max() > 20, "the antialiased one is another picture"


def test_the_long_side():
    frames = np.zeros((1, 224, 398, 3), np.uint8)
    assert resize_short_side(frames, 256, "opencv").shape == (1, 256, 455, 3)
    assert resize_short_side(frames, 256).shape == (1, 256, 454, 3)


def test_a_suite_can_name_pixels_and_the_crops_area():
    ours = own_protocol(8, 32, pixels="imagenet", train_crop="random_resized", area=[0.2, 1])
    assert ours.pixels == PIXELS["imagenet"] and ours.train_crop.keywords == {"area": (0.2, 1)}
    assert own_protocol(8, 32).plain() == own_protocol(8, 32, scales=None, area=None).plain()
    wrong = {"no pixels 'imagnet'; there are own": {"pixels": "imagnet"}}
    wrong |= {"the training crop multi_scale has no area": {"area": [0.2, 1]}}
    wrong |= {
        "two rising shares": {"train_crop": "random_resized", "area": [1, 0.2]},
        "area must be": {"train_crop": "random_resized", "area": [0, 1]},
    }
    for said, options in wrong.items():
        with pytest.raises(ValueError, match=said):
            own_protocol(8, 32, **options)
