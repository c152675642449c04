"""From label files and videos to manifests: what all datasets have in common.

OUT/manifest.csv, classes.txt, dataset.json     or, of a dataset with several splits, OUT/<split>/...
OUT/problems.txt                                what could not be used of the label files, and other remarks
OUT/doubts.txt, or OUT/<split>/doubts.txt       what looks wrong though it can be used: see doubts.py
OUT/scan.jsonl                                  what is known of each video: a killed preparation goes on there
"""

import argparse
from collections import Counter
from contextlib import nullcontext
from pathlib import Path

from data_prep.doubts import write_doubts
from data_prep.report import notes, nothing_fits, print_dry_run, print_remarks, print_summary
from data_prep.rows import Part, bring_inside, check_units, count_remarks, find_all, make_row
from data_prep.scan import scan
from data_prep.splits import hold_out_some, mirror_pairs, unmirrored
from data_prep.tree import SOURCES, find_videos, relative
from data_prep.tree import frame_pattern as find_pattern
from data_prep.workers import check_workers
from lib.data.dataset_json import is_frame_pattern
from lib.files import file_name, locked, write_text


def add_arguments(parser, *, hold_out=0.0, labels=True):
    """The options that all datasets of real videos share."""
    parser.add_argument("--root", required=True, metavar="FOLDER", help="the videos, or folders of their frames")
    if labels:
        parser.add_argument("--labels", metavar="FOLDER", help="the label files (default: the root)")
    parser.add_argument("--source", default="auto", choices=("auto", *SOURCES), help="default: whichever is there")
    parser.add_argument("--fps", type=float, default=0.0, help="frame rate of extracted frames (default: not known)")
    held = "share of the training videos that become val; a published val then becomes test (default: %(default)s)"
    parser.add_argument("--hold-out", type=float, default=hold_out, metavar="SHARE", help=held)
    shown = "how frames are called, say 'img_{:05d}.jpg' (default: found out)"
    parser.add_argument("--frame-pattern", metavar="PATTERN", help=shown)
    parser.add_argument("--workers", type=int, help="processes that decode (default: one per core)")
    parser.add_argument("--dry-run", action="store_true", help="say what would be done, write nothing")
    shown = "show a bar and a summary"
    parser.add_argument("--progress", action=argparse.BooleanOptionalAction, default=True, help=shown)


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
    labels_known=False,
    frame_pattern=None,
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
    labels_known   do not ask whether numeric labels count from 1
    frame_pattern  how the images are called, None: found out
    workers    processes; None: one per core, 0: this one alone
    """
    _check(name, workers, hold_out, fps, frame_pattern)
    out, tree, published, parts = Path(out), find_videos(root, source), published or {}, {}
    for home, listing in listings.items():
        if not labels_known:
            listing.check_first_label()
        parts[home] = _part(listing, tree, names, hold_out, group, published.get(home, {}))
    remarks = _once([line for part in parts.values() for line in part.remarks] + tree.problems)
    paths = sorted({path for part in parts.values() for _, path in part.rows if path})
    if not paths:
        raise ValueError(nothing_fits(parts, tree, remarks))
    if dry_run:
        print_dry_run(name, out, parts, tree, remarks)
        return {}
    with locked(out, waiting=f"{out}: another process prepares it, waiting"):
        how = {"fps": fps, "workers": workers, "progress": progress}
        manifests = _scan_and_write(out, name, parts, tree, paths, remarks, _images(tree, paths, frame_pattern), how)
    for manifest in manifests.values() if progress else ():
        print_summary(manifest)
    if progress:
        print_remarks(remarks, out / "problems.txt")
    return manifests


def _check(name, workers, hold_out, fps, pattern):
    check_workers(workers)
    if pattern is not None and not is_frame_pattern(pattern):
        raise ValueError(f"--frame-pattern {pattern!r} must be a file name with one number, as 'img_{{:05d}}.jpg'")
    file_name(name, "--name")
    if not 0 <= hold_out < 1 or fps < 0:
        raise ValueError(f"hold_out={hold_out} must be at least 0 and less than 1, fps={fps} not negative")


def _scan_and_write(out, name, parts, tree, paths, remarks, images, how):
    """Scan the videos, add to the remarks, write it all.  -> the manifests"""
    found = scan(paths, tree.root, tree.source, journal=out / "scan.jsonl", **images, **how)
    remarks += _found_remarks(parts, paths, found)
    write_text(out / "problems.txt", "".join(f"{line}\n" for line in remarks))
    manifests = {}
    for home, part in parts.items():
        with locked(out / home) if home else nullcontext():  # `out` itself is locked already
            manifests[home] = _write(out / home, _name(name, home), part, found, tree, images)
            write_doubts(manifests[home], how["progress"])
    return manifests


def _found_remarks(parts, paths, found):
    """What the scan says of the videos; ValueError: a segment that no unit explains."""
    for part in parts.values():
        check_units(part.rows, found)
    counted = _once([line for part in parts.values() for line in count_remarks(part.rows, found)])
    return counted + notes({path: found[path].note for path in paths if found[path].note})


def _part(listing, tree, names, hold_out, group, published):
    """One listing's rows, with the videos that were found for them."""
    entries = bring_inside(listing.entries, tree, listing.problems)
    expected = dict(Counter(entry.split for entry in entries)) | published
    rows = find_all(entries, tree, names, listing.problems)  # by the splits that are listed
    entries, expected = hold_out_some([entry for entry, _ in rows], expected, hold_out, group)
    rows = [(entry, path) for entry, (_, path) in zip(entries, rows, strict=True)]
    return Part(listing.classes, rows, expected, listing.problems + _never_mirrored(listing.classes))


def _once(lines):
    return list(dict.fromkeys(lines))


def _name(name, home):
    return f"{name}_{home}" if home else name


def _never_mirrored(classes):
    """Said once per class: a side in its name, and no class that is its mirror image."""
    names = [classes[label] for label in unmirrored(classes)]
    return [f"class {name!r} has a side and no mirror image among the classes: it is never mirrored" for name in names]


def _images(tree, paths, said):
    """How the images of frame folders and databases are called."""
    if tree.source == "video":
        return {}
    pattern, first = find_pattern(tree.root, paths, said) if tree.source == "frames" else (said or "{:06d}.jpg", 1)
    return {"pattern": pattern, "first_index": first}


def _write(folder, name, part, found, tree, images):
    from lib.data.manifest import write_manifest

    return write_manifest(
        folder,
        name=name,
        source=tree.source,
        root=relative(tree.root, folder),
        frame_pattern=images.get("pattern"),
        first_index=images.get("first_index"),
        classes=part.classes,
        videos=[make_row(entry, path, found.get(path)) for entry, path in part.rows],
        mirror_pairs=mirror_pairs(part.classes),
        unmirrored=unmirrored(part.classes),
        expected=part.expected,
    )
