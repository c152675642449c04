"""Whole nets against the plain way: evaluation and training steps, all versions in turn in one run.

Versions: the net of PyTorch's operators alone, contiguous and in channels_last_3d; ours as `create_model` gives it;
ours fused (`lib.fuse`); in bfloat16 where the device has it; compiled, when asked for. A shift net's plain twin
computes its shifts as depthwise convolutions, what PyTorch has in their place.
"""

import shutil
import time
from functools import partial
from pathlib import Path

import numpy as np
import torch

from bench.timing.nets import peak_memory
from bench.timing.quiet import QUIET, share_of_time
from bench.timing.rows import with_origin, write_rows
from bench.timing.stopwatch import interleave, percentiles
from bench.timing.training_steps import one_step, step_nets
from lib import fuse
from lib.memory import keep_freed
from lib.models import in_format
from lib.precision import Precision, has_bf16
from lib.run import ROOT

# net: its clip in evaluation, in training
NETS = {
    "mobilenetv2_3d": ((3, 16, 112, 112), (3, 16, 112, 112)),
    "shufflenetv2_3d": ((3, 16, 112, 112), (3, 16, 112, 112)),
    "squeezenet3d": ((3, 16, 112, 112), (3, 16, 112, 112)),
    "ircsn_50": ((3, 8, 112, 112), (3, 8, 112, 112)),
    "rubiksnet_tiny": ((3, 8, 224, 224), (3, 8, 112, 112)),
    "cakes_50": ((3, 8, 112, 112), (3, 8, 112, 112)),
    "p3d_50": ((3, 8, 112, 112), (3, 8, 112, 112)),
    "r2p1d_18": ((3, 8, 112, 112), (3, 8, 112, 112)),
}
QUICK = {"mobilenetv2_3d_nano": ((3, 8, 64, 64),) * 2, "rubiksnet_nano": ((3, 8, 64, 64),) * 2}
BATCHES = {"evaluation": (1, 8), "training step": (4,)}
PLAIN = "plain channels_last_3d"  # what `faster` compares with
COLUMNS = """op impl mode shape dtype metric unit p50 p90 p20 p80 cpu_ms clips_per_s faster peak_memory_mb
    device threads torch numba commit date""".split()


def nets_of(pattern="*", quick=False):
    """{net: (clip in evaluation, in training)} by a pattern with wildcards; ValueError if there is none."""
    from fnmatch import filter as matching

    nets = QUICK if quick else NETS
    if not (names := matching(nets, pattern)):
        raise ValueError(f"no net matches {pattern!r}; there are {', '.join(nets)}")
    return {name: nets[name] for name in names}


def evaluations(name, clip, batch, device="cpu", compiled=False):
    """{version: call}, and {version: net}, of one forward pass without gradients."""
    twins = step_nets(name, device)
    plain, ours = twins["conv3d"].eval(), twins["auto"].eval()
    nets = {"plain contiguous": plain, PLAIN: plain, "ours": ours, "fused": fuse(ours, clip)}
    if has_bf16(device):
        nets["fused bf16"] = fuse(ours, clip, "bf16")
    if compiled:
        nets["compiled"] = torch.compile(plain, dynamic=False)
    x = torch.randn(batch, *clip, device=device)
    clips = {version: _laid(version, net, x) for version, net in nets.items()}
    return {version: partial(_forward, net, clips[version]) for version, net in nets.items()}, nets


def steps(name, clip, batch, device="cpu", compiled=False):
    """{version: call} of one training step."""
    plain, x = partial(_twin, name, "conv3d", device), torch.randn(batch, *clip, device=device)
    nets = {"plain contiguous": plain(), PLAIN: plain(), "ours": _twin(name, "auto", device)}
    if compiled:
        nets["compiled"] = torch.compile(plain(), dynamic=False)
    calls = {version: one_step(net, _laid(version, net, x)) for version, net in nets.items()}
    if has_bf16(device):
        net = _twin(name, "auto", device)
        calls["ours bf16"] = one_step(net, _laid("ours bf16", net, x), Precision("bf16", device))
    return calls


def _twin(name, version, device):
    return step_nets(name, device)[version]


def _laid(version, net, x):
    if version in (PLAIN, "compiled"):
        return x.contiguous(memory_format=torch.channels_last_3d)
    return x if version.startswith("plain") else in_format(net, x)


@torch.no_grad()
def _forward(net, x):
    return net(x)


def measure(mode, name, clip, batch, device="cpu", seconds=0.5, compiled=False):
    """The rows of one net: a row for each version."""
    if mode == "evaluation":
        calls, nets = evaluations(name, clip, batch, device, compiled)
    else:
        calls, nets = steps(name, clip, batch, device, compiled), {}
    calls, spent = _usable(calls), {}
    counted = {version: partial(_counted, call, spent.setdefault(version, [])) for version, call in calls.items()}
    times = interleave(counted, device=device, seconds=seconds)
    base = percentiles(times[PLAIN])["p50"]
    key = {"op": name, "mode": mode, "shape": "x".join(map(str, (batch, *clip))), "metric": "time", "unit": "ms"}
    for version, taken in times.items():
        middle = percentiles(taken)
        yield {
            **key,
            **middle,
            "impl": version,
            "dtype": "bfloat16" if version.endswith("bf16") else "float32",
            "p90": float(np.percentile(taken, 90)),
            "cpu_ms": float(np.median(spent[version][1:])),
            "clips_per_s": 1e3 * batch / middle["p50"],
            "faster": base / middle["p50"],
            "threads": torch.get_num_threads(),
            "peak_memory_mb": _memory(calls[version], device) if nets and batch == 1 else None,
        }


def _memory(call, device):
    return peak_memory(lambda _: call(), None, device)


def _counted(call, spent):
    started = time.process_time()
    call()
    spent.append(1e3 * (time.process_time() - started))


def _usable(calls):
    """Without what this machine cannot compile, aloud."""
    if "compiled" in calls:
        try:
            if not any(map(shutil.which, ("g++", "clang++", "c++"))):
                raise RuntimeError("there is no C++ compiler")
            calls["compiled"]()
        except Exception as error:  # what a compiler may say is without end
            del calls["compiled"]
            print(f"skipped: compiled: {(str(error).strip() or type(error).__name__).splitlines()[0]}")
    return calls


def run(mode, file, *, nets="*", threads=(1, 2), device="cpu", seconds=0.5, compiled=False, quick=False, out=None):
    """Measure all, print a line each, write the table, even if interrupted.  -> its path"""
    if 0 in threads:
        raise ValueError("threads must be whole numbers from 1 on, not 0")
    keep_freed()
    before, rows = torch.get_num_threads(), []
    out = Path(out or ROOT / "results" / ("smoke" if quick else "quick") / file)
    try:
        for name, clips in nets_of(nets, quick).items():
            for count in dict.fromkeys(threads if device == "cpu" else threads[:1]):
                torch.set_num_threads(count)
                for batch in BATCHES[mode]:
                    clip = clips[mode != "evaluation"]
                    rows += _shown(measure(mode, name, clip, batch, device, seconds, compiled))
    finally:
        torch.set_num_threads(before)
        write_rows(out, with_origin(rows, device), COLUMNS)
    if device == "cpu" and (share := share_of_time()) < QUIET:
        print(f"our threads got {100 * share:.0f} % of their time: others were at work, so read cpu_ms, not p50")
    print(out)
    return out


def _shown(rows):
    rows = list(rows)
    said = [f"{row['impl']} {row['p50']:.4g} ms ({row['faster']:.2f}x)" for row in rows]
    first = rows[0]
    print(f"{first['op']} {first['shape']} {first['mode']}, {first['threads']} threads: {', '.join(said)}", flush=True)
    return rows


def add_arguments(parser, table):
    parser.add_argument("--nets", default="*", metavar="PATTERN", help="with wildcards (all eight)")
    parser.add_argument("--threads", type=int, nargs="+", default=(1, 2), metavar="N", help="of torch, in turn (1 2)")
    parser.add_argument("--seconds", type=float, default=0.5, help="for each version, at least two runs (%(default)s)")
    parser.add_argument("--device", default="cpu", choices=("cpu", "cuda"))
    parser.add_argument("--compiled", action="store_true", help="torch.compile, too: a C++ compiler, a minute a net")
    parser.add_argument("--quick", action="store_true", help="two nano nets")
    parser.add_argument("--out", metavar="FILE", help=f"the table (results/quick/{table})")
