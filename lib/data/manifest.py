"""The manifest: which videos a dataset has, with their labels and splits. Written by data_prep, read by lib.data.

A folder holds manifest.csv (one row per video), classes.txt (one class per line) and dataset.json (what they describe).
"""

import csv
import hashlib
import io
import math
import os
from collections import Counter
from dataclasses import asdict, dataclass, fields
from functools import partial
from pathlib import Path, PurePosixPath

from lib.files import read_json, write_json, write_text

SPLITS = ("train", "val", "test")
SOURCES = ("video", "frames", "lmdb")


@dataclass(frozen=True)
class Video:
    """One row of manifest.csv. `frames`, `fps`, `width` and `height` describe the whole file."""

    path: str  # relative to the dataset's root, with forward slashes
    label: int  # index into the classes
    split: str  # train, val or test
    start: float | None  # seconds, None = from the first frame
    end: float | None  # seconds, None = to the last frame
    frames: int
    fps: float  # of the source video; 0 = not known
    width: int  # pixels
    height: int  # pixels
    status: str = "ok"  # or why the video cannot be used

    def frame_range(self):
        """The frames shown in [start, end) seconds, frame i at i / fps; at least one.  -> range"""
        first = 0 if self.start is None else _first_frame_from(self.start * self.fps)
        stop = self.frames if self.end is None else _first_frame_from(self.end * self.fps)
        first = min(first, self.frames - 1)
        return range(first, max(first + 1, min(stop, self.frames)))


def _first_frame_from(position):
    return math.ceil(position - 1e-3)  # seconds are rounded: 0.066667 s at 30 fps is frame 2, not just after it


@dataclass(frozen=True)
class Manifest:
    """A dataset as read by `read_manifest`."""

    folder: Path
    name: str
    source: str  # video, frames or lmdb
    root: Path  # every video's path lies under it
    classes: tuple[str, ...]
    videos: tuple[Video, ...]
    mirror_pairs: tuple[tuple[int, int], ...] | None  # labels a mirror image exchanges; () = none; None = never mirror
    frame_pattern: str | None  # source "frames": a frame's file name, e.g. "img_{:05d}.jpg"
    first_index: int | None  # number of the first frame in that pattern
    expected: dict[str, int]  # videos per split that the dataset's authors list
    hash: str  # SHA-256 of manifest.csv and classes.txt

    @property
    def found(self):
        """Usable videos per split."""
        return dict(Counter(video.split for video in self.videos if video.status == "ok"))

    def split(self, name):
        """The usable videos of one split, in the file's order.  -> list of Video"""
        if name not in SPLITS:
            raise ValueError(f"no split {name!r}; there are {', '.join(SPLITS)}")
        return [video for video in self.videos if video.split == name and video.status == "ok"]


def read_manifest(folder):
    """Read and check the dataset in `folder`; ValueError names the file, line and column that is wrong.  -> Manifest"""
    folder = Path(folder)
    for file in ("manifest.csv", "classes.txt", "dataset.json"):
        if not (folder / file).is_file():
            raise FileNotFoundError(f"{folder / file} is missing: prepare the dataset with data_prep")
    dataset = _check_dataset(read_json(folder / "dataset.json"), folder / "dataset.json")
    return _check(folder, dataset, _read(folder / "manifest.csv"), _read(folder / "classes.txt"))


def write_manifest(
    folder, *, name, source, root, classes, videos, mirror_pairs, frame_pattern=None, first_index=None, expected=None
):
    """Check a dataset and write its three files, dataset.json last.  -> Manifest

    root          relative to `folder`, or absolute
    mirror_pairs  pairs of label indices that a mirror image exchanges; () = mirroring leaves every label as it is;
                  None = never mirror
    expected      videos per split that the dataset's authors list; None = as many as `videos` has
    """
    folder, videos = Path(folder), list(videos)
    counts = Counter(video.split for video in videos)
    dataset = {
        "name": name,
        "source": source,
        "root": str(root),
        "frame_pattern": frame_pattern,
        "first_index": first_index,
        "expected": dict(expected if expected is not None else counts),
        "found": dict(Counter(video.split for video in videos if video.status == "ok")),
        "mirror_pairs": None if mirror_pairs is None else [list(pair) for pair in mirror_pairs],
    }
    rows, names = _render_videos(videos), "".join(f"{name}\n" for name in classes)
    manifest = _check(folder, _check_dataset(dataset, folder / "dataset.json"), rows, names)
    write_text(folder / "manifest.csv", rows)
    write_text(folder / "classes.txt", names)
    write_json(folder / "dataset.json", dataset | {"hash": manifest.hash})
    return manifest


def _read(file):
    return file.read_bytes().decode("utf-8-sig").replace("\r\n", "\n")


def _check(folder, dataset, rows, names):
    """Build the Manifest from dataset.json's dict and the two texts, refusing whatever does not fit together."""
    classes = _parse_classes(names, folder / "classes.txt")
    videos = tuple(_parse_videos(rows, folder / "manifest.csv", len(classes)))
    found_hash = hashlib.sha256(f"{rows.rstrip()}\n{names.rstrip()}\n".encode()).hexdigest()
    if dataset.get("hash", found_hash) != found_hash:
        raise ValueError(
            f"{folder}: manifest.csv or classes.txt is not the one that dataset.json describes (hash differs); "
            "prepare the dataset again, or, if you mean the edit, remove hash from dataset.json"
        )
    return Manifest(
        folder=folder,
        name=dataset["name"],
        source=dataset["source"],
        root=(folder / dataset["root"]).resolve(),
        classes=classes,
        videos=videos,
        mirror_pairs=_parse_pairs(dataset["mirror_pairs"], folder / "dataset.json", len(classes)),
        frame_pattern=dataset.get("frame_pattern"),
        first_index=dataset.get("first_index"),
        expected=dataset.get("expected", {}),
        hash=found_hash,
    )


def _check_dataset(dataset, file):
    missing = {"name", "source", "root", "mirror_pairs"} - set(dataset)
    if missing:
        raise ValueError(f"{file}: {', '.join(sorted(missing))} is missing")
    if dataset["source"] not in SOURCES:
        raise ValueError(f"{file}: source is {dataset['source']!r}; it can be {', '.join(SOURCES)}")
    return dataset


def _parse_classes(text, file):
    classes = tuple(text.rstrip("\n").split("\n"))
    for line, name in enumerate(classes, start=1):
        if not name.strip() or classes.index(name) != line - 1:
            raise ValueError(f"{file}, line {line}: {name!r} is empty or stands twice; one class per line")
    return classes


def _parse_pairs(pairs, file, classes):
    if pairs is None:
        return None
    labels = [label for pair in pairs for label in pair]
    if any(len(pair) != 2 for pair in pairs) or len(set(labels)) != len(labels):
        raise ValueError(f"{file}: mirror_pairs {pairs} must be pairs of labels, each label in one pair at most")
    if not all(0 <= label < classes for label in labels):
        raise ValueError(f"{file}: mirror_pairs {pairs} names a label outside 0..{classes - 1}")
    return tuple((first, second) for first, second in pairs)


def _render_videos(videos):
    text = io.StringIO()
    writer = csv.DictWriter(text, [field.name for field in fields(Video)], lineterminator="\n")
    writer.writeheader()
    writer.writerows(asdict(video) for video in videos)
    return text.getvalue()


def _parse_videos(text, file, classes):
    columns = [field.name for field in fields(Video)]
    rows = csv.reader(io.StringIO(text))
    header = next(rows, [])
    if header != columns:
        raise ValueError(f"{file}, line 1: the columns are {','.join(header)}; they must be {','.join(columns)}")
    parsers = _parsers(classes)
    for row in rows:
        if len(row) != len(columns):
            raise ValueError(f"{file}, line {rows.line_num}: {len(row)} columns instead of {len(columns)}")
        values = {}
        for column, cell in zip(columns, row, strict=True):
            try:
                values[column] = parsers[column](cell)
            except ValueError as error:
                raise ValueError(f"{file}, line {rows.line_num}, column {column}: {error}") from error
        yield _check_video(Video(**values), f"{file}, line {rows.line_num}")


def _parsers(classes):
    """Column -> function that reads its text and raises ValueError with the reason."""
    return {
        "path": _inside_root,
        "label": partial(_number, int, 0, classes - 1),
        "split": partial(_one_of, SPLITS),
        "start": _seconds,
        "end": _seconds,
        "frames": partial(_number, int, 0, math.inf),
        "fps": partial(_number, float, 0, math.inf),
        "width": partial(_number, int, 0, math.inf),
        "height": partial(_number, int, 0, math.inf),
        "status": partial(_one_of, None),
    }


def _check_video(video, place):
    if video.status == "ok" and video.frames < 1:
        raise ValueError(f"{place}, column frames: a video whose status is ok has at least 1 frame, not {video.frames}")
    if (video.start, video.end) != (None, None) and video.fps == 0 and video.status == "ok":
        raise ValueError(f"{place}, column fps: start and end in seconds need a known fps")
    if None not in (video.start, video.end) and video.end <= video.start:
        raise ValueError(f"{place}, column end: {video.end} s does not come after start {video.start} s")
    return video


def _inside_root(text):
    path = os.path.normpath(text)
    if not text or PurePosixPath(path).is_absolute() or path.split("/")[0] == "..":
        raise ValueError(f"{text!r} must be a path that stays under the dataset's root")
    return text


def _number(kind, low, high, text):
    try:
        value = kind(text)
    except ValueError:
        value = math.nan
    if not (low <= value <= high and math.isfinite(value)):
        raise ValueError(f"{text!r} must be {'an integer' if kind is int else 'a number'} in {low}..{high}")
    return value


def _seconds(text):
    return None if text == "" else _number(float, 0, math.inf, text)


def _one_of(choices, text):
    if not text or (choices and text not in choices):
        raise ValueError(f"{text!r} must be {' or '.join(choices) if choices else 'a word'}")
    return text
