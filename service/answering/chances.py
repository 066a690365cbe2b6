"""Whether the best sentence answers at all, and how surely: logistic functions of a few facts about it.

No single score tells: a question that the reports do not answer names a real body and a real matter. So what counts
is whether the sentence has the kind of thing asked for, how much of the question is said in it and around it, whether
the report is of the time that is named, and how near it is to the question. The weights were fitted to development
questions with `python -m tests.quality.answers`, which also tells how well they do on bodies that took no part.
"""

from dataclasses import dataclass
from enum import StrEnum
from math import exp

import numpy as np
from numpy.typing import NDArray

from service.answering.sentences import Candidate, Sign, Topic
from service.ranking import Signal
from service.reading import Reading


class Fact(StrEnum):
    """What is known of the best sentence, in the order of the columns."""

    MEANING = "cosine with the topic"
    NEARBY = "words nearby"
    NO_KIND = "kind asked for, not there"
    SHORT_ASKED = "something short asked for"
    TIME = "report of the time named"
    HIT = "score of the hit"
    LEAD = "logarithm of its share among the sentences"


FACTS = tuple(Fact)


@dataclass(frozen=True, slots=True)
class Chance:
    """A logistic function of the facts."""

    weights: tuple[float, ...]  # in the order of `FACTS`
    level: float

    def of(self, facts: NDArray[np.float64]) -> float:
        """Give the chance, 0 to 1."""
        return 1 / (1 + exp(-float(facts @ np.array(self.weights)) - self.level))


def facts_of(best: Candidate, sums: NDArray[np.float64], topic: Topic, reading: Reading) -> NDArray[np.float64]:
    """Give the facts about the best sentence, (7,), where `sums` are those of all."""
    facts = {
        Fact.MEANING: best.value(Sign.MEANING),
        Fact.NEARBY: best.value(Sign.NEARBY),
        Fact.NO_KIND: topic.asks_short and not best.value(Sign.KIND),
        Fact.SHORT_ASKED: topic.asks_short,
        Fact.TIME: best.hit.value(Signal.TIME) if reading.times else 1,
        Fact.HIT: best.hit.score,
        Fact.LEAD: -float(np.log(np.exp(sums - sums.max()).sum())),
    }
    return np.array([facts[fact] for fact in FACTS], np.float64)


# The chance that the reports answer, and that one of the quotes does.
ANSWERABLE = Chance((1.6, 3.5, -5.4, 0.3, 1.6, 5.8, -1.1), -5.6)
RIGHT = Chance((1.6, 0.2, -3.9, 0.5, 0.9, 2.0, 0.2), -2.1)
LEAST = 0.5  # chance below which nothing is said
# Cosine below which the best sentence is on another matter: of 60 searches for what no report is about, one came
# nearer, of 164 that are answered one less near. Models whose cosines are all higher are told by the chance alone.
LEAST_MEANING = 0.3


def can_answer(facts: NDArray[np.float64]) -> bool:
    """Tell whether the reports answer, rather than not."""
    return bool(facts[FACTS.index(Fact.MEANING)] >= LEAST_MEANING) and ANSWERABLE.of(facts) >= LEAST
