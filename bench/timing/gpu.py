"""Test, time and train on this machine's GPU, in a few minutes.

What a GPU can tell in that time: tests, a training, latencies, the speed of our ops.

Needs torch, numpy, numba-cuda and pytest, and no codec: the videos of moving_shapes are rendered straight into memory.
"""

import signal
import subprocess
import sys
import tempfile
import time
import traceback
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path

import torch

from bench.timing.launches import GraphedNet, launch_costs
from bench.timing.nets import measure_speed
from bench.timing.ops import run_kernels
from bench.timing.rows import write_rows
from bench.timing.training_steps import step_nets
from kernels import _cuda
from lib.files import write_json
from lib.run import ROOT, cores, provenance

TRAINED = ("rubiksnet_nano", "ircsn_nano", "mobilenetv2_3d_nano")
# net, clip
TIMED = [
    ("rubiksnet_nano", (3, 8, 64, 64)),
    ("rubiksnet_tiny", (3, 8, 224, 224)),
    ("rubiksnet_large", (3, 8, 224, 224)),
    ("mobilenetv2_3d", (3, 16, 112, 112)),
    ("ircsn_50", (3, 32, 224, 224)),
]


EXAMPLE = "python -m bench gpu --budget-minutes 8"


def add_arguments(parser):
    parser.add_argument("--budget-minutes", type=float, default=8, help="stop after this time (8)")
    parser.add_argument(
        "--out", default=ROOT / "results" / "gpu", metavar="DIR", help="where the files go (results/gpu)"
    )


def run(**options):
    return run_gpu(**options)


class OutOfTime(BaseException):
    """The alarm clock; not an Exception, so that nobody takes it for an error of his own."""


@contextmanager
def time_limit(seconds):
    """Raise OutOfTime in the block after so many seconds, wherever it is."""

    def ring(*_):
        raise OutOfTime

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, max(seconds, 0.01), 5)  # and again: where Python cannot raise, it ignores it
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def run_gpu(*, out, budget_minutes=8, device="cuda", parts=None):
    """Run all parts, each in its share of the time, and write what they found into `out`.  -> exit status

    0: no part failed, though some may have run out of time; 1: some failed; 2: there is no GPU. What a part does not
    need the later ones get. gpu.json says how each ended.
    """
    if device == "cuda" and not _cuda.usable():
        missing = "torch sees no CUDA GPU" if not torch.cuda.is_available() else "Numba sees no CUDA GPU: numba-cuda?"
        print(f"no GPU: {missing}; nothing was run", file=sys.stderr)
        return 2
    out, parts = Path(out), list((parts or PARTS).items())
    end, report = time.monotonic() + 60 * budget_minutes, {}
    for index, (name, (share, part)) in enumerate(parts):
        rest = sum(share for _, (share, _) in parts[index:])
        report[name] = _run_part(part, out, device, (end - time.monotonic()) * share / rest)
        print(f"{name}: {report[name]['ended']} after {report[name]['seconds']} s", flush=True)
        write_json(out / "gpu.json", {"provenance": provenance(device), **report})
    return int(any(found["ended"].startswith("failed") for found in report.values()))


def _run_part(part, out, device, seconds):
    """{"ended": how, "seconds": ..., and what the part returned}."""
    started, found = time.monotonic(), {}
    try:
        with time_limit(seconds):
            found = part(out, device) or {}
        ended = "done"
    except OutOfTime:
        ended = "out of time"
    except Exception as error:  # the other parts are still worth running
        traceback.print_exc()
        ended = f"failed: {type(error).__name__}: {error}"
    return {"ended": ended, "seconds": round(time.monotonic() - started, 1), **found}


def run_tests(out, device):
    """The tests marked gpu; all that they say is in tests.txt."""
    out.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "pytest", "-m", "gpu", "tests/kernels"]
    with open(out / "tests.txt", "w") as log:
        status = subprocess.run(command, cwd=ROOT, stdout=log, stderr=subprocess.STDOUT).returncode
    said = (out / "tests.txt").read_text().strip().splitlines()[-1]
    if status:
        raise RuntimeError(f"pytest ended with {status}: {said}")
    return {"said": said}


def train_shapes(out, device, *, nets=TRAINED, videos=1152, frames=32, size=64, epochs=8, workers=None):
    """Train nets on the motions of moving_shapes; training.json holds their results."""
    from lib import create_model
    from lib.train import fit

    clips, records = rendered_clips(videos, frames, size, workers), {}
    for name in nets:
        torch.manual_seed(0)
        net = create_model(name, num_classes=8)
        with tempfile.TemporaryDirectory() as folder:
            record = fit(folder, net, *clips, device=device, epochs=epochs, batch_size=16, progress=False)
        fastest = min(row["seconds"] for row in record["history"])
        records[name] = {
            "top1": {key: round(record["test"][key], 2) for key in ("top1", "top1_low", "top1_high", "videos")},
            "train_clips_per_s": round(len(clips[0]) / fastest, 1),
            "history": record["history"],
        }
        write_json(out / "training.json", {**records, "provenance": provenance(device)})
    return {"top1": {name: record["top1"]["top1"] for name, record in records.items()}}


def rendered_clips(videos, frames, size, workers=None):
    """ClipDatasets (train, val, test) of moving_shapes' motions, rendered into memory by `workers` processes."""
    from data_prep.moving_shapes.dataset import LABEL_SETS, split_counts
    from lib.data import ClipDataset, DecodedCache, Video, own_protocol
    from lib.data.manifest import make_manifest

    jobs = [(index, split, frames, size) for split, count in split_counts(videos).items() for index in range(count)]
    workers = workers or cores()
    if workers == 1:
        drawn = list(map(_render, jobs))
    else:
        with get_context("spawn").Pool(workers) as pool:
            drawn = pool.map(_render, jobs, chunksize=8)
    classes, mirrored = LABEL_SETS["motion"]
    rows = [
        Video(f"{split}/{index}", label, split, None, None, len(shown), 0.0, shown.shape[2], shown.shape[1])
        for (index, split, *_), (shown, label) in zip(jobs, drawn, strict=True)
    ]
    pairs = [tuple(map(classes.index, pair)) for pair in mirrored]
    manifest = make_manifest(name="moving_shapes", classes=classes, videos=rows, mirror_pairs=pairs)
    cache = DecodedCache.from_arrays(manifest, [shown for shown, _ in drawn])
    protocol = own_protocol(8, size)
    return [
        ClipDataset(manifest, split, protocol, train=split == "train", cache=cache)
        for split in ("train", "val", "test")
    ]


def _render(job):
    from data_prep.moving_shapes.dataset import render

    index, split, frames, size = job
    shown, labels = render(index, split, frames=frames, size=size)
    return shown, labels["motion"]


def time_nets(out, device, *, nets=TIMED, runs=50, batch=32):
    """Latency and throughput of nets, with our ops, without, and as one CUDA graph; latency.csv holds a row each."""
    rows, origin = [], provenance(device)
    for name, clip in nets:
        versions = step_nets(name, device)
        if device == "cuda":
            versions["auto in a CUDA graph"] = GraphedNet(versions["auto"])
        for impl, net in versions.items():
            speed = measure_speed(net, clip, device=device, runs=runs, batch=batch)
            rows.append({"model": name, "impl": impl, "clip": "x".join(map(str, clip)), **speed, **origin})
            print(f"{name} {impl}: {speed['latency_ms_p50']} ms, {speed['clips_per_s']} clips/s", flush=True)
        write_rows(out / "latency.csv", rows, list(rows[0]))
    return {"rows": len(rows)}


def time_kernels(out, device):
    """What a launch costs, then every op at every layer: kernels.csv."""
    launches = launch_costs(device) if device == "cuda" else {}
    write_json(out / "launches.json", {**launches, "provenance": provenance(device)})
    run_kernels(device=device, out=out / "kernels.csv")
    return {"launch_us": launches}


# part: (share of the time, function(out, device))
PARTS = {
    "tests": (2, run_tests),
    "training": (1.5, train_shapes),
    "latency": (1, time_nets),
    "kernels": (3.5, time_kernels),
}
