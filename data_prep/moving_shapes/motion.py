"""The labels of a video of moving_shapes, its length, and the path of the object that moves.

One frame tells nothing about motion. Each of the object's four attributes (x, y, log size, angle) draws a sweep:
a start and a reach within its range, whatever the motion is. What moves runs through its sweep, forwards or backwards;
what does not move stays where its sweep is at one frame, drawn at random. So in a random frame every attribute has the
same distribution in every class, for any length of the video, and the four are independent of each other.

Every draw comes from a RandomState of (seed, split, index, purpose), in an order that no label changes: two videos that
differ in their motion alone have the same length, background, colours, distractors and camera.
"""

from dataclasses import dataclass
from fractions import Fraction
from functools import cache

import numpy as np

from data_prep.moving_shapes.drawing import TURN, UNIT

SPLITS = ("train", "val", "test")
X, Y, SIZE, ANGLE = range(4)
# class: (the attribute that moves, its direction); y points down, so a growing angle turns clockwise
MOTIONS = {
    "move_left": (X, -1),
    "move_right": (X, 1),
    "move_up": (Y, -1),
    "move_down": (Y, 1),
    "grow": (SIZE, 1),
    "shrink": (SIZE, -1),
    "turn_clockwise": (ANGLE, 1),
    "turn_counterclockwise": (ANGLE, -1),
}


@dataclass(frozen=True)
class Difficulty:
    """How slow motion can be, and how much else moves. Pairs are the lowest and the highest."""

    reach: tuple[int, int]  # percent of its range that a moving attribute sweeps: there are slow and fast videos
    distractors: tuple[int, int]  # how many
    distractor_radius: int  # pixels at a short side of 64, the smallest; the largest has twice that, as objects have 11
    still: int  # percent of the distractors that do not move


PLAIN = "plain"
DIFFICULTIES = {
    PLAIN: Difficulty((36, 85), (1, 2), 3, 40),
    "busy": Difficulty((20, 85), (1, 4), 4, 20),
    "crowded": Difficulty((20, 85), (2, 5), 5, 20),
    "mixed": Difficulty((16, 85), (0, 5), 5, 20),  # from videos of one object alone to the fullest
}

# Lengths are pixels when the short side is 64.
TRAVEL = 30  # range of the object's centre, along x and along y
RADIUS = 11  # of the smallest object; the largest has twice that
TILT = 180  # range of the object's angle, degrees: half of it to either side of upright
SHORTEST = 75  # percent of the longest video's frames

FPS = (Fraction(25, 2), Fraction(15), Fraction(25), Fraction(30))
ASPECTS = ((1, 1), (5, 4), (4, 3), (4, 5), (3, 4))  # width : height

LABELS, FORMAT, PATH, LOOK, CAMERA, GRAIN = range(6)  # purposes of random numbers
RANGE = 4096  # of every attribute, in phases
OCTAVE = np.array([round(65536 * 2 ** (k / RANGE)) for k in range(RANGE + 1)])  # times 65536


@dataclass(frozen=True)
class Format:
    """A video file's frame count, frames per second, width and height in pixels (even)."""

    frames: int
    fps: Fraction
    width: int
    height: int


def stream(seed, split, index, purpose):
    """The random numbers of one purpose in one video.  -> RandomState"""
    return np.random.RandomState([seed, SPLITS.index(split), index, purpose])


def labels(index, split, seed=0):
    """(motion, shape): 8 videos in a row show every motion and every shape once, 64 every pair once."""
    return _label_block(index // 64, split, seed)[index % 64]


@cache
def _label_block(block, split, seed):
    rs = stream(seed, split, block, LABELS)
    rows = [(rs.permutation(8), offset) for offset in rs.permutation(8)]
    return [(int(motion), int(motion + offset) % 8) for motions, offset in rows for motion in motions]


def draw_format(index, split, frames, size, seed=0):
    """How long, how fast and how large this video is: at most `frames` frames, short side `size`.  -> Format"""
    rs = stream(seed, split, index, FORMAT)
    count = int(rs.randint(-(-frames * SHORTEST // 100), frames + 1))
    fps, (wide, high) = FPS[rs.randint(len(FPS))], ASPECTS[rs.randint(len(ASPECTS))]
    width, height = (_even(size * side // min(wide, high)) for side in (wide, high))
    return Format(count, fps, width, height)


def _even(side):
    return side + side % 2  # H.264 halves the resolution of colour: odd sides do not go


def draw_sweeps(rs, frames, reach=DIFFICULTIES[PLAIN].reach):
    """Start and reach of the four attributes' sweeps, and the frame where each is held if it does not move; (3, 4)."""
    reach = rs.randint(reach[0], reach[1] + 1, size=4) * RANGE // 100
    start = rs.randint(0, RANGE - reach + 1)
    return np.stack([start, reach, rs.randint(frames, size=4)])


def phases(sweeps, motion, frames):
    """(T, 4): where each attribute is in its range, 0..RANGE. motion: a name in MOTIONS, or None if nothing moves."""
    start, reach, held = sweeps
    time = np.tile(held, (frames, 1))
    if motion is not None:
        attribute, direction = MOTIONS[motion]
        time[:, attribute] = np.arange(frames)[::direction]
    return start + reach * time // (frames - 1)


def poses(phase, travel, radius):
    """(T, 4): x and y around 0 and radius in 1/256 pixel, angle in 1/4096 turn.

    travel, a number or (2,): the range of x and y, and radius, the smallest one; both in 1/256 pixel
    """
    middle = phase - RANGE // 2
    angle = middle[:, ANGLE] * TILT * TURN // (360 * RANGE)
    return np.column_stack([middle[:, :2] * travel // RANGE, OCTAVE[phase[:, SIZE]] * radius >> 16, angle])


def object_poses(index, split, *, frames=32, size=64, seed=0, difficulty=PLAIN, motion=None):
    """(T, 4) path of the labelled object around the picture's centre. `motion` (a name) overrides the label's."""
    motion = motion or list(MOTIONS)[labels(index, split, seed)[0]]
    count = draw_format(index, split, frames, size, seed).frames
    sweeps = draw_sweeps(stream(seed, split, index, PATH), count, DIFFICULTIES[difficulty].reach)
    return poses(phases(sweeps, motion, count), TRAVEL * size * UNIT // 64, RADIUS * size * UNIT // 64)
