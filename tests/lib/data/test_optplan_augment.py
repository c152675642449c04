"""Optimization Planning's augmentations: one draw a clip, each operation as it says."""

from functools import partial

import numpy as np
import pytest

from lib.data.augment import find_augmentations
from lib.data.optplan_augment import GREY, OPERATIONS, optplan_default, rand_augment


def picture(height=20, width=30, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def changed(name, clip, m=30, seed=0):
    return rand_augment(clip, np.random.default_rng(seed), n=1, m=m, operations=[name])


@pytest.mark.parametrize("change", [optplan_default, partial(rand_augment, n=3, m=17)])
def test_a_still_video_stays_still_and_the_input_is_left_alone(change):
    clip = np.stack([picture()] * 4)
    before, results = clip.copy(), set()
    for seed in range(30):
        out = change(clip, np.random.default_rng(seed))
        assert out.shape == clip.shape and out.dtype == np.uint8 and (out == out[0]).all()
        assert np.array_equal(change(clip, np.random.default_rng(seed)), out)
        results.add(out.tobytes())
    assert np.array_equal(clip, before) and len(results) > 15


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_operation_does_something_at_its_strongest_and_little_at_its_weakest(name):
    clip = np.stack([picture() // 2 + 40] * 2)
    assert not np.array_equal(changed(name, clip), clip)
    if OPERATIONS[name][0] and name != "Posterize":  # that one starts at 4 bits
        assert np.array_equal(changed(name, clip, m=0), clip)


def test_operations_against_their_definitions():
    clip = picture()[None]
    values = clip.astype(int)
    assert np.array_equal(changed("Invert", clip), 255 - clip)
    assert np.array_equal(changed("Posterize", clip, m=15), clip & 0b11000000)  # 4 - 2 bits
    assert np.array_equal(changed("Solarize", clip, m=15), np.where(values < 128, values, 255 - values))
    assert np.array_equal(changed("SolarizeAdd", clip), np.where(values < 128, values + 110, values))
    assert np.abs(changed("Brightness", clip).astype(int) - values * 0.1).max() <= 1
    moved = {changed("TranslateX", clip, seed=seed).tobytes() for seed in range(8)}
    assert len(moved) == 2, "to the left or to the right"
    step = round(0.4464 * 30)
    assert any(
        np.array_equal(np.frombuffer(m, np.uint8).reshape(clip.shape)[:, :, :-step], clip[:, :, step:]) for m in moved
    )
    cut = (changed("Cutout", clip) == GREY).all(-1)[0]
    assert cut.any() and cut.sum() == cut.any(0).sum() * cut.any(1).sum() and cut.sum() <= (0.3571 * 30 + 2) ** 2


def test_n_operations_are_drawn_with_replacement():
    clip = np.stack([picture()] * 2)
    twice = rand_augment(clip, np.random.default_rng(0), n=2, operations=["Invert"])
    assert np.array_equal(twice, clip)
    with pytest.raises(ValueError, match="m from 0 to 30"):
        rand_augment(clip, np.random.default_rng(0), m=31)


def test_the_default_s_parts_come_as_often_as_they_should():
    clip = picture(6, 6)[None]
    outs = [optplan_default(clip, np.random.default_rng(seed)) for seed in range(300)]
    grey = np.mean([(out[..., :1] == out).all() for out in outs])
    same = np.mean([np.array_equal(out, clip) for out in outs])
    assert 0.13 < grey < 0.27 and 0.03 < same < 0.14  # 0.2, and 0.2 x 0.8 x 0.5


def test_they_have_names_and_a_function_may_stand_for_one():
    strong = partial(rand_augment, n=2, m=23)
    assert find_augmentations(["rand_augment", "multiply"])[1][-1] is rand_augment
    assert find_augmentations([strong, "optplan_default"]) == [[], [optplan_default, strong]]
    with pytest.raises(ValueError, match="no augmentation 'randaugment'"):
        find_augmentations(["randaugment"])
