"""Which part of a scatter is the group's, which the seed's."""

import numpy as np
import pytest
from scipy.stats import f_oneway

from lib.evaluate.variance import split_variance


def drawn(rng, between, within=3.0, groups=10, each=3):
    own = rng.normal(60, between, (groups, 1)) if between else np.full((groups, 1), 60.0)
    return own + rng.normal(0, within, (groups, each))


def test_f_is_scipys():
    values = drawn(np.random.default_rng(0), 2.0)
    found, theirs = split_variance(values.tolist()), f_oneway(*values)
    assert found.f == pytest.approx(theirs.statistic) and found.p == pytest.approx(theirs.pvalue)
    assert found.degrees == (9, 20) and (found.groups, found.trainings) == (10, 30)


@pytest.mark.parametrize("between", [0.0, 1.5, 4.0])
def test_it_finds_what_was_put_in(between):
    """On average over 2,000 draws the variances are right; the interval covers the true one as often as it says."""
    rng = np.random.default_rng(7)
    found = [split_variance(drawn(rng, between)) for _ in range(2000)]
    assert np.mean([each.within**2 for each in found]) == pytest.approx(9, rel=0.03)
    f_says = np.mean([(each.f - 1) / 3 * each.within**2 for each in found])  # before it is cut at 0
    assert f_says == pytest.approx(between**2, abs=0.35)
    covered = np.mean([each.between_low <= between + 1e-12 <= each.between_high + 2e-12 for each in found])
    assert 0.93 <= covered <= 0.99
    false = np.mean([each.p < 0.05 for each in found])
    assert (0.035 <= false <= 0.065) if between == 0 else false > 0.1


def residual(values, *columns):
    """The sum of squares that these columns of dummies leave, by least squares."""
    design = np.column_stack([np.ones(values.size), *columns])
    return float(np.sum((values.ravel() - design @ np.linalg.lstsq(design, values.ravel(), rcond=None)[0]) ** 2))


def test_with_blocks_f_is_that_of_two_nested_models():
    """The model of seeds alone against that of groups and seeds, fitted by least squares."""
    values = drawn(np.random.default_rng(3), 2.0, groups=6, each=4) + np.array([5.0, -3.0, 0.0, 8.0])
    group, seed = np.kron(np.eye(6), np.ones((4, 1))), np.kron(np.ones((6, 1)), np.eye(4))
    seeds, both = residual(values, seed), residual(values, group, seed)
    found = split_variance(values.tolist(), blocks=True)
    assert found.f == pytest.approx((seeds - both) / 5 / (both / 15)) and found.degrees == (5, 15)
    assert found.within == pytest.approx((both / 15) ** 0.5)


def test_what_seeds_share_hides_groups_unless_it_is_taken_out():
    """2,000 draws of groups without a difference: with a block 5 % are called different, without it hardly any."""
    rng = np.random.default_rng(5)
    tables = [drawn(rng, 0.0) + rng.normal(0, 4, (1, 3)) for _ in range(2000)]
    called = {blocks: np.mean([split_variance(each, blocks).p < 0.05 for each in tables]) for blocks in (True, False)}
    assert 0.04 <= called[True] <= 0.06 and called[False] < 0.015
    found = [split_variance(drawn(rng, 4.0) + rng.normal(0, 4, (1, 3)), blocks=True) for _ in range(2000)]
    assert 0.93 <= np.mean([each.between_low <= 4.0 <= each.between_high for each in found]) <= 0.99


def test_seeds_that_explain_all_leave_nothing_to_split():
    with pytest.raises(ValueError, match="what its seed shares with the others: nothing is known"):
        split_variance([[1.0, 2.0, 4.0], [3.0, 4.0, 6.0]], blocks=True)


@pytest.mark.parametrize(
    "groups, words",
    [
        ([[1.0, 2.0]], "it takes two groups or more"),
        ([[1.0], [2.0]], "two or more"),
        ([[1.0, 2.0], [1.0, 2.0, 3.0]], "equally many"),
        ([[1.0, 1.0]] * 3, "nothing is known of their scatter"),
        ([[0.1 + 0.2, 0.3], [0.7, 0.7]], "nothing is known of their scatter"),
        ([[1.0, float("nan")], [1.0, 2.0]], "groups of 1 groups are not finite, first of 0"),
        ([[1.0, 2.0], [float("inf"), 2.0]], "not finite"),
        ([["1", "2"], ["3", "5"]], "must be numbers"),
    ],
)
def test_what_cannot_be_split(groups, words):
    with pytest.raises(ValueError, match=words):
        split_variance(groups)
