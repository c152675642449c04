"""Encode a dataset's videos again, small and with a short GOP: clips sampled all over a video then decode much faster.

H.264 in MP4, upright, without sound or B-frames, a key frame every GOP frames, at a constant rate: what a video of
variable rate shows at k / fps becomes frame k, so that segments keep their seconds. Videos that only one of the readers
could read become usable. A second run goes on where a killed one stopped. The speed-up is measured and printed.
"""

import time
from dataclasses import replace
from fractions import Fraction
from functools import partial
from pathlib import Path
from statistics import median

from data_prep.check import rewrite
from data_prep.report import print_summary
from data_prep.rows import NOT_FOUND, part_status
from data_prep.scan import scan
from data_prep.tree import relative
from data_prep.workers import survive
from lib.files import locked, read_json, replacing, write_json

EXAMPLE = "python -m data_prep reencode data/k400 --out data/k400_256 --short-side 256 --gop 12"

# Without B-frames, and so in the order of display, every reader counts the frames alike.
H264 = {"preset": "medium", "bf": "0", "sc_threshold": "0"}


def run(manifest, *, out, short_side, gop, crf=20, workers=None, repetitions=9, progress=True):
    """Write OUT/videos and a manifest in `out` itself.  -> Manifest

    short_side   pixels, even; a smaller video keeps its size
    gop          frames from one key frame to the next
    crf          H.264's quality, 0 (lossless) to 51; 18 to 23 is usual
    repetitions  of the measurement, 0 for none
    """
    from lib.data.manifest import read_manifest

    options = {"short_side": short_side, "gop": gop, "crf": crf}
    if short_side < 2 or short_side % 2 or gop < 1 or not 0 <= crf <= 51:
        raise ValueError(f"{options}: the short side must be even, gop at least 1, crf in 0..51")
    before, out = read_manifest(manifest), Path(out)
    if before.source != "video":
        raise ValueError(f"{before.name} has source {before.source}; only videos can be encoded again")
    with locked(out, waiting=f"{out}: another process encodes there, waiting"):
        _claim(out, {"of": before.name, **options})
        paths = sorted({video.path for video in before.videos if (before.root / video.path).is_file()})
        failed = _encode_all(before.root, out / "videos", paths, options, workers, progress)
        written = [new_path(path) for path in paths if path not in failed]
        found = scan(written, out / "videos", "video", journal=out / "scan.jsonl", workers=workers, progress=progress)
        videos = [_described(video, failed, found) for video in before.videos]
        after = rewrite(before, videos, folder=out, root=relative(out / "videos", out))
    if progress:
        print_summary(after)
    if repetitions:
        print(speed_up(before, after, repetitions=repetitions)["line"])
    return after


def new_path(path):
    """`a/b.avi` -> `a/b.avi.mp4`; the name of an MP4 file stays."""
    return path if path.endswith(".mp4") else f"{path}.mp4"


def _claim(out, options):
    record = out / "reencode.json"
    if record.is_file() and read_json(record) != options:
        raise ValueError(f"{out} holds videos encoded with {read_json(record)}, not {options}: choose another folder")
    write_json(record, options)


def _encode_all(root, out, paths, options, workers, progress):
    """-> {path: why it could not be encoded}"""
    from tqdm import tqdm

    missing = [path for path in paths if not (out / new_path(path)).is_file()]
    encode = partial(encode_one, root=str(root), out=str(out), **options)
    results = survive(encode, missing, workers)
    bar = tqdm(results, "reencode", len(paths), initial=len(paths) - len(missing), unit="video", disable=not progress)
    return {path: failure or reason for path, failure, reason in bar if failure or reason}


def encode_one(path, *, root, out, short_side, gop, crf):
    """Encode one video.  -> None, or why it could not be done"""
    from lib.data.verify import verify_video

    source, target = Path(root) / path, Path(out) / new_path(path)
    try:
        video = verify_video(source)
        with replacing(target) as temporary:
            _encode(source, temporary, video, short_side, H264 | {"g": str(gop), "crf": str(crf)})
    except (ValueError, OSError) as error:
        return " ".join(str(error).replace(str(source), "it").removeprefix("it ").split())[:160]


def _encode(source, target, video, short_side, codec_options):
    import av

    from lib.data.readers import upright, video_stream

    scale = min(1, short_side / min(video.height, video.width))
    height, width = (max(2, round(side * scale / 2) * 2) for side in (video.height, video.width))
    with av.open(str(source)) as given, av.open(str(target), "w", format="mp4") as made:
        rate = Fraction(video.fps).limit_denominator(1001)
        stream = made.add_stream("libx264", rate=rate, options=codec_options)
        stream.height, stream.width, stream.pix_fmt = height, width, "yuv420p"
        stream.codec_context.thread_count = 1  # processes are the parallelism
        decoded = given.decode(video_stream(given))
        for number, frame in enumerate(_constant_rate(decoded, video)):
            if frame.rotation:
                frame = av.VideoFrame.from_ndarray(upright(frame).copy(), format="rgb24")
            small = frame.reformat(width, height, "yuv420p", interpolation="BICUBIC")
            small.pts, small.time_base, small.pict_type = number, 1 / rate, 0
            made.mux(stream.encode(small))
        made.mux(stream.encode())


def _constant_rate(frames, video):
    """All frames of a video; if its rate varies, the one shown at 0, 1 / fps, 2 / fps, ... s"""
    if video.drift <= 1 / video.fps:
        yield from frames
        return
    shown, number, first = None, 0, None
    for frame in frames:
        first = frame.time if first is None else first
        while shown is not None and number / video.fps < frame.time - first:
            yield shown
            number += 1
        shown = frame
    yield shown


def _described(video, failed, found):
    path = new_path(video.path)
    if path not in found:
        return replace(video, path=path, status=failed.get(video.path, NOT_FOUND))
    new = found[path]
    size = {"frames": new.frames, "fps": new.fps, "width": new.width, "height": new.height}
    status = part_status(video.start, new) if new.status == "ok" else new.status
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
