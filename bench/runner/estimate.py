"""How many hours a suite's trainings take, before they are run: by a stated model of a GPU, or by steps measured here.

Modelled. A clip costs a training three forward passes (forward; backward to the input, and to the weights), so
    FLOPs = 3 x 2 x MACs,  bytes = 3 x what the forward pass moves,  both counted by lib.measure_cost
    seconds = FLOPs / (COMPUTE x the GPU's peak) + bytes / (MEMORY x its bandwidth)
and a clip of val, once an epoch, or of test, once, a third of it. COMPUTE and MEMORY are assumptions, not measured on
any GPU. The sum, not the larger of the two, since an operator at a time does either. Reading videos is not in it.

Measured. The run's own batch through the run's own net on this device, in random pixels: the median step.
"""

import json
import statistics
import time
from functools import cache

# GPU: (float32 convolutions as PyTorch computes them by default, TF32 where there is any, FLOP/s; memory, bytes/s), as
# NVIDIA's data sheets of V100 SXM2, A100 SXM 80 GB, H100 SXM say them, dense
GPUS = {"v100": (15.7e12, 0.90e12), "a100": (156e12, 2.04e12), "h100": (495e12, 3.35e12)}
COMPUTE, MEMORY = 0.3, 0.7  # shares of peak and bandwidth that a training is assumed to reach
STEPS = 3  # measured, after one more


def training_hours(job, counts, where, threads=1):
    """Hours of one training.

    job     of rule train
    counts  {"train", "val", "test": videos}
    where   a key of GPUS, or a device as torch names it, where steps are measured
    """
    options = job.options
    clips = counts["train"]
    if options["recipe"].get("clips_per_epoch"):
        clips = min(clips, options["recipe"]["clips_per_epoch"])
    views = _views(options)
    seen = options["epochs"] * (clips + counts["val"] * views / 3) + counts["test"] * views / 3
    seconds = modelled(options, *GPUS[where]) if where in GPUS else measured(options, where, threads)
    return seen * seconds / 3600


def modelled(options, peak, bandwidth, compute=COMPUTE, memory=MEMORY):
    """Seconds of training for one clip, forward and backward, at `peak` FLOP/s and `bandwidth` bytes/s."""
    cost = _cost(options)
    weights = 4 * cost.params  # read once a batch, not once a clip
    moved = cost.bytes_moved - weights + weights / options["batch_size"]
    return 6 * cost.macs / (compute * peak) + 3 * moved / (memory * bandwidth)


def measured(options, device, threads=1):
    """Seconds of training for one clip on this machine's `device`: the median of STEPS steps, by the batch's size."""
    import torch

    from lib import create_model
    from lib.losses import heads_loss
    from lib.memory import keep_freed
    from lib.models import in_format

    keep_freed()
    torch.set_num_threads(threads)
    net = create_model(options["model"], num_classes=8, **options["options"]).to(device).train()
    shape = (options["batch_size"], 3, options["frames"], options["size"], options["size"])
    clips, labels = in_format(net, torch.randn(shape, device=device)), torch.zeros(shape[0], dtype=int, device=device)
    optimizer, took = torch.optim.SGD([p for p in net.parameters() if p.requires_grad], lr=0.0), []
    for _ in range(1 + STEPS):
        started = time.perf_counter()
        optimizer.zero_grad(set_to_none=True)
        heads_loss(net(clips), labels).backward()
        optimizer.step()
        if torch.device(device).type == "cuda":
            torch.cuda.synchronize(device)
        took.append(time.perf_counter() - started)
    return statistics.median(took[1:]) / options["batch_size"]


def counts_of(job, said=""):
    """Videos of a job's train, val and test: of the suite's own manifest, or as `said`, such as "240436,19796"."""
    if said:
        found = said.split(",")
        if len(found) not in (2, 3) or not all(_is_count(text) for text in found):
            raise ValueError(f"--videos must be TRAIN,VAL or TRAIN,VAL,TEST, numbers from 1 on, not {said[:60]!r}")
        train, val, test = map(int, [*found, found[1]][:3])
        return {"train": train, "val": val, "test": test}
    if not job.data:
        raise ValueError("the videos are not made yet; say how many there are: --videos TRAIN,VAL,TEST")
    from bench.runner.own_data import read_own

    found = read_own(job.data, job.options["labels"]).found
    return {split: found[split] for split in ("train", "val", "test")}


def _is_count(text):
    return text.isascii() and text.isdigit() and len(text) < 12 and int(text) > 0


def _check_place(where):
    import torch

    if where not in GPUS and not (where.partition(":")[0] == "cuda" and torch.cuda.is_available()) and where != "cpu":
        raise ValueError(f"--estimate must be {', '.join(GPUS)}, or a device that is here, cpu or cuda, not {where!r}")


def lines(suite, where, said=""):
    """What --estimate prints: a line per training, the sum, and what is not in it. ValueError: no such GPU or device"""
    _check_place(where)
    rows, total, known = [], 0.0, {}
    for job in (job for job in suite.jobs if job.rule == "train"):
        net = {key: job.options[key] for key in ("model", "options", "frames", "size", "batch_size", "sampling")}
        key = repr((net, job.options["epochs"], job.options["recipe"]))
        if key not in known:
            known[key] = training_hours(job, counts_of(job, said), where, suite.threads)
        total += known[key]
        rows.append(f"{known[key]:10.1f} hours  {job.id}  {_cost(job.options).macs / 1e9:.2f} GMACs a clip")
    how = f"modelled, {where} at {COMPUTE:.0%} of its peak and {MEMORY:.0%} of its bandwidth" if where in GPUS else ""
    rest = sum(job.rule == "search" for job in suite.jobs)
    rows.append(f"{total:10.1f} hours in all, {how or f'from steps measured on {where}'}; reading videos is not in it")
    return rows + ([f"{'':10} {rest} searches are not estimated"] if rest else [])


def _views(options):
    from lib.data import own_protocol

    protocol = own_protocol(options["frames"], options["size"], **options["sampling"])
    return protocol.views(10**4)


def _cost(options):
    return _counted(options["model"], json.dumps(options["options"]), options["frames"], options["size"])


@cache
def _counted(model, options, frames, size):
    import torch

    from lib import create_model, measure_cost

    with torch.device("meta"):
        net = create_model(model, **json.loads(options))
    return measure_cost(net, (3, frames, size, size))
