"""Augmentations of a clip's pixels in the code of Optimization Planning: its default ones, and RandAugment.

Each is f(clip, rng) -> clip, uint8 (T, H, W, 3). It draws once per clip: all frames change in the same way. Only
statistics such as a histogram are computed frame by frame. Cropping and mirroring happen elsewhere.
Source: Qiu et al., ICML 2021, code; Cubuk et al., RandAugment, CVPRW 2020, arXiv:1909.13719. Departure: Posterize
leaves at least 1 bit, because the 0 bits of its strongest level make a black clip.
"""

import numpy as np

GREY = (125, 123, 114)  # Cutout fills with the mean of ImageNet


def optplan_default(clip, rng):
    """Jitter of brightness, contrast, saturation (0.6 to 1.4) and hue (up to 0.1 of the circle) in random order with
    probability 0.8, grey with 0.2, Gaussian blur of 0.1 to 2 pixels with 0.5."""
    from PIL import ImageEnhance, ImageFilter

    changes = []
    if rng.random() < 0.8:
        enhancers = (ImageEnhance.Brightness, ImageEnhance.Contrast, ImageEnhance.Color)
        changes = [_enhanced(enhancer, rng.uniform(0.6, 1.4)) for enhancer in enhancers]
        changes.append(_turned_hue(rng.uniform(-0.1, 0.1)))
        changes = [changes[i] for i in rng.permutation(4)]
    if rng.random() < 0.2:
        changes.append(lambda image: image.convert("L").convert("RGB"))
    if rng.random() < 0.5:
        blur = ImageFilter.GaussianBlur(rng.uniform(0.1, 2))
        changes.append(lambda image: image.filter(blur))
    return _of_every_frame(clip, changes)


def rand_augment(clip, rng, *, n=1, m=27, operations=None):
    """Apply n of the 16 OPERATIONS, drawn with replacement, each at m / 30 of its range. Directions and the position of
    Cutout are drawn too. The published recipes have n from 1 to 3 and m 17, 23 or 27."""
    if n < 0 or not 0 <= m <= 30:
        raise ValueError(f"n={n}, m={m}: n must be at least 0, m from 0 to 30")
    names = operations or list(OPERATIONS)
    changes = []
    for name in (names[i] for i in rng.integers(len(names), size=n)):
        largest, directed = OPERATIONS[name]
        value = largest * m / 30 * (rng.choice([-1, 1]) if directed else 1)
        changes.append(_operation(name, value, rng.random(2)))
    return _of_every_frame(clip, changes)


# name: (the strongest value, whether its sign is drawn)
OPERATIONS = {
    "AutoContrast": (0, False),
    "Equalize": (0, False),
    "Invert": (0, False),
    "Rotate": (30, True),  # degrees
    "Posterize": (4, False),  # 4 - value bits are left
    "Solarize": (256, False),  # values from 256 - value on are inverted
    "SolarizeAdd": (110, False),  # added to values below 128
    "Color": (0.9, False),  # of this and the next three: 1 - value is left
    "Contrast": (0.9, False),
    "Brightness": (0.9, False),
    "Sharpness": (0.9, False),
    "ShearX": (0.3, True),  # pixels per pixel
    "ShearY": (0.3, True),
    "Cutout": (0.3571, False),  # side of the square, as a share of the width
    "TranslateX": (0.4464, True),  # share of the width
    "TranslateY": (0.4464, True),
}


def _of_every_frame(clip, changes):
    from PIL import Image

    if not changes:
        return clip
    frames = []
    for frame in clip:
        image = Image.fromarray(frame)
        for change in changes:
            image = change(image)
        frames.append(np.asarray(image))
    return np.stack(frames)


def _enhanced(enhancer, factor):
    return lambda image: enhancer(image).enhance(factor)


def _turned_hue(share):
    from PIL import Image

    def change(image):
        hue, saturation, value = image.convert("HSV").split()
        hue = Image.fromarray(np.asarray(hue) + np.uint8(round(share * 255) % 256))  # wraps around, as a circle does
        return Image.merge("HSV", (hue, saturation, value)).convert("RGB")

    return change


def _operation(name, v, place):
    """f(image) -> image, an operation at value v. place: the position of Cutout, as shares of height and width"""
    from PIL import ImageEnhance, ImageOps

    if name in ("Color", "Contrast", "Brightness", "Sharpness"):
        return _enhanced(getattr(ImageEnhance, name), 1 - v)
    if name in ("AutoContrast", "Equalize", "Invert"):
        return getattr(ImageOps, name.lower())
    simple = {
        "Rotate": lambda image: image.rotate(v),
        "Posterize": lambda image: ImageOps.posterize(image, max(1, 4 - int(v))),
        "Solarize": lambda image: ImageOps.solarize(image, 256 - v),
        "SolarizeAdd": lambda image: image.point([min(255, i + int(v)) if i < 128 else i for i in range(256)] * 3),
        "ShearX": lambda image: _moved(image, 1, v, 0, 0, 1, 0),
        "ShearY": lambda image: _moved(image, 1, 0, 0, v, 1, 0),
        "TranslateX": lambda image: _moved(image, 1, 0, v * image.width, 0, 1, 0),
        "TranslateY": lambda image: _moved(image, 1, 0, 0, 0, 1, v * image.height),
        "Cutout": lambda image: _cut_out(image, v * image.width, place),
    }
    return simple[name]


def _moved(image, *matrix):
    from PIL import Image

    return image.transform(image.size, Image.Transform.AFFINE, matrix)


def _cut_out(image, side, place):
    from PIL import ImageDraw

    if side <= 0:
        return image
    top, left = place[0] * image.height - side / 2, place[1] * image.width - side / 2
    cut = image.copy()
    corners = (max(0, left), max(0, top), min(image.width, left + side), min(image.height, top + side))
    ImageDraw.Draw(cut).rectangle(corners, GREY)
    return cut
