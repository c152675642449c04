"""Fine-tuning of every family with a published layout: what is frozen stays through training steps, all else moves."""

import copy

import pytest
import torch
from family_nets import one_per_builder

from bench.report.support import FAMILIES
from lib import create_model, load_published
from lib.losses import heads_loss
from lib.models.layers import FrozenBatchNorm
from lib.models.registry import entry
from lib.weights.fine_tune import FREEZE, freeze, freeze_norms, replace_head, roles_of, start_from
from lib.weights.published import save_published

HEADS = {
    "dg_p3d_50": ("fc", "fc_dual"),
    "lgd_p3d_50": ("fc", "fc_global"),
    "vit_deit_t_p16": ("fc", "fc_dist"),
}  # of the others "fc"
STATISTICS = ("running_mean", "running_var")


@pytest.fixture(scope="module", params=FAMILIES)
def started(request, tmp_path_factory):
    """A family's name, its net with published weights and a new head of 3 classes, and a batch that it takes."""
    name = request.param
    options, frames, size = FAMILIES[name]
    torch.manual_seed(0)
    path, net = tmp_path_factory.mktemp("published") / "weights.pth", create_model(name, num_classes=9, **options)
    for module in net.modules():  # no bias is 0: weight decay moves it, though the next norm takes its gradient away
        if isinstance(module, torch.nn.BatchNorm3d | torch.nn.Conv3d) and module.bias is not None:
            torch.nn.init.uniform_(module.bias, 0.1, 0.2)
    save_published(name, net, path)
    pixels = load_published(name, path, **options).preprocessing.pixels or "imagenet"  # some files do not say
    return name, start_from(name, path, 3, pixels=pixels, **options)[0], torch.randn(2, 3, frames, size, size)


def moved(net, clips):
    """The keys that two training steps change, weight decay and all."""
    before = {key: value.clone() for key, value in net.state_dict().items()}
    optimizer = torch.optim.SGD([p for p in net.parameters() if p.requires_grad], 0.01, 0.9, weight_decay=1e-2)
    for _ in range(2):
        optimizer.zero_grad()
        heads_loss(net.train()(clips), torch.tensor([0, 1])).backward()
        optimizer.step()
    return {key for key, value in net.state_dict().items() if not torch.equal(value, before[key])}


def expected(name, net, frozen):
    """The keys that may move, from their names and the norms alone."""
    weights = {key for key, parameter in net.named_parameters() if parameter.requires_grad}
    norms = {key for key, m in net.named_modules() if isinstance(m, torch.nn.BatchNorm3d)}
    counted = {f"{norm}.{leaf}" for norm in norms for leaf in (*STATISTICS, "num_batches_tracked")}
    heads = {f"{head}.{leaf}" for head in HEADS.get(name, ("fc",)) for leaf in ("weight", "bias")}
    return {
        "": weights | counted,
        "backbone": heads,
        "weights": heads | counted,
        "norms": weights - {f"{norm}.{leaf}" for norm in norms for leaf in ("weight", "bias")},
        "statistics": weights,
    }[frozen]


@pytest.mark.parametrize("frozen", ["", "backbone", "weights", "norms", "statistics"])
def test_what_moves(started, frozen):
    name, net, clips = started
    may = expected(name, net, frozen)
    if frozen in ("norms", "statistics") and not any(isinstance(m, torch.nn.BatchNorm3d) for m in net.modules()):
        with pytest.raises(ValueError, match="has no batch norms to freeze; 'backbone'"):
            FREEZE[frozen](copy.deepcopy(net))
        return
    assert moved(FREEZE[frozen](copy.deepcopy(net)), clips) == may


def test_the_first_stage_stays(started):
    """Stem and stage 1 do not move, statistics included; all else that trains does."""
    name, net, clips = started
    net = FREEZE["stage_1"](copy.deepcopy(net))
    roles = roles_of(net)
    still = [module for role in ("stem", "stage_1") for module in roles[role]]
    names = {id(module): key for key, module in net.named_modules()}
    frozen = tuple(names[id(module)] + "." for module in still)
    own = {key for key in expected(name, started[1], "") if not key.startswith(frozen)}
    assert moved(net, clips) == own


def test_every_published_net_is_here():
    """By the class of the net: another family with a layout needs a row in bench/report/support.py."""
    with torch.device("meta"):
        kinds = {type(create_model(name, **options)) for name, (options, *_) in FAMILIES.items()}
        others = {type(create_model(name)) for name in one_per_builder() if entry(name).layouts}
    assert others == kinds


@pytest.mark.parametrize("name", one_per_builder())
def test_roles(name):
    """Every weight stands in exactly one role, and a net of other classes differs in its head alone."""
    with torch.device("meta"):
        net, other = create_model(name, num_classes=9), create_model(name, num_classes=4)
    parts = [id(p) for modules in roles_of(net).values() for module in modules for p in module.parameters()]
    assert sorted(parts) == sorted(id(p) for p in net.parameters())
    assert {"stem", "stage_1", "stage_2", "hidden", "head"} <= set(roles_of(net))
    shapes = {key: value.shape for key, value in other.state_dict().items()}
    assert {key: value.shape for key, value in replace_head(net, 4).state_dict().items()} == shapes


def test_frozen_norms_compute_what_they_did_in_evaluation():
    """Same logits as before in evaluation mode, now in both modes; a second freezing changes nothing."""
    net = create_model("ircsn_nano", num_classes=3).eval()
    clip = torch.randn(2, 3, 4, 32, 32)
    with torch.no_grad():
        want = net(clip)
        for mode in (False, True):
            torch.testing.assert_close(freeze_norms(net).train(mode)(clip), want)


def test_frozen_norms_of_a_dropping_supernet():
    """In training too it uses the running statistics, of the candidates that it keeps."""
    net = create_model("cakes_nano", op="conv1_2_3d_dropout", num_classes=3)
    clip = torch.randn(2, 3, 4, 32, 32)
    layers = [module for module in net.modules() if hasattr(module, "kept")]
    for layer in layers:
        layer.kept = torch.arange(layer.channels)
    with torch.no_grad():
        want = net.eval()(clip)
        torch.testing.assert_close(freeze_norms(net).train()(clip), want)
    assert all(isinstance(layer.norm, FrozenBatchNorm) for layer in layers)


def test_mistakes():
    with pytest.raises(ValueError, match="freeze='stage_4'; CSN has stem, stage_1, stage_2, stage_3, hidden, head"):
        FREEZE["stage_4"](create_model("ircsn_nano"))
    with pytest.raises(ValueError, match="Linear does not say which of its modules"):
        freeze(torch.nn.Linear(1, 1))
    net = create_model("ircsn_nano")
    net.fc = torch.nn.Linear(1, 1)
    with pytest.raises(ValueError, match="fc of CSN is no head"):
        replace_head(net, 4)
