"""Decode every video again, strictly, and set the broken aside.

A broken video is one that is not as the manifest says.

A row's status becomes `ok`, or why the video cannot be used; MANIFEST_FOLDER/quarantine.txt lists those that cannot. A
check that was killed goes on where it was.
"""

from collections import Counter
from dataclasses import replace
from pathlib import Path

from data_prep.doubts import write_doubts
from data_prep.report import print_summary
from data_prep.rows import NO_RATE, NOT_FOUND, part_status
from data_prep.scan import scan
from data_prep.whole_files import compare
from data_prep.workers import check_workers
from lib.data.content import fingerprint
from lib.files import locked, printable, write_text

EXAMPLE = "python -m data_prep check data/ucf101/split1 --workers 8"


def run(manifest, *, workers=None, full=False, progress=True):
    """Check the videos of the manifest in folder `manifest`, and rewrite it.  -> Manifest

    A video that was missing or broken and is whole now becomes usable. full: hash every byte, see whole_files.py
    """
    from lib.data.manifest import read_manifest

    check_workers(workers)
    folder, journal = Path(manifest), Path(manifest) / "check.jsonl"
    with locked(folder, waiting=f"{folder}: another process checks it, waiting"):
        before = read_manifest(folder)
        found = scan_manifest(before, journal, workers, progress)
        videos = [
            _checked(video, found.get(video.path), before.root, before.source != "video") for video in before.videos
        ]
        videos = compare(folder, videos, before.root, progress) if full else videos
        after = rewrite(before, videos)
        write_doubts(after, progress)
        rows = [f"{printable(video.path)}\t{printable(video.status)}\n" for video in videos if video.status != "ok"]
        write_text(folder / "quarantine.txt", "".join(dict.fromkeys(rows)))
        journal.unlink(missing_ok=True)
    if progress:
        changes = Counter((was.status, now.status) for was, now in zip(before.videos, videos, strict=True))
        for (was, now), count in changes.items():
            if was != now:
                print(f"  {count} changed from {was!r} to {now!r}")
        print_summary(after)
    return after


def scan_manifest(manifest, journal, workers, progress):
    """Scan all videos of a manifest that are there.  -> {path: Found}"""
    paths = sorted({video.path for video in manifest.videos if (manifest.root / video.path).exists()})
    images = (
        {} if manifest.source == "video" else {"pattern": manifest.frame_pattern, "first_index": manifest.first_index}
    )
    known = {video.path: video.fps for video in manifest.videos if video.status == "ok"}
    fps = 0.0 if manifest.source == "video" else max(known.values(), default=0.0)
    options = {"fps": fps, "workers": workers, "progress": progress}
    return scan(paths, manifest.root, manifest.source, journal=journal, **images, **options)


def rewrite(manifest, videos, **changes):
    """Write a manifest again, with other videos.  -> Manifest"""
    from lib.data.manifest import write_manifest
    from lib.files import read_json

    same = ("name", "source", "classes", "mirror_pairs", "unmirrored", "frame_pattern", "first_index", "expected")
    content = {name: getattr(manifest, name) for name in same}
    if "root" not in changes:
        content["root"] = read_json(manifest.folder / "dataset.json")["root"]
    return write_manifest(**{"folder": manifest.folder, **content, "videos": videos, **changes})


def _checked(video, found, root, is_images):
    if found is None:
        return replace(video, status=NOT_FOUND)
    if found.status != "ok":
        return replace(video, status=found.status)
    listed, there = (video.frames, video.width, video.height), (found.frames, found.width, found.height)
    if video.status == NO_RATE:
        return video
    if video.status == "ok" and listed != there:
        was, now = ("{} frames of {}x{}".format(*shape) for shape in (listed, there))
        return replace(video, status=f"the manifest says {was}, there are {now}: prepare it again")
    if video.content and fingerprint(root / video.path) != video.content:
        return replace(video, status="it has another content than when it was prepared: prepare it again")
    if is_images and video.fps:  # images know no rate, a row may
        found = replace(found, fps=video.fps)
    size = {"frames": found.frames, "fps": found.fps, "width": found.width, "height": found.height}
    return replace(video, **size, status=part_status(video.start, video.end, found))


def add_arguments(parser):
    """The options of `python -m data_prep check`."""
    parser.add_argument("--workers", type=int, help="processes that decode (default: one per core)")
    parser.add_argument(
        "--full", action="store_true", help="hash every byte too, against the first time this was asked"
    )
