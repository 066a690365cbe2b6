from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.evaluation.wording import common_share, contains, exact_match, f1, overlaps

WORDS = st.lists(st.sampled_from(["pier", "mill", "town", "painted", "1834"]), max_size=7)
TEXTS = st.text(st.sampled_from("aAthe pierš1,.3%’£-"), max_size=25)


@pytest.mark.parametrize(
    ("text", "gold", "same"),
    [
        ("The pier!", "pier", True),
        ("an  old\npier", "Old Pier", True),
        ("the town’s pier", "town's pier", True),
        ("1,834", "1834", True),
        ("theatre", "atre", False),
        ("old pier", "pier", False),
        ("", "the", False),
    ],
)
def test_an_exact_match_passes_over_case_punctuation_articles_and_spaces(text: str, gold: str, same: bool) -> None:
    """Nothing else, and an answer of articles alone is none."""
    assert exact_match(text, ["something else", gold]) is same


def test_f1_worked_by_hand() -> None:
    """Two tokens of three are right, and two of the four that are wanted; the best gold answer counts."""
    assert f1("The town painted it", ["a pier", "painted by the town council"]) == pytest.approx(2 * 2 / (3 + 4))
    assert f1("pier pier", ["pier"]) == pytest.approx(2 / 3)
    assert f1("", ["pier"]) == f1("pier", []) == f1("the", ["the"]) == 0


@given(WORDS, WORDS)
def test_f1_is_1_just_for_the_same_bag_of_words(words: list[str], gold: list[str]) -> None:
    """It lies between 0 and 1, does not depend on the order or on which text is the gold one."""
    value = f1(" ".join(words), [" ".join(gold)])
    assert 0 <= value <= 1
    assert (value == 1) == (bool(words) and Counter(words) == Counter(gold))
    assert value == f1(" ".join(gold), [" ".join(reversed(words))])


@given(TEXTS, st.lists(TEXTS, max_size=3))
def test_an_exact_match_has_an_f1_of_1(text: str, golds: list[str]) -> None:
    """And more gold answers never make it worse."""
    assert not exact_match(text, golds) or f1(text, golds) == 1
    assert all(f1(text, golds) >= f1(text, [gold]) for gold in golds)


@pytest.mark.parametrize(
    ("text", "gold", "found"),
    [
        ("There were 1834 of them.", "1,834", True),
        ("There were 1,834 of them.", "1834", True),
        ("It cost £3.5m.", "£3.5m", True),
        ("It cost £13.5m.", "£3.5m", False),
        ("It cost £3.5m.", "3", False),
        ("Eighty-one of 180 came.", "80", False),
        ("About 80% came.", "80 per cent", True),
        ("A cyber-attack, in 2020", "Cyber attack", True),
        ("The Pier\nHouse was sold", "pier house", True),
        ("The house by the pier", "pier house", False),
        ("pier", "pier house", False),
        ("pier", "...", False),
        ("", "pier", False),
    ],
)
def test_an_answer_is_contained_word_for_word(text: str, gold: str, found: bool) -> None:
    """Numbers and hyphens may be written differently; a part of a word or of a number is none."""
    assert contains(text, ["something else", gold]) is found


@given(WORDS, WORDS, WORDS)
def test_what_was_put_into_a_text_is_contained(before: list[str], gold: list[str], after: list[str]) -> None:
    """Whatever stands around it; a gold answer without words never is."""
    assert contains(" ".join([*before, *gold, *after]), [" ".join(gold)]) == bool(gold)


def test_quotes_overlap_where_most_of_the_shorter_one_is_common() -> None:
    """A part, a whole with more around it, one with gaps; but not another sentence of the same words' kind."""
    gold = "Volunteers cleaned the river, and the otters came back in spring."
    assert overlaps("the otters came back in spring", [gold])
    assert overlaps(f"Bridges were repaired in summer. {gold} Readers waited in the rain.", [gold])
    assert overlaps("Volunteers cleaned the river Redbrook 3 and the otters came back.", [gold])
    assert not overlaps("Volunteers trained the team, and the readers waited for the library.", [gold])
    assert not overlaps("back came otters the and river", [gold])
    assert not overlaps("", [gold])
    assert not overlaps(gold, [])


@given(WORDS, WORDS)
def test_the_common_share_is_that_of_the_longest_common_subsequence(words: list[str], others: list[str]) -> None:
    """By the recursion that defines it."""

    def longest(one: list[str], other: list[str]) -> int:
        if not one or not other:
            return 0
        if one[0] == other[0]:
            return 1 + longest(one[1:], other[1:])
        return max(longest(one[1:], other), longest(one, other[1:]))

    shorter = min(len(words), len(others))
    assert common_share(words, others) == (longest(words, others) / shorter if shorter else 0)
