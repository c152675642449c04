"""A contact sheet of a prepared dataset: a few videos, one per row, a few frames of each, and what the labels say."""

from pathlib import Path

import numpy as np

GAP = 4  # pixels between frames
LETTER = 7  # a letter's width in pixels


def contact_sheet(folder, *, split="train", videos=8, frames=8, height=96, reader="decord"):
    """Draw `videos` videos of one split, of as many classes as there is room for.  -> uint8 (H, W, 3) RGB, for imshow

    folder   a manifest's folder, or one that holds several manifests of the same videos: each row names all labels
    frames   per video, the middles of as many equal segments
    height   of a frame on the sheet, pixels
    """
    from lib.data.manifest import read_manifest
    from lib.data.readers import open_video

    folder = Path(folder)
    homes = [folder] if (folder / "manifest.csv").is_file() else sorted(m.parent for m in folder.glob("*/manifest.csv"))
    if not homes:
        raise ValueError(f"{folder} holds no manifest.csv, nor do its folders: prepare a dataset there")
    manifests = [read_manifest(home) for home in homes]
    clips, titles = [], []
    for row in _one_of_each_class([video.label for video in manifests[0].split(split)])[:videos]:
        video = manifests[0].split(split)[row]
        with open_video(manifests[0].root / video.path, reader) as file:
            shown = video.frame_range()
            clips.append(file.read([shown[k] for k in _middles(len(shown), frames)]))
        labels = [manifest.classes[manifest.split(split)[row].label] for manifest in manifests]
        titles.append("\n".join([*labels, f"{video.frames} frames", f"{video.fps:g} fps"]))
    return tile(clips, titles, frames=frames, height=height)


def tile(clips, titles, *, frames=8, height=96):
    """One row per clip: its title, then `frames` of its frames.  -> uint8 (H, W, 3)

    clips   uint8 arrays (T, H, W, 3), of any sizes; titles, a text per clip
    """
    from PIL import Image, ImageDraw

    rows = [[Image.fromarray(clip[k]) for k in _middles(len(clip), frames)] for clip in clips]
    width = max(round(image.width * height / image.height) for row in rows for image in row)
    left = LETTER * max(len(line) for title in titles for line in title.split("\n")) + GAP
    sheet = Image.new("RGB", (left + frames * (width + GAP), len(clips) * (height + GAP)), "white")
    pen = ImageDraw.Draw(sheet)
    for row, (images, title) in enumerate(zip(rows, titles, strict=True)):
        pen.multiline_text((GAP, row * (height + GAP)), title, fill="black")
        for column, image in enumerate(images):
            image = image.resize((round(image.width * height / image.height), height), Image.Resampling.BICUBIC)
            middle = (width - image.width) // 2
            sheet.paste(image, (left + column * (width + GAP) + middle, row * (height + GAP)))
    return np.asarray(sheet)


def _middles(length, parts):
    """The middle frame of each of `parts` equal segments."""
    return [(2 * part + 1) * length // (2 * parts) for part in range(parts)]


def _one_of_each_class(labels):
    """All positions in `labels`, so ordered that each class shows once before any shows twice."""
    seen, turns = {}, []
    for label in labels:
        turns.append(seen.get(label, 0))
        seen[label] = turns[-1] + 1
    return sorted(range(len(labels)), key=lambda row: (turns[row], labels[row]))
