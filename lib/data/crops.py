"""Where a clip is cut out of its frames: boxes in whole pixels, one box for all frames of a clip.

A box is (top, left, height, width). A training crop is f(height, width, size, rng) -> box; the box is resized to size x
size afterwards. A test crop is f(height, width, size) -> list of boxes of size x size: every clip has a view of each.
"""

import math
from functools import partial
from inspect import signature

from lib.bounds import wrong

# Positions of the TSN crop, in quarters (right, down) of the free room: corners, centre, edges, inner quarters
QUARTERS = [(0, 0), (4, 0), (0, 4), (4, 4), (2, 2), (0, 2), (4, 2), (2, 4), (2, 0), (1, 1), (3, 1), (1, 3), (3, 3)]

# Efficient-3DCNNs: five scales, each 0.84 times the one before, the fourth root of 1/2 as its code rounds it
FIVE_SCALES = tuple(0.84089641525**i for i in range(5))

# The share of the free room (down, right) that lies before a crop in this corner
CORNERS = {"tl": (0, 0), "tr": (0, 1), "bl": (1, 0), "br": (1, 1)}


def multi_scale_sides(height, width, size, scales):
    """The (height, width) pairs that `multi_scale_box` chooses from, in TSN's order."""
    sides = [max(1, int(min(height, width) * scale)) for scale in scales]
    sides = [size if abs(side - size) < 3 and size <= min(height, width) else side for side in sides]
    return [(h, w) for i, h in enumerate(sides) for j, w in enumerate(sides) if abs(i - j) <= 1]


def multi_scale_box(height, width, size, rng, scales=(1, 0.875, 0.75)):
    """The multi-scale crop of TSN: each side is the short side times a scale; the two scales are at most a step apart.

    A side within 2 pixels of `size` becomes `size`. The position is one of the 13 QUARTERS. The code of TSN, TSM,
    RubiksNet and CAKES has a fourth scale, 0.66.  Source: Wang et al., arXiv:1608.00859, sec. 3.2.
    """
    pairs = multi_scale_sides(height, width, size, scales)
    h, w = pairs[rng.integers(len(pairs))]
    right, down = QUARTERS[rng.integers(len(QUARTERS))]
    return down * ((height - h) // 4), right * ((width - w) // 4), h, w


def multi_scale_corner_box(height, width, size, rng, scales=FIVE_SCALES):
    """The corner mode of Efficient-3DCNNs: a square of the short side times a scale, in a corner or the middle."""
    side = int(min(height, width) * scales[rng.integers(len(scales))])
    return corner_square(height, width, side, ("c", *CORNERS)[rng.integers(5)])


def corner_square(height, width, side, corner):
    """A square in the middle ("c") or in a corner ("tl", "tr", "bl", "br"); in the middle an odd side loses a pixel."""
    if corner == "c":
        half = side // 2
        return height // 2 - half, width // 2 - half, 2 * half, 2 * half
    down, right = CORNERS[corner]
    return down * (height - side), right * (width - side), side, side


def multi_scale_random_box(height, width, size, rng, scales=FIVE_SCALES):
    """The random mode of Efficient-3DCNNs: a square of the short side times a scale, anywhere."""
    side = int(min(height, width) * scales[rng.integers(len(scales))])
    return random_square(height, width, side, rng.random(), rng.random())


def random_square(height, width, side, right, down):
    """A square with these shares (0 to 1) of the free room to its left and above; edges are rounded half to even."""
    top, left = down * (height - side), right * (width - side)
    return round(top), round(left), round(top + side) - round(top), round(left + side) - round(left)


def random_resized_box(height, width, size, rng, area=(0.08, 1), aspect=(3 / 4, 4 / 3)):
    """The crop of Inception: a random share of the area, a random aspect ratio (on a log scale), anywhere.

    If ten draws do not fit, it is the square of the short side in the middle.
    Source: Szegedy et al., arXiv:1409.4842, sec. 6; as in mmaction2. Optimization Planning uses area=(0.2, 1).
    """
    for _ in range(10):
        pixels = rng.uniform(*area) * height * width
        ratio = math.exp(rng.uniform(math.log(aspect[0]), math.log(aspect[1])))
        h, w = round(math.sqrt(pixels / ratio)), round(math.sqrt(pixels * ratio))
        if 0 < h <= height and 0 < w <= width:
            return int(rng.integers(height - h + 1)), int(rng.integers(width - w + 1)), h, w
    short = min(height, width)
    return (height - short) // 2, (width - short) // 2, short, short


def short_side_jitter_box(height, width, size, rng, scales=(256 / 224, 320 / 224)):
    """The crop of VMZ and SlowFast: resize the short side to scales[0] to scales[1] times `size`, then cut a square.

    Here the square is cut first and then resized to `size`, which is the same up to rounding.
    """
    side = min(height, width, round(min(height, width) / rng.uniform(*scales)))
    return random_square(height, width, side, rng.random(), rng.random())


def centre(height, width, size):
    """One square in the middle; half a pixel is rounded to even, as in torchvision and Pillow."""
    return [(round((height - size) / 2), round((width - size) / 2), size, size)]


def three_along(height, width, size):
    """The three crops of CSN along the longer side: first, last, middle (left, right, middle of a landscape video)."""
    down, right = (height - size) // 2, (width - size) // 2
    along = (0, 1) if width > height else (1, 0)
    down_by, right_by = along[0] * down, along[1] * right
    top, left = (1 - along[0]) * down, (1 - along[1]) * right
    return [(top + i * down_by, left + i * right_by, size, size) for i in (0, 2, 1)]


def three_quarters(height, width, size):
    """The three crops of RubiksNet and TSM at half height: left, right, middle, in quarters of the free room."""
    down, right = (height - size) // 4, (width - size) // 4
    return [(2 * down, i * right, size, size) for i in (0, 4, 2)]


def three_corners(height, width, size):
    """The three crops of Optimization Planning: middle, top left, bottom right."""
    return centre(height, width, size) + [(0, 0, size, size), (height - size, width - size, size, size)]


def three_slowfast(height, width, size):
    """The three crops of SlowFast along the longer side, in order; half a pixel of the middle is rounded up."""
    ((top, left, *_),) = centre_slowfast(height, width, size)
    if height > width:
        return [(place, left, size, size) for place in (0, top, height - size)]
    return [(top, place, size, size) for place in (0, left, width - size)]


def centre_slowfast(height, width, size):
    """SlowFast's square in the middle; half a pixel is rounded up."""
    return [((height - size + 1) // 2, (width - size + 1) // 2, size, size)]


TRAIN_CROPS = {
    "multi_scale": multi_scale_box,
    "multi_scale_corner": multi_scale_corner_box,
    "multi_scale_random": multi_scale_random_box,
    "random_resized": random_resized_box,
    "short_side_jitter": short_side_jitter_box,
}
TEST_CROPS = {
    "centre": centre,
    "three_along": three_along,
    "three_quarters": three_quarters,
    "three_corners": three_corners,
    "three_slowfast": three_slowfast,
    "centre_slowfast": centre_slowfast,
}


def with_options(crop, **options):
    """A training crop with its `scales` or its `area`; those that are None are the crop's own.

    crop  a name in TRAIN_CROPS, or such a function
    ValueError: it has no such option, or they are no shares
    """
    if not (given := {name: values for name, values in options.items() if values is not None}):
        return crop
    if not callable(crop) and crop not in TRAIN_CROPS:
        raise ValueError(f"no train_crop {crop!r}; there are {', '.join(TRAIN_CROPS)}")
    function = TRAIN_CROPS.get(crop, crop)
    for name, values in given.items():
        if said := wrong(name, values) or ("" if isinstance(values, list | tuple) else f"{name} must be a list"):
            raise ValueError(said)
        if name not in signature(function).parameters:
            raise ValueError(f"{name}={values!r}, but the training crop {crop} has no {name}")
        if name == "area" and not (len(values) == 2 and values[0] <= values[1]):
            raise ValueError(f"area must be two rising shares of a frame, such as [0.2, 1], not {values!r}")
    return partial(function, **{name: tuple(values) for name, values in given.items()})
