"""What a training uses, as far as it can be looked at: the net's tensors and code, the videos, the threads.

It stands in the run's own record, so that a folder of another net or of other videos is never taken for this one.
"""

import hashlib
import inspect
import os
from pathlib import Path

import torch

from lib.distributed import agree, first, processes
from lib.models import unwrapped
from lib.run import claim, result
from lib.run import record as recorded
from lib.whole_batch import NORMS


def used(net, clips):
    """What tells a training from others beside its recipe and protocol.  -> {"net": ..., "videos": ...}, JSON values

    net    any module; nets from elsewhere than `lib` are told apart by their code, too
    clips  what it is trained on: a ClipDataset, or anything that is read like one
    ValueError: a net of which nothing learns
    """
    if not any(parameter.requires_grad for parameter in net.parameters()):
        kind = type(unwrapped(net)).__name__
        raise ValueError(f"no weight of this {kind} learns; a fused net only evaluates: train what it was made of")
    net, manifest = unwrapped(net), getattr(clips, "manifest", None)
    name = getattr(net, "registered_as", type(net).__name__)
    videos = {"name": manifest.name, "hash": manifest.hash} if manifest else {"name": type(clips).__name__}
    if names := getattr(manifest, "frame_names", []):  # of one folder's images others may be meant
        videos["frames"] = names
    if getattr(clips, "mirror", False):  # what dataset.json says of it is in no hash
        pairs = sorted(map(sorted, manifest.mirror_pairs))
        videos["mirrored"] = {"pairs": pairs, "never": sorted(manifest.unmirrored)}
    if changes := getattr(getattr(clips, "cache", None), "changes", None):  # a lossy cache shows other pixels
        videos["cache"] = changes
    return {"net": {"name": name, "tensors": _tensors(net), "code": _foreign_code(net)}, "videos": videos}


def arithmetic(device="cpu"):
    """What of this process changes the last bits of sums, and so a training.  -> {"device": ..., "threads": ...}

    Sums are split among torch's threads, so their number counts; the machine's cores, Numba's threads and the workers
    that load clips do not. Elsewhere than on a CPU `threads` is None: there nothing depends on them.
    ValueError: variables of OpenMP give torch fewer threads than it says it has; a training would wait for ever
    """
    kind, threads = torch.device(device).type, torch.get_num_threads()
    limit = os.environ.get("OMP_THREAD_LIMIT", "")
    if limit.isdigit() and int(limit) < threads:
        raise ValueError(f"OMP_THREAD_LIMIT={limit}, but torch has {threads} threads: unset it, or set OMP_NUM_THREADS")
    if threads > 1 and os.environ.get("OMP_DYNAMIC", "").lower() == "true":
        raise ValueError("OMP_DYNAMIC=true takes threads away while torch waits for them: unset it")
    return {"device": kind, "threads": threads if kind == "cpu" else None}


def opened(run_dir, said, norms="whole"):
    """Claim a folder for the run that `said` tells, or check that it is that one's.  -> its record, if it has ended

    Of several processes the first does it, and their number, which changes the last bits of sums, is told beside; but
    who reads the record of a run that has ended need not be as many.
    norms  of lib.whole_batch.NORMS
    ValueError: it is not, the folder holds another run, or the processes train different ones
    """
    if norms not in NORMS:
        raise ValueError(f"norms must be {' or '.join(map(repr, NORMS))}, not {norms!r}")
    agree("what they train", said)
    record = first(result, run_dir)
    together = {"processes": processes(), "norms": norms} if processes() > 1 else {}
    if record and (there := first(recorded, Path(run_dir) / "run.json")):
        together = {key: there[key] for key in ("processes", "norms") if key in there}
    first(claim, run_dir, {**said, **together})
    return record


def _tensors(net):
    rows = [f"{key} {tuple(value.shape)} {value.dtype}" for key, value in net.state_dict().items()]
    return _digest("\n".join(rows))


def _foreign_code(net):
    """A digest of the source of all modules that are neither PyTorch's nor ours; "" if there are none."""
    kinds = {type(module) for module in net.modules()}
    foreign = [kind for kind in kinds if kind.__module__.split(".")[0] not in ("torch", "lib", "kernels")]
    return _digest("\n".join(sorted(map(_source, foreign)))) if foreign else ""


def _source(kind):
    """The source of a class' methods, one by one: of a class typed into a notebook there is no other."""
    methods = [value for value in vars(kind).values() if inspect.isfunction(value)]
    try:
        return "\n".join([kind.__qualname__, *map(inspect.getsource, methods)])
    except OSError:  # typed into a plain interpreter, or compiled
        return f"{kind.__module__}.{kind.__qualname__}"


def _digest(text):
    return hashlib.sha256(text.encode()).hexdigest()[:16]
