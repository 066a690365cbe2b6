"""The order of what was found: a weighted sum of a few signals, and the chance of relevance that it stands for.

The weights were fitted to development questions and checked on bodies left out of the fitting; `tests/quality/fit.py`
repeats both. Each signal is on a scale of its own that means the same for every query, so neither ranks nor the best
score of a query play a part, and a hit's score does not depend on the others.
"""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from indexer.records import Mode


class Signal(StrEnum):
    """What speaks for a passage, in the order of the columns.

    The topic is the question without the bodies and times that were read from it.
    """

    PASSAGE_TOPIC = "passage and topic"  # cosines
    PASSAGE_QUESTION = "passage and question"
    SENTENCE_TOPIC = "sentence and topic"  # of the nearest sentence, read within its passage
    SENTENCE_QUESTION = "sentence and question"
    WORDS_TOPIC = "words of the topic"  # BM25, as a share of the most there could be
    WORDS_QUESTION = "words of the question"
    SPREAD = "repeated elsewhere"  # mean logarithm of the number of bodies that say the same
    BODY = "body"  # how surely the question names the body
    TIME = "time"  # how well the document goes with the times that the question names
    NEWEST = "newest"  # whether the document is the last of a body that the question names


DENSE = (Signal.PASSAGE_TOPIC, Signal.PASSAGE_QUESTION, Signal.SENTENCE_TOPIC, Signal.SENTENCE_QUESTION)
LEXICAL = (Signal.WORDS_TOPIC, Signal.WORDS_QUESTION)
SIGNALS = tuple(Signal)


@dataclass(frozen=True, slots=True)
class Weights:
    """One weight a signal, in their order; and the logistic function that makes a chance of the sum."""

    signals: tuple[float, ...]
    slope: float
    middle: float

    def sums(self, signals: NDArray[np.float32]) -> NDArray[np.float64]:
        """Weigh signals (n, 10): shape (n,)."""
        sums: NDArray[np.float64] = signals @ np.array(self.signals)
        return sums

    def scores(self, sums: NDArray[np.float64]) -> NDArray[np.float64]:
        """Give the estimated chance that each of the hits with these sums is relevant, in the order they are shown.

        A hit that stands below another for variety's sake is given no higher chance than that one, so scores never
        rise from one hit to the next.
        """
        return np.minimum.accumulate(1 / (1 + np.exp(-self.slope * (sums - self.middle))))


WEIGHTS = {
    Mode.HYBRID: Weights((2.5, 1.6, 8.5, 10.5, 0.0, 21.0, -0.7, 3.0, 2.9, 1.6), 0.8, 22.0),
    Mode.DENSE: Weights((2.5, 1.6, 8.5, 10.5, 0.0, 0.0, -0.7, 3.0, 2.9, 1.6), 0.8, 20.0),
    Mode.LEXICAL: Weights((0.0, 0.0, 0.0, 0.0, 0.0, 21.0, -0.7, 3.0, 2.9, 1.6), 0.8, 12.0),
}
