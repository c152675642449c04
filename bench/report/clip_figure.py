"""A clip, or a video's frames, as a row of pictures."""

import matplotlib.pyplot as plt
import numpy as np


def draw_clip(clip, title="", *, beside=0):
    """One picture per frame, under its number.  -> figure; with room `beside`, (figure, the axes there)

    clip    (3, T, H, W), floats from 0 to 1 or bytes: a tensor or an array
    beside  width of one more panel to the right, in pictures
    """
    frames = np.moveaxis(np.asarray(clip), 0, -1)  # (T, H, W, 3)
    widths = [1] * len(frames) + [beside] * (beside > 0)
    size = (1.25 * sum(widths), 1.5 if not beside else 1.9)
    figure, axes = plt.subplots(1, len(widths), figsize=size, layout="constrained", width_ratios=widths, squeeze=False)
    for t, (ax, frame) in enumerate(zip(axes[0], frames, strict=False)):
        ax.imshow(frame)
        ax.set_axis_off()
        ax.set_title(f"t = {t}", fontsize=8)
    figure.suptitle(title, fontsize=10)
    return (figure, axes[0][-1]) if beside else figure


def draw_rows(rows):
    """{label: (T, H, W)}: a row of frames for each, in grey; in colour, -1 to 1, what has a sign.  -> figure"""
    frames = len(next(iter(rows.values())))
    size = (1.45 * frames, 1.2 * len(rows) + 0.2)
    figure, axes = plt.subplots(len(rows), frames, figsize=size, layout="constrained", squeeze=False)
    for line, (label, clip) in zip(axes, rows.items(), strict=True):
        signed = clip.min() < 0
        for ax, frame in zip(line, np.asarray(clip), strict=True):
            ax.imshow(frame, cmap="PuOr" if signed else "gray", vmin=-1 if signed else 0, vmax=1)
            ax.set(xticks=[], yticks=[])
        line[0].set_ylabel(label, fontsize=9)
    for t, ax in enumerate(axes[0]):
        ax.set_title(f"t = {t}", fontsize=9)
    return figure
