"""Augmentations: one draw a clip, the same for the same (seed, epoch, index), and what each does to its pixels."""

from functools import partial

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.ndimage import gaussian_filter
from video_files import moving_pattern, write_dataset

from lib.data import ClipDataset, augment, batches, build_cache, own_protocol

CHANGES = {**augment.OF_FRAMES, **augment.OF_CLIPS}
ALWAYS = {name: partial(CHANGES[name], p=1.0) for name in ("dropout", "salt", "blur", "elastic")}


def change(name, clip, seed=0):
    return ALWAYS.get(name, CHANGES[name])(clip, np.random.default_rng(seed))


@pytest.mark.parametrize("name", CHANGES)
def test_one_draw_a_clip(name):
    still = np.repeat(moving_pattern(1, 40, 53), 5, axis=0)
    before = still.copy()
    still.flags.writeable = False  # as in a cache
    changed = change(name, still)
    assert changed.dtype == np.uint8 and (name == "rescale" or changed.shape == still.shape)
    assert (changed == changed[:1]).all(), "a still video stays still"
    assert changed.shape != still.shape or (changed != still).any()
    assert (still == before).all()
    np.testing.assert_array_equal(changed, change(name, still))
    others = [change(name, still, seed) for seed in range(1, 4)]
    assert name == "blur" or any(o.shape != changed.shape or (o != changed).any() for o in others)


def test_a_share_of_the_clips_changes():
    clip, rng = moving_pattern(1, 8, 8), np.random.default_rng(0)
    for name, share in {"dropout": 0.1, "salt": 0.1, "blur": 0.2, "elastic": 0.65}.items():
        unchanged = sum(CHANGES[name](clip, rng) is clip for _ in range(1000)) / 1000
        assert abs(1 - unchanged - share) < 4 * np.sqrt(share * (1 - share) / 1000), name


def test_rotate_is_pillows():
    clip, angle = moving_pattern(2, 40, 53), int(np.random.default_rng(0).integers(-10, 11))
    wanted = [np.asarray(Image.fromarray(f).rotate(angle, Image.Resampling.BILINEAR)) for f in clip]
    np.testing.assert_array_equal(change("rotate", clip), wanted)
    assert angle and (change("rotate", np.full_like(clip, 200))[:, 0, 0] == 0).all(), "corners are black"


def test_rescale_keeps_the_picture():
    sizes, gray = set(), np.full((1, 100, 200, 3), 77, np.uint8)
    for seed in range(200):
        changed = change("rescale", gray, seed)
        sizes.add(changed.shape[1:3])
        assert (changed == 77).all()
    heights = [height for height, _ in sizes]
    assert min(heights) >= 89 and max(heights) <= 110 and len(sizes) > 20
    assert all(abs(width - 2 * height) <= 2 for height, width in sizes)


def test_multiply_clips_at_white():
    ramp = np.arange(256, dtype=np.uint8).reshape(1, 16, 16, 1).repeat(3, axis=3)
    factors = []
    for seed in range(100):
        changed = change("multiply", ramp, seed).ravel().astype(int)
        factors.append(changed[300] / 100)
        wanted = np.minimum(255, ramp.ravel() * factors[-1])
        assert np.abs(changed - wanted).max() <= 0.5 + 0.005 * 256
    assert 0.79 < min(factors) < 0.85 and 1.15 < max(factors) < 1.21


@pytest.mark.parametrize("name, value, least, most", [("dropout", 0, 1 / 50, 1 / 30), ("salt", 255, 1 / 120, 1 / 80)])
def test_noise(name, value, least, most):
    clip = np.full((3, 100, 100, 3), 128, np.uint8)
    shares = []
    for seed in range(40):
        changed = change(name, clip, seed)
        assert set(np.unique(changed)) == {128, value}
        shares.append((changed[0] == value).mean())
    assert least < np.mean(shares) < most and min(shares) > 0.9 * least and max(shares) < 1.1 * most


def test_blur_is_gaussian_in_space_alone():
    clip = moving_pattern(3, 40, 53)
    for frame, blurred in zip(clip, change("blur", clip), strict=True):
        wanted = gaussian_filter(frame.astype(float), (5, 5, 0))
        assert np.abs(blurred - wanted).max() <= 0.51


def test_elastic_moves_by_smooth_noise():
    """On a ramp the change of grey is the way that a pixel moved: noise of +-1, smoothed, times alpha."""
    ramp = np.broadcast_to(np.arange(10, 230, dtype=np.uint8)[None, None, :, None], (2, 90, 220, 3)).copy()
    rng = np.random.default_rng(0)
    moved = (CHANGES["elastic"](ramp, rng, p=1, alpha=50).astype(float) - ramp)[:, 20:-20, 20:-20] / 50
    spread = np.sqrt(1 / 3) / (2 * 3 * np.sqrt(np.pi))  # of uniform noise, smoothed in two dimensions
    assert moved.std() == pytest.approx(spread, rel=0.15) and abs(moved.mean()) < 0.02
    np.testing.assert_array_equal(CHANGES["elastic"](ramp, rng, p=1, alpha=0), ramp)


def test_training_clips_are_augmented(tmp_path):
    """Every augmentation, from files and from a cache, in workers or without: the same clip for the same draw."""
    manifest = write_dataset(tmp_path)
    cache = build_cache(manifest, tmp_path / "cache", 32, progress=False)

    def dataset(augment, split="train", **options):
        protocol = own_protocol(4, 24, short_side=32, augment=augment)
        return ClipDataset(manifest, split, protocol, train=split == "train", seed=3, **options)

    plain, changed = dataset(()), dataset(list(CHANGES))
    cached = dataset(list(CHANGES)[::-1], cache=cache)
    clips = [list(batches(changed, 1, 2, shuffle=True, workers=workers)) for workers in (0, 2)]
    for alone, helped in zip(*clips, strict=True):
        assert all(torch.equal(a, b) for a, b in zip(alone, helped, strict=True))
    for i in range(len(changed)):
        assert torch.equal(changed[1, i][0], cached[1, i][0])
        assert not torch.equal(changed[1, i][0], plain[1, i][0]) and changed[1, i][1] == plain[1, i][1]
        assert not torch.equal(changed[1, i][0], changed[2, i][0])
    tested = [dataset(augment, "val")[0, 0][0] for augment in ((), ["blur"])]
    assert torch.equal(*tested), "nothing is drawn in testing"
    with pytest.raises(ValueError, match="no augmentation 'pepper'; there are rotate, rescale"):
        dataset(["pepper"])


def test_augmentations_leave_the_crop_alone(tmp_path, monkeypatch):
    manifest = write_dataset(tmp_path)
    monkeypatch.setitem(augment.OF_CLIPS, "multiply", lambda clip, rng: (rng.random(), clip)[1])
    protocols = own_protocol(4, 24), own_protocol(4, 24, augment=["multiply"])
    plain, drawn = (ClipDataset(manifest, "train", protocol, train=True) for protocol in protocols)
    assert all(torch.equal(plain[0, i][0], drawn[0, i][0]) for i in range(len(plain)))
