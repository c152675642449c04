"""Training steps of whole nets in float32 and in 16 bits: the table by which a recipe's `precision: auto` decides.

A row per net and precision, in the columns of bench.timing.rows; a step is an optimizer step of lib.train, clips as
uint8. On a CPU its time is the process' own, of all its threads: others on the machine disturb it less.
"""

import time

import torch

from bench.timing.rows import with_origin, write_rows
from bench.timing.stopwatch import percentiles, timed
from lib import create_model
from lib.data import PIXELS
from lib.memory import keep_freed
from lib.recipe import complete
from lib.run import ROOT
from lib.train_steps import Stepper

# net, options, batch, frames, pixels; the last is the quick one
STEPS = [
    ("mobilenetv2_3d", {}, 4, 16, 112),
    ("shufflenetv2_3d", {}, 4, 16, 112),
    ("mobilenet3d", {}, 4, 16, 112),
    ("resnet3d_18", {}, 2, 8, 112),
    ("ircsn_50", {}, 2, 8, 112),
    ("rubiksnet_tiny", {}, 4, 8, 112),
    ("p3d_50", {}, 2, 8, 112),
    *((f"{net}_nano", {}, 16, 8, 64) for net in ("mobilenetv2_3d", "shufflenetv2_3d", "ircsn", "rubiksnet", "cakes")),
    *((f"{net}_nano", {}, 16, 8, 64) for net in ("i3d", "resnet3d", "c2d")),
]
PRECISIONS = {"cpu": ("fp32", "bf16"), "cuda": ("fp32", "bf16", "fp16")}


def measure_precisions(name, options, batch, frames, size, *, device="cpu", steps=5):
    """Rows: a training step of a net in every precision of the device, in turn."""
    clips = torch.randint(0, 256, (batch, 3, frames, size, size), dtype=torch.uint8).to(device)
    labels, took = torch.arange(batch, device=device) % 8, {}
    for precision in PRECISIONS[device]:
        torch.manual_seed(0)
        net = create_model(name, num_classes=8, **options).train().to(device)
        stepper = Stepper(net, complete({"precision": precision, "batch_size": batch, "learning_rate": 0.0}), device)
        took[precision] = (lambda stepper=stepper: stepper.take(clips, labels, PIXELS["own"])), []
    for number in range(1 + steps):
        for step, times in took.values():
            times += [_ms(step, device)] if number else (step() and [])  # the first is warm-up
    key = {"op": name, "mode": "training step", "shape": f"{batch}x3x{frames}x{size}x{size}", "unit": "ms"}
    metric = {"dtype": "uint8", "metric": "cpu time" if device == "cpu" else "time"}
    return [{**key, **metric, "impl": precision, **percentiles(times)} for precision, (_, times) in took.items()]


def _ms(step, device):
    if device != "cpu":
        return timed(step, device)[0]
    started = time.process_time()
    step()
    return 1e3 * (time.process_time() - started)


def run_precisions(*, device="cpu", quick=False, out=None):
    """Measure all, print a line per net, and write the table, even if interrupted.  -> its path"""
    keep_freed()
    out, rows = out or ROOT / "results" / ("smoke" if quick else "quick") / "precision.csv", []
    try:
        for net in STEPS[-1:] if quick else STEPS:
            found = measure_precisions(*net, device=device, steps=2 if quick else 5)
            print(net[0], ", ".join(f"{row['impl']} {row['p50']:.4g} ms" for row in found), flush=True)
            rows += found
    finally:
        write_rows(out, with_origin(rows, device))
    print(out)
    return out
