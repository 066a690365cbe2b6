"""Searching inside one document."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.errors import InputError
from service.inside import MOST_SNIPPETS, PageFound, Sought, find_inside

PAGES = [
    (1, "The mill was painted twice. Painters like the mill."),
    (2, "A bridge crosses the river near the mill."),
    (3, "Nothing of the kind."),
]


def found_on(query: str) -> list[int]:
    return [one.page for one in find_inside(query, PAGES)]


def words_of(query: str, text: str) -> list[str]:
    return [text[start:end] for start, end in Sought.of(query).places(text)]


def test_words_are_found_whatever_their_ending() -> None:
    """Who looks for painting finds what was painted."""
    assert words_of("painting", "It was painted, paints and painted") == ["painted", "paints", "painted"]


def test_a_phrase_in_quotation_marks_must_stand_word_for_word() -> None:
    """Its words apart from one another are not enough, and other words of the query are found beside it."""
    assert found_on('"painted twice"') == [1]
    assert found_on('"twice painted"') == []
    assert words_of('"near the mill" river', PAGES[1][1]) == ["river", "near the mill"]


def test_a_phrase_may_run_over_a_line_end() -> None:
    """A page's line ends are where its printer put them; hyphens, case and apostrophes do not matter either."""
    assert words_of('"the children’s well-being"', "The children's\nwell being") == ["The children's\nwell being"]


def test_a_phrase_does_not_begin_within_a_word() -> None:
    """The art of no cart."""
    assert words_of('"art of"', "A cart of hay") == []


def test_pages_with_an_excluded_word_are_left_out() -> None:
    """A dash in front of a word says so, as in a search."""
    assert found_on("mill") == [1, 2]
    assert found_on("mill -bridge") == [1]


def test_pages_with_more_of_the_words_come_first() -> None:
    """Two different words count for more than one word twice."""
    assert found_on("mill river") == [2, 1]
    assert found_on("mill") == [1, 2]


def test_words_that_are_in_every_sentence_are_not_looked_for() -> None:
    """Nothing is found by "the" alone."""
    assert found_on("the of") == []


@pytest.mark.parametrize("query", ["", "   ", "-mill", "x" * 1001])
def test_a_query_without_anything_to_look_for_is_refused(query: str) -> None:
    """As a search refuses it."""
    with pytest.raises(InputError):
        find_inside(query, PAGES)


def test_a_page_has_its_richest_snippets_in_the_order_of_the_text() -> None:
    """Of four stretches the one with the fewest places is not shown."""
    gap = " word" * 80 + " "
    text = gap.join(("mill mill", "mill", "mill mill mill", "mill mill"))
    (found,) = find_inside("mill", [(1, text)])
    assert len(found.places) == 8
    assert [len(one.marks) for one in found.snippets] == [2, 3, 2]


texts = st.lists(st.sampled_from(["mill", "bridges", "\n", " ", "of", "x" * 50, "…", "don’t"]), max_size=120).map(
    " ".join
)


@given(texts, st.sampled_from(["mill", "bridge mill", '"mill bridges"', "x" * 50]))
def test_snippets_are_cut_from_the_page(text: str, query: str) -> None:
    """Each is text of the page at its place, its marks are places, and none reaches into the next."""
    for found in find_inside(query, [(7, text)]):
        assert isinstance(found, PageFound)
        assert 1 <= len(found.snippets) <= MOST_SNIPPETS
        end = 0
        for snippet in found.snippets:
            assert snippet.start >= end
            end = snippet.start + len(snippet.text)
            assert text[snippet.start : end] == snippet.text
            assert snippet.marks
            for first, last in snippet.marks:
                assert (snippet.start + first, snippet.start + last) in found.places
        assert list(found.places) == sorted(found.places)
        assert all(before[1] <= after[0] for before, after in pairwise(found.places))
