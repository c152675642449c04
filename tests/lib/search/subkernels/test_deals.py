"""Deals: their costs against the counter's, random ones of equal cost, distances, comparison."""

import pytest
import torch

from lib import create_model, measure_cost
from lib.models.frame_resnet import BLOCKS, planes_of
from lib.models.subkernels import OPS, OWN_DEALS, PUBLISHED_DEALS, read_deal
from lib.models.swap import with_deal
from lib.search.subkernels.deals import deal_macs, layer_costs, moved_channels, random_deal, rivals

CLIP = (3, 8, 64, 64)


def nano(deal=None, op="conv1_2_3d"):
    with torch.device("meta"):
        return create_model("cakes_nano", num_classes=8, op=op, plan=deal)


def swapped(deal=None, op="conv1_2_3d"):
    with torch.device("meta"):
        return with_deal(create_model("ircsn_nano", num_classes=8), deal, op)


@pytest.mark.parametrize(("build", "channels"), [(nano, [16, 32, 64]), (swapped, [16, 16, 32, 64])])
@pytest.mark.parametrize("op", ["conv1_2d", "conv1_2_3d", "mixconvall"])
def test_costs_are_the_counters(build, channels, op):
    """The cost of two deals differs by what the whole nets' multiply-accumulates differ by; of a random one by 0."""
    costs, deals = layer_costs(build(op=op), CLIP), [None, [{OPS[op][-1]: count} for count in channels]]
    nets = [measure_cost(build(deal, op), CLIP).macs for deal in deals]
    deals = [read_deal(deal, op, channels) for deal in deals]
    assert nets[0] - nets[1] == deal_macs(deals[0], costs) - deal_macs(deals[1], costs) > 0
    for seed in range(3):
        drawn = random_deal(op, channels, costs, deal_macs(deals[0], costs), seed)
        assert drawn != deals[0] and [sum(layer.values()) for layer in drawn] == channels
        assert measure_cost(build(drawn, op), CLIP).macs == nets[0]


def test_random_plans_of_the_papers_net():
    """At the cost of a published deal, exactly; the same from the same seed, another from another."""
    planes, deal = planes_of(BLOCKS[50]), PUBLISHED_DEALS["CAKES123D_C"]
    costs = [8 * p * (3584 // p) ** 2 for p in planes]  # 56 pixels at 64 planes
    a, b, again = (random_deal("conv1_2_3d", planes, costs, deal_macs(deal, costs), seed) for seed in (0, 1, 0))
    assert a == again != b
    assert deal_macs(a, costs) == deal_macs(b, costs) == deal_macs(deal, costs)
    assert 10 < moved_channels(a, b) < 90 and moved_channels(a, a) == 0
    with pytest.raises(ValueError, match="the nearest found costs"):
        random_deal("conv1_2d", [4], [10], 10 * 36 + 10, 0, tries=3)


def test_rivals_and_distance():
    deal = [{"1xkxk": 10, "kx1x1": 6}, {"1xkxk": 0, "kx1x1": 32}]
    alone = rivals(deal, "conv1_2d", [4, 2], 0, seed=3, alone=["1xkxk"])
    assert alone["1xkxk alone"] == [{"1xkxk": 16}, {"1xkxk": 32}] and len(alone) == 2
    found = rivals(deal, "conv1_2d", [4, 2], 2, seed=3)
    assert list(found) == ["uniform", "random 1", "random 2"]
    assert found["uniform"] == [{"1xkxk": 8, "kx1x1": 8}, {"1xkxk": 16, "kx1x1": 16}]
    assert moved_channels(deal, found["uniform"]) == pytest.approx(100 * 18 / 48)
    with pytest.raises(ValueError, match="no layers with a split"):
        layer_costs(create_model("cakes_nano", search=True), CLIP)


def test_our_own_deals_cost_what_an_even_one_does():
    """And they differ: by a fifth of all channels or more, each from each."""
    net = create_model("cakes_deep_nano", num_classes=8)
    even = measure_cost(net, CLIP).macs
    assert len(OWN_DEALS) == 11
    for name, deal in OWN_DEALS.items():
        assert measure_cost(create_model("cakes_deep_nano", num_classes=8, plan=name), CLIP).macs == even
        assert min(moved_channels(deal, other) for key, other in OWN_DEALS.items() if key != name) > 15
