"""Operators' counts and times belong together."""

import pytest
from torch import nn

from bench.timing import operators as timing
from lib import create_model, measure_cost

MACHINE = timing.Machine(gmacs_per_s=100.0, gb_per_s=10.0, overhead_us=1.0)


@pytest.mark.parametrize("name", ["ircsn_nano", "rubiksnet_nano", "cakes_nano", "dg_p3d_nano"])
def test_every_operator_has_its_count_and_its_time(name):
    net, clip = create_model(name, num_classes=8), (3, 8, 32, 32)
    rows = timing.operators(net, clip, MACHINE, runs=1, warmup_runs=0)
    cost = measure_cost(net, clip)
    assert (sum(row["macs"] for row in rows), sum(row["bytes"] for row in rows)) == (cost.macs, cost.bytes_moved)
    assert all(row["ms"] > 0 and row["predicted_ms"] >= 0.001 for row in rows)


def test_the_longer_of_both_is_predicted():
    assert MACHINE.balance == 10
    assert MACHINE.predict_ms(10**9, 1) == pytest.approx(10)  # arithmetic
    assert MACHINE.predict_ms(1, 10**8) == pytest.approx(10)  # memory
    assert MACHINE.predict_ms(0, 0) == pytest.approx(0.001)  # nothing


def test_convolutions_are_told_apart_by_their_weights():
    layers = [nn.Conv3d(4, 4, 3, groups=4), nn.Conv3d(4, 4, 1), nn.Conv3d(4, 4, 3), nn.Conv3d(4, 4, 3, groups=2)]
    kinds = [timing.operators(layer, (4, 4, 6, 6), MACHINE, runs=1)[0]["kind"] for layer in layers]
    assert kinds == ["depthwise", "pointwise", "dense", "dense"]


def test_counts_of_other_operators_than_ran_are_refused():
    class Fickle(nn.Module):
        def forward(self, x):
            return x + 1 if x.is_meta else (x + 1).relu()

    with pytest.raises(RuntimeError, match="2 operators ran, but 1 were counted"):
        timing.operators(Fickle(), (3, 2, 4, 4), MACHINE, runs=1)


def test_the_clock_is_the_one_that_was_named():
    """It moves by two seconds a look, so each operator takes two."""
    looks = iter(range(0, 1000, 2))
    rows = timing.operators(nn.ReLU(), (3, 2, 4, 4), MACHINE, runs=2, now=lambda: next(looks))
    assert [row["ms"] for row in rows] == [2000.0]


def test_a_machine_is_measured():
    found = timing.measure_machine(0)
    assert min(found.gmacs_per_s, found.gb_per_s, found.overhead_us) > 0
