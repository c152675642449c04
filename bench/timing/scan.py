"""Time the check of a dataset against decoding its videos once.

`data_prep check` in this process, without workers, and one decoding of every frame, in order, by each reader: in turn,
so that what disturbs the machine disturbs all alike. Medians, by the clock on the wall and in CPU seconds: decord
decodes in a thread of its own, and waits for it actively, so that its CPU seconds are more.
"""

import contextlib
import io
import os
import time
from pathlib import Path

from bench.timing.rows import with_origin, write_rows
from bench.timing.stopwatch import percentiles
from lib.run import ROOT, cores

EXAMPLE = "python -m bench scan"
CLOCKS = ("wall", "cpu")


def add_arguments(parser):
    parser.add_argument("--manifest", metavar="FOLDER", help="a dataset of video files (200 of moving_shapes)")
    parser.add_argument("--videos", type=int, default=200, help="of moving_shapes (%(default)s)")
    parser.add_argument("--rounds", type=int, default=7, help="timed, after one that warms up (%(default)s)")
    parser.add_argument("--data", metavar="DIR", help="where moving_shapes goes (data/scan)")
    parser.add_argument("--out", metavar="FILE", help="the table (results/quick/scan.csv)")


def run(*, manifest=None, videos=200, rounds=7, data=None, out=None):
    """Time all, print a line each, write the table.  -> its path"""
    from lib.data import read_manifest

    if rounds < 1:
        raise ValueError(f"rounds is {rounds}; it must be at least 1")
    dataset = read_manifest(manifest or _moving_shapes(Path(data or ROOT / "data" / "scan"), videos))
    paths = [dataset.root / video.path for video in dataset.videos if video.status == "ok"]
    if dataset.source != "video" or not paths:
        raise ValueError(f"{dataset.folder} has source {dataset.source} and {len(paths)} usable videos; it needs files")
    calls = {reader: lambda reader=reader: decode_all(paths, reader) for reader in ("decord", "pyav")}
    rows = measure(calls | {"check": lambda: _check(dataset.folder)}, rounds, len(paths))
    print("\n".join(_lines(rows)))
    out = Path(out or ROOT / "results" / "quick" / "scan.csv")
    write_rows(out, with_origin(rows))
    print(f"table {out}")
    return out


def _moving_shapes(folder, videos):
    from data_prep.moving_shapes import dataset

    return dataset.prepare(folder / str(videos), videos=videos)["motion"].folder


def decode_all(paths, reader):
    """Every frame of every video once, in order."""
    from lib.data import open_video

    for path in paths:
        with open_video(path, reader) as video:
            video.read(range(len(video)))


def _check(folder):
    from data_prep import check

    with contextlib.redirect_stdout(io.StringIO()):
        check.run(folder, workers=0, progress=False)


def measure(calls, rounds, videos):
    """Call {name: function} in turn.  -> a row per name and clock, its seconds"""
    took = {(name, clock): [] for name in calls for clock in CLOCKS}
    for _ in range(1 + rounds):
        for name, call in calls.items():
            started = time.perf_counter(), time.process_time()
            call()
            ended = time.perf_counter(), time.process_time()
            for clock, begin, end in zip(CLOCKS, started, ended, strict=True):
                took[name, clock].append(end - begin)
    return [
        {"op": "scan", "impl": name, "mode": clock, "shape": f"{videos} videos", "metric": "time", "unit": "s"}
        | percentiles(seconds[1:])
        for (name, clock), seconds in took.items()
    ]


def _lines(rows):
    seconds = {(row["impl"], row["mode"]): row["p50"] for row in rows}
    for name in dict.fromkeys(row["impl"] for row in rows):
        times = (
            f"{seconds[name, clock]:.2f} s {clock} ({seconds[name, clock] / seconds['decord', clock]:.2f} x decord)"
            for clock in CLOCKS
        )
        yield f"{name:8}{rows[0]['shape']}: {', '.join(times)}"
    yield f"load of the machine {os.getloadavg()[0]:.1f}, {cores()} cores"
