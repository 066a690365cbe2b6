import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from indexer.records import Mode
from service.ranking import DENSE, LEXICAL, SIGNALS, WEIGHTS, Signal, Weights, log_shares

MODES = pytest.mark.parametrize("mode", list(Mode))
SUMS = st.lists(st.floats(-300, 300), min_size=1, max_size=20).map(np.array)
FLAT = (0.0,) * len(SIGNALS)


def alone(weights: Weights, sums: NDArray[np.float64]) -> list[float]:
    """Give the chance of each candidate as the only hit that is shown."""
    return [float(weights.scores(sums, np.array([row]))[0]) for row in range(len(sums))]


def best_first(sums: NDArray[np.float64]) -> NDArray[np.int64]:
    return np.argsort(-sums, kind="stable")


def test_a_sum_is_each_signal_times_its_own_weight() -> None:
    """Columns and weights stand in one order, which is that of the signals."""
    weights = Weights(tuple(float(10**place) for place in range(len(SIGNALS))))
    assert weights.sums(np.eye(len(SIGNALS), dtype=np.float32)).tolist() == list(weights.signals)
    assert weights.sums(np.ones((1, len(SIGNALS)), np.float32)).tolist() == [sum(weights.signals)]
    assert weights.sums(np.empty((0, len(SIGNALS)), np.float32)).tolist() == []


@MODES
def test_what_speaks_for_a_passage_raises_it(mode: Mode) -> None:
    """Only what many bodies say alike lowers it; an arm that does not look in this mode plays no part."""
    weights = dict(zip(SIGNALS, WEIGHTS[mode].signals, strict=True))
    assert weights.pop(Signal.SPREAD) <= 0
    assert all(weight >= 0 for weight in weights.values())
    assert any(weights[signal] for signal in DENSE) == (mode is not Mode.LEXICAL)
    assert any(weights[signal] for signal in LEXICAL) == (mode is not Mode.DENSE)
    assert weights[Signal.BODY] > 0
    assert weights[Signal.TIME] > 0


@given(SUMS)
def test_shares_are_those_of_a_softmax(sums: NDArray[np.float64]) -> None:
    """They make up the whole, and two differ as their sums do."""
    shares = log_shares(sums)
    assert np.exp(shares).sum() == pytest.approx(1)
    assert shares - shares[0] == pytest.approx(sums - sums[0], abs=1e-9)


@given(SUMS, st.floats(-9, 9))
def test_a_chance_goes_by_the_share_and_by_the_largest(sums: NDArray[np.float64], level: float) -> None:
    """Where one of them counts alone, the odds are that share, times the odds at a share of all."""
    share = np.exp(log_shares(sums))
    for weights, counts in (
        (Weights(FLAT, of_share=1.0, level=level), share),
        (Weights(FLAT, of_largest=1.0, level=level), np.full(len(sums), share.max())),
    ):
        odds = counts * np.exp(level)
        assert alone(weights, sums) == pytest.approx((odds / (1 + odds)).tolist())


@MODES
@given(SUMS)
def test_scores_are_chances_that_rise_with_the_sum(mode: Mode, sums: NDArray[np.float64]) -> None:
    """Of two hits of one search the better has the higher chance."""
    shown = best_first(sums)
    scores = WEIGHTS[mode].scores(sums, shown)
    assert ((scores >= 0) & (scores <= 1)).all()
    assert scores.tolist() == pytest.approx([alone(WEIGHTS[mode], sums)[row] for row in shown])
    is_less = -np.diff(sums[shown]) > 1e-6
    assert (np.diff(scores)[is_less] < 0).all()


@MODES
@given(SUMS, st.floats(-300, 300))
def test_what_is_added_to_all_sums_changes_no_score(mode: Mode, sums: NDArray[np.float64], added: float) -> None:
    """A question that suits all passages well makes none of them more likely than the others."""
    shown = best_first(sums)
    scores = [WEIGHTS[mode].scores(some, shown).tolist() for some in (sums, sums + added)]
    assert scores[1] == pytest.approx(scores[0])


@MODES
@given(SUMS, st.data())
def test_scores_never_rise_down_the_page(mode: Mode, sums: NDArray[np.float64], data: st.DataObject) -> None:
    """A hit that stands below a worse one for variety's sake has no higher score than that."""
    order = data.draw(st.permutations(range(len(sums))))
    shown = np.array(order[: data.draw(st.integers(1, len(order)))])
    chances = [alone(WEIGHTS[mode], sums)[row] for row in shown]
    expected = [min(chances[: place + 1]) for place in range(len(shown))]
    scores = WEIGHTS[mode].scores(sums, shown)
    assert scores.tolist() == pytest.approx(expected)
    assert (np.diff(scores) <= 0).all()


@MODES
def test_scores_tell_a_search_that_found_from_one_that_did_not(mode: Mode) -> None:
    """The best is likelier the further it stands out, and where none does, all are less likely than one that does."""
    by_lead = [alone(WEIGHTS[mode], np.array([lead, *[0.0] * 20])) for lead in (0.0, 2.0, 4.0, 8.0)]
    best = [scores[0] for scores in by_lead]
    assert best == sorted(set(best))
    assert max(by_lead[0]) < best[1]
    assert all(max(scores[1:]) < scores[0] for scores in by_lead[1:])


@MODES
def test_rivals_make_a_passage_less_likely(mode: Mode) -> None:
    """Of many that fit equally well, each is the less likely the more they are."""
    chances = [alone(WEIGHTS[mode], np.zeros(rivals))[0] for rivals in (1, 2, 10, 100)]
    assert chances == sorted(set(chances), reverse=True)


@MODES
def test_everything_that_speaks_for_a_passage_makes_it_likelier_than_nothing(mode: Mode) -> None:
    """Whatever the weights are, the one stands above the other, and its chance with it."""
    signals = np.array([[float(signal is not Signal.SPREAD) for signal in SIGNALS], FLAT], np.float32)
    best, worst = alone(WEIGHTS[mode], WEIGHTS[mode].sums(signals))
    assert worst < best


@MODES
def test_without_candidates_there_are_no_scores(mode: Mode) -> None:
    """A search that finds nothing is no error."""
    assert WEIGHTS[mode].scores(np.empty(0), np.empty(0, np.int64)).tolist() == []
