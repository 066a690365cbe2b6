from collections.abc import Mapping
from datetime import date
from math import log

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.answering.chances import (
    ANSWERABLE,
    FACTS,
    LEAST,
    LEAST_MEANING,
    RIGHT,
    Chance,
    Fact,
    can_answer,
    facts_of,
)
from service.answering.choice import WEIGHTS, sums_of
from service.answering.kinds import Kind, Wanted
from service.answering.sentences import SIGNS, Candidate, Sign, Topic
from service.reading import Names, Reading, read
from tests.service.answering.made import candidate, hit, report, stored
from tests.service.made import NOTHING_READ

PASSAGE = stored(1, report("tarn", "Tarn Council", date(2020, 12, 31)), "The keepers have 40 trees.")
IN_2020 = read("How many trees in 2020?", Names(()))


def topic(kind: Kind) -> Topic:
    return Topic.of(Wanted(kind), {"tree": 1.0}, np.ones(2, np.float32))


def facts(one: Candidate, kind: Kind = Kind.NUMBER, reading: Reading = NOTHING_READ) -> dict[Fact, float]:
    """Give the facts about a sentence that is alone, by name."""
    return dict(zip(FACTS, facts_of(one, np.array([1.0]), topic(kind), reading).tolist(), strict=True))


def sentence(signs: Mapping[Sign, float], *, score: float = 0.5, time: float = 0.0) -> Candidate:
    return candidate(PASSAGE, signs=signs, found=hit(PASSAGE, score=score, time=time))


def test_facts_are_those_of_the_best_sentence() -> None:
    """Its meaning, the words in it and around it, and how near its passage is to the question."""
    told = facts(sentence({Sign.MEANING: 0.7, Sign.NEARBY: 0.3, Sign.KIND: 1.0}, score=0.6))
    assert (told[Fact.MEANING], told[Fact.NEARBY], told[Fact.HIT]) == (0.7, 0.3, 0.6)


@pytest.mark.parametrize(
    ("kind", "has_it", "asked", "missing"),
    [(Kind.NUMBER, 1.0, 1, 0), (Kind.NUMBER, 0.0, 1, 1), (Kind.TEXT, 0.0, 0, 0)],
)
def test_a_missing_number_is_told_only_where_one_is_asked_for(
    kind: Kind, has_it: float, asked: int, missing: int
) -> None:
    """A sentence answers a question that asks for nothing shorter."""
    told = facts(sentence({Sign.KIND: has_it}), kind)
    assert (told[Fact.SHORT_ASKED], told[Fact.NO_KIND]) == (asked, missing)


def test_without_a_time_in_the_question_every_report_is_of_it() -> None:
    """With one, it counts how well the report goes with it."""
    assert facts(sentence({}, time=0.3))[Fact.TIME] == 1
    assert facts(sentence({}, time=0.3), reading=IN_2020)[Fact.TIME] == 0.3
    assert facts(sentence({}, time=0.0), reading=IN_2020)[Fact.TIME] == 0


def test_the_lead_is_the_logarithm_of_the_share_among_all_sentences() -> None:
    """Alone it has all; beside an equal one, half; and large sums make no difference."""
    for sums, share in (([2.0], 1.0), ([2.0, 2.0], 0.5), ([900.0, 900.0 - log(3)], 0.75), ([5.0, -900.0], 1.0)):
        found = facts_of(sentence({}), np.array(sums), topic(Kind.TEXT), NOTHING_READ)
        assert found[FACTS.index(Fact.LEAD)] == pytest.approx(log(share), abs=1e-9)


def test_a_chance_is_a_logistic_function() -> None:
    """Of the weighed facts and the level."""
    chance = Chance((2.0, -1.0), 0.5)
    assert chance.of(np.array([0.0, 0.5])) == 0.5
    assert chance.of(np.array([1.0, 0.0])) == pytest.approx(1 / (1 + np.exp(-2.5)))
    assert chance.of(np.array([0.0, 3.0])) < 0.5 < chance.of(np.array([1.0, 1.0]))


@pytest.mark.parametrize("chance", [ANSWERABLE, RIGHT])
def test_what_speaks_for_an_answer_never_lowers_its_chance(chance: Chance) -> None:
    """A nearer meaning and a nearer passage raise it, and the lack of what was asked for lowers it."""
    assert len(chance.weights) == len(FACTS)
    by_name = dict(zip(FACTS, chance.weights, strict=True))
    assert min(by_name[Fact.MEANING], by_name[Fact.HIT]) > 0 > by_name[Fact.NO_KIND]
    assert 0 < LEAST < 1


@pytest.mark.parametrize(
    ("meaning", "score", "can"),
    [(0.9, 1.0, True), (LEAST_MEANING, 1.0, True), (LEAST_MEANING - 0.01, 1.0, False), (0.9, -9.0, False)],
)
def test_an_answer_is_near_in_meaning_and_likely(meaning: float, score: float, can: bool) -> None:
    """Neither is enough without the other."""
    one = sentence({Sign.MEANING: meaning, Sign.NEARBY: 1.0, Sign.KIND: 1.0}, score=score)
    assert can_answer(facts_of(one, np.array([1.0]), topic(Kind.NUMBER), NOTHING_READ)) is can


@given(st.lists(st.floats(-1, 1), min_size=len(SIGNS), max_size=len(SIGNS)), st.floats(0, 1), st.integers(1, 500))
def test_a_chance_is_from_0_to_1(signs: list[float], score: float, count: int) -> None:
    """Whatever the sentence and however many there are."""
    one = sentence(dict(zip(SIGNS, signs, strict=True)), score=score)
    found = facts_of(one, np.linspace(0, -9, count), topic(Kind.NUMBER), NOTHING_READ)
    assert 0 <= ANSWERABLE.of(found) <= 1
    assert 0 <= RIGHT.of(found) <= 1


def test_signs_are_weighed_one_by_one() -> None:
    """A sentence's sum is that of its signs, each times its weight."""
    alone = [candidate(PASSAGE, signs={sign: 1.0}) for sign in SIGNS]
    assert sums_of(alone).tolist() == pytest.approx(list(WEIGHTS))
    assert sums_of([candidate(PASSAGE, signs=dict.fromkeys(SIGNS, 0.5))]).tolist() == pytest.approx(
        [sum(WEIGHTS) / 2]
    )
