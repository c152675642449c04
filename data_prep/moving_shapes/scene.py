"""What a video of moving_shapes shows besides its labelled motion: colours, textures, distractors, camera, noise.

None of it depends on the labels, and val and test have textures and hues that train has not.
"""

import numpy as np

from data_prep.moving_shapes.drawing import (
    DISTRACTOR_SHAPES,
    PATTERNS,
    SHAPES,
    TURN,
    UNIT,
    Axes,
    Layer,
    Scene,
    mix,
    soften,
)
from data_prep.moving_shapes.motion import (
    CAMERA,
    DIFFICULTIES,
    GRAIN,
    LOOK,
    MOTIONS,
    PLAIN,
    draw_format,
    draw_sweeps,
    labels,
    object_poses,
    phases,
    poses,
    stream,
)

SHAPE_NAMES = tuple(SHAPES)

# Pairs are the lowest and the highest; lengths are pixels when the short side is 64; brightness is 0..255.
DISTRACTOR_TRAVEL = 90  # percent of the picture
CONTRAST = (70, 110)  # brightness between object and background
TEXTURE = (6, 20)  # brightness between the background's two tones
OBJECT_TEXTURE = (0, 12)  # between a shape's
CHROMA = (40, 160)  # how colourful shapes are
BACKGROUND_CHROMA = (0, 80)
CLOUDS = 20  # brightness that light and shade add to the background, or take
SHAKE = 2  # how far the camera strays, along x and along y
SHAKE_FRAMES = 6  # how long it strays in one direction; with 4, small nets may stay at chance for 8 epochs
NOISE = (1, 4)  # of the sensor: a standard deviation of 1.6 times this

TEXTURES = {
    "train": ("stripes", "dots", "checks"),
    "val": ("zigzag", "rings", "bricks"),
    "test": ("zigzag", "rings", "bricks"),
}
HUES = {"train": range(0, 12, 2), "val": range(1, 12, 2), "test": range(1, 12, 2)}


def draw_scene(index, split, *, frames=32, size=64, seed=0, difficulty=PLAIN, motion=None):
    """Everything that one video shows, before it is drawn.  -> Scene

    `motion` (a name in MOTIONS) overrides the label's, and changes the object's path and nothing else.
    """
    shape = SHAPE_NAMES[labels(index, split, seed)[1]]
    form = draw_format(index, split, frames, size, seed)
    path = object_poses(index, split, frames=frames, size=size, seed=seed, difficulty=difficulty, motion=motion)
    margin = size // 4
    rs = stream(seed, split, index, LOOK)
    luma = int(rs.randint(60, 191))
    background = draw_background(rs, split, luma, form.height + 2 * margin, form.width + 2 * margin, size)
    layers = [draw_layer(rs, split, luma, shape, path)]
    layers += draw_distractors(rs, split, luma, form, size, DIFFICULTIES[difficulty])
    for layer in layers:
        layer.pose[:, :2] += (np.array([form.width, form.height]) // 2 + margin) * UNIT
    layers = tuple(layers[k] for k in rs.permutation(len(layers)))  # some distractors pass in front
    window = margin + shake(stream(seed, split, index, CAMERA), form.frames, SHAKE * size // 64)
    noise = grain(stream(seed, split, index, GRAIN), (form.frames, form.height, form.width))
    return Scene(background, layers, window, noise)


def draw_distractors(rs, split, luma, form, size, difficulty):
    """Smaller shapes all over the picture, each with a motion of its own or with none.  -> list of Layer"""
    travel = np.array([form.width, form.height]) * UNIT * DISTRACTOR_TRAVEL // 100
    layers, shapes = [], tuple(DISTRACTOR_SHAPES)
    for _ in range(rs.randint(difficulty.distractors[0], difficulty.distractors[1] + 1)):
        motion, still = list(MOTIONS)[rs.randint(len(MOTIONS))], rs.randint(100) < difficulty.still
        phase = phases(draw_sweeps(rs, form.frames, difficulty.reach), None if still else motion, form.frames)
        path = poses(phase, travel, difficulty.distractor_radius * size * UNIT // 64)
        layers.append(draw_layer(rs, split, luma, shapes[rs.randint(len(shapes))], path))
    return layers


def draw_layer(rs, split, luma, shape, path):
    """A shape whose brightness stands off from the background's, `luma`.  -> Layer"""
    contrast = rs.randint(CONTRAST[0], CONTRAST[1] + 1) * (1 if luma < 125 else -1)
    pattern, tones = draw_texture(rs, split, luma + contrast, OBJECT_TEXTURE, CHROMA)
    return Layer(shape, path, bool(rs.randint(2)), tones, pattern, int(rs.randint(90, 200)))


def draw_texture(rs, split, luma, contrast, chroma):
    """A pattern's name and its two tones, (2, 3) RGB: one a little darker than `luma`, one a little brighter."""
    pattern = TEXTURES[split][rs.randint(len(TEXTURES[split]))]
    step = rs.randint(contrast[0], contrast[1] + 1) // 2
    hues = [HUES[split][rs.randint(len(HUES[split]))] * 128 + rs.randint(128) for _ in range(2)]
    strength = rs.randint(chroma[0], chroma[1] + 1)
    return pattern, np.stack([colour(hues[0], luma - step, strength), colour(hues[1], luma + step, strength)])


def colour(hue, luma, chroma):
    """(3,) RGB in 0..255: hue in 1/1536 of the colour circle, chroma 0 (grey) to 255 (full)."""
    pure = np.clip(np.abs((hue + np.array([0, 1024, 512])) % 1536 - 768) - 256, 0, 255)
    tint = (pure - int(pure @ (77, 150, 29)) // 256) * chroma // 256
    return np.clip(luma + tint, 0, 255)


def draw_background(rs, split, luma, height, width, size):
    """A pattern at some angle, with clouds over it.  -> (height, width, 3) uint8"""
    pattern, tones = draw_texture(rs, split, luma, TEXTURE, BACKGROUND_CHROMA)
    period = np.array([rs.randint(10, 30) * size * UNIT // 64])
    angle, origin = np.array([rs.randint(TURN)]), rs.randint(0, 64 * UNIT, size=2)
    px, py = ((np.arange(side) * UNIT - start)[None] for side, start in zip((width, height), origin, strict=True))
    u, v = Axes.turned(px, py, angle).coordinates(period)
    picture = mix(tones[0], tones[1], soften(PATTERNS[pattern](u, v)))[0]
    return np.clip(picture + clouds(rs, height, width, size // 4)[..., None], 0, 255).astype(np.uint8)


def clouds(rs, height, width, cell):
    """(height, width): smooth light and shade, random at the corners of square cells and bilinear between them."""
    grid = rs.randint(-CLOUDS, CLOUDS + 1, size=(height // cell + 2, width // cell + 2))
    rows, columns = np.arange(height), np.arange(width)
    row, down, column, right = rows // cell, (rows % cell)[:, None], columns // cell, columns % cell
    across = grid[:, column] * (cell - right) + grid[:, column + 1] * right
    return (across[row] * (cell - down) + across[row + 1] * down) // (cell * cell)


def shake(rs, frames, reach):
    """(T, 2) whole pixels in -reach..reach: a hand's slow tremor, in straight lines of SHAKE_FRAMES each."""
    knots = rs.randint(-reach, reach + 1, size=(frames // SHAKE_FRAMES + 2, 2))
    time, part = np.divmod(np.arange(frames)[:, None], SHAKE_FRAMES)
    before, after = knots[time[:, 0]], knots[time[:, 0] + 1]
    return (before * (SHAKE_FRAMES - part) + after * part) // SHAKE_FRAMES


def grain(rs, shape):
    """A sensor's noise, int16: the sum of two fair dice around 0, stronger in some videos than in others."""
    strength = rs.randint(NOISE[0], NOISE[1] + 1)
    dice = np.frombuffer(rs.bytes(int(np.prod(shape))), np.uint8).reshape(shape).astype(np.int16)
    return ((dice & 15) + (dice >> 4) - 15) * strength >> 2
