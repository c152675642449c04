"""Time the ops against PyTorch and against the memory's bandwidth."""

import os
import sys

from bench.runner.environment import KEEP_MEMORY

EXAMPLE = "python -m bench kernels --quick"


def add_arguments(parser):
    parser.add_argument("--device", default="cpu", choices=("cpu", "cuda"))
    parser.add_argument("--quick", action="store_true", help="the smallest layer of every op, a few times")
    parser.add_argument("--precision", action="store_true", help="nets' training steps in float32 and 16 bits instead")
    parser.add_argument("--out", metavar="FILE", help="the table (results/quick/kernels.csv; of a GPU results/gpu/...)")


def run(*, device="cpu", quick=False, precision=False, out=None):
    if not KEEP_MEMORY.items() <= os.environ.items():  # as in training; glibc reads it when a process starts
        os.execve(sys.executable, [sys.executable, "-m", "bench", *sys.argv[1:]], {**os.environ, **KEEP_MEMORY})
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # before torch: its idle threads must not spin beside Numba's
    from bench.timing.ops import run_kernels
    from bench.timing.precision import run_precisions

    (run_precisions if precision else run_kernels)(device=device, quick=quick, out=out)
