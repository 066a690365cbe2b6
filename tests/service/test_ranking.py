import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.records import Mode
from service.ranking import DENSE, LEXICAL, SIGNALS, WEIGHTS, Signal, Weights

MODES = pytest.mark.parametrize("mode", list(Mode))
SUMS = st.lists(st.floats(-300, 300), min_size=1, max_size=20)


def test_a_sum_is_each_signal_times_its_own_weight() -> None:
    """Columns and weights stand in one order, which is that of the signals."""
    weights = Weights(tuple(float(10**place) for place in range(len(SIGNALS))), 1.0, 0.0)
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


@MODES
@given(SUMS)
def test_scores_are_chances_that_rise_with_the_sum(mode: Mode, sums: list[float]) -> None:
    """The better passage never has the lower one, and half a chance lies at the middle."""
    weights = WEIGHTS[mode]
    scores = weights.scores(np.array(sorted(sums, reverse=True)))
    assert ((scores >= 0) & (scores <= 1)).all()
    assert (np.diff(scores) <= 0).all()
    assert scores.tolist() == [weights.scores(np.array([one]))[0] for one in sorted(sums, reverse=True)]
    assert weights.scores(np.array([weights.middle])) == pytest.approx([0.5])


@given(SUMS)
def test_scores_never_rise_down_the_page(sums: list[float]) -> None:
    """A hit that stands below a worse one for variety's sake has no higher score than that."""
    weights = WEIGHTS[Mode.HYBRID]
    scores = weights.scores(np.array(sums))
    alone = [weights.scores(np.array([one]))[0] for one in sums]
    assert scores.tolist() == [min(alone[: place + 1]) for place in range(len(sums))]


@MODES
def test_scores_tell_the_best_from_the_worst(mode: Mode) -> None:
    """A passage for which everything speaks is likely relevant, and one for which nothing does is not."""
    signals = np.array([[float(signal is not Signal.SPREAD) for signal in SIGNALS], [0.0] * len(SIGNALS)], np.float32)
    best, worst = WEIGHTS[mode].scores(WEIGHTS[mode].sums(signals))
    assert worst < 0.1
    assert best > 0.9
