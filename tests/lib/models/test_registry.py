"""The registry's doors, and what they say when they stay shut."""

import pytest
import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from lib import create_model, list_models, register
from lib.models import in_format, memory_format, model_options, registry, system_of

SYSTEMS = ("Efficient-3DCNNs", "CSN", "RubiksNet", "CAKES", "Optimization Planning")
KNOWN_SYSTEMS = {*SYSTEMS, "X3D", "own"}  # X3D is a guest


@pytest.fixture
def own_registry(monkeypatch):
    monkeypatch.setattr(registry, "_MODELS", dict(registry._MODELS))


def test_wildcards():
    assert list_models() == sorted(list_models())
    assert list_models("ircsn_*") == ["ircsn_101", "ircsn_152", "ircsn_26", "ircsn_50", "ircsn_nano"]
    assert list_models("no such net") == []


def test_unknown_name_names_near_ones():
    with pytest.raises(ValueError, match="mobilenetv2_3d"):
        create_model("mobilnetv2_3d")
    with pytest.raises(ValueError, match="c3d"):
        create_model("?")


def test_unknown_option_names_the_options():
    with pytest.raises(ValueError, match="'widht'.*num_classes, width, dropout"):
        create_model("mobilenetv2_3d", widht=0.5)


def test_a_net_of_ones_own(own_registry):
    @register(memory_format=torch.contiguous_format)
    def mine(num_classes=400, size=4):
        return nn.Sequential(nn.Conv3d(3, size, 1), nn.Flatten(), nn.LazyLinear(num_classes))

    assert "mine" in list_models("m*") and model_options("mine") == {"num_classes": 400, "size": 4}
    assert memory_format("mine") is torch.contiguous_format
    assert create_model("mine", num_classes=2)(torch.zeros(1, 3, 1, 2, 2)).shape == (1, 2)


class Drawn(TorchDispatchMode):
    """How many tensors were filled with random numbers."""

    count = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        self.count += function in (torch.ops.aten.normal_.default, torch.ops.aten.uniform_.default)
        return function(*args, **(kwargs or {}))


@pytest.mark.parametrize("name", ["ircsn_nano", "mobilenetv2_3d_nano", "vit_t_p16", "rubiksnet_nano"])
def test_without_values_nothing_is_drawn(name):
    """On the meta device it would take half of the time; the shapes, and a net with values, are what they were."""
    net = create_model(name, num_classes=3)
    with torch.device("meta"), Drawn() as drawn:
        shapes = create_model(name, num_classes=3)
    assert drawn.count == 0 and all(value.is_meta for value in shapes.state_dict().values())
    assert {k: v.shape for k, v in shapes.state_dict().items()} == {k: v.shape for k, v in net.state_dict().items()}
    with Drawn() as drawn:
        again = create_model(name, num_classes=3)
    assert drawn.count > 10 and all(p.unique().numel() > 1 for p in again.parameters() if p.ndim > 2)


def test_a_name_is_taken_once(own_registry):
    def ircsn_50():
        return None

    with pytest.raises(ValueError, match="two models"):
        register(ircsn_50)


def test_memory_format_of_clips(own_registry):
    """A net brings its format from the registry; what never was there is contiguous."""
    net = create_model("mobilenetv2_3d_nano", num_classes=2)
    assert memory_format(net) is memory_format("mobilenetv2_3d_nano") is torch.channels_last_3d
    assert memory_format(nn.Linear(1, 1)) is torch.contiguous_format
    del registry._MODELS["mobilenetv2_3d_nano"]  # as where a saved net is read by another program
    assert memory_format(net) is torch.contiguous_format


@pytest.mark.parametrize("threads", [1, 2])
def test_shift_nets_evaluate_as_convolutions_want_it(threads, monkeypatch):
    """By several threads RubiksNet's clips are turned for evaluation, not for training, nor by one; nobody else's."""
    monkeypatch.setattr(torch, "get_num_threads", lambda: threads)
    clips, net = torch.zeros(2, 3, 2, 4, 4), create_model("rubiksnet_nano", num_classes=2)
    assert in_format(net, clips) is clips and in_format(nn.Linear(1, 1).eval(), clips) is clips
    turned = in_format(net.eval(), clips)
    assert (turned is clips) == (threads == 1)
    assert turned.is_contiguous(memory_format=torch.channels_last_3d) == (threads > 1)
    assert in_format(net.to("meta"), clips.to("meta")).is_contiguous()  # only on a CPU


def test_a_net_knows_its_system(own_registry):
    """Every net says whose it is, and from which paper; a net of one's own is "own", and so is an unknown name."""

    @register
    def mine(num_classes=400):
        return nn.Flatten()

    assert {system_of(name) for name in list_models()} == KNOWN_SYSTEMS, "is a new system spelt as meant?"
    assert {"mine", "volume_nano"} <= set(list_models(system="own")) and system_of("nobody's") == "own"
    assert list_models("*_nano", system="CSN") == ["csn_r3d_nano", "ipcsn_nano", "ircsn_nano"]
    assert [system_of(name) for name in ("tsm_50", "gst_50", "s3dg", "c3d")] == [SYSTEMS[i] for i in (2, 3, 4, 0)]
    assert all(registry.entry(name).source for system in SYSTEMS for name in list_models(system=system))
    with pytest.raises(ValueError, match="no system 'csn'; there are CAKES, CSN"):
        list_models(system="csn")
