import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.highlight import highlights

words = st.from_regex(r"[b-df-hj-np-tv-z]{3,9}", fullmatch=True)  # no vowels, so no words of questions


def marked(query: str, text: str) -> list[str]:
    """Return the marked words."""
    return [text[start:end] for start, end in highlights(query, text)]


def test_the_words_of_the_query_are_marked_in_order() -> None:
    """Every place is marked, whatever the case, and nothing between."""
    text = "Budget: the school budget grew, and SCHOOL dinners with it."
    assert highlights("school budget", text) == [(0, 6), (12, 18), (19, 25), (36, 42)]


@pytest.mark.parametrize(
    ("asked", "written"),
    [
        ("visit", "visited"),
        ("visits", "visiting"),
        ("service", "services"),
        ("home", "homes"),
        ("process", "processes"),
        ("assess", "assessed"),
        ("family", "families"),
        ("council", "council's"),
        ("councils", "council’s"),
        ("straße", "STRASSE"),
        ("café", "cafés"),
        ("2018", "2018"),
        ("5", "5"),
    ],
)
def test_a_word_is_found_in_its_other_forms(asked: str, written: str) -> None:
    """Plural, possessive and the forms of a verb count as the same word, in both directions."""
    assert marked(asked, f"one {written} here") == [written]
    assert marked(written, f"one {asked} here") == [asked]


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("art", "party"),
        ("home", "homework"),
        ("what were the and which", "what were the and which"),
        ("a is to", "a is to"),
        ("", "anything"),
        ("school", ""),
        ("!?", "what!?"),
        ("5", "55 and 0.55"),
    ],
)
def test_other_words_are_left_alone(query: str, text: str) -> None:
    """Parts of words, words of questions, and very short words are never marked."""
    assert highlights(query, text) == []


@given(st.text(), st.text())
def test_marks_are_whole_words_of_the_text(query: str, text: str) -> None:
    """Marks follow each other without touching, and each is a word with no letter beside it."""
    last = -1
    for start, end in highlights(query, text):
        assert last < start < end <= len(text)
        assert re.fullmatch(r"[\w’']+", text[start:end])
        assert not re.match(r"\w", text[end:])
        last = end


@given(st.lists(words, min_size=1, max_size=6))
def test_a_word_is_marked_wherever_it_stands(found: list[str]) -> None:
    """Asking for all words of a text marks all of them."""
    text = ", ".join(found)
    assert marked(" ".join(reversed(found)), text) == found
