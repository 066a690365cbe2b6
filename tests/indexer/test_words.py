"""Words are compared by what they say, however they are written, and a query says which of them it insists on."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.errors import InputError
from indexer.words import Terms, readings, split_query, take_apart

# --- the words of a text


@pytest.mark.parametrize(
    ("text", "words", "joined"),
    [
        ("The Ferry, at noon!", "the ferry at noon", ""),
        ("captain's captain’s captains'", "captain captain captains", ""),
        ("isn’t o'clock 'quoted'", "isnt oclock quoted", ""),
        ("1990's", "1990", ""),
        ("well-being", "well being", "wellbeing"),
        ("well\u2010being well\u2011being", "well being well being", "wellbeing wellbeing"),
        ("co\u00adoperate", "cooperate", ""),
        ("Stow-on-the-Wold", "stow on the wold", "stowonthewold"),
        ("light-\nhouse light-  \n  house", "light house light house", "lighthouse lighthouse"),
        ("short- and long-term", "short and long term", "longterm"),
        ("noon - late", "noon late", ""),
        ("covid-19 but 16-17 and 2012-13", "covid 19 but 16 17 and 2012 13", "covid19"),
        ("1,300 and 12,345,678", "1300 and 12345678", ""),
        ("1,30 and 1,3000 and a,300", "1 30 and 1 3000 and a 300", ""),
        ("£3.5m, 2.75% and 3.", "3.5m 2.75 percent and 3", ""),
        ("1.Early 26.When", "1 early 26 when", ""),
        ("45% 45 per cent 45 percent 45 per\ncent 45 per-cent", " ".join(["45 percent"] * 5), ""),
        ("per century, super cent", "per century super cent", ""),
        ("ferries² sail¹", "ferries sail", ""),
        ("cafe\u0301 café", "café café", ""),
        ("snake_case", "snake case", ""),
        ("", "", ""),
        ("... – • ?!", "", ""),
    ],
)
def test_words(text: str, words: str, joined: str) -> None:
    """What stands left is taken apart into the words in the middle, and the joined ones on the right."""
    assert take_apart(text) == (words.split(), joined.split())


@given(st.text(alphabet=st.sampled_from("aé9.,-'’ \n%s_²"), max_size=40))
def test_words_taken_apart_again_are_the_same(text: str) -> None:
    """Words hold nothing that separates words, so Tantivy can be given them with spaces between."""
    words, joined = take_apart(text)
    assert take_apart(" ".join(words))[0] == words
    assert all(one and not any(character.isspace() for character in one) for one in words + joined)


@pytest.mark.parametrize("piece", ["a", "-a", "a-", "1,", "per ", "'", "a'", "1.", '"', ' "a', " -a", "- \n"])
def test_time_grows_with_the_text(piece: str) -> None:
    """A hundred thousand of the same are done at once; the limit on the time of a test would stop anything worse."""
    text = piece * 100_000
    take_apart(text)
    readings(text)
    split_query(f"a {text}")


def test_readings_of_a_phrase() -> None:
    """A phrase is looked for with its hyphenated words apart and joined, and only once without any."""
    apart, joined = "the well being of 16 17", "the wellbeing of 16 17"
    assert readings("the well-being of 16-17") == [apart.split(), joined.split()]
    assert readings("Ferries of 1,300") == [["ferries", "of", "1300"]]


# --- what a query asks for


@pytest.mark.parametrize(
    ("query", "words", "phrases", "excluded"),
    [
        ("when does the ferry sail?", "when does the ferry sail?", [], []),
        ('a "north pier" b', "a north pier b", ["north pier"], []),
        ("a “north pier” b", "a north pier b", ["north pier"], []),
        ('"one" „two“ «three»', "one two three", ["one", "two", "three"], []),
        ("ferry -night", "ferry", [], ["night"]),
        ("-night ferry", "ferry", [], ["night"]),
        ("ferry\n-night", "ferry", [], ["night"]),
        ('ferry -"at night" -“in fog”', "ferry", [], ["at night", "in fog"]),
        ("ferry -Stow-on-the-Wold", "ferry", [], ["Stow-on-the-Wold"]),
        ('"pier" -night', "pier", ["pier"], ["night"]),
        ("16-17 Stow-on-the-Wold", "16-17 Stow-on-the-Wold", [], []),
        ("noon - late", "noon - late", [], []),
        ("noon – late –night", "noon – late –night", [], []),
        ("ferry --help -(x) -", "ferry --help -(x) -", [], []),
        ('the "north pier', 'the "north pier', [], []),
        ("the “north pier", "the “north pier", [], []),
        ('ferry -"at night', 'ferry -"at night', [], []),
        ('a "b" and "c', 'a b and "c', ["b"], []),
        ("the 'north pier'", "the 'north pier'", [], []),
        ("captains’ and ‘north pier’", "captains’ and ‘north pier’", [], []),
        ('5" and 6" rope', '5" and 6" rope', [], []),
        ('the "" and "..." pier', "the and ... pier", [], []),
        ("", "", [], []),
        ("?!", "?!", [], []),
    ],
)
def test_split_query(query: str, words: str, phrases: list[str], excluded: list[str]) -> None:
    """Phrases and exclusions are what is marked as such without doubt; all else are words."""
    assert split_query(query) == Terms(words, tuple(phrases), tuple(excluded))


@pytest.mark.parametrize("query", ["-night", ' -"at night" ', "-a -b", "? -night"])
def test_a_query_must_look_for_something(query: str) -> None:
    """To leave something out is not a question, which is said rather than guessed about."""
    with pytest.raises(InputError, match="only says what to leave out"):
        split_query(query)


@given(st.text(alphabet=st.sampled_from('ab -"“”\n.'), max_size=30))
def test_no_word_of_a_query_is_lost(query: str) -> None:
    """Each word of any query is among those looked for or those left out, and a phrase is among both its kinds."""
    try:
        terms = split_query(query)
    except InputError:
        return
    looked_for = take_apart(terms.words)[0]
    left_out = [word for one in terms.excluded for word in take_apart(one)[0]]
    assert sorted(looked_for + left_out) == sorted(take_apart(query)[0])
    assert {word for one in terms.phrases for word in take_apart(one)[0]} <= set(looked_for)
    assert all(take_apart(one)[0] for one in terms.phrases + terms.excluded)
