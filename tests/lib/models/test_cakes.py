"""CAKES and GST: sizes, closed forms of any deal, inflation of a 2D net, policy."""

import random

import pytest
import torch
from stand_in import fill, golden, golden_input

from lib import create_model, measure_cost
from lib.models.frame_resnet import BLOCKS, planes_of
from lib.models.registry import entry
from lib.models.subkernels import DroppingConv
from lib.train_steps import parameter_groups
from lib.weights.published import save_published
from lib.weights.transfer_2d import inflate

CLIP = (3, 8, 224, 224)
# the paper's nets, 174 classes: op, plan, search -> parameters, multiply-accumulates in millions
SIZES = [
    ("conv2d", None, False, 23_864_558, 32_700),
    ("conv3d", None, False, 46_499_054, 62_295),
    ("convp3d", None, False, 27_636_974, 37_632),
    ("conv1_2d", "CAKES12D_C", False, 20_498_030, 29_096),
    ("conv1_2d", "CAKES12D_P", False, 20_884_718, 28_830),
    ("convst", "CAKES23D_C", False, 35_695_598, 41_193),
    ("convst", "CAKES23D_P", False, 37_477_742, 50_453),
    ("conv1_2_3d", "CAKES123D_C", False, 35_029_358, 38_499),
    ("conv1_2_3d", "CAKES123D_P", False, 33_508_334, 43_616),
    ("conv1_2_3d", None, False, 28_975_982, 39_485),
    ("convst", None, False, 35_181_806, 47_497),
    ("mixconv1d", None, False, 16_319_726, 22_835),
    ("conv1_2d", None, True, 32_674_414, 44_209),
    ("convst", None, True, 62_853_742, 83_669),
    ("conv1_2_3d", None, True, 71_663_598, 95_178),
    ("conv1_2d_dropout", None, False, 27_644_526, None),
    ("convst_dropout", None, False, 57_823_854, None),
    ("conv1_2_3d_dropout", None, False, 61_603_822, None),
]


@pytest.mark.parametrize(("op", "plan", "search", "params", "mega"), SIZES, ids=lambda value: str(value))
def test_published_sizes(op, plan, search, params, mega):
    with torch.device("meta"):
        net = create_model("cakes_50", op=op, plan=plan, search=search)
    assert sum(p.numel() for p in net.parameters()) == params
    if mega:
        assert round(measure_cost(net, CLIP).macs / 1e6) == mega


@pytest.mark.parametrize(("name", "options", "params", "mega"), [
    ("cakes_101", {"op": "conv1_2d"}, 35_741_934, 52_224), ("gst_50", {}, 21_035_246, 29_001),
    ("gst_50", {"beta": 1}, 29_523_182, 40_099)])  # fmt: skip
def test_other_sizes(name, options, params, mega):
    with torch.device("meta"):
        cost = measure_cost(create_model(name, **options), CLIP)
    assert (cost.params, round(cost.macs / 1e6)) == (params, mega)


def test_fvcores_total():
    """The original's own count, batch norm included."""
    pytest.importorskip("fvcore")
    cost = measure_cost(create_model("cakes_50", plan="CAKES123D_P"), CLIP, fvcore=True)
    assert cost.fvcore_total == golden("cakes/i3d_r50_CAKES123D_P")["macs"]


@pytest.mark.parametrize("seed", range(4))
def test_closed_forms_of_random_plans(seed):
    rng, planes = random.Random(seed), planes_of(BLOCKS[50])
    deal = []
    for p in planes:
        a, b = sorted(rng.randint(0, p) for _ in range(2))
        deal.append({"kx1x1": p - b, "kxkxk": a, "1xkxk": b - a})  # in no particular order
    with torch.device("meta"):
        cost = measure_cost(create_model("cakes_50", plan=deal), (3, 5, 224, 224))
    each = [27 * c["kxkxk"] + 9 * c["1xkxk"] + 3 * c["kx1x1"] for c in deal]
    assert cost.params == 12_547_310 + sum(p * n for p, n in zip(planes, each, strict=True))
    inner = sum((3584 // p) ** 2 * p * n for p, n in zip(planes, each, strict=True))  # 56 pixels at 64 planes
    assert cost.macs == 5 * (17_902_436_352 // 8 + inner)


INFLATION = golden("cakes/inflation")


def published(net, folder):
    """The state of a net's backbone, keys as published."""
    layout = next(each.name for each in entry("cakes_50").layouts if fits(net, each))
    save_published("cakes_50", net, folder / "net.pth", layout)
    state = torch.load(folder / "net.pth", weights_only=True)["state_dict"]
    return {key.removeprefix("module.base_model."): value for key, value in state.items()}


def fits(net, layout):
    dropping, one_kind = isinstance(net.blocks()[0].middle, DroppingConv), len(net.blocks()[0].middle.kinds) == 1
    return layout.name == "CAKES" + " dropping" * dropping + " one kind" * one_kind


def flat_net():
    return {key: fill(key, shape) for key, shape in INFLATION["imagenet_keys"]}


@pytest.mark.parametrize("case", INFLATION["cases"], ids=lambda case: case["name"])
def test_inflation(case, tmp_path):
    net = create_model("cakes_50", op=case["op_code"], search=case["search"], plan=case["conv_config"], dropout=0.0)
    inflate(net, flat_net())
    for leaf in ("weight", "bias"):
        getattr(net.fc, leaf).data = fill(f"module.new_fc.{leaf}", getattr(net.fc, leaf).shape)
    state = published(net, tmp_path)
    for key, probe in case["probes"].items():
        assert list(state[key].shape) == probe["shape"]
        torch.testing.assert_close(state[key].flatten()[:5], torch.tensor(probe["first"]), rtol=1e-5, atol=1e-7)
        assert state[key].double().sum().item() == pytest.approx(probe["sum"], rel=1e-5)
    if "logits" in case:
        with torch.no_grad():
            logits = net.eval()(golden_input(case["input_shape"]))
        want = torch.tensor(case["logits"])
        torch.testing.assert_close(logits[:, :10], want, rtol=0, atol=1e-4 * want.abs().max().item())


@pytest.mark.parametrize(("name", "rates"), [("cakes_nano", {1, 2}), ("gst_50", {1, 2}), ("tsm_50", {1, 2, 5, 10})])
def test_policy(name, rates):
    with torch.device("meta"):
        net = create_model(name)
    groups = parameter_groups(net, 1.0, 3e-4)
    assert {group["base_rate"] for group in groups} <= rates
    decayed = {id(p) for group in groups for p in group["params"] if group["weight_decay"]}
    assert decayed == {id(p) for p in net.parameters() if p.ndim > 1}
    [bias] = [group for group in groups if any(p is net.fc.bias for p in group["params"])]
    assert bias["base_rate"] == max(rates)
