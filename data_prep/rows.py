"""Rows of a manifest: a label file's entry, the video that it names, and what the scan found, put together."""

from collections import defaultdict
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

from data_prep.tree import name_of

NOT_FOUND = "not found under the root"
NO_RATE = "it is a part of a video: where it starts needs a frame rate, --fps"
DRIFT_S = 0.25  # a segment's seconds name the right frames as long as their times are constant up to this
FAR, FAR_FRAMES = 1.5, 2  # a segment that ends after 1.5 times the video, and 2 frames or seconds, contradicts it
TOLERANCE = 0.05  # share by which the number of frames may differ from the listed one without a remark


@dataclass(frozen=True)
class Part:
    """One manifest to be: its classes, [(Entry, path or None), ...], the videos expected per split, remarks."""

    classes: tuple
    rows: list
    expected: dict
    remarks: list


def bring_inside(entries, tree, problems):
    """Entries with absolute paths as paths relative to the root; one that lies elsewhere is a problem.  -> entries"""
    kept = []
    for entry in entries:
        key = tree.inside(entry.key)
        if key is None:
            problems.append(f"{entry.place}: {entry.key!r} leads out of the dataset's root, {tree.root}")
        else:
            kept.append(entry if key == entry.key else replace(entry, key=key))
    return kept


def find_all(entries, tree, names, problems):
    """Find each entry's video in a Tree, under any of names(key).  -> [(Entry, path or None), ...]

    Of two entries for one video, or for one part of it, the second is a problem.
    """
    rows, places, told_by = [], {}, _told_by(entries)
    for entry in entries:
        found = (tree.find(name, entry.split, told_by(entry)) for name in names(entry.key))
        path = next(filter(None, found), None)
        part = path or entry.key, entry.start, entry.end, entry.offset
        if part in places:
            earlier, key = places[part]
            told = (
                f"listed twice; {earlier} counts" if key == entry.key else f"the file of {earlier} again, which counts"
            )
            problems.append(f"{entry.place}: {entry.key!r} is {told}")
            continue
        places[part] = entry.place, entry.key
        rows.append((entry, path))
    return rows


def _told_by(entries):
    """What tells videos of one name apart, `a/1` and `b/1` their folders, 1 of train and 1 of val their splits.

    In a list where a tenth of the names are several videos', every name needs it.  -> f(entry) -> `by` of Tree.find
    """
    homes = {"folder": defaultdict(set), "split": defaultdict(set)}
    for entry in entries:
        homes["folder"][name_of(entry.key)].add(PurePosixPath(entry.key).parent)
        homes["split"][entry.key].add(entry.split)
    several = {what: {name for name, of in table.items() if len(of) > 1} for what, table in homes.items()}
    usual = {what for what, table in homes.items() if 10 * len(several[what]) > len(table)}
    return lambda entry: [
        what
        for what, name in (("folder", name_of(entry.key)), ("split", entry.key))
        if what in usual or name in several[what]
    ]


def make_row(entry, path, found):
    """One row of the manifest; found is the scan's Found, None if there is no video.  -> lib.data.Video"""
    from lib.data.manifest import Video

    start, end = entry.start, entry.end
    if found is None:
        return Video(entry.key, entry.label, entry.split, start, end, 0, 0.0, 0, 0, NOT_FOUND)
    part, status = entry.offset is not None and not _is_whole(entry, found), found.status
    if part and found.fps:
        start, end = entry.offset / found.fps, (entry.offset + entry.frames) / found.fps
    if status == "ok":
        status = NO_RATE if part and not found.fps else part_status(start, end, found)
    if status == "ok" and _claims_too_much(entry, found):
        status = f"{entry.place} gives it a segment far longer than it is"
    size = (found.frames, found.fps, found.width, found.height)
    return Video(path, entry.label, entry.split, start, end, *size, status)


def _is_whole(entry, found):
    """Is the part that a file claims all of the video, up to how decoders count?"""
    apart = abs(found.frames - entry.frames)
    return entry.claims and entry.offset == 0 and apart <= max(1, TOLERANCE * entry.frames)


def _claims_too_much(entry, found):
    """Does a segment end far after the video does? Then its unit is another."""
    if not entry.claims or found.status != "ok":
        return False
    if entry.offset is not None:
        return entry.offset + entry.frames > FAR * found.frames + FAR_FRAMES
    return bool(found.fps) and entry.end * found.fps > FAR * found.frames + FAR_FRAMES * found.fps


def _claims_too_little(entry, found):
    """Frames from the first on, but far from all: such a file means whole videos."""
    return entry.offset == 0 and found.frames > FAR * entry.frames + FAR_FRAMES


def check_units(rows, found):
    """ValueError: most segments of a label file contradict their videos' lengths; it names the file."""
    claims = [(entry, found[path]) for entry, path in rows if entry.claims and path and found[path].status == "ok"]
    wrong = [entry for entry, there in claims if _claims_too_much(entry, there) or _claims_too_little(entry, there)]
    if wrong and 2 * len(wrong) > len(claims):
        unit = "frames" if wrong[0].offset is not None else "seconds"
        raise ValueError(
            f"{wrong[0].place}: {len(wrong)} of {len(claims)} segments contradict the lengths of their videos: are "
            f"they not in {unit}, or do label files and videos not belong together?"
        )


def part_status(start, end, found):
    """The status of a part of a whole video, `start` to `end` in seconds: can its frames be told by their times?"""
    if (start, end) == (None, None):
        return "ok"
    if not found.fps:
        return NO_RATE
    if (start or 0) * found.fps >= found.frames:
        return f"it starts at {start:g} s, but the video ends at {found.frames / found.fps:.2f} s"
    if found.drift > DRIFT_S:
        return f"variable frame rate, {found.drift:.2f} s off: its times name no frames, reencode it"
    return "ok"


def count_remarks(rows, found):
    """Where a list's number of frames is not what was counted. The video is used as it is."""
    remarks = []
    for entry, path in rows:
        there = found[path].frames if path and found[path].status == "ok" else None
        if None in (there, entry.frames) or (entry.offset is not None and not entry.claims):
            continue
        if entry.claims and not (entry.offset == 0 and there > entry.frames):
            continue
        if abs(there - entry.frames) > max(1, TOLERANCE * entry.frames):
            remarks.append(f"{entry.place}: {entry.key!r} is listed with {entry.frames} frames, {there} are there")
    return remarks
