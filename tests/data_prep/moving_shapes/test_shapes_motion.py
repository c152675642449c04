"""One frame tells nothing about motion: proved for one video's draws, measured over thousands, and seen to fail."""

import itertools
from collections import Counter

import numpy as np
import pytest

from data_prep.moving_shapes.drawing import TURN, UNIT
from data_prep.moving_shapes.motion import (
    DIFFICULTIES,
    MOTIONS,
    PATH,
    RANGE,
    draw_format,
    draw_sweeps,
    labels,
    object_poses,
    phases,
    stream,
)

VIDEOS = 2000  # per split: at chance, the standard deviation of an accuracy is 0.7 points
LEAKS = {  # where an attribute that does not move is held: a frame instead of any frame
    "middle of its sweep": lambda frames: frames // 2,
    "start of its sweep": lambda frames: 0,
}


@pytest.mark.parametrize("difficulty", DIFFICULTIES)
@pytest.mark.parametrize("index", range(5))
@pytest.mark.parametrize("frames", [2, 24, 31])
def test_an_attribute_is_held_where_it_would_move(index, frames, difficulty):
    """Over all frames of one video, and all frames where an attribute could be held, it takes the same values."""
    sweeps = draw_sweeps(stream(0, "train", index, PATH), frames, DIFFICULTIES[difficulty].reach)
    for motion, (attribute, _) in MOTIONS.items():
        moving = Counter(phases(sweeps, motion, frames)[:, attribute])
        held = Counter()
        for frame in range(frames):
            sweeps[2, attribute] = frame
            held[phases(sweeps, None, frames)[0, attribute]] += 1
        assert moving == held


@pytest.fixture(scope="module", params=sorted({difficulty.reach for difficulty in DIFFICULTIES.values()}))
def draws(request):
    """Per split, of each video: its number of frames, its sweeps, its motion, and one of its frames."""
    rs, names = np.random.RandomState(1), list(MOTIONS)
    found = {"train": [], "test": []}
    for split, index in itertools.product(found, range(VIDEOS)):
        frames = draw_format(index, split, 32, 64).frames
        sweeps = draw_sweeps(stream(0, split, index, PATH), frames, request.param)
        found[split].append((frames, sweeps, names[labels(index, split)[0]], rs.randint(frames)))
    return found


def test_single_poses_tell_nothing_about_motion(draws):
    assert abs(accuracy_of_nearest_neighbour(draws) - 12.5) <= 3


@pytest.mark.parametrize("leak", LEAKS)
def test_the_same_test_sees_a_leak(draws, leak):
    assert accuracy_of_nearest_neighbour(draws, LEAKS[leak]) > 12.5 + 3


def accuracy_of_nearest_neighbour(draws, hold=None):
    """Percent of test videos whose motion is that of the train video with the nearest true pose, one frame of each."""
    (train, train_motions), (test, test_motions) = (single_poses(draws[split], hold) for split in ("train", "test"))
    nearest = [np.argmin(((train - pose) ** 2).sum(axis=1)) for pose in test]
    return 100 * np.mean(train_motions[nearest] == test_motions)


def single_poses(draws, hold):
    """(VIDEOS, 4): x, y, log size and angle in one frame of each video, as shares of their ranges; and the motions."""
    found = []
    for frames, sweeps, motion, frame in draws:
        if hold is not None:
            sweeps = np.stack([*sweeps[:2], np.full(4, hold(frames))])
        found.append(phases(sweeps, motion, frames)[frame] / RANGE)
    return np.array(found), np.array([motion for _, _, motion, _ in draws])


def test_motion_is_large_and_its_speed_varies():
    reach = {motion: [] for motion in MOTIONS}
    for index in range(160):
        motion, poses = list(MOTIONS)[labels(index, "train")[0]], object_poses(index, "train").astype(float)
        x, y, radius, angle = poses.T
        values = [x / UNIT, y / UNIT, np.log2(radius), angle / TURN * 360]
        attribute, direction = MOTIONS[motion]
        steps = [np.sign(value[-1] - value[0]) for value in values]
        assert steps == [direction * (axis == attribute) for axis in range(4)]
        reach[motion].append(np.ptp(values[attribute]))
    for motion, values in reach.items():
        assert min(values) > [10.5, 10.5, 0.35, 63][MOTIONS[motion][0]]  # pixels, pixels, octaves, degrees
        assert max(values) > 1.4 * min(values)


def test_labels_are_balanced_jointly_and_deterministic():
    for split, count in {"train": 768, "val": 128, "test": 256}.items():
        pairs = [labels(index, split, seed=3) for index in range(count)]
        assert set(Counter(pairs).values()) == {count // 64} and len(set(pairs)) == 64
        for first in range(0, count, 8):
            assert [set(column) for column in zip(*pairs[first : first + 8], strict=True)] == [set(range(8))] * 2
    assert [labels(i, "train") for i in range(64)] != [labels(i, "test") for i in range(64)]
    assert [labels(i, "train") for i in range(64)] != [labels(i, "train", seed=1) for i in range(64)]
