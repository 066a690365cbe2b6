"""The order of what was found: a weighted sum of a few signals, and the chance of relevance that it stands for.

The weights were fitted to development questions and checked on bodies left out of the fitting; `tests/quality/fit.py`
repeats both. Of the hybrid ones, some weight was then moved by hand from sentences to whole passages and words (4.3,
8.8, 15.4, 19.1 before): the development questions of ConditionalQA gain by it, and reports hardly mind.
Each signal is on a scale of its own that means the same for every query: neither ranks nor the best value of a query
play a part in the order.
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

    PASSAGE = "passage and question"  # cosine
    SENTENCE = "sentence and question"  # of the nearest sentence, read within its passage
    SENTENCE_TOPIC = "sentence and topic"
    WORDS = "words of the question"  # BM25, as a share of the most there could be
    SPREAD = "repeated elsewhere"  # mean logarithm of the number of bodies that say the same
    BODY = "body"  # how surely the question names the body
    TIME = "time"  # how well the document goes with the times that the question names
    NEWEST = "newest, or first"  # is the last of a named body, or the first where asked for


DENSE = (Signal.PASSAGE, Signal.SENTENCE, Signal.SENTENCE_TOPIC)
LEXICAL = (Signal.WORDS,)
SIGNALS = tuple(Signal)


@dataclass(frozen=True, slots=True)
class Weights:
    """One weight a signal, in their order; and what makes a chance of a sum.

    The chance is a logistic function of how large the hit's share is among the candidates (the logarithm of a softmax
    over their sums), and of how large the largest is: where none stands out, none is likely.
    """

    signals: tuple[float, ...]
    of_share: float = 0.0
    of_largest: float = 0.0
    level: float = 0.0

    def sums(self, signals: NDArray[np.float32]) -> NDArray[np.float64]:
        """Weigh signals (n, 8): shape (n,)."""
        sums: NDArray[np.float64] = signals @ np.array(self.signals)
        return sums

    def scores(self, sums: NDArray[np.float64], shown: NDArray[np.int64]) -> NDArray[np.float64]:
        """Give the estimated chance, 0 to 1, that each hit is relevant; `shown` are their rows in the order shown.

        A hit that stands below another for variety's sake is given no higher chance than that one, so scores never
        rise from one hit to the next.
        """
        if not len(shown):
            return np.empty(0)
        shares = log_shares(sums)
        logits = self.of_share * shares[shown] + self.of_largest * shares.max() + self.level
        return np.minimum.accumulate(1 / (1 + np.exp(-logits)))


def log_shares(sums: NDArray[np.float64]) -> NDArray[np.float64]:
    """Give the logarithm of each candidate's share (softmax): shape (n,), of one at least."""
    highest = sums.max()
    shares: NDArray[np.float64] = sums - highest - np.log(np.exp(sums - highest).sum())
    return shares


WEIGHTS = {
    Mode.HYBRID: Weights((14.0, 4.0, 12.0, 25.0, -0.8, 2.6, 4.6, 2.3), 0.43, 0.73, 0.73),
    Mode.DENSE: Weights((3.3, 13.6, 17.9, 0.0, -0.8, 2.2, 5.1, 2.6), 0.59, 0.62, 1.01),
    Mode.LEXICAL: Weights((0.0, 0.0, 0.0, 35.1, -0.5, 3.1, 3.8, 2.0), 0.62, 0.61, 0.81),
}
