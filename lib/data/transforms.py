"""What happens to a clip's pixels: cutting, resizing, mirror images, normalisation; the same for all its frames.

A clip is uint8 (T, H, W, 3), RGB, as a reader gives it. Boxes come from lib.data.crops.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from torch.nn import functional as F


def crop(clip, box):
    """Cut a box out of every frame.  -> a view, uint8 (T, h, w, 3)"""
    top, left, h, w = box
    return clip[:, top : top + h, left : left + w]


def mirror(clip):
    """Exchange left and right.  -> uint8 (T, H, W, 3); by torch, which copies backwards 15 times faster than numpy"""
    return torch.from_numpy(np.ascontiguousarray(clip)).flip(2).numpy()


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


class Resampling(NamedTuple):
    """How somebody's code resizes: with or without a low-pass when it shrinks, and the long side's length."""

    antialias: bool
    long_side: Callable  # f(long, short, wanted short) -> pixels


# Pillow's: Efficient-3DCNNs, TSM, RubiksNet, CAKES, Optimization Planning. OpenCV's: mmaction2, so CSN. SlowFast's:
# X3D; it resizes normalised floats, which differ from ours by up to half a grey level.
RESAMPLINGS = {
    "pillow": Resampling(True, lambda long, short, wanted: int(long * wanted / short)),
    "opencv": Resampling(False, lambda long, short, wanted: int(long * (wanted / short) + 0.5)),
    "slowfast": Resampling(False, lambda long, short, wanted: int(long / short * wanted)),
}


def resize(clip, height, width, resampling="pillow"):
    """Bilinear, rounded to 8 bits, like Pillow's (antialiased) or OpenCV's (plain); unchanged if it already fits.

    Torch computes it in integers; a value may differ from theirs by one grey level.
    -> uint8 (T, height, width, 3)
    """
    if clip.shape[1:3] == (height, width):
        return clip
    frames = torch.from_numpy(np.ascontiguousarray(clip)).permute(0, 3, 1, 2)
    antialias = RESAMPLINGS[resampling].antialias
    frames = F.interpolate(frames, size=(height, width), mode="bilinear", antialias=antialias)
    return frames.permute(0, 2, 3, 1).numpy()


def short_side_size(height, width, short_side, resampling="pillow"):
    """Height and width once the shorter is `short_side`; the longer by the rule of `resampling`."""
    long_side = RESAMPLINGS[resampling].long_side
    short = min(height, width)
    return tuple(short_side if side == short else long_side(side, short, short_side) for side in (height, width))


def resize_short_side(clip, short_side, resampling="pillow"):
    """Resize so that the shorter of height and width is `short_side` pixels.  -> uint8 (T, H', W', 3)"""
    return resize(clip, *short_side_size(*clip.shape[1:3], short_side, resampling), resampling)


CHANNEL_ORDERS = {"RGB": lambda clips: clips, "BGR": lambda clips: clips.flip(-4)}


def normalize(clips, pixels):
    """(clips * value_range / 255 - mean) / std per channel, on the clips' own device, in their memory format.

    clips   uint8 (N, 3, T, H, W) or (3, T, H, W), RGB
    pixels  lib.data.Pixels: mean, std, value_range, channel_order
    -> float32, like clips
    """
    unit = 255 / pixels.value_range
    mean, std = (torch.tensor(v, device=clips.device).view(3, 1, 1, 1) * unit for v in (pixels.mean, pixels.std))
    return torch.sub(CHANNEL_ORDERS[pixels.channel_order](clips), mean).div_(std)


def as_clip(x, frames):
    """Clips as published code stacks them, to clips (N, 3, T, H, W) of T = `frames` frames.

    x  (N, T, 3, H, W) or (N, T * 3, H, W), frame by frame; with V * T frames it holds V clips one after another, and
       N * V clips come back. ValueError: what does not divide into such clips
    """
    stacked = x.ndim == 4 and x.shape[1] % 3 == 0
    if not (stacked or (x.ndim == 5 and x.shape[2] == 3)) or (x.shape[1] // (3 if stacked else 1)) % frames:
        raise ValueError(f"{tuple(x.shape)} is not (N, T, 3, H, W) or (N, T * 3, H, W) in clips of {frames} frames")
    return x.reshape(-1, frames, 3, *x.shape[-2:]).transpose(1, 2)
