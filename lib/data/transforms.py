"""What happens to a clip's pixels: crops, resizing, mirror images, normalisation.

A clip is uint8 (T, H, W, 3), RGB, as a reader gives it. A function that draws takes a numpy Generator and draws once
per clip, the same for all frames. A box is (top, left, height, width) in pixels.
"""

import numpy as np
import torch
from torch.nn import functional as F

# Where TSN puts its crop, in quarters (right, down) of the room that it has: corners, centre, edges, inner quarters
CROP_OFFSETS = [(0, 0), (4, 0), (0, 4), (4, 4), (2, 2), (0, 2), (4, 2), (2, 4), (2, 0), (1, 1), (3, 1), (1, 3), (3, 3)]


def multi_scale_box(height, width, size, rng, scales=(1, 0.875, 0.75)):
    """Draw TSN's multi-scale crop: sides are the short side times a scale, the two scales at most one step apart.

    A side within 2 pixels of `size` becomes `size`; the place is one of CROP_OFFSETS.
    Source: Wang et al., arXiv:1608.00859, sec. 3.2; the numbers are those of the TSM code base.  -> (top, left, h, w)
    """
    pairs = multi_scale_sides(height, width, size, scales)
    h, w = pairs[rng.integers(len(pairs))]
    right, down = CROP_OFFSETS[rng.integers(len(CROP_OFFSETS))]
    return down * ((height - h) // 4), right * ((width - w) // 4), h, w


def multi_scale_sides(height, width, size, scales):
    """The (height, width) pairs that `multi_scale_box` chooses from, in TSN's order."""
    sides = [int(min(height, width) * scale) for scale in scales]
    sides = [size if abs(side - size) < 3 and size <= min(height, width) else max(side, 1) for side in sides]
    return [(h, w) for i, h in enumerate(sides) for j, w in enumerate(sides) if abs(i - j) <= 1]


def centre_box(height, width, side_h, side_w):
    """The box of this size in the middle; half a pixel is rounded to even, as in torchvision.  -> (top, left, h, w)"""
    return round((height - side_h) / 2), round((width - side_w) / 2), side_h, side_w


def crop(clip, box):
    """Cut a box out of every frame.  -> a view, uint8 (T, h, w, 3)"""
    top, left, h, w = box
    return clip[:, top : top + h, left : left + w]


def mirror(clip):
    """Exchange left and right.  -> a view, uint8 (T, H, W, 3)"""
    return clip[:, :, ::-1]


def mirrored_label(label, mirror_pairs):
    """The label of the mirror image: its partner, if a pair names it.

    mirror_pairs  label pairs such as ((left, right),); () leaves every label as it is; None: must not be mirrored
    """
    if mirror_pairs is None:
        raise ValueError("this dataset's clips must not be mirrored: its mirror_pairs are null in dataset.json")
    for first, second in mirror_pairs:
        if label in (first, second):
            return second if label == first else first
    return label


def resize(clip, height, width):
    """Bilinear, antialiased when it shrinks, rounded to 8 bits, like Pillow's; unchanged if it already fits.

    Torch computes it in integers: about 1 % of the values differ from Pillow's, by one grey level.
    -> uint8 (T, height, width, 3)
    """
    if clip.shape[1:3] == (height, width):
        return clip
    frames = torch.from_numpy(np.ascontiguousarray(clip)).permute(0, 3, 1, 2)
    frames = F.interpolate(frames, size=(height, width), mode="bilinear", antialias=True)
    return frames.permute(0, 2, 3, 1).numpy()


def short_side_size(height, width, short_side):
    """Height and width once the shorter is `short_side`; the longer is rounded half up.  -> (height, width)"""
    short = min(height, width)
    return int(height * short_side / short + 0.5), int(width * short_side / short + 0.5)


def resize_short_side(clip, short_side):
    """Resize so that the shorter of height and width is `short_side` pixels.  -> uint8 (T, H', W', 3)"""
    return resize(clip, *short_side_size(*clip.shape[1:3], short_side))


def normalize(clips, mean, std, value_range=1.0):
    """(clips * value_range / 255 - mean) / std per channel, on the clips' own device, in their memory format.

    clips        uint8 (N, 3, T, H, W) or (3, T, H, W)
    mean, std    three numbers each, in the unit of value_range
    value_range  what the brightest pixel becomes before mean and std: 1 or 255
    -> float32, like clips
    """
    per_pixel = 255 / value_range
    mean, std = (torch.tensor(values, device=clips.device).view(3, 1, 1, 1) * per_pixel for values in (mean, std))
    return torch.sub(clips, mean).div_(std)
