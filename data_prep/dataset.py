"""From label files and videos to manifests: what all datasets have in common.

OUT/manifest.csv, classes.txt, dataset.json     or, of a dataset with several splits, OUT/<split>/...
OUT/problems.txt                                lines of label files that could not be used, and why
OUT/scan.jsonl                                  what is known of each video: a killed preparation goes on there
"""

import argparse
import hashlib
import re
from collections import Counter
from dataclasses import replace
from pathlib import Path

from data_prep.scan import scan
from data_prep.tree import SOURCES, find_videos, frame_pattern, relative
from data_prep.workers import check_workers
from lib.files import locked, write_text

# A mirror image exchanges these words in a class's name
SIDES = {"left": "right", "right": "left", "clockwise": "counterclockwise", "counterclockwise": "clockwise"}
DRIFT_S = 0.25  # a segment's seconds name the right frames as long as their times are constant up to this
NOT_FOUND = "not found under the root"
NO_RATE = "it is a part of a video: where it starts needs a frame rate, --fps"


def add_arguments(parser, *, hold_out=0.0, labels=True):
    """The options that all datasets of real videos share."""
    parser.add_argument("--root", required=True, metavar="FOLDER", help="the videos, or folders of their frames")
    if labels:
        parser.add_argument("--labels", metavar="FOLDER", help="the label files (default: the root)")
    parser.add_argument("--source", default="auto", choices=("auto", *SOURCES), help="default: whichever is there")
    parser.add_argument("--fps", type=float, default=0.0, help="frame rate of extracted frames (default: not known)")
    held = "share of the training videos that become val; a published val then becomes test (default: %(default)s)"
    parser.add_argument("--hold-out", type=float, default=hold_out, metavar="SHARE", help=held)
    parser.add_argument("--workers", type=int, help="processes that decode (default: one per core)")
    parser.add_argument("--dry-run", action="store_true", help="say what would be done, write nothing")
    quiet = argparse.BooleanOptionalAction
    parser.add_argument("--progress", action=quiet, default=True, help="show a bar and a summary")


def prepare_listings(
    out,
    listings,
    *,
    name,
    root,
    source="auto",
    fps=0.0,
    hold_out=0.0,
    group=str,
    names=lambda key: (key,),
    published=None,
    workers=None,
    dry_run=False,
    progress=True,
):
    """Find, scan and describe the videos of some listings.  -> {subfolder of `out`: Manifest}, {} of a dry run

    listings   {subfolder, "" for `out` itself: Listing}, all over the videos under `root`
    fps        of extracted frames, 0: not known
    hold_out   share of each class's training groups that become val; what was val becomes test then
    group      f(key) -> what videos that must stay together have in common
    names      f(key) -> what the video may be called on disk
    published  {subfolder: {split: videos}}, where the authors' figures are known; else what is listed is expected
    workers    processes; None: one per core, 0: this one alone
    """
    check_workers(workers)
    if not 0 <= hold_out < 1 or fps < 0:
        raise ValueError(f"hold_out={hold_out} must be at least 0 and less than 1, fps={fps} not negative")
    out, tree, parts = Path(out), find_videos(root, source), {}
    for home, listing in listings.items():
        expected = dict(Counter(entry.split for entry in listing.entries)) | (published or {}).get(home, {})
        entries, expected = hold_out_some(listing.entries, expected, hold_out, group)
        parts[home] = listing, _find_all(entries, tree, names, listing.problems), expected
    problems = list(
        dict.fromkeys([line for listing, _, _ in parts.values() for line in listing.problems] + tree.problems)
    )
    paths = sorted({path for _, rows, _ in parts.values() for _, path in rows if path})
    if not paths:
        raise ValueError(_nothing_fits(parts, tree, problems))
    if dry_run:
        _print_plan(name, out, parts, tree, paths, problems)
        return {}
    with locked(out, waiting=f"{out}: another process prepares it, waiting"):
        images = _images(tree, paths)
        found = scan(
            paths,
            tree.root,
            tree.source,
            **images,
            fps=fps,
            journal=out / "scan.jsonl",
            workers=workers,
            progress=progress,
        )
        write_text(out / "problems.txt", "".join(f"{line}\n" for line in problems))
        manifests = {home: _write(out, home, name, part, found, tree, images) for home, part in parts.items()}
    if progress:
        for manifest in manifests.values():
            print_summary(manifest)
        _print_problems(problems, out / "problems.txt")
    return manifests


def hold_out_some(entries, expected, share, group):
    """Move `share` of each class's training groups to val, at least one of two; a published val becomes test.

    Which groups is decided by their names alone, so that it is the same everywhere.  -> entries, expected counts
    """
    if not share:
        return entries, expected
    if "val" in expected and "test" in expected:
        raise ValueError(f"hold_out={share}: train, val and test are all published here; nothing needs to be held out")
    groups, held = {}, set()
    for entry in entries:
        if entry.split == "train":
            groups.setdefault(entry.label, set()).add(group(entry.key))
    for names in groups.values():
        order = sorted(names - held, key=lambda name: hashlib.sha256(name.encode()).digest())
        held |= set(order[: max(1, round(share * len(order)))] if len(order) > 1 else [])
    splits = [
        "train" if entry.split == "train" and group(entry.key) not in held else _other(entry) for entry in entries
    ]
    moved = splits.count("val")
    counts = {"train": expected.get("train", 0) - moved, "val": moved}
    tested = expected.get("val", expected.get("test"))
    counts |= {} if tested is None else {"test": tested}
    return [replace(entry, split=split) for entry, split in zip(entries, splits, strict=True)], counts


def _other(entry):
    return "val" if entry.split == "train" else "test"


def _find_all(entries, tree, names, problems):
    """-> [(entry, path or None)], each video, or each part of it, once"""
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


def _images(tree, paths):
    if tree.source == "video":
        return {}
    pattern, first = frame_pattern(tree.root, paths) if tree.source == "frames" else ("{:06d}.jpg", 1)
    return {"pattern": pattern, "first_index": first}


def _write(out, home, name, part, found, tree, images):
    from lib.data.manifest import write_manifest

    listing, rows, expected = part
    folder = out / home
    return write_manifest(
        folder,
        name=f"{name}_{home}" if home else name,
        source=tree.source,
        root=relative(tree.root, folder),
        frame_pattern=images.get("pattern"),
        first_index=images.get("first_index"),
        classes=listing.classes,
        videos=[_video(entry, path, found.get(path)) for entry, path in rows],
        mirror_pairs=mirror_pairs(listing.classes),
        expected=expected,
    )


def _video(entry, path, found):
    """One row of the manifest."""
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


def mirror_pairs(classes):
    """Label pairs that a mirror image exchanges, by their names: left and right, (counter)clockwise.

    -> [(label, label), ...]; None, never mirror, if the mirror image of some class is no class
    """
    label = {name: index for index, name in enumerate(classes)}
    partners = {name: re.sub(r"[A-Za-z]+", _other_side, name) for name in classes}
    partners = {name: partner for name, partner in partners.items() if partner != name}
    if any(partner not in label for partner in partners.values()):
        return None
    return sorted({tuple(sorted((label[name], label[partner]))) for name, partner in partners.items()})


def _other_side(match):
    word = match[0]
    other = SIDES.get(word.lower(), word)
    return other if other == word or word.islower() else other.capitalize()


def print_summary(manifest):
    """Counts per split, and what is wrong with how many videos."""
    listed = Counter(video.split for video in manifest.videos)
    print(f"{manifest.folder}: {manifest.name}, {len(manifest.classes)} classes, source {manifest.source}")
    for split in [split for split in ("train", "val", "test") if listed[split] or manifest.expected.get(split)]:
        expected, usable = manifest.expected.get(split, 0), manifest.found.get(split, 0)
        print(f"  {split:5}  expected {expected}, listed {listed[split]}, usable {usable}")
    for status, count in Counter(video.status for video in manifest.videos if video.status != "ok").most_common(10):
        print(f"  {count} x {status}")


def _print_problems(problems, file):
    if problems:
        print(f"{len(problems)} lines of label files, or files, are not used; {file} has them all:")
    for line in problems[:10]:
        print(f"  {line}")


def _print_plan(name, out, parts, tree, paths, problems):
    for home, (listing, rows, expected) in parts.items():
        listed = dict(Counter(entry.split for entry, _ in rows))
        there = dict(Counter(entry.split for entry, path in rows if path))
        print(
            f"{out / home}: {name}, {len(listing.classes)} classes; expected {expected}, listed {listed}, there {there}"
        )
    print(f"{len(paths)} of {len(tree.paths)} videos under {tree.root} (source {tree.source}) would be scanned")
    _print_problems(problems, "problems.txt")


def _nothing_fits(parts, tree, problems):
    listed = [entry.key for _, rows, _ in parts.values() for entry, _ in rows[:1]]
    first = f"; the first problem is: {problems[0]}" if problems else ""
    return (
        f"no listed video is under {tree.root}: listed are {', '.join(listed) or 'none'}, ..., "
        f"there are {', '.join(tree.paths[:2])}, ...{first}"
    )
