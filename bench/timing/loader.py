"""Time reading clips: videos, images, databases, the cache.

How fast clips come, from every source, for every sampling: what a worker can give, and what training waits for.

One row per number, in the columns of bench.timing.rows: `op` is the source, `impl` what reads it, `mode` the sampling.
    open         ms to open a video
    frame, shown ms for every frame that must be decoded, and more for each that the clip shows (of images the whole)
    decode       ms of a clip until its frames are there; `expected` is the sum of those three: decord decodes a file
                 from the last key frame on, PyAV from its beginning, images not at all but those that the clip shows
    transform    ms of a clip for crop, resize and mirror image; of a cache that is where frames are read
    throughput   clips/s of one worker process; `expected` from decode and transform
    waiting      % of its time that a training which takes STEP_MS a clip waits for one worker; `expected` likewise
"""

import time
from dataclasses import replace
from functools import cache
from itertools import product
from pathlib import Path

import numpy as np
import torch

from bench.timing.loader_sources import SHORT_GOP, key_frames, make_sources
from bench.timing.rows import with_origin, write_rows
from bench.timing.stopwatch import percentiles, timed
from lib.data import ClipDataset, batches, own_protocol
from lib.data.readers import open_listed
from lib.run import ROOT

STEP_MS = 5  # of our nano nets on a CPU core; a small net on a GPU takes less
BATCH = 4
BEGINNING = 96  # frames that a calibration reads: all of a long video would measure the memory as well
# name: options of own_protocol
SAMPLINGS = {
    "8 segments": {"frames": 8},
    "8 frames, stride 8": {"frames": 8, "segments": 1, "frame_stride": 8},
    "32 frames, stride 2": {"frames": 32, "segments": 1, "frame_stride": 2},
}


EXAMPLE = "python -m bench loader --quick"


def add_arguments(parser):
    parser.add_argument("--quick", action="store_true", help="tiny videos, a few clips")
    parser.add_argument("--out", metavar="FILE", help="the table (results/quick/loader.csv)")
    parser.add_argument("--data", metavar="DIR", help="where the videos go, 0.5 GB (data/loader)")


def run(*, quick=False, out=None, data=None):
    run_loader(quick=quick, out=out, folder=data)


class TimedClips(ClipDataset):
    """A ClipDataset that notes how many ms its clips took, .took, and which frames were read, .read."""

    def __init__(self, *args, **options):
        super().__init__(*args, **options)
        self.took, self.read = {"decode": [], "transform": []}, []

    def _decode(self, video, indices):
        self.read.append((video, indices))
        return self._timed("decode", super()._decode, video, indices)

    def _transform(self, *args):
        return self._timed("transform", super()._transform, *args)

    def _timed(self, step, function, *args):
        ms, result = timed(lambda: function(*args))
        self.took[step].append(ms)
        return result


def calibrate(sources):
    """Read the beginning of every video, whole and every 12th frame of it, in every source in turn.

    -> rows of metrics open, frame, shown. Both readings decode the same frames of a file; the difference is what those
    cost that are handed over.
    """
    took = {k: {"open": [], "frame": [], "shown": []} for k, source in enumerate(sources) if source.cache is None}
    videos = len(sources[0].manifest.videos)
    for turn, k in product(range(1 + videos), took):
        opened, whole, length = _read(sources[k], turn % videos, 1)
        _, some, _ = _read(sources[k], turn % videos, SHORT_GOP)
        shown = max(0.0, whole - some) / (length - length // SHORT_GOP)  # little of a small file; noise could say less
        for metric, ms in (("open", opened), ("shown", shown), ("frame", max(0.0, whole / length - shown))):
            took[k][metric] += [ms] if turn else []  # the first is warm-up
    return [
        {**_key(sources[k]), "metric": metric, "unit": "ms", **percentiles(times)}
        for k, metrics in took.items()
        for metric, times in metrics.items()
    ]


def _read(source, row, step):
    """-> ms to open a video, ms to read every `step`-th frame of its beginning, how long that is"""
    opening, video = timed(lambda: open_listed(source.manifest, source.manifest.videos[row], source.reader))
    with video:
        length = min(len(video), BEGINNING) // SHORT_GOP * SHORT_GOP
        reading, _ = timed(lambda: video.read(range(step - 1, length, step)))
        return opening, reading, length


def _key(source, sampling=None, size=None):
    key = {"op": source.name, "impl": source.impl}
    if sampling:
        frames = SAMPLINGS[sampling]["frames"]
        key |= {"mode": sampling, "shape": f"3x{frames}x{size}x{size}", "dtype": "uint8"}
    return key


def measure(sources, costs, sampling, *, size, clips):
    """The rows of one sampling: `clips` clips of every source in turn, then as many through a worker of each.

    costs  rows of `calibrate`
    """
    protocol = own_protocol(size=size, **SAMPLINGS[sampling])
    sets = [TimedClips(s.manifest, "train", protocol, train=True, reader=s.reader, cache=s.cache) for s in sources]
    for k in range(1 + clips):
        for dataset in sets:
            dataset[k // len(dataset), k % len(dataset)]
    rows = []
    for source, dataset in zip(sources, sets, strict=True):
        took = {step: times[1:] for step, times in dataset.took.items()}  # the first is warm-up
        known = {row["metric"]: row["p50"] for row in costs if _key(source).items() <= row.items()}
        expected = np.median([_expected(source, known, *clip) for clip in dataset.read[1:]])
        key, own = _key(source, sampling, size), sum(percentiles(times)["p50"] for times in took.values())
        rows.append({**key, "metric": "decode", "unit": "ms", **percentiles(took["decode"]), "expected": expected})
        rows.append({**key, "metric": "transform", "unit": "ms", **percentiles(took["transform"])})
        rows += [{**key, **row} for row in _from_worker(source, protocol, clips, own)]
    return rows


def _expected(source, known, video, indices):
    """ms that a clip's frames should take; `known`: what `calibrate` found."""
    if not known:
        return 0.0
    frames = decoded_frames(source, video, indices.tolist())
    return known["open"] + known["frame"] * frames + known["shown"] * len(set(indices.tolist()))


def decoded_frames(source, video, wanted):
    """How many frames of a video must be decoded, so that those `wanted` are."""
    wanted = sorted(set(wanted))
    if source.manifest.source != "video" or source.cache is not None:
        return 0
    if source.impl == "pyav":
        return wanted[-1] + 1
    keys, count, last = _key_frames(source.manifest.root / video.path), 0, -1
    for number in wanted:
        start = max(key for key in keys if key <= number)
        count += number - max(last, start - 1)
        last = number
    return count


_key_frames = cache(key_frames)


def _from_worker(source, protocol, clips, own_ms):
    """Throughput and waiting with one worker, whose clips should take `own_ms` each."""
    times = clips // len(source.manifest.videos) + 2
    manifest = replace(source.manifest, videos=source.manifest.videos * times)
    dataset = ClipDataset(manifest, "train", protocol, train=True, reader=source.reader, cache=source.cache)
    rate = [1e3 * BATCH / ms for ms in _arrivals(dataset, 0.0)]
    waited = [100 * ms / (ms + BATCH * STEP_MS) for ms in _arrivals(dataset, BATCH * STEP_MS)]
    late = max(0.0, own_ms - STEP_MS)
    share = 100 * late / (late + STEP_MS)
    yield {"metric": "throughput", "unit": "clips/s", **percentiles(rate), "expected": 1e3 / own_ms}
    yield {"metric": "waiting", "unit": "%", **percentiles(waited), "expected": share}


def _arrivals(dataset, step_ms):
    """Wait for a worker's batches, and take `step_ms` for each.  -> ms waited; the first two, its start, left out"""
    waited, arriving = [], iter(batches(dataset, 0, BATCH, shuffle=True, workers=1, drop_last=True))
    while True:
        ms, batch = timed(lambda: next(arriving, None))
        if batch is None:
            return waited[2:]
        waited.append(ms)
        time.sleep(step_ms / 1e3)


def run_loader(*, quick=False, out=None, folder=None):
    """Make the videos, measure all, print a line per source and sampling, write the table.  -> its path"""
    torch.set_num_threads(1)  # as in a worker
    folder = Path(folder or ROOT / "data" / "loader")
    out = Path(out or ROOT / "results" / ("smoke" if quick else "quick") / "loader.csv")
    made, size, clips = ({"frames": 40, "size": 64}, 56, 12) if quick else ({"frames": 300, "size": 256}, 224, 24)
    sources = make_sources(folder, videos=4, **made, progress=not quick)
    costs = calibrate(sources)
    rows = list(costs)
    try:
        for sampling in SAMPLINGS:
            found = measure(sources, costs, sampling, size=size, clips=clips)
            print("\n".join(_lines(found)), flush=True)
            rows += found
    finally:
        write_rows(out, with_origin(rows))
    print(f"table {out}")
    return out


def _lines(rows):
    """A line per source, and what a short GOP is worth."""
    p50 = {(row["op"], row["impl"], row["metric"]): row for row in rows}
    for op, impl in dict.fromkeys(key[:2] for key in p50):
        decode, transform, rate, waiting = (
            p50[op, impl, metric] for metric in ("decode", "transform", "throughput", "waiting")
        )
        yield (
            f"{decode['mode']:20}{op:15}{impl:8}decode {decode['p50']:6.1f} ms (expected {decode['expected']:6.1f}), "
            f"transform {transform['p50']:5.1f} ms, {rate['p50']:6.1f} clips/s, waiting {waiting['p50']:3.0f} %"
        )
    gops = [row["p50"] for (op, impl, metric), row in p50.items() if impl == "decord" and metric == "decode"]
    yield f"{'':20}GOP {SHORT_GOP}: decord decodes {gops[0] / gops[1]:.2f} times as fast"
