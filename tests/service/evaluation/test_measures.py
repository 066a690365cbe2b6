import math
from itertools import pairwise, permutations, product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.evaluation.measures import (
    FLIPS,
    Bin,
    Figure,
    Need,
    auc,
    calibration,
    complete,
    figure,
    group,
    hit,
    latency,
    mrr,
    ndcg,
    recall,
    risk_coverage,
    sign_flip_p,
)

SECOND = 1 / math.log2(3)  # what the second hit of a ranking counts in nDCG


def needs(*ranks: float) -> list[Need]:
    return [Need(rank) for rank in ranks]


def test_hit_looks_for_any_need() -> None:
    """The k-th hit is still within the first k."""
    assert [hit(needs(7, 3, math.inf), k) for k in (2, 3, 4)] == [0, 1, 1]
    assert hit(needs(math.inf), 1000) == 0


def test_mrr_is_the_reciprocal_of_the_first_rank() -> None:
    """Beyond k it is 0."""
    assert mrr(needs(7, 4), 10) == 0.25
    assert mrr(needs(10), 10) == 0.1
    assert mrr(needs(11), 10) == 0
    assert mrr(needs(math.inf), 10) == 0


def test_recall_is_the_share_of_needs() -> None:
    """Of three needs, one is met at 2 and one at 20."""
    assert [recall(needs(2, 20, math.inf), k) for k in (1, 2, 20)] == [0, 1 / 3, 2 / 3]


def test_complete_wants_all_needs() -> None:
    """Both, or nothing."""
    assert complete(needs(1, 10), 10) == 1
    assert complete(needs(1, 11), 10) == 0


def test_ndcg_of_one_need_falls_with_the_logarithm_of_its_rank() -> None:
    """1 at the first hit, 1 / log2(3) at the second, 0 beyond k."""
    assert [ndcg(needs(rank), 10) for rank in (1, 2, 10, 11)] == [1, SECOND, 1 / math.log2(11), 0]


def test_ndcg_compares_with_the_best_ranking() -> None:
    """Worked by hand: two needs met at 2 and 3; gains of 3 and 1 in the wrong order; more needs than hits."""
    assert ndcg(needs(2, 3), 10) == pytest.approx((SECOND + 1 / 2) / (1 + SECOND))
    assert ndcg([Need(2, 3), Need(1, 1)], 10) == pytest.approx((3 * SECOND + 1) / (3 + SECOND))
    assert ndcg(needs(1, 2, 3), 2) == pytest.approx(1)


@given(st.lists(st.integers(1, 30), min_size=1, max_size=8, unique=True), st.integers(1, 20))
def test_measures_lie_between_0_and_1_and_agree_with_one_another(ranks: list[int], k: int) -> None:
    """What is complete is a hit; recall is positive just where there is a hit; a better rank never does harm."""
    given_needs = needs(*ranks)
    values = [measure(given_needs, k) for measure in (hit, mrr, ndcg, recall, complete)]
    assert all(0 <= value <= 1 + 1e-12 for value in values)
    assert complete(given_needs, k) <= recall(given_needs, k) <= hit(given_needs, k)
    assert (recall(given_needs, k) > 0) == (hit(given_needs, k) == 1) == (ndcg(given_needs, k) > 0)
    if 1 not in ranks:
        better = needs(*(rank - 1 for rank in ranks))
        for measure in (hit, mrr, ndcg, recall, complete):
            assert measure(better, k) >= measure(given_needs, k)


def test_an_interval_is_that_of_the_binomial_distribution() -> None:
    """The mean of 25 right of 100 is resampled with a standard deviation of sqrt(0.25 * 0.75 / 100) = 0.0433."""
    found = figure([1.0] * 25 + [0.0] * 75)
    assert found.mean == 0.25
    assert found.low == pytest.approx(0.25 - 1.96 * 0.0433, abs=0.011)
    assert found.high == pytest.approx(0.25 + 1.96 * 0.0433, abs=0.011)
    assert figure([1.0] * 25 + [0.0] * 75) == found


def test_an_interval_without_spread_has_no_width() -> None:
    """Of equal values nothing else can be drawn, however many there are."""
    for values in ([0.5], [0.5] * 3000):
        found = figure(values)
        assert (found.mean, found.low, found.high) == (0.5, 0.5, 0.5)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=40))
def test_an_interval_lies_within_the_values(values: list[float]) -> None:
    """It is ordered, and no resample leaves the range of what it is drawn from."""
    found = figure(values)
    assert min(values) - 1e-9 <= found.low <= found.high <= max(values) + 1e-9


@given(st.lists(st.integers(-3, 3), min_size=1, max_size=8))
def test_the_p_value_is_that_of_all_assignments_of_signs(differences: list[int]) -> None:
    """Drawn at random, it stays near the exact share of assignments that are as far from 0."""
    signs = list(product((-1, 1), repeat=len(differences)))
    sums = [abs(sum(sign * one for sign, one in zip(row, differences, strict=True))) for row in signs]
    exact = sum(one >= abs(sum(differences)) for one in sums) / len(signs)
    assert sign_flip_p(differences) == pytest.approx(exact, abs=0.025)  # five standard errors of 10,000 draws


def test_the_p_value_is_two_sided_and_never_0() -> None:
    """Twenty wins without a loss cannot be chance; nor twenty losses; no difference at all can."""
    assert sign_flip_p([1.0] * 20) == sign_flip_p([-1.0] * 20) <= 3 / (FLIPS + 1)
    assert sign_flip_p([1.0] * 40) == 1 / (FLIPS + 1)
    assert sign_flip_p([0.0] * 20) == 1


def test_calibration_worked_by_hand() -> None:
    """Four hits: two in the bin of 0.2, one relevant; two in the last, where a score of 1 belongs, both relevant."""
    found = calibration([0.2, 0.25, 0.9, 1.0], [True, False, True, True], [0.9, 0.2], [0.25])
    assert found is not None
    assert found.hits == 4
    assert found.bins == (Bin(0.2, 0.3, 2, 0.225, 0.5), Bin(0.9, 1.0, 2, 0.95, 1.0))
    assert found.ece == pytest.approx(0.5 * 0.275 + 0.5 * 0.05)
    assert found.ece_equal_mass == pytest.approx((0.8 + 0.25 + 0.1 + 0) / 4)  # four bins of one hit
    assert found.brier == pytest.approx((0.8**2 + 0.25**2 + 0.1**2 + 0) / 4)
    assert found.auc == 0.5


def test_scores_that_are_the_chances_have_no_calibration_error() -> None:
    """Ten hits of 0.3, of which three are relevant; the bins do not depend on the order of equal scores."""
    for relevant in ([True] * 3 + [False] * 7, [False] * 7 + [True] * 3):
        found = calibration([0.3] * 10, relevant, [], [])
        assert found is not None
        assert found.ece == pytest.approx(0)
        assert found.ece_equal_mass == pytest.approx(0)
        assert found.auc is None


def test_without_hits_there_is_no_calibration() -> None:
    """An empty index has scores of nothing."""
    assert calibration([], [], [], []) is None


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=60))
def test_calibration_agrees_with_its_bins(hits: list[tuple[float, bool]]) -> None:
    """The bins hold every hit once, and the error is theirs; no error exceeds 1."""
    found = calibration([score for score, _ in hits], [relevant for _, relevant in hits], [], [])
    assert found is not None
    assert sum(one.hits for one in found.bins) == found.hits == len(hits)
    assert found.ece == pytest.approx(sum(one.hits * abs(one.score - one.relevant) for one in found.bins) / len(hits))
    assert all(one.low - 1e-9 <= one.score <= one.high + 1e-9 for one in found.bins)
    assert 0 <= found.ece_equal_mass <= 1
    assert 0 <= found.brier <= 1


@given(st.lists(st.integers(0, 5), min_size=1, max_size=9), st.lists(st.integers(0, 5), min_size=1, max_size=9))
def test_auc_counts_the_pairs(higher: list[int], lower: list[int]) -> None:
    """It is the share of pairs in the right order, ties by half; the other way round it is the rest."""
    right = sum((one > other) + (one == other) / 2 for one in higher for other in lower)
    found = auc(higher, lower)
    assert found == pytest.approx(right / (len(higher) * len(lower)))
    assert auc(lower, higher) == pytest.approx(1 - right / (len(higher) * len(lower)))


def test_a_group_counts_each_question_for_the_measures_that_it_has() -> None:
    """Means are over those alone, in the order that is wanted; what no question has is not there."""
    found = group([{"b": 1.0}, {"a": 0.5, "b": 0.0}, {}], ["a", "b", "c"])
    assert found.questions == 3
    assert list(found.figures) == ["a", "b"]
    assert found.figures["a"] == Figure(0.5, 0.5, 0.5)
    assert found.figures["b"].mean == 0.5


def test_risk_coverage_worked_by_hand() -> None:
    """The surest answer is right, one of the two next is wrong, and so is the last."""
    found = risk_coverage([0.1, 0.5, 0.9, 0.5], [True, True, False, False])
    assert [one.coverage for one in found.points] == [0.25, 0.5, 0.75, 1]
    assert [one.risk for one in found.points] == pytest.approx([0, 0.25, 1 / 3, 0.5])
    assert [one.confidence for one in found.points] == [0.9, 0.5, 0.5, 0.1]
    assert found.area == pytest.approx((0 + 0.25 + 1 / 3 + 0.5) / 4)
    assert [found.at(share) for share in (0.25, 0.3, 0.5, 1)] == pytest.approx([0, 0.25, 0.25, 0.5])


@given(st.lists(st.tuples(st.sampled_from([0.0, 0.3, 0.8]), st.booleans()), min_size=1, max_size=6))
def test_the_area_is_that_of_all_orders_of_equal_answers(answers: list[tuple[float, bool]]) -> None:
    """Counted out: every order in which confidence never rises, each prefix of it, and how much of that is wrong."""
    areas = []
    for order in permutations(answers):
        if all(one[0] >= other[0] for one, other in pairwise(order)):
            risks = [sum(wrong for _, wrong in order[:size]) / size for size in range(1, len(order) + 1)]
            areas.append(sum(risks) / len(risks))
    found = risk_coverage([confidence for confidence, _ in answers], [wrong for _, wrong in answers])
    assert found.area == pytest.approx(sum(areas) / len(areas))
    assert found.points[-1].risk == pytest.approx(sum(wrong for _, wrong in answers) / len(answers))
    assert all(0 <= one.risk <= 1 for one in found.points)


def test_latency_is_the_middle_and_the_slow_end() -> None:
    """Of 1 to 101 ms, half take 51 at most, and 95 of a hundred 96."""
    found = latency(list(np.arange(1.0, 102.0)))
    assert (found.median_ms, found.p95_ms) == (51, 96)
