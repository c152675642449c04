"""A clip, or a video's frames, as a row of pictures; and where in it, and when, a net looks."""

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
    """{label: (T, H, W)}: a row of frames for each, black is 0; of what has a sign, grey is 0, black -1.  -> figure"""
    frames = len(next(iter(rows.values())))
    size = (1.45 * frames, 1.2 * len(rows) + 0.2)
    figure, axes = plt.subplots(len(rows), frames, figsize=size, layout="constrained", squeeze=False)
    for line, (label, clip) in zip(axes, rows.items(), strict=True):
        black = -1 if clip.min() < 0 else 0
        for ax, frame in zip(line, np.asarray(clip), strict=True):
            ax.imshow(frame, cmap="gray", vmin=black, vmax=1)
            ax.set(xticks=[], yticks=[])
        line[0].set_ylabel(label, fontsize=9)
    for t, ax in enumerate(axes[0]):
        ax.set_title(f"t = {t}", fontsize=9)
    return figure


DARK = 0.15  # of a picture's brightness, what stays where there is no heat


def draw_heat(clip, heat, title=""):
    """The frames; below, each as bright as it is hot; at the bottom the mean heat of each frame.  -> figure

    clip  (3, T, H, W), floats from 0 to 1 or bytes: a tensor or an array
    heat  (T, H, W), from 0 to 1, as `lib.evaluate.grad_cam` gives it for one clip
    """
    frames, heat = np.moveaxis(np.asarray(clip), 0, -1), np.asarray(heat)
    frames = frames / 255 if frames.dtype == np.uint8 else frames
    lit = frames * (DARK + (1 - DARK) * heat[..., None])
    count = len(frames)
    figure = plt.figure(figsize=(1.25 * count, 4), layout="constrained")
    grid = figure.add_gridspec(3, count, height_ratios=[1.25, 1.25, 1])
    for row, pictures in enumerate((frames, lit)):
        for t, picture in enumerate(pictures):
            ax = figure.add_subplot(grid[row, t])
            ax.imshow(picture)
            ax.set_axis_off()
            ax.set_title("" if row else f"t = {t}", fontsize=8)
    ax = figure.add_subplot(grid[2, :])
    ax.bar(range(count), heat.mean((1, 2)), color="0.4")
    ax.set(xlabel="t, frames of the clip", ylabel="mean heat", xlim=(-0.5, count - 0.5), ylim=(0, None))
    ax.set_xticks(range(count))
    ax.spines[["top", "right"]].set_visible(False)
    figure.suptitle(title, fontsize=10)
    return figure
