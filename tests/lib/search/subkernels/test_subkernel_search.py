"""The search for sub-kernels: pruning and penalty on golden files, both ways on tiny videos, killed and continued."""

import json

import numpy as np
import pytest
import torch
from dying import dies_after
from stand_in import fill, golden, golden_input, write_stand_in

from lib import create_model, load_published
from lib.data import ClipDataset, build_cache, own_protocol, read_manifest
from lib.models.subkernels import OPS, DroppingConv, SuperConv
from lib.models.swap import super_layers
from lib.pace import CLOCKS
from lib.recipe import complete
from lib.run import result
from lib.search.subkernels.search import deal_of, gammas, kept_channels, kind_weights, l1_penalty, prune, pruned, search

SEARCH = golden("cakes/search")
NAMES = {"Conv1_2D": "conv1_2d", "Conv1_2D_Dropout": "conv1_2d", "ConvST": "convst", "ConvST_Dropout": "convst",
         "Conv1_2_3D": "conv1_2_3d", "Conv1_2_3D_Dropout": "conv1_2_3d", "MixConv1D": "mixconv1d"}  # fmt: skip
RECIPE = {"epochs": 2, "batch_size": 6, "learning_rate": 0.05, "seed": 1}


def gamma_of(case):
    """The norm's scales of a golden case."""
    told = case["gamma"]
    if "values" in told:
        return torch.tensor(told["values"])
    gamma = torch.from_numpy(np.random.RandomState(told["RandomState"]).standard_normal(told["standard_normal"]))
    if told.get("then"):
        assert told["then"] == "gamma[1] = 0"
        gamma[1] = 0
    return gamma.float()


@pytest.mark.parametrize("case", [case for case in SEARCH["prune"] if "op" in case], ids=lambda case: case["op"])
def test_pruning(case):
    gamma, planes, kinds = gamma_of(case), case["planes"], OPS[NAMES[case["op"]]]
    assert kept_channels(gamma, planes, exact=False).tolist() == case["kept_global"]
    assert prune(gamma, kinds, exact=False) == case["config"]
    exact = case.get("recommended", case)
    assert kept_channels(gamma, planes).tolist() == exact["kept_global"]
    assert prune(gamma, kinds) == exact["config"] and sum(exact["config"].values()) == planes


@pytest.mark.parametrize("case", [case for case in SEARCH["prune"] if "supernet" in case], ids=lambda c: c["supernet"])
def test_pruning_a_published_supernet(case, tmp_path):
    net = load_published("cakes_50", write_stand_in(f"cakes/supernet_{case['supernet']}", tmp_path)).model
    assert deal_of(net, exact=False) == case["config"]
    assert [sum(layer.values()) for layer in deal_of(net)] == [layer.planes for layer in super_layers(net)]


@pytest.mark.parametrize("case", SEARCH["l1_subgradient"], ids=lambda case: f"{case['op_code']} {case['reweight']}")
def test_the_penaltys_gradient(case):
    layer = SuperConv(3, case["planes"], case["op_code"], (1, 1, 1))
    layer.norm.weight.data = gamma_of(case)
    l1_penalty(layer, case["s"], case["reweight"]).backward()
    torch.testing.assert_close(layer.norm.weight.grad, torch.tensor(case["added_to_grad"]), rtol=1e-5, atol=0)


@pytest.mark.parametrize("case", SEARCH["sgd_steps"], ids=lambda case: case["op_code"])
def test_two_steps(case):
    """Loss, the gradient's norm with the penalty, scales and statistics of the original code."""
    s = case["stride"]
    layer = SuperConv(case["c_in"], case["planes"], case["op_code"], (1, s, s))
    for i, conv in enumerate(layer.convs):
        conv.weight.data = fill(f"convs.{i}.0.weight", conv.weight.shape)
    for leaf in ("weight", "bias", "running_mean", "running_var"):
        getattr(layer.norm, leaf).data = fill(f"out.0.{leaf}", getattr(layer.norm, leaf).shape)
    options = {key: case["sgd"][key] for key in ("lr", "momentum", "weight_decay")}
    optimizer, x, found = torch.optim.SGD(layer.parameters(), **options), golden_input(case["input_shape"]), []
    for _ in range(case["steps"]):
        optimizer.zero_grad()
        loss = layer(x).relu().square().mean()
        (loss + l1_penalty(layer, case["s"], case["reweight"])).backward()
        found += [loss.item(), torch.nn.utils.clip_grad_norm_(layer.parameters(), case["clip"]).item()]
        optimizer.step()
    assert found == pytest.approx(case["loss_and_gradnorm_per_step"], rel=1e-5)
    torch.testing.assert_close(layer.norm.weight.data, torch.tensor(case["gamma_after"]), rtol=1e-5, atol=0)
    want = torch.tensor(case["running_mean_after"])
    torch.testing.assert_close(layer.norm.running_mean, want, rtol=0, atol=1e-5 * want.abs().max().item())


def test_weights_of_the_penalty():
    assert kind_weights(OPS["convst"]) == {"kxkxk": 3 / 4, "1xkxk": 1 / 4}
    assert kind_weights(OPS["conv1_2d"]) == {"1xkxk": 3 / 4, "kx1x1": 1 / 4}
    assert kind_weights(OPS["conv1_2_3d"]) == {"kxkxk": 9 / 13, "1xkxk": 3 / 13, "kx1x1": 1 / 13}
    assert list(kind_weights(OPS["mixconvall"]).values()) == [27 / 63, 9 / 63, 9 / 63, 9 / 63, 3 / 63, 3 / 63, 3 / 63]


def test_an_untrained_supernet_warns():
    with pytest.warns(UserWarning, match="the deal means nothing"):
        deal = deal_of(create_model("cakes_nano", num_classes=8, search=True))
    assert deal == [{"kxkxk": p, "1xkxk": 0, "kx1x1": 0} for p in (16, 32, 64)]
    with pytest.raises(ValueError, match="no supernet: build it with search=True"):
        deal_of(create_model("cakes_nano", num_classes=8))


@pytest.fixture(scope="module")
def splits(tiny_shapes):
    manifest = read_manifest(tiny_shapes / "motion")
    cache = build_cache(manifest, tiny_shapes / "cache", 32, progress=False)
    protocol = own_protocol(4, 32)
    return [ClipDataset(manifest, name, protocol, train=name == "train", cache=cache) for name in ("train", "val")]


def supernet(**options):
    torch.manual_seed(0)
    return create_model("cakes_nano", num_classes=8, **options)


@pytest.mark.parametrize("options", [{"search": True}, {"op": "convst_dropout"}], ids=["cost", "performance"])
def test_a_killed_search_ends_with_the_same_plan(options, splits, tmp_path):
    deal, record = search(tmp_path / "whole", supernet(**options), *splits, save_minutes=0, **RECIPE)
    assert json.loads((tmp_path / "whole" / "deal.json").read_text()) == deal
    assert [sum(layer.values()) for layer in deal] == [16, 32, 64]
    with dies_after(7):
        search(tmp_path / "killed", supernet(**options), *splits, save_minutes=0, **RECIPE)
    assert not (tmp_path / "killed" / "deal.json").exists()
    again, _ = search(tmp_path / "killed", supernet(**options), *splits, save_minutes=0, **RECIPE)
    assert again == deal
    rows = [[{k: row[k] for k in row if k not in CLOCKS} for row in result(tmp_path / name)["history"]]
            for name in ("whole", "killed")]  # fmt: skip
    kinds = 2 if "op" in options else 3
    assert rows[0] == rows[1] and [len(layer) for layer in rows[0][-1]["gammas"]] == [
        16 * kinds,
        32 * kinds,
        64 * kinds,
    ]


def test_the_penalty_parts_the_kinds(splits, tmp_path):
    """With a strong penalty the dear kinds lose more, and the loss that is written down is without it."""
    _, weak = search(tmp_path / "weak", supernet(search=True), *splits, strength=0.0, **RECIPE)
    deal, strong = search(tmp_path / "strong", supernet(search=True), *splits, strength=0.3, **RECIPE)
    assert sum(layer["kxkxk"] for layer in deal) < sum(layer["kx1x1"] for layer in deal)
    first = [record["history"][0]["train_loss"] for record in (weak, strong)]
    assert first[0] == pytest.approx(first[1], rel=0.2)


def test_a_dropping_net_is_measured_and_left_alone(splits):
    net = supernet(op="conv1_2_3d_dropout")
    before = {key: value.clone() for key, value in net.state_dict().items()}
    recipe = complete({"batch_size": 6})
    layer = net.blocks()[0].middle
    layer.norm.weight.data = torch.rand(48)
    before["stages.0.0.middle.norm.weight"] = layer.norm.weight.detach().clone()
    with pruned(net, splits[0], 2, recipe):
        assert layer.kept.tolist() == kept_channels(layer.norm.weight, 16).tolist()
        net.eval()(torch.randn(1, 3, 4, 32, 32))
        assert [i for i in range(48) if layer.norm.running_mean[i] != 0] == layer.kept.tolist()
    assert layer.kept is None and isinstance(layer, DroppingConv)
    for key, value in net.state_dict().items():
        assert torch.equal(value, before[key]), key
    with pytest.raises(ValueError, match="searched without penalty"):
        search("nowhere", net, *splits, strength=0.1)
    assert len(gammas(net)["gammas"][2]) == 3 * 64
