"""Encode the videos again, small and quick to decode.

With a short GOP, clips sampled all over a video decode much faster.

H.264 in MP4, upright, without sound or B-frames, a key frame every GOP frames, 8 bits, BT.601 and tagged so, at a
constant rate: what a video of variable rate shows at k / fps becomes frame k, so that segments keep their seconds.
Videos that a reader reads wrongly become usable, and of damaged ones what can be decoded; OUT/lost.txt says what could
not. A second run goes on where a killed one stopped. The speed-up is measured and printed.
"""

import json
import time
from dataclasses import replace
from functools import partial
from pathlib import Path
from statistics import median

from data_prep.check import rewrite
from data_prep.encode import encode_one, new_path
from data_prep.report import print_remarks, print_summary
from data_prep.rows import NOT_FOUND, part_status
from data_prep.scan import scan
from data_prep.tree import relative
from data_prep.workers import check_workers, survive
from lib.data.content import fingerprint
from lib.files import locked, open_journal, printable, read_json, remove_temporaries, write_json, write_text

EXAMPLE = "python -m data_prep reencode data/k400 --out data/k400_256 --short-side 256 --gop 12"


def run(manifest, *, out, short_side, gop, crf=20, workers=None, repetitions=9, progress=True):
    """Write OUT/videos and a manifest in `out` itself.  -> Manifest

    short_side   pixels, even; a smaller video keeps its size
    gop          frames from one key frame to the next
    crf          H.264's quality, 0 (lossless) to 51; 18 to 23 is usual
    repetitions  of the measurement, 0 for none
    """
    from lib.data.manifest import read_manifest

    check_workers(workers)
    options = {"short_side": short_side, "gop": gop, "crf": crf}
    if short_side < 2 or short_side % 2 or gop < 1 or not 0 <= crf <= 51:
        raise ValueError(f"{options}: the short side must be even, gop at least 1, crf in 0..51")
    before, out = read_manifest(manifest), Path(out)
    if before.source != "video":
        raise ValueError(f"{before.name} has source {before.source}; only videos can be encoded again")
    paths = sorted({video.path for video in before.videos if (before.root / video.path).is_file()})
    _check_names(paths)
    with locked(out, waiting=f"{out}: another process encodes there, waiting"):
        _claim(out, {"of": before.name, **options})
        remove_temporaries(out / "videos")
        failed = _encode_all(before.root, out, paths, options, workers, progress)
        written = [new_path(path) for path in paths if path not in failed]
        found = scan(written, out / "videos", "video", journal=out / "scan.jsonl", workers=workers, progress=progress)
        videos = [_described(video, failed, found) for video in before.videos]
        after = rewrite(before, videos, folder=out, root=relative(out / "videos", out))
        lost = write_lost(out)
    if progress:
        print_summary(after)
        print_remarks(lost, out / "lost.txt")
    if repetitions:
        print(speed_up(before, after, repetitions=repetitions)["line"])
    return after


def _claim(out, options):
    record = out / "reencode.json"
    if record.is_file() and (there := read_json(record)) != options:
        raise ValueError(f"{out} holds videos encoded with {repr(there)[:200]}, not {options}: choose another folder")
    write_json(record, options)


def _encode_all(root, out, paths, options, workers, progress):
    """-> {path: why it could not be encoded}; each that could is a line of OUT/encoded.jsonl"""
    from tqdm.auto import tqdm

    sources, known = {path: fingerprint(root / path) for path in paths}, _encoded(out)
    there = [path for path in paths if (out / "videos" / new_path(path)).is_file()]
    missing = sorted(set(paths) - {path for path in there if known.get(path, [""])[0] == sources[path]})
    encode = partial(encode_one, root=str(root), out=str(out / "videos"), **options)
    results, failed = survive(encode, missing, workers), {}
    bar = tqdm(results, "reencode", len(paths), initial=len(paths) - len(missing), unit="video", disable=not progress)
    with open_journal(out / "encoded.jsonl") as journal:
        for path, result, reason in bar:
            failure, lost = result or (reason, "")
            if failure:
                failed[path] = failure
            else:
                journal.write(json.dumps([path, sources[path], lost]) + "\n")
                journal.flush()
    return failed


def _encoded(out):
    """{path: (content of its source, what was lost)} of all runs; a torn line is none."""
    file, found = out / "encoded.jsonl", {}
    for line in file.read_bytes().splitlines() if file.is_file() else []:
        try:
            path, *told = json.loads(line)
        except (ValueError, TypeError, RecursionError):
            continue
        if len(told) == 2 and all(isinstance(text, str) for text in (path, *told)):
            found[path] = told
    return found


def _check_names(paths):
    """ValueError: two videos would become one file."""
    targets = {}
    for path in paths:
        if (other := targets.setdefault(new_path(path), path)) != path:
            raise ValueError(f"{other} and {path} would both become {new_path(path)}: rename one, prepare it again")


def write_lost(out):
    """OUT/lost.txt from the journal of all runs.  -> its lines"""
    lines = [printable(f"{path}: {lost}") for path, (_, lost) in sorted(_encoded(out).items()) if lost]
    write_text(out / "lost.txt", "".join(f"{line}\n" for line in lines))
    return lines


def _described(video, failed, found):
    path = new_path(video.path)
    if path not in found:
        return replace(video, path=path, status=failed.get(video.path, NOT_FOUND))
    new = found[path]
    size = {"frames": new.frames, "fps": new.fps, "width": new.width, "height": new.height}
    status = part_status(video.start, video.end, new) if new.status == "ok" else new.status
    return replace(video, path=path, **size, status=status)


def speed_up(before, after, *, segments=8, videos=8, repetitions=9):
    """How much faster a clip of one frame per segment is read by decord: both datasets in turn, the same videos.

    -> {"before_ms", "after_ms": median per video, of `repetitions`; "ratio"; "line": in words}
    """
    from lib.data.readers import open_listed
    from lib.data.sampling import sample_frames

    usable = [pair for pair in zip(before.videos, after.videos, strict=True) if all(v.status == "ok" for v in pair)]
    usable = usable[:: max(1, len(usable) // videos)][:videos]
    if not usable:
        raise ValueError(f"{before.name}: no video is usable both before and after, so nothing can be measured")
    took = {"before": [], "after": []}
    for _ in range(repetitions + 1):
        for name, manifest, rows in zip(took, (before, after), zip(*usable, strict=True), strict=True):
            started = time.perf_counter()
            for video in rows:
                with open_listed(manifest, video) as source:
                    source.read(sample_frames(video.frames, segments)[0])
            took[name].append((time.perf_counter() - started) * 1000 / len(rows))
    old, new = (median(times[1:]) for times in took.values())  # the first is warm-up
    line = (
        f"decoding {segments} segments: {old:.1f} ms a video before, {new:.1f} ms after, {old / new:.2f} times as fast "
        f"(decord, one thread, {len(usable)} videos, median of {repetitions} interleaved repetitions)"
    )
    return {"before_ms": old, "after_ms": new, "ratio": old / new, "line": line}


def add_arguments(parser):
    """The options of `python -m data_prep reencode`."""
    parser.add_argument("--out", required=True, metavar="FOLDER", help="where the videos and the new manifest go")
    parser.add_argument("--short-side", type=int, required=True, help="pixels, even; smaller videos keep their size")
    parser.add_argument("--gop", type=int, required=True, help="frames from one key frame to the next, say 12")
    parser.add_argument("--crf", type=int, default=20, help="quality, less is better (default: %(default)s)")
    parser.add_argument("--workers", type=int, help="processes that encode (default: one per core)")
