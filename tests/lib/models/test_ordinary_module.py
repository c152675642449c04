"""A registered net is an ordinary nn.Module: saved, copied, exported, pruned and flattened as any other."""

import copy
import re
from pathlib import Path

import pytest
import torch
from family_nets import NETS, small_net
from safetensors.torch import load_file, save_file
from torch.nn.utils import parameters_to_vector, prune, vector_to_parameters

from lib import create_model, list_models
from lib.models import in_format, memory_format, unwrapped
from lib.train_steps import parameter_groups

FAMILIES = pytest.mark.parametrize("name", NETS)
MODELS = Path(__file__).resolve().parents[3] / "lib" / "models"


def evaluated(name):
    torch.manual_seed(0)
    net, clip = small_net(name)
    return net.eval(), torch.randn(2, *clip)


@FAMILIES
@torch.no_grad()
def test_saved_copied_and_called_by_keyword(name, tmp_path):
    net, x = evaluated(name)
    want = net(x)
    torch.save(net, tmp_path / "net.pt")
    again = torch.load(tmp_path / "net.pt", weights_only=False)
    for twin in (again, copy.deepcopy(net)):
        torch.testing.assert_close(twin(x=x), want, rtol=0, atol=0)
        assert memory_format(twin) is memory_format(net) is memory_format(name)
    assert not net._forward_pre_hooks and not net._forward_hooks


@FAMILIES
@torch.no_grad()
def test_weights_are_contiguous(name, tmp_path):
    """So `view` works on them, as flattening, pruning and safetensors want."""
    net, x = evaluated(name)
    want = net(x)
    flat = parameters_to_vector(net.parameters())
    vector_to_parameters(flat, net.parameters())
    save_file(net.state_dict(), tmp_path / "net.safetensors")
    twin, _ = small_net(name)
    twin.load_state_dict(load_file(tmp_path / "net.safetensors"))
    torch.testing.assert_close(twin.eval()(x), want, rtol=0, atol=0)


@FAMILIES
def test_pruned_net_trains(name):
    """Pruning hooks a mask before every convolution and linear layer, whoever calls it."""
    torch.manual_seed(0)
    net, clip = small_net(name)
    layers = [m for m in net.modules() if isinstance(m, torch.nn.Conv3d | torch.nn.Linear)]
    for layer in layers:
        prune.random_unstructured(layer, "weight", 0.5)
    heads = net(torch.randn(2, *clip))
    sum(head.sum() for head in (heads if isinstance(heads, tuple) else [heads])).backward()
    assert all(layer.weight_orig.grad is not None for layer in layers)


@FAMILIES
@torch.no_grad()
def test_exported_by_keyword(name):
    net, x = evaluated(name)
    program = torch.export.export(net, (), {"x": x})
    torch.testing.assert_close(program.module()(x=x), net(x), rtol=1e-4, atol=1e-5)


@FAMILIES
@torch.no_grad()
def test_the_format_is_the_callers(name):
    """Clips in the registry's format, by the helper that trainer, evaluation, costs and timing call; same logits."""
    net, x = evaluated(name)
    laid = in_format(net, x)
    last = name.startswith("rubiksnet") and torch.get_num_threads() > 1
    assert laid.is_contiguous(memory_format=torch.channels_last_3d if last else memory_format(net))
    assert in_format(net, torch.zeros(2, 3)).shape == (2, 3)  # what is no clip is the net's to refuse
    torch.testing.assert_close(net(laid), net(x), rtol=1e-3, atol=1e-4)


def test_wrapped_nets_keep_their_policy_and_format():
    """DataParallel hides the net: its parameter groups and its format are the net's own."""
    net = create_model("rubiksnet_nano", num_classes=3)
    groups = [{k: v for k, v in g.items() if k != "params"} for g in parameter_groups(net, 1.0, 1.0)]
    assert len(groups) == 3 and {group["weight_decay"] for group in groups} == {0, 1}
    for wrapped in (torch.nn.DataParallel(net), torch.compile(net), torch.nn.DataParallel(torch.compile(net))):
        assert unwrapped(wrapped) is net and memory_format(wrapped) is torch.contiguous_format
        again = parameter_groups(wrapped, 1.0, 1.0)
        assert [{k: v for k, v in g.items() if k != "params"} for g in again] == groups
        assert {id(p) for g in again for p in g["params"]} == {id(p) for p in net.parameters() if p.requires_grad}


def test_every_name_stands_in_its_file():
    """`grep ircsn_50` finds where a net is defined: no name is put together by code."""
    text = "".join(path.read_text(encoding="utf-8") for path in MODELS.glob("*.py"))
    missing = [name for name in list_models() if not re.search(rf'"{name}"|def {name}\(', text)]
    assert not missing


@pytest.mark.parametrize(
    "path", [p for p in MODELS.glob("*.py") if "VideoNet):" in p.read_text()], ids=lambda p: p.stem
)
def test_a_model_file_names_its_paper_and_its_shapes(path):
    text = path.read_text(encoding="utf-8")
    header = text.split('"""')[1]
    if path.stem != "video_net":
        assert re.search(r"arXiv:\d{4}\.\d{4,5}", header) or "not on arXiv" in header, "the header lacks both"
        assert "Ours" in header or re.search(r"section|table|fig\.", header)
    for line in re.findall(r"def (?:forward|feature_map|features)\(self, .*", text):
        assert re.search(r"# \(N, ", line), line
