"""Which version of an op runs: the torch reference, the library's own, Numba on the CPU or Numba on CUDA."""

import torch

from kernels import _cuda
from kernels._checks import check, check_choice
from kernels._transforms import transformed

BACKENDS = ("auto", "reference", "library", "cpu", "cuda")

# What "auto" takes on a device, by measurement (results/shipped/*/kernels.csv); elsewhere it takes the reference.
FASTEST = {
    "shift": {"cpu": "cpu", "cuda": "cuda"},
    "frame_shift": {"cpu": "cpu"},
    "temporal_filter": {"cpu": "cpu"},
    "subkernel_conv3d": {"cpu": "library", "cuda": "library", "meta": "library"},
    "depthwise_subkernel_conv3d": {"cpu": "cpu", "cuda": "cuda"},
}

# Where an op of ours trains faster than what PyTorch has in its place, forward and backward together: the elements of x
# from which on it does. float32 stands in the same table, 1.6 to 8 times as fast. Beside it were measured, with 1 and 2
# threads: bfloat16, 1.3 to 7 times; contiguous clips, 2.7 to 6.5 times; small x, as fast at 6,144 to 12,288 elements.
# In bfloat16 ours takes every size: PyTorch's gradients over 2 frames read memory that nobody wrote.
# What is not here was not measured, or is not faster.
PAYS = {
    "depthwise_subkernel_conv3d": {("cpu", torch.float32): 1 << 13, ("cpu", torch.bfloat16): 0},
}


def pays(op, x):
    """Whether a net should train by our `op` and not by PyTorch's operators: x is large enough, and it is `eager`."""
    least = PAYS[op].get((x.device.type, x.dtype))
    return least is not None and eager(x) and x.numel() >= least  # asked while exporting, a size is a condition


def eager(x):
    """Whether PyTorch computes with x, and is not at work on the code itself, compiling, exporting or transforming it,
    for which its own operators are better."""
    if type(x) is not torch.Tensor:
        return False
    return not (torch.compiler.is_compiling() or torch.jit.is_tracing() or transformed())


def check_backend(op, versions, backend, x):
    """That `op` has this backend (its versions: {backend: ...}), and that x lies where it works."""
    there = ("auto", *versions)
    check_choice("backend", backend, BACKENDS)
    check(backend in there, lambda: f"backend is {backend!r}, but {op} has none; it has {', '.join(map(repr, there))}")
    check(
        backend not in ("cpu", "cuda") or backend == x.device.type,
        lambda: f"backend is {backend!r}, but x is on {x.device}; use 'auto' or move x",
    )
    check(backend != "cuda" or _cuda.usable(), "backend is 'cuda', but Numba finds no CUDA; install numba-cuda")


def choose(op, backend, x):
    """The backend to run `op` with: `backend` itself, or what the table says."""
    if backend != "auto":
        return backend
    best = FASTEST[op].get(x.device.type, "reference")
    return "reference" if best == "cuda" and not _cuda.usable() else best
