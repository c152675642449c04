"""Augmentations of a clip's pixels from the code of Efficient-3DCNNs, which does not use them in its own training.

Each is f(clip, rng) -> clip, uint8 (T, H, W, 3). It draws once per clip: all frames change in the same way, and a still
video stays still. The input is not changed. p is the share of clips that change.
Source: Kopuklu et al., Resource Efficient 3D CNNs, ICCVW 2019, arXiv:1904.02422, code. Departure: `dropout`, `salt` and
`elastic` draw their noise once per clip, the published code once per frame.
"""

import numpy as np
import torch
from torch.nn import functional as F

from lib.data.optplan_augment import optplan_default, rand_augment


def rotate(clip, rng, *, degrees=10):
    """Turn by a whole number of degrees, up to `degrees` either way; bilinear, corners black, the same size."""
    from PIL import Image

    angle = int(rng.integers(-degrees, degrees + 1))
    turned = (Image.fromarray(frame).rotate(angle, Image.Resampling.BILINEAR) for frame in clip)
    return np.stack([np.asarray(frame) for frame in turned])


def rescale(clip, rng, *, low=0.9, high=1.1):
    """Make frames smaller or larger by a factor from low to high, bicubic: the size changes."""
    factor = rng.uniform(low, high)
    size = [max(1, int(side * factor)) for side in clip.shape[1:3]]
    frames = torch.from_numpy(np.array(clip)).permute(0, 3, 1, 2)
    return F.interpolate(frames, size=size, mode="bicubic", antialias=True).permute(0, 2, 3, 1).numpy()


def multiply(clip, rng, *, change=0.2):
    """Brighter or darker: all values times a number from 1 - change to 1 + change, clipped to 255."""
    table = np.clip(np.arange(256) * rng.uniform(1 - change, 1 + change), 0, 255).round().astype(np.uint8)
    return table[clip]


def dropout(clip, rng, *, p=0.1, ratio=(30, 50), value=0):
    """One in r values becomes `value`, at the same positions in every frame; r is drawn from the range `ratio`."""
    if rng.random() >= p:
        return clip
    chosen = rng.random(clip.shape[1:]) < 1 / rng.integers(ratio[0], ratio[1] + 1)
    return np.where(chosen, np.uint8(value), clip)


def salt(clip, rng, *, p=0.1, ratio=(80, 120)):
    """One in r values becomes 255; r is drawn from the range `ratio`."""
    return dropout(clip, rng, p=p, ratio=ratio, value=255)


def blur(clip, rng, *, p=0.2, sigma=5.0):
    """Gaussian blur over height and width, of `sigma` pixels; mirrored at the edges."""
    from scipy.ndimage import gaussian_filter

    if rng.random() >= p:
        return clip
    blurred = gaussian_filter(clip.astype(np.float32), sigma=(0, sigma, sigma, 0))
    return np.clip(blurred.round(), 0, 255).astype(np.uint8)


def elastic(clip, rng, *, p=0.65, sigma=3.0, alpha=1.0):
    """Move every pixel along each axis by uniform noise of up to `alpha` pixels, smoothed by a Gaussian of `sigma`.

    The defaults are the published ones and move a pixel by a twentieth of a pixel on average; alpha=20 has a visible
    effect. Values between pixels come from cubic splines; outside the frame all is black.
    """
    from scipy.ndimage import gaussian_filter, map_coordinates

    if rng.random() >= p:
        return clip
    height, width = clip.shape[1:3]
    noise = rng.uniform(-1, 1, (2, height, width))
    shift = alpha * np.stack([gaussian_filter(n, sigma, mode="constant") for n in noise])
    positions = np.indices((height, width)) + shift
    moved = np.empty_like(clip)
    for frame, channel in np.ndindex(len(clip), 3):
        values = map_coordinates(clip[frame, ..., channel].astype(np.float32), positions, order=3, mode="constant")
        moved[frame, ..., channel] = np.clip(values.round(), 0, 255)
    return moved


# The first see whole frames, before the crop; the others see the clip as the net does. In the published order
OF_FRAMES = {"rotate": rotate, "rescale": rescale}
OF_CLIPS = {"multiply": multiply, "dropout": dropout, "salt": salt, "blur": blur, "elastic": elastic}
OF_CLIPS |= {"optplan_default": optplan_default, "rand_augment": rand_augment}


def find_augmentations(names):
    """The functions of these names.  -> [those of OF_FRAMES, those of OF_CLIPS]; ValueError for an unknown name

    A function instead of a name, such as partial(rand_augment, n=2, m=17), sees clips and runs after the named ones.
    """
    known = {**OF_FRAMES, **OF_CLIPS}
    if unknown := [name for name in names if not callable(name) and name not in known]:
        raise ValueError(f"no augmentation {unknown[0]!r}; there are {', '.join(known)}")
    of_frames, of_clips = ([changes[name] for name in changes if name in names] for changes in (OF_FRAMES, OF_CLIPS))
    return [of_frames, of_clips + [change for change in names if callable(change)]]
