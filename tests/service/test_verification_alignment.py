"""Alignment against the plain table of Levenshtein, and the kinds of changes."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.verification.alignment import Step, align
from service.verification.kinds import Kind, kind_of
from service.verification.tokens import tokens

WORDS = st.lists(st.sampled_from("abcd"), min_size=1, max_size=8)


def least_cost(parts: Sequence[Sequence[str]], source: Sequence[str]) -> int:
    """Fill the whole table, cell by cell."""
    row = [0] * (len(source) + 1)
    for part in parts:
        for at in range(1, len(row)):  # what lies between two parts costs nothing
            row[at] = min(row[at], row[at - 1])
        for word in part:
            last, row = row, [row[0] + 1]
            for at, other in enumerate(source, start=1):
                row.append(min(last[at - 1] + (word != other), last[at] + 1, row[-1] + 1))
    return min(row)


def cost(steps: Sequence[Step], quoted: Sequence[str], source: Sequence[str]) -> int:
    return sum(one is None or other is None or quoted[one] != source[other] for one, other in steps)


@given(st.lists(WORDS, min_size=1, max_size=3), st.lists(st.sampled_from("abcde"), max_size=20))
def test_an_alignment_takes_the_fewest_changes(parts: list[list[str]], source: list[str]) -> None:
    """Every word of the quote comes once and in order, words of the source ascend, and the cost is the table's."""
    quoted = [word for part in parts for word in part]
    steps = align(parts, source)
    assert [one for one, _ in steps if one is not None] == list(range(len(quoted)))
    beside = [other for _, other in steps if other is not None]
    assert beside == sorted(set(beside))
    assert cost(steps, quoted, source) == least_cost(parts, source)


def test_a_part_without_words_is_refused() -> None:
    """It would stand everywhere."""
    with pytest.raises(ValueError, match="without words"):
        align([["a"], []], ["a"])


@pytest.mark.parametrize(
    ("quoted", "source", "kind"),
    [
        ("16", "61", Kind.NUMBER),
        ("twenty-one", "22", Kind.NUMBER),
        ("twenty-one", "21", Kind.OTHER),
        ("third", "3rd", Kind.OTHER),
        ("third", "second", Kind.NUMBER),
        ("a half", "a quarter", Kind.NUMBER),
        ("May", "June", Kind.NUMBER),
        ("5%", "5 per cent", Kind.OTHER),
        ("", "30", Kind.NUMBER),
        ("never", "", Kind.NEGATION),
        ("is", "isn’t", Kind.NEGATION),
        ("does lack", "has", Kind.NEGATION),
        ("safe", "unsafe", Kind.NEGATION),
        ("careful", "careless", Kind.NEGATION),
        ("not good", "good", Kind.NEGATION),
        ("good", "outstanding", Kind.GRADE),
        ("adequate", "inadequate", Kind.GRADE),
        ("requires improvement", "inadequate", Kind.GRADE),
        ("good", "table", Kind.GRADE),
        ("requires help", "needs help", Kind.OTHER),
        ("side", "inside", Kind.NEGATION),  # a word that only looks negated; rather one too many is called out
        ("parents", "children", Kind.OTHER),
    ],
)
def test_a_change_is_of_the_gravest_kind_that_it_is(quoted: str, source: str, kind: Kind) -> None:
    """Both ways round."""
    one, other = ([token.key for token in tokens(text)] for text in (quoted, source))
    assert kind_of(one, other) is kind
    assert kind_of(other, one) is kind


def test_a_judgement_in_two_words_is_known_by_its_neighbour() -> None:
    """`requires` alone judges nothing."""
    assert kind_of(["improvement"], ["sleep"], ("requires", "requires"), ("", "")) is Kind.GRADE
    assert kind_of(["improvement"], ["sleep"], ("an", "an"), ("", "")) is Kind.OTHER
    assert kind_of(["requires"], ["shows"], ("", ""), ("improvement", "improvement")) is Kind.GRADE


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("children's", "children’s"),
        ("wellbe-\ning", "wellbeing"),
        ("ﬁnd", "FIND"),
        ("5 per cent", "5%"),
        ("1,300", "1300"),
        ("2016–17", "2016-17"),
        ("cafe\u0301 bar", "café bar"),
        ("inspect[ed]", "inspected"),
    ],
)
def test_typography_makes_no_other_word(one: str, other: str) -> None:
    """Keys are the same where only the setting differs."""
    assert [token.key for token in tokens(one)] == [token.key for token in tokens(other)]


@pytest.mark.parametrize(
    ("one", "other"),
    [("children's", "childrens"), ("2016-17", "201617"), ("1.5", "15"), ("1,30", "130"), ("co-op", "co op")],
)
def test_what_says_something_else_is_another_word(one: str, other: str) -> None:
    """Keys differ."""
    assert [token.key for token in tokens(one)] != [token.key for token in tokens(other)]


@given(st.text())
def test_tokens_are_places_of_the_text_in_order(text: str) -> None:
    """None is empty, none overlaps the next, and none is without a key."""
    at = 0
    for token in tokens(text):
        assert at <= token.start < token.end <= len(text)
        assert token.key
        at = token.end
