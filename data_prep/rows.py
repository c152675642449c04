"""Rows of a manifest: a label file's entry, the video that it names, and what the scan found, put together."""

from dataclasses import dataclass

NOT_FOUND = "not found under the root"
NO_RATE = "it is a part of a video: where it starts needs a frame rate, --fps"
DRIFT_S = 0.25  # a segment's seconds name the right frames as long as their times are constant up to this
TOLERANCE = 0.05  # share by which the number of frames may differ from the listed one without a remark


@dataclass(frozen=True)
class Part:
    """One manifest to be: its classes, [(Entry, path or None), ...], the videos expected per split, remarks."""

    classes: tuple
    rows: list
    expected: dict
    remarks: list


def find_all(entries, tree, names, problems):
    """Find each entry's video in a Tree, under any of names(key).  -> [(Entry, path or None), ...]

    Of two entries for one video, or for one part of it, the second is a problem.
    """
    rows, places = [], {}
    for entry in entries:
        path = next(filter(None, map(tree.find, names(entry.key))), None)
        part = path, entry.start, entry.end, entry.offset
        if path and part in places:
            problems.append(f"{entry.place}: {entry.key!r} is the file of {places[part]} again, which counts")
            continue
        places[part] = entry.place
        rows.append((entry, path))
    return rows


def make_row(entry, path, found):
    """One row of the manifest; found is the scan's Found, None if there is no video.  -> lib.data.Video"""
    from lib.data.manifest import Video

    start, end = entry.start, entry.end
    if found is None:
        return Video(entry.key, entry.label, entry.split, start, end, 0, 0.0, 0, 0, NOT_FOUND)
    if entry.offset is not None and found.fps:
        start, end = entry.offset / found.fps, (entry.offset + entry.frames) / found.fps
    status = found.status
    if status == "ok":
        untimed = entry.offset is not None and not found.fps
        status = NO_RATE if untimed else part_status(start, found)
    size = (found.frames, found.fps, found.width, found.height)
    return Video(path, entry.label, entry.split, start, end, *size, status)


def part_status(start, found):
    """The status of the part of a whole video that begins at `start` seconds: can its frames be told by their times?"""
    if start is None:
        return "ok"
    if not found.fps:
        return NO_RATE
    if start * found.fps >= found.frames:
        return f"it starts at {start:g} s, but the video ends at {found.frames / found.fps:.2f} s"
    if found.drift > DRIFT_S:
        return f"variable frame rate, {found.drift:.2f} s off: its times name no frames, reencode it"
    return "ok"


def count_remarks(rows, found):
    """Where a list's number of frames is not what was counted. The video is used as it is."""
    remarks = []
    for entry, path in rows:
        there = found[path].frames if path and found[path].status == "ok" else None
        if None in (there, entry.frames) or entry.offset is not None:
            continue
        if abs(there - entry.frames) > max(1, TOLERANCE * entry.frames):
            remarks.append(f"{entry.place}: {entry.key!r} is listed with {entry.frames} frames, {there} are there")
    return remarks
