"""A cost is a fact about a net: one count in every mode and form, and three counters that agree or say why not."""

import contextlib

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations, prune

from lib import create_model, measure_cost
from lib.cost import record

# one net of each family: its options, frames, pixels
FAMILIES = {
    "c2d_nano": ({}, 8, 32), "i3d_nano": ({}, 8, 32), "p3d_nano": ({}, 8, 32), "dg_p3d_nano": ({}, 16, 32),
    "lgd_p3d_50": ({}, 16, 32), "s3d": ({}, 16, 64), "r2p1d_18": ({}, 8, 32),
    "ircsn_nano": ({}, 8, 32), "ipcsn_nano": ({}, 8, 32), "csn_r3d_nano": ({}, 8, 32),
    "cakes_nano": ({}, 8, 32), "gst_50": ({}, 4, 32), "tsm_50": ({}, 4, 32),
    "rubiksnet_nano": ({}, 8, 32), "rubiksnet_tiny": ({"variant": "rubiks3d-aq"}, 4, 32),
    "mobilenet3d": ({"width": 0.5}, 16, 64), "mobilenetv2_3d_nano": ({}, 8, 32), "shufflenet3d": ({}, 16, 64),
    "shufflenetv2_3d_nano": ({}, 8, 32), "squeezenet3d": ({}, 16, 64), "resnet3d_nano": ({}, 8, 32),
    "c3d": ({}, 16, 112),
}  # fmt: skip


def family(name, device=None):
    options, frames, size = FAMILIES[name]
    with torch.device(device) if device else contextlib.nullcontext():
        net = create_model(name, num_classes=5, **options)
    return net, (3, frames, size, size)


def counts(cost):
    return cost.params, cost.macs, cost.torch_flops, cost.bytes_moved, cost.by_operator, cost.unsupported


MODES = {
    "inference": torch.inference_mode,
    "no_grad": torch.no_grad,
    "grad": torch.enable_grad,
    "autocast": lambda: torch.autocast("cpu", dtype=torch.bfloat16),
    "deterministic": lambda: _deterministic(),
    "default double": lambda: _default_dtype(torch.float64),
    "default device": lambda: torch.device("meta"),
}


@contextlib.contextmanager
def _deterministic():
    torch.use_deterministic_algorithms(True)
    yield
    torch.use_deterministic_algorithms(False)


@contextlib.contextmanager
def _default_dtype(dtype):
    torch.set_default_dtype(dtype)
    yield
    torch.set_default_dtype(torch.float32)


@pytest.mark.parametrize("name", FAMILIES)
def test_one_count_in_every_mode(name):
    net, clip = family(name, "meta")
    expected = counts(measure_cost(net.eval(), clip))
    assert counts(measure_cost(net.train(), clip)) == expected and net.training
    for mode, enter in MODES.items():
        with enter():
            assert counts(measure_cost(net, clip)) == expected, mode


@pytest.mark.parametrize("name", FAMILIES)
def test_bytes_scale_with_the_type(name):
    """Exactly; but tables of whole frames are int64, and shifts and taps of half nets are read in full precision."""
    net, (_, frames, *_) = family(name, "meta")
    clip = (3, frames, 112, 112)
    expected = measure_cost(net, clip)
    slack = 3e-3 if name.startswith(("tsm", "rubiksnet")) else 0
    for cast, factor in {"half": 0.5, "bfloat16": 0.5, "double": 2}.items():
        cost = measure_cost(getattr(family(name, "meta")[0], cast)(), clip)
        assert counts(cost)[:3] == counts(expected)[:3] and cost.by_operator == expected.by_operator
        assert cost.bytes_moved == pytest.approx(factor * expected.bytes_moved, rel=slack)


@pytest.mark.parametrize("name", [name for name in FAMILIES if "nano" in name])
def test_one_count_in_every_form(name):
    net, clip = family(name)
    expected = counts(measure_cost(family(name, "meta")[0], clip))
    exported = torch.export.export(net.eval(), (torch.zeros(1, *clip),))
    forms = {"cpu": net, "compiled": torch.compile(net), "parallel": nn.DataParallel(net), "exported": exported,
             "exported module": exported.module()}  # fmt: skip
    for form, each in forms.items():
        found = counts(measure_cost(each, clip))
        assert found == expected, form
    net.compile()
    assert counts(measure_cost(net, clip)) == expected


def test_compiled_inside():
    net, clip = family("mobilenetv2_3d_nano")
    expected = counts(measure_cost(net, clip))
    net.blocks[1] = torch.compile(net.blocks[1])
    assert counts(measure_cost(net, clip)) == expected


class Constants(nn.Module):
    """Tensors wherever people keep them: attribute, list, dict, module of code, computed in forward."""

    OFFSET = torch.ones(3, 1, 1, 1)

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv3d(3, 4, 3)
        self.scale = torch.ones(1, 4, 1, 1, 1)
        self.more = [torch.ones(4), {"shift": nn.Parameter(torch.zeros(1, 4, 1, 1, 1))}]
        self.order = torch.tensor([3, 2, 1, 0])

    def forward(self, x):
        y = self.conv(x - self.OFFSET) * self.scale + self.more[1]["shift"]
        return y[:, self.order] * torch.tensor([1.0, 2.0, 3.0, 4.0]).view(1, 4, 1, 1, 1)


def test_constants_that_are_no_buffers():
    net = Constants()
    cost = measure_cost(net, (3, 4, 6, 6))
    assert cost.macs == 4 * 2 * 16 * 81 and cost.unsupported == {}
    assert net.scale.device.type == "cpu" and net(torch.zeros(1, 3, 4, 6, 6)).shape == (1, 4, 2, 4, 4)


@pytest.mark.parametrize("way", ["prune", "structured", "weight_norm", "old weight_norm"])
def test_weights_that_are_computed(way):
    net, clip = family("ircsn_nano")
    expected = measure_cost(net, clip)
    conv = next(m for m in net.modules() if isinstance(m, nn.Conv3d) and m.weight.is_contiguous())
    change = {
        "prune": lambda: prune.l1_unstructured(conv, "weight", 0.5),
        "structured": lambda: prune.ln_structured(conv, "weight", 0.5, n=2, dim=0),
        "weight_norm": lambda: parametrizations.weight_norm(conv),
        "old weight_norm": lambda: nn.utils.weight_norm(conv),
    }
    with contextlib.suppress(FutureWarning):
        change[way]()
    before = {key: value.clone() for key, value in net.state_dict().items()}
    cost = measure_cost(net, clip)
    assert (cost.macs, cost.unsupported) == (expected.macs, {})
    assert all(torch.equal(value, before[key]) for key, value in net.state_dict().items())
    assert not conv.weight.is_meta and net(torch.zeros(1, *clip)).shape == (1, 5)


def test_what_is_overwritten_is_not_read():
    class Copies(nn.Module):
        def forward(self, x):  # 1 element is 4 bytes
            y = torch.zeros_like(x)  # writes 24
            y[:, :1] = x[:, 1:2]  # reads 8, writes 8
            z = x.new_zeros(5)  # writes 5
            return y, z, x.new_full((7,), 1.0), torch.add(x, x, out=torch.empty_like(x))  # 7; 24 twice, 24

    assert measure_cost(Copies(), (3, 1, 2, 4)).bytes_moved == 4 * (24 + 16 + 5 + 7 + 72)


# what is computed in evaluation and thrown away: a trace does not see it
UNUSED = {"lgd_p3d_50": 5 * 2048}  # the head of the global path


def explained(net, clip, cost):
    """fvcore's total by ours: our arithmetic, less what nobody uses, and 2 per element of a batch norm."""
    norms = sum(2 * call.args[0].numel() for call in record(net, clip) if call.kind == "norm")
    return sum(cost.by_operator.values()) + norms


HEAVY = ("lgd_p3d_50", "c3d", "gst_50", "tsm_50", "rubiksnet_tiny", "s3d")


@pytest.mark.parametrize("name", [pytest.param(n, marks=pytest.mark.long) if n in HEAVY else n for n in FAMILIES])
def test_three_counters_agree(name):
    pytest.importorskip("fvcore")
    net, clip = family(name)
    with torch.inference_mode(), torch.autocast("cpu", dtype=torch.bfloat16):
        cost = measure_cost(net.train(), clip, fvcore=True)
    assert net.training
    assert cost.torch_flops == 2 * sum(cost.by_operator.values())
    assert cost.fvcore_total == explained(net, clip, cost) - UNUSED.get(name, 0)


def test_our_ops_in_pytorchs_own_counter():
    """By hand: 2 FLOPs for every multiply-accumulate of a shift in 3 axes, 8 neighbours to an output."""
    from torch.utils.flop_counter import FlopCounterMode

    from kernels import shift3d

    with FlopCounterMode(display=False) as counter:
        shift3d(torch.zeros(1, 2, 3, 4, 5), torch.zeros(3, 2))
    assert counter.get_total_flops() == 2 * 8 * 2 * 3 * 4 * 5
