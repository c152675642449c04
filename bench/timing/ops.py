"""How fast the ops are: against the bytes that they must move, and against what PyTorch has in their place.

One row per number, in the columns of bench.timing.rows. For every op, layer and mode:
    traffic   MB that must move: inputs read once, outputs written once (`expected`; nobody measures it)
    bandwidth of a copy that no cache can hold, in the same round of measurements
    time      of every version; `expected` is traffic over bandwidth: no kernel can be faster, unless a cache helps
    roofline  percent: expected over measured time
Then the training steps of whole nets, with our ops and without.
"""

from dataclasses import dataclass
from functools import partial
from math import prod

import torch

from bench.timing.op_versions import COMPILED, LAYOUTS, OPS, layout_of
from bench.timing.rows import with_origin, write_rows
from bench.timing.stopwatch import interleave, large_copy, percentiles
from bench.timing.training_steps import STEPS, measure_step
from lib.run import ROOT

MODES = ("forward", "forward+backward")
BATCH = {"cpu": 8, "cuda": 32}
BACKENDS = {"cpu": ("cpu", "reference"), "cuda": ("cuda", "auto", "reference")}
DTYPES = {"cpu": (torch.float32,), "cuda": (torch.float32, torch.float16)}

# op, net, frames and sizes of the clips that have these layers, where measured: (channels, T, H = W, stride t, h = w)
LAYERS = [
    ("shift3d", "rubiksnet_tiny", [(8, 224)], ("cpu", "cuda"), [
        (54, 8, 56, 1, 1), (108, 8, 28, 1, 1), (216, 8, 14, 1, 1), (432, 8, 7, 1, 1), (54, 8, 112, 1, 1),
        (54, 8, 112, 1, 2), (108, 8, 56, 1, 2), (216, 8, 28, 1, 2), (432, 8, 14, 1, 2),
    ]),
    ("shift3d", "rubiksnet_large", [(8, 224)], ("cpu", "cuda"), [
        (72, 8, 56, 1, 1), (144, 8, 28, 1, 1), (288, 8, 14, 1, 1), (576, 8, 7, 1, 1),
    ]),
    ("shift3d", "rubiksnet_large", [(8, 224)], ("cuda",), [
        (72, 8, 112, 1, 1), (72, 8, 112, 1, 2), (144, 8, 56, 1, 2), (288, 8, 28, 1, 2), (576, 8, 14, 1, 2),
    ]),
    ("depthwise_subkernel_conv3d", "ircsn_50", [(8, 112), (16, 112), (32, 224)], ("cpu", "cuda"), [
        (64, 8, 28, 1, 1), (128, 8, 14, 1, 1), (256, 8, 14, 1, 1), (512, 4, 7, 1, 1), (128, 8, 28, 2, 2),
    ]),
    ("depthwise_subkernel_conv3d", "ircsn_50", [(32, 224)], ("cuda",), [
        (64, 32, 56, 1, 1), (128, 32, 56, 2, 2), (128, 16, 28, 1, 1), (256, 16, 28, 2, 2),
    ]),
    ("depthwise_subkernel_conv3d", "mobilenetv2_3d", [(16, 112)], ("cpu", "cuda"), [
        (32, 16, 56, 1, 1), (96, 16, 56, 2, 2), (144, 8, 28, 1, 1), (144, 8, 28, 2, 2), (192, 4, 14, 1, 1),
        (192, 4, 14, 2, 2), (384, 2, 7, 1, 1), (576, 2, 7, 1, 1), (960, 1, 4, 1, 1),
    ]),
    ("subkernel_conv3d", "cakes_50", [(8, 112)], ("cpu", "cuda"), [
        (64, 8, 28, 1, 1), (128, 8, 14, 1, 1), (256, 8, 7, 1, 1),
    ]),
    ("frame_shift", "tsm_50", [(8, 224)], ("cpu", "cuda"), [(64, 8, 56, 1, 1), (512, 8, 28, 1, 1)]),
    ("temporal_filter", "rubiksnet_tiny", [(8, 224)], ("cpu", "cuda"), [(54, 8, 56, 1, 1), (216, 8, 14, 1, 1)]),
]  # fmt: skip
# the layers that torch.compile is tried on
COMPILES = {("shift3d", (54, 8, 56, 1, 1)), ("frame_shift", (64, 8, 56, 1, 1)), ("temporal_filter", (54, 8, 56, 1, 1))}


@dataclass(frozen=True)
class Case:
    """An op at one layer of a net, as a benchmark calls it."""

    op: str
    layer: tuple  # channels, T, H = W, stride along t, along h and w
    batch: int
    device: str = "cpu"
    dtype: torch.dtype = torch.float32
    compiles: bool = False

    @property
    def size(self):
        channels, frames, size, *_ = self.layer
        return self.batch, channels, frames, size, size

    @property
    def stride(self):
        return self.layer[3], self.layer[4], self.layer[4]

    @property
    def shape(self):
        text = "x".join(map(str, self.size))
        return text if max(self.stride) == 1 else f"{text} stride {'x'.join(map(str, self.stride))}"

    def build(self):
        """x, the parameters, and {version: function(x, *parameters)}."""
        op = OPS[self.op]
        backends = [name for name in BACKENDS[self.device] if name == "auto" or name in op.backends]
        parameters, versions = op.versions(self.layer[0], self.stride, backends)
        if not self.compiles:
            versions.pop(COMPILED, None)
        x = torch.randn(self.size, device=self.device).to(self.dtype)
        return x, [p.to(self.device) for p in parameters], versions


def cases(device, quick=False):
    """All cases of a device; quick: the smallest layer of every op, at batch 1, nothing compiled."""
    dtypes = DTYPES[device][:1] if quick else DTYPES[device]
    found = [
        Case(op, layer, 1 if quick else BATCH[device], device, dtype, (op, layer) in COMPILES and not quick)
        for dtype in dtypes
        for op, _, _, devices, layers in LAYERS
        for layer in layers
        if device in devices
    ]
    if quick:
        found = list({case.op: case for case in sorted(found, key=lambda c: -prod(c.size))}.values())
    return found


def measure(case, *, modes=MODES, seconds=0.2):
    """The rows of one case, without their origin; versions that this machine cannot compile are left out, aloud."""
    torch.manual_seed(0)
    x, parameters, versions = case.build()
    copy, copied = large_copy(case.device)
    rows = []
    for mode in modes:
        calls, y = _calls(case, mode, x, parameters, versions)
        times = interleave({**calls, "copy": copy}, device=case.device, seconds=seconds)
        moved = traffic(case, mode, x, y, parameters)
        rate = copied / percentiles(times["copy"])["p50"]  # bytes per ms
        rows += _rows(case, mode, times, moved, copied, rate)
    return rows


def traffic(case, mode, x, y, parameters):
    """Bytes that must move: forward x -> y; backward g (and x) -> gx; parameters, and their gradients."""
    size = [t.numel() * t.element_size() for t in (x, y)]
    own = sum(p.numel() * p.element_size() for p in parameters)
    forward = sum(size) + own
    return forward if mode == "forward" else forward + sum(size) + own * 2 + (size[0] if OPS[case.op].rereads else 0)


def _calls(case, mode, x, parameters, versions):
    """{version: call to time}, and an output."""
    calls = {}
    for version, function in versions.items():
        clip = x.contiguous(memory_format=LAYOUTS[layout_of(case.op, version)])
        calls[version] = partial(RUN[mode], function, _leaves([clip, *parameters], mode))
    if COMPILED in calls:
        try:
            calls[COMPILED]()
        except Exception as error:  # what a compiler may say is without end
            del calls[COMPILED]
            print(f"skipped: {case.op} {case.shape} {mode} by {COMPILED}: {str(error).strip().splitlines()[0]}")
    return calls, next(iter(calls.values()))()


def _leaves(tensors, mode):
    """Copies of their own that, for a backward pass, collect gradients."""
    return [t.detach().clone().requires_grad_(mode != "forward" and t.is_floating_point()) for t in tensors]


@torch.no_grad()
def _forward(function, inputs):
    return function(*inputs)


def _forward_backward(function, inputs):
    y = function(*inputs)
    torch.autograd.grad(y, [i for i in inputs if i.requires_grad], y.detach())
    return y


RUN = dict(zip(MODES, (_forward, _forward_backward), strict=True))


def _rows(case, mode, times, moved, copied, rate):
    key = {"op": case.op, "mode": mode, "shape": case.shape, "dtype": str(case.dtype).removeprefix("torch.")}
    yield {**key, "impl": "predicted", "metric": "traffic", "unit": "MB", "expected": moved / 1e6}
    yield {**key, "impl": "copy", "metric": "bandwidth", "unit": "GB/s", **_per_time(copied / 1e6, times["copy"])}
    for impl, taken in times.items():
        if impl == "copy":
            continue
        share = _per_time(100 * moved / rate, taken)
        yield {**key, "impl": impl, "metric": "time", "unit": "ms", **percentiles(taken), "expected": moved / rate}
        yield {**key, "impl": impl, "metric": "roofline", "unit": "%", **share}


def _per_time(amount, times):
    """Percentiles of a rate: the 80th is that of the 20th time."""
    taken = percentiles(times)
    return {"p50": amount / taken["p50"], "p20": amount / taken["p80"], "p80": amount / taken["p20"]}


def run_kernels(*, device="cpu", quick=False, out=None):
    """Measure all, print a line per case, and write the table, even if interrupted.  -> its path"""
    suite = "smoke" if quick else {"cpu": "quick", "cuda": "gpu"}[device]
    out = out or ROOT / "results" / suite / "kernels.csv"
    rows, seconds = [], 0.01 if quick else 0.2
    try:
        for case in cases(device, quick):
            rows += show(measure(case, seconds=seconds))
        for net, batch, clip in STEPS[:1] if quick else STEPS:
            rows += show(measure_step(net, 2 if quick else batch, clip, device, seconds=10 * seconds))
    finally:
        write_rows(out, with_origin(rows, device))
    print(out)
    return out


def show(rows):
    """Print a line per mode; returns the rows."""
    rows = list(rows)
    for mode in dict.fromkeys(row["mode"] for row in rows):
        mine = [row for row in rows if row["mode"] == mode]
        share = {row["impl"]: f" ({row['p50']:.0f} %)" for row in mine if row["metric"] == "roofline"}
        said = [f"{r['impl']} {r['p50']:.4g} ms{share.get(r['impl'], '')}" for r in mine if r["metric"] == "time"]
        print(f"{mine[0]['op']} {mine[0]['shape']} {mine[0]['dtype']} {mode}: {', '.join(said)}", flush=True)
    return rows
