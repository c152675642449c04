"""Seeds and verdicts: formulas against others' code, and what two equal nets are called."""

from itertools import combinations

import numpy as np
import pytest
from scipy import stats

from lib.evaluate import compare
from lib.evaluate.comparisons import holm, no_verdict, summary
from lib.evaluate.intervals import paired_difference
from lib.evaluate.seeds import crossed_error, estimate, hits, paired_t, seen_from
from lib.evaluate.simulation import equal_nets

# top-1 by training seed of nets of ours after 8 epochs, 256 test videos: how far apart seeds can be
SEEN = [(91.8, 90.6, 86.7), (81.2, 91.0, 89.5), (77.3, 82.4, 87.5), (83.6, 82.0, 77.3), (73.0, 59.0, 78.5)]
SEEN += [(77.0, 77.0, 33.2), (66.8, 52.3, 63.7, 60.2)]


def nets_of(*tops, videos=200):
    """{seed: test} per net, its right answers spread over the videos by a seed of their own."""
    found = []
    for number, net in enumerate(tops):
        tests = {}
        for seed, top1 in enumerate(net):
            order = np.random.default_rng([number, seed]).permutation(videos)
            right = np.isin(np.arange(videos), order[: round(top1 * videos / 100)])
            tests[seed] = {"labels": [0] * videos, "predicted": np.where(right, 0, 1).tolist()}
        found.append(tests)
    return found


def test_the_interval_over_seeds_is_student_s():
    tops = (70.0, 75.0, 74.0, 71.0)
    over = summary(*nets_of(tops))
    low, high = stats.t.interval(0.95, 3, np.mean(tops), stats.sem(tops))
    assert (over.mean, over.low, over.high) == pytest.approx((72.5, low, high))
    assert over.sd == pytest.approx(np.std(tops, ddof=1)) and over.videos_low < over.low < over.high < over.videos_high


def test_the_difference_is_the_paired_t_test():
    a, b = (90.0, 80.0, 85.0), (70.0, 59.0, 66.0)
    (row,) = compare([("a", *nets_of(a), "b", nets_of((), b)[1])])
    assert row.p >= stats.ttest_rel(a, b).pvalue - 1e-12 and row.p_holm == row.p
    low, high = stats.ttest_rel(a, b).confidence_interval(0.95)
    assert (row.points, row.low, row.high) == pytest.approx((20, low, high))
    assert row.verdict == "a is better" and row.seen_from < 20
    assert row.videos_low <= row.low and row.high <= row.videos_high


def test_a_difference_of_seen_from_is_where_it_is_decided():
    """By both tests: which of them is the stricter one changes with how many pairs were looked at."""
    (a,), (b,) = nets_of((71.0, 70.5, 71.0)), nets_of((69.0, 68.5, 69.5))
    found = estimate(hits(a).astype(int) - hits(b).astype(int), (0, 0), (-100, 100))
    stricter = set()
    for pairs in (1, 3000):
        seen = seen_from(found.errors, 0.05 / pairs)
        ps = [2 * stats.t.sf(seen / error, degrees) for error, degrees in found.errors]
        assert max(ps) == pytest.approx(0.05 / pairs)
        stricter.add(int(np.argmax(ps)))
    assert stricter == {0, 1}
    rows = compare([("a", a, "b", b)] * 3000)
    assert rows[0].seen_from == seen


def test_the_interval_over_seeds_and_videos_is_never_the_narrower_one():
    """And leaves 0 out where p is below 0.05, no sooner."""
    rng, decided = np.random.default_rng(4), set()
    for sd in (0.5, 2, 8) * 20:
        ((a,), (b,)) = (equal_nets(rng, nets=1, accuracy=top1, sd=sd) for top1 in (80, 74))
        (row,) = compare([("a", a, "b", b)])
        assert row.videos_low <= row.low <= row.high <= row.videos_high
        assert (row.p < 0.05) == (row.videos_low > 0 or row.videos_high < 0)
        over = summary(a)
        assert over.videos_low <= over.low <= over.high <= over.videos_high
        decided.add(row.p < 0.05)
    assert decided == {True, False}


@pytest.mark.parametrize("seeds", [3, 5])
def test_the_interval_over_seeds_and_videos_covers_the_truth(seeds):
    """What other seeds on other videos give, in 95 of 100 suites at least; the one over seeds alone does not."""
    rng, covered = np.random.default_rng(seeds), {"videos": 0, "seeds": 0}
    for _ in range(400):
        (net,) = equal_nets(rng, nets=1, seeds=seeds, accuracy=80, sd=1.5)
        over = summary(net)
        covered["videos"] += over.videos_low <= 80 <= over.videos_high
        covered["seeds"] += over.low <= 80 <= over.high
    assert covered["videos"] >= 380 > covered["seeds"]


def test_the_bootstrap_in_closed_form_is_the_bootstrap():
    rng = np.random.default_rng(0)
    scores = rng.normal(size=(4, 30)) + rng.normal(size=(4, 1)) + rng.normal(size=30)
    rows = rng.integers(0, 4, (20000, 3))  # one seed fewer than there are
    columns = rng.integers(0, 30, (20000, 30))
    means = [scores[row][:, column].mean() for row, column in zip(rows, columns, strict=True)]
    assert crossed_error(scores) == pytest.approx(np.std(means), rel=0.02)
    alike = np.repeat(rng.normal(size=(5, 1)), 30, axis=1)
    assert crossed_error(alike) == pytest.approx(stats.sem(alike[:, 0])), "videos that agree add nothing"


def test_holm_against_scipy_s_definition():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.5, 0.9]) == [1.0, 1.0] and holm([]) == []


def test_no_interval_leaves_the_scale():
    over = summary(*nets_of((100.0, 99.0, 95.0)))
    assert over.high == 100 and over.videos_high == 100
    (row,) = compare([("a", *nets_of((100.0, 100.0, 90.0)), "b", *nets_of((0.0, 1.0, 2.0)))])
    assert row.high == 100
    assert paired_difference([0] * 3, [1] * 3, [0] * 3)[2] == 100


@pytest.mark.parametrize("seeds, words", [(1, "one seed: no verdict"), (2, "two seeds: no verdict")])
def test_too_few_seeds_decide_nothing(seeds, words):
    best, worst = nets_of([100.0] * seeds, [0.0] * seeds)
    (row,) = compare([("a", best, "b", worst)])
    assert row.verdict == words == no_verdict(seeds) and row.p is None and row.comparisons == 0
    (row,) = compare([("a", best, "b", {9: worst[0]})])
    assert row.verdict == "no seed in common: no verdict" and row.points is None


def test_what_holds_alone_and_not_among_many_says_so():
    """One comparison is decided; among ten it is not, and the words tell both."""
    a, b = nets_of((71.0, 69.5, 70.0), (63.0, 62.0, 64.5), videos=5000)
    (alone,) = compare([("a", a, "b", b)])
    assert alone.verdict == "a is better" and alone.p == alone.p_holm < 0.05
    rows = compare([("a", a, "b", b)] + [("a", a, "a again", a)] * 9)
    assert rows[0].verdict == "apart alone, not among 10" and rows[0].p < 0.05 <= rows[0].p_holm
    assert {row.verdict for row in rows[1:]} == {"not distinguishable"}


def test_equal_seeds_do_not_look_like_certainty():
    """Three seeds, each one video apart: an accuracy is no finer than a video."""
    (row,) = compare([("a", *nets_of([50.5] * 3), "b", *nets_of([50.0] * 3))])
    assert row.verdict == "not distinguishable" and row.sd == 0
    assert estimate(np.zeros((3, 8)), (0, 0), (-100, 100)).p == 1


def test_other_videos_are_refused():
    a, b = nets_of((90.0, 80.0, 85.0), (70.0, 60.0, 65.0))
    b[1] = {**b[1], "labels": [1] * 200}
    with pytest.raises(ValueError, match="seed 1 answered other test videos than seed 0"):
        compare([("a", a, "b", b)])
    other = {seed: {**test, "labels": [1] * 200} for seed, test in a.items()}
    with pytest.raises(ValueError, match="the two nets answered other test videos"):
        compare([("a", a, "b", other)])


def test_what_is_no_number_proves_nothing():
    with pytest.raises(ValueError, match="p values are from 0 to 1, not nan"):
        holm([0.01, float("nan")])
    with pytest.raises(ValueError, match="p values are from 0 to 1, not -1"):
        holm([-1])
    with pytest.raises(ValueError, match="differences of 1 seeds are not finite"):
        paired_t([0.1, float("inf"), 0.2], 1e-4)
    with pytest.raises(ValueError, match="scores of 1 seeds are not finite"):
        estimate([[0.0, 1.0], [0.0, float("nan")]], (0, 0))
    with pytest.raises(ValueError, match="no seed"):
        hits({})


def verdicts(rng, nets, **how):
    named = list(enumerate(equal_nets(rng, nets=nets, **how)))
    return [row.verdict for row in compare([(str(i), a, str(j), b) for (i, a), (j, b) in combinations(named, 2)])]


APART = [(np.mean(tops), np.std(tops, ddof=1)) for tops in SEEN]
STEADY = [(85.0, 0.5), (85.0, 1.0)]  # by the seeds alone 8 of 100 such pairs are called different


@pytest.mark.parametrize(
    "nets, seeds, suites, spreads",
    [(2, 3, 2000, APART), (2, 5, 2000, APART), (4, 3, 400, APART), (2, 5, 1000, STEADY), (2, 7, 1000, STEADY)],
)
def test_equal_nets_are_called_different_in_at_most_a_twentieth_of_suites(nets, seeds, suites, spreads):
    """Nets as far apart between seeds as ours were, and steady ones; of four nets, any of six pairs counts."""
    rng = np.random.default_rng(seeds)
    wrong = 0
    for suite in range(suites):
        accuracy, sd = spreads[suite % len(spreads)]
        wrong += any(each.endswith("better") for each in verdicts(rng, nets, seeds=seeds, accuracy=accuracy, sd=sd))
    assert wrong <= 0.05 * suites


def test_one_seed_and_the_videos_interval_call_half_of_equal_pairs_different():
    """What the rule before this one did: the reason why one seed gets no verdict."""
    rng, wrong = np.random.default_rng(0), 0
    for suite in range(700):
        tops = SEEN[suite % len(SEEN)]
        a, b = equal_nets(rng, seeds=1, accuracy=np.mean(tops), sd=np.std(tops, ddof=1))
        low, high = paired_difference(a[0]["predicted"], b[0]["predicted"], a[0]["labels"])[1:]
        wrong += low > 0 or high < 0
    assert 0.4 < wrong / 700 < 0.6


def test_nets_that_are_apart_are_told_apart():
    rng = np.random.default_rng(1)
    better = 0
    for _ in range(50):
        ((a,), (b,)) = (equal_nets(rng, nets=1, seeds=5, accuracy=top1, sd=3) for top1 in (85, 70))
        better += compare([("a", a, "b", b)])[0].verdict == "a is better"
    assert better >= 45


def test_the_paired_t_is_scipy_s_and_equal_seeds_are_no_proof():
    apart = [0.31, 0.12, 0.25, 0.2]
    known = stats.ttest_1samp(apart, 0)
    mean, low, high, p, error = paired_t(apart, 1e-9)
    assert (mean, p) == pytest.approx((np.mean(apart), known.pvalue))
    assert (low, high) == pytest.approx(tuple(known.confidence_interval()))
    assert paired_t([0.3], 0.1) == (0.3, None, None, None, None)
    assert paired_t([0.1] * 3, 0.1)[3] > 0.05 > paired_t([0.1] * 3, 1e-4)[3]
