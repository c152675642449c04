"""The kernels' benchmark: complete rows, honest baselines, percentages that follow. No time is judged."""

import csv

import pytest
import torch
from torch import nn

from bench.timing import ops as kernels
from bench.timing import stopwatch as interleaved
from bench.timing.op_versions import COMPILED, LAYOUTS, OPS, layout_of
from bench.timing.ops import LAYERS, MODES, Case, cases, measure
from bench.timing.rows import COLUMNS
from bench.timing.stopwatch import interleave
from bench.timing.training_steps import measure_step, step_nets, with_shift
from lib import create_model
from lib.models.rubiksnet import Shift, TemporalFilter
from lib.models.subkernels import SubKernelConv
from lib.models.tsm import ShiftedConv

TINY = (6, 3, 4, 1, 2)  # channels, T, H = W, stride in time, in space
# op: (the baselines beside "cpu" and "reference", the modules of a net that it stands for)
WANTED = {
    "shift3d": ({"conv3d channels_last_3d"}, Shift),
    "frame_shift": (set(), ShiftedConv),
    "temporal_filter": (set(), TemporalFilter),
    "subkernel_conv3d": ({"conv3d contiguous", "conv3d channels_last_3d"}, SubKernelConv),
    "depthwise_subkernel_conv3d": ({"conv3d contiguous", "conv3d channels_last_3d"}, nn.Conv3d),
}


def test_every_op_is_in_the_table():
    assert set(WANTED) == set(OPS)


@pytest.fixture(autouse=True)
def small_copy(monkeypatch):
    monkeypatch.setattr(interleaved, "LARGE", {"cpu": 1 << 16})


def tiny(op):
    return Case(op, TINY if op != "frame_shift" and op != "temporal_filter" else (*TINY[:3], 1, 1), 2)


@pytest.mark.parametrize("op", OPS)
def test_rows_are_complete_and_consistent(op):
    rows = list(measure(tiny(op), seconds=0))
    for mode in MODES:
        mine = [row for row in rows if row["mode"] == mode]
        times = {row["impl"]: row for row in mine if row["metric"] == "time"}
        shares = {row["impl"]: row for row in mine if row["metric"] == "roofline"}
        (moved,) = [row["expected"] for row in mine if row["metric"] == "traffic"]
        (copied,) = [row["p50"] for row in mine if row["metric"] == "bandwidth"]
        assert set(times) == set(shares) == {"cpu", "reference"} | WANTED[op][0]
        for impl, time in times.items():
            assert 0 < time["p20"] <= time["p50"] <= time["p80"]
            assert time["expected"] == pytest.approx(moved / copied, rel=1e-6)
            assert shares[impl]["p20"] == pytest.approx(100 * time["expected"] / time["p80"])
            assert shares[impl]["p20"] <= shares[impl]["p50"] <= shares[impl]["p80"]


def test_traffic_is_what_the_roofline_says():
    """rubiksnet.md's bytes per element: forward |x| + |y|, backward 2 |x| + |y|; shifts and their gradients on top."""
    rows = list(measure(tiny("shift3d"), seconds=0))
    x, y, shift = 4 * 2 * 6 * 3 * 16, 4 * 2 * 6 * 3 * 4, 4 * 3 * 6
    moved = [row["expected"] * 1e6 for row in rows if row["metric"] == "traffic"]
    assert moved == pytest.approx([x + y + shift, 3 * x + 2 * y + 3 * shift])


@pytest.mark.parametrize("op", OPS)
def test_all_versions_compute_the_same(op):
    case = tiny(op)
    x, parameters, versions = case.build()
    results = {}
    for version, function in versions.items():
        clip = x.clone().contiguous(memory_format=LAYOUTS[layout_of(op, version)]).requires_grad_()
        y = function(clip, *parameters)
        results[version] = y.detach(), *torch.autograd.grad(y, clip, torch.ones_like(y))
    for version, result in results.items():
        for got, want in zip(result, results["reference"], strict=True):
            torch.testing.assert_close(got, want, rtol=1e-4, atol=1e-5, msg=lambda text, v=version: f"{v}: {text}")


def test_the_reference_is_compiled_or_left_out_aloud(monkeypatch, capsys):
    case = Case("temporal_filter", (2, 3, 4, 1, 1), 1, compiles=True)
    assert COMPILED in case.build()[2]
    monkeypatch.setattr("bench.timing.op_versions.compiled", lambda function: _no_compiler)
    assert COMPILED not in {row["impl"] for row in measure(case, seconds=0)}
    assert "skipped: temporal_filter 1x2x3x4x4 forward by torch.compile: no g++" in capsys.readouterr().out


def _no_compiler(*_):
    raise RuntimeError("no g++\nand more")


@pytest.mark.parametrize(("op", "net", "clips", "layers"), [(r[0], r[1], r[2], r[4]) for r in LAYERS])
def test_layers_are_those_of_the_nets(op, net, clips, layers):
    """Every layer of the table is one that its net has, for one of the clips named beside it."""
    options = {"variant": "rubiks3d-aq"} if op == "temporal_filter" else {}
    with torch.device("meta"):
        model = create_model(net, **options).eval()
    seen = set()

    def look(module, inputs, y):
        x = inputs[0]
        stride = [-(-a // b) for a, b in zip(x.shape[2:], y.shape[2:], strict=True)]
        seen.add((*x.shape[1:4], *((1, 1) if op == "frame_shift" else stride[:2])))

    for module in model.modules():
        if isinstance(module, WANTED[op][1]) and not (isinstance(module, nn.Conv3d) and module.groups == 1):
            module.register_forward_hook(look)
    for frames, size in clips:
        with torch.no_grad():
            model(torch.empty(1, 3, frames, size, size, device="meta"))
    assert set(layers) <= seen


def test_cases_of_a_device():
    assert {case.op for case in cases("cpu")} == set(OPS)
    assert {case.batch for case in cases("cpu")} == {8} and {case.batch for case in cases("cuda")} == {32}
    assert {case.dtype for case in cases("cuda")} == {torch.float32, torch.float16}
    quick = cases("cpu", quick=True)
    assert sorted(case.op for case in quick) == sorted(OPS) and not any(case.compiles for case in quick)


def test_the_table_is_written_even_if_interrupted(tmp_path, monkeypatch):
    def stop(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(kernels, "cases", lambda device, quick: [tiny("shift3d")])
    monkeypatch.setattr(kernels, "measure_step", stop)
    with pytest.raises(KeyboardInterrupt):
        kernels.run_kernels(quick=True, out=tmp_path / "kernels.csv")
    with open(tmp_path / "kernels.csv") as file:
        table = list(csv.DictReader(file))
    assert list(table[0]) == COLUMNS and len(table) == 2 * (2 + 2 * 3)
    assert all(row["device"] and row["torch"] and row["numba"] and row["commit"] and row["date"] for row in table)


def test_interleave_takes_turns():
    said = []
    times = interleave({"a": lambda: said.append("a"), "b": lambda: said.append("b")}, seconds=0)
    assert said == ["a", "b"] * 3 and [len(t) for t in times.values()] == [2, 2]


@pytest.mark.parametrize("name", ["rubiksnet_nano", "mobilenetv2_3d_nano"])
def test_steps_of_a_net_are_the_same_net(name):
    nets, clips = step_nets(name), torch.randn(2, 3, 4, 32, 32)
    want = nets["conv3d"].eval()(clips)
    for net in nets.values():
        torch.testing.assert_close(net.eval()(clips), want, rtol=1e-3, atol=1e-4)
    rows = measure_step(name, 2, (3, 4, 32, 32), seconds=0)
    assert {row["impl"] for row in rows} == set(nets) and all(row["p50"] > 0 for row in rows)


def test_a_net_with_another_shift_uses_it():
    def refuse(x, shift, stride):
        raise RuntimeError("called")

    with pytest.raises(RuntimeError, match="called"):
        with_shift(create_model("rubiksnet_nano"), refuse)(torch.randn(1, 3, 4, 32, 32))
