"""CUDA kernels without a GPU: run in Numba's simulator, in a process of its own, and compiled to PTX."""

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from cuda_cases import CASES, KERNELS, NUMBERS, launch_cases

from kernels import _cuda, depthwise_subkernel_conv3d, shift3d, subkernel_conv3d
from kernels._kinds import kernel_size

TARGETS = [
    ((8, 0), list(NUMBERS)),
    ((9, 0), [torch.float32]),
    pytest.param((9, 0), [torch.float16, torch.bfloat16, torch.float64], marks=pytest.mark.long),
]
HERE = Path(__file__).parent


def test_every_kernel_in_the_simulator():
    """The tests of test_cuda_simulator.py: the simulator must be chosen before Numba is imported."""
    environment = os.environ | {"NUMBA_ENABLE_CUDASIM": "1", "PYTHONPATH": str(HERE.parents[1])}
    command = [sys.executable, "-m", "pytest", "-m", "simulator", "-p", "no:cacheprovider", str(HERE)]
    run = subprocess.run(command, env=environment, cwd=HERE.parents[1], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout[-3000:]
    assert " passed" in run.stdout and "skipped" not in run.stdout


@pytest.mark.skipif(_cuda.cuda is None or _cuda.SIMULATED, reason="needs numba-cuda")
@pytest.mark.parametrize("name", KERNELS)
@pytest.mark.parametrize("capability, dtypes", TARGETS)
def test_every_kernel_compiles(name, capability, dtypes, monkeypatch):
    """To PTX. Device functions ask for the current GPU; here they are told."""
    from numba.cuda import dispatcher

    device = SimpleNamespace(compute_capability=capability)
    monkeypatch.setattr(dispatcher, "get_current_device", lambda: device)
    factory, options, signature = KERNELS[name]
    for dtype in dtypes:
        arguments = (dtype, *options) if options is not None else ()
        ptx, _ = _cuda.cuda.compile_ptx(factory(*arguments), signature(dtype), cc=capability)
        assert f".target sm_{capability[0]}{capability[1]}" in ptx and ".entry" in ptx


@pytest.mark.gpu
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
@pytest.mark.parametrize("name", CASES)
def test_on_a_gpu(name, dtype):
    for large in (False, True):
        launch_cases(name, dtype, "cuda", large)


@pytest.mark.gpu
def test_graph_capture_and_side_stream():
    x, shift = torch.randn(2, 8, 4, 14, 14, device="cuda"), torch.rand(3, 8, device="cuda")
    want = shift3d(x, shift)  # compiles: not allowed inside a capture
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        got = shift3d(x, shift)
    torch.cuda.current_stream().wait_stream(side)
    assert torch.equal(got, want)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        got = shift3d(x, shift)
    x.mul_(2)
    graph.replay()
    torch.testing.assert_close(got, 2 * want)


@pytest.mark.gpu
@pytest.mark.parametrize("op", [depthwise_subkernel_conv3d, subkernel_conv3d])
def test_graph_capture_of_mixed_kinds(op):
    """Nothing comes from the host: neither kinds nor weights."""
    x, c_in = torch.randn(2, 6, 4, 7, 7, device="cuda"), 1 if op is depthwise_subkernel_conv3d else 6
    weights = {kind: torch.randn(3, c_in, *kernel_size(kind, 3), device="cuda") for kind in ("kxkxk", "1x1xk")}
    want, graph = op(x, weights, backend="cuda"), torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        got = op(x, weights, backend="cuda")
    x.mul_(2)
    graph.replay()
    torch.testing.assert_close(got, 2 * want)


@pytest.mark.gpu
def test_beyond_two_to_the_31():
    if torch.cuda.mem_get_info()[0] < 24 << 30:
        pytest.skip("needs 24 GiB of free GPU memory")
    x = torch.zeros(5, 64, 8, 1024, 1024, dtype=torch.float16, device="cuda")  # 2.7e9 elements
    x[-1, -1, -1, -1, -1] = 1
    y = shift3d(x, torch.zeros(3, 64, device="cuda"))
    assert y[-1, -1, -1, -1, -1] == 1 and y.sum(dtype=torch.float64) == 1
