from collections.abc import Mapping
from datetime import date

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from indexer.records import StoredPassage
from service.answering.kinds import Kind, Wanted
from service.answering.sentences import NEAR, SHORT, SIGNS, Candidate, Sign, Topic, candidates
from tests.service.answering.made import candidate, hit, report, stored, texts

ASHMERE = report("ashmere", "Ashmere Council", date(2020, 10, 1))
AXIS = np.array([1.0, 0.0], np.float32)


def topic(
    kind: Kind = Kind.TEXT, of: frozenset[str] = frozenset(), rarities: Mapping[str, float] | None = None
) -> Topic:
    """Make a topic whose vector is the first axis."""
    return Topic.of(Wanted(kind, of), rarities or {}, AXIS)


def of_passage(passage: StoredPassage, asked: Topic, vectors: NDArray[np.float16] | None = None) -> list[Candidate]:
    """Take one passage apart, whose sentences all have the topic's own vector if none are given."""
    rows = np.tile(AXIS, (1 + len(passage.passage.sentences), 1)).astype(np.float16) if vectors is None else vectors
    return list(candidates([hit(passage)], {passage.passage_id: passage}, {passage.passage_id: rows}, asked))


def marked(one: Candidate) -> str | None:
    return one.text[slice(*one.short)] if one.short else None


def test_every_sentence_of_every_hit_may_answer() -> None:
    """In the order of the hits, of all passages that a hit is made of, each with its place and its characters."""
    first, second = stored(7, ASHMERE, "Gulls cry.", "Crabs walk."), stored(8, ASHMERE, "Herring swim.")
    other = stored(3, ASHMERE, "Nets dry.")
    vectors = {
        one.passage_id: np.ones((1 + len(one.passage.sentences), 2), np.float16) for one in (first, second, other)
    }
    hits = [hit(first, second), hit(other)]
    found = list(candidates(hits, {one.passage_id: one for one in (first, second, other)}, vectors, topic()))
    assert texts(found) == ["Gulls cry.", "Crabs walk.", "Herring swim.", "Nets dry."]
    assert [(one.stored.passage_id, one.place, one.span) for one in found] == [
        (7, 0, (0, 10)),
        (7, 1, (11, 22)),
        (8, 0, (0, 13)),
        (3, 0, (0, 9)),
    ]
    assert [one.hit for one in found] == [hits[0]] * 3 + [hits[1]]


def test_no_hits_have_no_sentences() -> None:
    """Nor has a passage that was stored without any."""
    assert list(candidates([], {}, {}, topic())) == []
    assert of_passage(stored(1, ASHMERE), topic()) == []


def test_a_sentence_of_a_worse_hit_is_behind() -> None:
    """By the difference of the sums, whatever the order of the hits; that of the best is not."""
    passages = [stored(number, ASHMERE, "Gulls cry.") for number in (1, 2)]
    vectors = {number: np.ones((2, 2), np.float16) for number in (1, 2)}
    hits = [hit(passages[0], total=3.0), hit(passages[1], total=4.5)]
    found = candidates(hits, dict(enumerate(passages, start=1)), vectors, topic())
    assert [one.value(Sign.HIT) for one in found] == [-1.5, 0.0]


def test_meaning_is_the_cosine_of_the_sentence_itself() -> None:
    """The first vector is of the whole passage and counts for no sentence."""
    vectors = np.array([[1, 0], [0, 1], [0.6, 0.8]], np.float16)
    found = of_passage(stored(1, ASHMERE, "Gulls cry.", "Crabs walk."), topic(), vectors)
    assert [one.value(Sign.MEANING) for one in found] == pytest.approx([0.0, 0.6], abs=1e-3)


def test_rare_words_of_the_topic_count_for_more() -> None:
    """Whatever their endings; words of questions count for nothing."""
    asked = topic(rarities={"lantern": 3.0, "pilot": 1.0, "how": 9.0, "the": 9.0, "of": 9.0})
    found = of_passage(stored(1, ASHMERE, "The lanterns of gulls.", "How the pilots sing.", "Gulls."), asked)
    assert [one.value(Sign.WORDS) for one in found] == [0.75, 0.25, 0.0]


def test_words_nearby_are_those_of_the_sentence_and_its_neighbours() -> None:
    """One sentence before and one after, in the same passage."""
    asked = topic(rarities={"lantern": 3.0, "pilot": 1.0})
    found = of_passage(stored(1, ASHMERE, "Lanterns shine.", "Gulls cry.", "Pilots sing.", "Crabs walk."), asked)
    assert [one.value(Sign.NEARBY) for one in found] == [0.75, 1.0, 0.25, 0.25]


def test_a_topic_without_telling_words_is_said_by_no_sentence() -> None:
    """Rather than by each of them, or with an error."""
    assert topic(rarities={"who": 1.0}).share(frozenset({"who"})) == 0


@given(st.dictionaries(st.text(max_size=4), st.floats(0, 20)), st.frozensets(st.text(max_size=4)))
def test_a_share_is_from_0_to_1(rarities: dict[str, float], stems: frozenset[str]) -> None:
    """Whatever the words, and more of them never have less."""
    asked = topic(rarities=rarities)
    assert 0 <= asked.share(stems) <= asked.share(stems | rarities.keys()) <= 1 + 1e-9


def test_a_sentence_with_the_kind_of_thing_asked_for_is_told() -> None:
    """The first of its things is marked, where no words say which."""
    found = of_passage(stored(1, ASHMERE, "Gulls ate 40 crabs and 3 eels.", "Gulls cry."), topic(Kind.NUMBER))
    assert [(one.value(Sign.KIND), marked(one)) for one in found] == [(1.0, "40"), (0.0, None)]
    found = of_passage(stored(1, ASHMERE, "Gulls ate 40 crabs."), topic(Kind.TEXT))
    assert [(one.value(Sign.KIND), marked(one)) for one in found] == [(0.0, None)]


@pytest.mark.parametrize(
    ("text", "of", "number", "share"),
    [
        ("In port 31 sailors met and after a long while 44 pilots of the bay slept.", {"pilot"}, "44", 1.0),
        ("In port 31 pilots met and after a long while 44 sailors of the bay slept.", {"pilot"}, "31", 1.0),
        ("Sailors 31, pilots 44.", {"pilot", "gull"}, "31", 0.5),
        ("The pilots, it was found after all, numbered 44 and the crabs 31.", {"crab", "pilot"}, "44", 0.5),
        ("There were 31 and 44.", {"gull"}, "31 and 44", 0.0),
    ],
)
def test_the_short_answer_is_the_number_beside_the_words_asked_about(
    text: str, of: set[str], number: str, share: float
) -> None:
    """That with most of them near it, and of equal ones the first."""
    (found,) = of_passage(stored(1, ASHMERE, text), topic(Kind.NUMBER, frozenset(of)))
    assert (marked(found), found.value(Sign.OF)) == (number, share)


def test_only_words_near_the_number_are_beside_it() -> None:
    """A long sentence may count many things."""
    for apart, share in ((NEAR - 1, 1.0), (NEAR, 0.0)):
        for text in (f"Pilots {'so ' * apart}44.", f"There were 44 {'so ' * apart}pilots."):
            (found,) = of_passage(stored(1, ASHMERE, text), topic(Kind.NUMBER, frozenset({"pilot"})))
            assert found.value(Sign.OF) == share


def test_a_heading_is_hardly_a_sentence() -> None:
    """It has few words."""
    found = of_passage(stored(1, ASHMERE, "So " * (SHORT - 1), "So " * SHORT), topic())
    assert [one.value(Sign.SHORT) for one in found] == [1.0, 0.0]


def test_a_name_that_the_question_says_is_no_answer() -> None:
    """Nor is the name of the body that it is about; a number may well stand in the question."""
    asked = Topic.of(Wanted(Kind.NAME), {}, AXIS, ["Who sails with Anna Thorne in Ashmere?", "Ashmere Council"])
    found = of_passage(
        stored(1, ASHMERE, "For Ashmere Council, Anna Thorne swims.", "Sailors call Rolf Anker."), asked
    )
    assert [marked(one) for one in found] == [None, "Rolf Anker"]
    number = Topic.of(Wanted(Kind.NUMBER), {}, AXIS, ["Which 44 pilots?"])
    assert [marked(one) for one in of_passage(stored(1, ASHMERE, "They are 44."), number)] == ["44"]


@given(
    st.sampled_from(Kind),
    st.lists(
        st.lists(st.sampled_from("40 pilots good May Anna in £3 2% weeks . crabs".split()), min_size=1), min_size=1
    ),
    st.frozensets(st.sampled_from(["pilot", "crab"])),
)
def test_signs_are_finite_and_the_short_answer_lies_within(
    kind: Kind, words: list[list[str]], of: frozenset[str]
) -> None:
    """Whatever a passage says; something short is marked exactly where there is something of the kind."""
    passage = stored(1, ASHMERE, *(" ".join(some) for some in words))
    found = of_passage(passage, topic(kind, of, {"pilot": 2.0}))
    assert len(found) == len(words)
    for one in found:
        assert one.signs.shape == (len(SIGNS),)
        assert np.isfinite(one.signs).all()
        assert bool(one.short) == bool(one.value(Sign.KIND))
        assert one.short is None or 0 <= one.short[0] < one.short[1] <= len(one.text)
        shares = [one.value(sign) for sign in (Sign.WORDS, Sign.NEARBY, Sign.OF)]
        assert all(0 <= share <= 1 for share in shares)
        assert one.value(Sign.WORDS) <= one.value(Sign.NEARBY)


def test_a_candidate_tells_its_own_text() -> None:
    """To the letter, as it stands in the passage."""
    assert candidate(stored(1, ASHMERE, "Gulls cry.", "Crabs  walk."), 1).text == "Crabs  walk."
