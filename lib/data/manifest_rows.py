"""A video as one row of manifest.csv, and the file's text: written, read, and checked cell by cell."""

import csv
import io
import math
import os
from collections import defaultdict
from dataclasses import asdict, dataclass, fields
from functools import partial
from pathlib import PurePosixPath

MOST_FRAMES, MOST_PIXELS = 10**8, 10**5  # of a video, of a side: more is a mistake, and memory is planned by them
MOST_SECONDS, MOST_FPS = 10**9, 10**6
SPLITS = ("train", "val", "test")


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
    content: str = ""  # lib.data.content.fingerprint of its file, "" = not known

    def frame_range(self):
        """The frames shown in [start, end) seconds, frame i at i / fps; at least one.  -> range"""
        first = 0 if self.start is None else _first_frame_from(self.start * self.fps)
        stop = self.frames if self.end is None else _first_frame_from(self.end * self.fps)
        first = min(first, self.frames - 1)
        return range(first, max(first + 1, min(stop, self.frames)))


def _first_frame_from(position):
    return math.ceil(position - 1e-3)  # seconds are rounded: 0.066667 s at 30 fps is frame 2, not just after it


def render_videos(videos):
    """Videos -> the text of manifest.csv; where no content is known, it has no column."""
    text, videos = io.StringIO(), list(videos)
    columns = [field.name for field in fields(Video) if field.name != "content" or any(v.content for v in videos)]
    writer = csv.DictWriter(text, columns, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(asdict(video) for video in videos)
    return text.getvalue()


def parse_videos(text, file, classes):
    """The text of manifest.csv -> iterator of Video; a ValueError names `file`, line and column."""
    columns = [field.name for field in fields(Video)]
    rows = csv.reader(io.StringIO(text.rstrip("\n")), strict=True)
    try:
        yield from _parse_rows(rows, columns, file, classes)
    except csv.Error as error:
        raise ValueError(f"{file}, line {rows.line_num}: {error}") from None


ROUNDING = 2  # frames, of seconds that were rounded


def check_no_leak(videos, file):
    """ValueError: a video, or parts of it that overlap, is trained on and tested on, or a row is there twice.

    val may be test.

    A part that ends where the next begins may share ROUNDING frames with it.
    """
    shown, reach, rows = defaultdict(list), {}, set()
    for video in videos:
        if video.status == "ok":
            path = os.path.normpath(video.path)
            shown[path].append((video.frame_range(), video.split))
            row = path, video.label, video.split, video.start, video.end
            if row in rows:
                raise ValueError(
                    f"{file}: {path[:200]!r} stands twice in {video.split}, and would count twice; keep one"
                )
            rows.add(row)
    for path, parts in shown.items():
        reach.clear()
        for frames, split in sorted(parts, key=lambda part: part[0].start):
            shared = {other: min(frames.stop, reach[other]) - frames.start for other in reach if other != split}
            if others := [other for other in shared if "train" in (other, split) and shared[other] > ROUNDING]:
                raise ValueError(f"{file}: frames of {path[:200]!r} stand in {others[0]} and in {split}; keep one")
            reach[split] = max(frames.stop, reach.get(split, 0))


def _parse_rows(rows, columns, file, classes):
    header = next(rows, [])
    if header == columns[:-1]:
        columns = header
    if header != columns:
        raise ValueError(f"{file}, line 1: the columns are {','.join(header)[:200]}; they must be {','.join(columns)}")
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
        "frames": partial(_number, int, 0, MOST_FRAMES),
        "fps": partial(_number, float, 0, MOST_FPS),
        "width": partial(_number, int, 0, MOST_PIXELS),
        "height": partial(_number, int, 0, MOST_PIXELS),
        "status": _status,
        "content": _hexadecimal,
    }


def _check_video(video, place):
    if video.status == "ok" and video.frames < 1:
        raise ValueError(f"{place}, column frames: a video whose status is ok has at least 1 frame, not {video.frames}")
    if video.status == "ok" and min(video.width, video.height) < 1:
        raise ValueError(
            f"{place}, column width: a video whose status is ok has pixels, not {video.width}x{video.height}"
        )
    if (video.start, video.end) != (None, None) and video.fps == 0 and video.status == "ok":
        raise ValueError(f"{place}, column fps: start and end in seconds need a known fps")
    if None not in (video.start, video.end) and video.end <= video.start:
        raise ValueError(f"{place}, column end: {video.end} s does not come after start {video.start} s")
    if video.status == "ok" and video.start is not None and video.start * video.fps >= video.frames:
        length = f"{video.frames / video.fps:.2f} s"
        raise ValueError(f"{place}, column start: it starts at {video.start} s, but the video ends at {length}")
    return video


def _inside_root(text):
    path = os.path.normpath(text)
    if not text or "\0" in text or PurePosixPath(path).is_absolute() or path.split("/")[0] == "..":
        raise ValueError(f"{text[:200]!r} must be a path that stays under the dataset's root")
    return text


def _number(kind, low, high, text):
    try:
        value = kind(text if text.isascii() and "_" not in text else "")  # Python reads 1_0 as 10
    except ValueError:
        value = math.nan
    if not (low <= value <= high and math.isfinite(value)):
        raise ValueError(f"{text[:50]!r} must be {'an integer' if kind is int else 'a number'} in {low}..{high}")
    return value


def _seconds(text):
    return None if text == "" else _number(float, 0, MOST_SECONDS, text)


def _hexadecimal(text):
    if text and (len(text) != 16 or set(text) - set("0123456789abcdef")):
        raise ValueError(f"{text[:50]!r} must be 16 hexadecimal digits, or empty")
    return text


def _one_of(choices, text):
    if text not in choices:
        raise ValueError(f"{text[:50]!r} must be {' or '.join(choices)}")
    return text


def _status(text):
    letters = "".join(filter(str.isalnum, text)).lower()
    if not text.strip() or (text != "ok" and letters in ("ok", "okay")):  # any other word leaves the video out
        raise ValueError(f"{text[:50]!r} must be ok, or say why the video cannot be used")
    return text
