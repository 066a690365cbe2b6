"""The odd characters of real files, and the map back to them."""

import unicodedata
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.extract.characters import clean, raw_offset, raw_runs, spell_ligatures

# All characters, and more often than by chance those that are treated in their own way.
ODD = "\r\n\t \xa0\xad\u200b\ufeff\x00\x02\ufffe\uf06e\uf02d\uf0b7\ue000\u0336\u2028\u2011\ud800\udc00\U0001f600aé"
RAW = st.text(st.one_of(st.sampled_from(ODD), st.characters(codec=None)), max_size=60)


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ("one\r\ntwo\rthree\nfour", "one\ntwo\nthree\nfour"),
        ("a\x0bb\x0cc\x85d\u2028e\u2029f", "a\nb\nc\nd\ne\nf"),
        ("long\ufffeterm multi\x02agency", "long-term multi-agency"),
        ("child\u2011in\u2010need", "child-in-need"),
        ("\uf06e First\r\n \uf02d second \uf06e \r\n2015\uf02d16 \uf0b7", "• First\n • second \ufffd \n2015-16 •"),
        ("narrow\u202fno\xa0break\u3000wide\ttab", "narrow no break wide tab"),
        ("zero\u200bwidth\ufeff\u200e\u202e\x07\x00", "zerowidth"),
        ("soft\xadly bro\xad\nken end\xad", "softly bro-\nken end-"),
        ("\u0336 two 2016\u033617 \u0336", "– two 2016\u033617 –"),
        ("half \ud800 other \udc00", "half \ufffd other \ufffd"),
        ("smile \ud83d\ude00 on", "smile 😀 on"),
        ("never \uffff \ufdd0 \U0001fffe", "never \ufffd \ufffd \ufffd"),
        ("“quotes” – £5 é ◼ − ﬁ", "“quotes” – £5 é ◼ − ﬁ"),
    ],
)
def test_odd_characters_become_plain_ones(raw: str, text: str) -> None:
    """Each kind of odd character seen in real files has its own plain form."""
    assert clean(raw)[0] == text


def test_text_without_odd_characters_needs_no_map() -> None:
    """Plain text comes back as it is, with the empty map that stands for equal offsets."""
    assert clean("Plain text.\nTwo lines – with a dash.") == ("Plain text.\nTwo lines – with a dash.", ())


def test_map_names_the_raw_character_behind_each_line_end() -> None:
    """A dropped carriage return starts a new run, so that later offsets still meet their characters."""
    text, raw_map = clean("ab\r\ncd")
    assert text == "ab\ncd"
    assert raw_map == ((0, 0), (2, 3))
    assert [raw_offset(raw_map, at) for at in range(5)] == [0, 1, 3, 4, 5]


def may_stand_for(char: str, raw: str) -> bool:
    """Tell whether a character of the text may stand for a raw one; written apart from the code under test."""
    category = unicodedata.category(raw)
    match char:
        case "\n":
            return raw in "\n\r\x0b\x0c\x85\u2028\u2029"
        case " ":
            return raw == "\t" or category == "Zs"
        case "-":
            return raw in "-\x02\ufffe\u2010\u2011\xad\uf02d"
        case "–":
            return raw in "–\u0336"
        case "•":
            return raw == "•" or category == "Co"
        case "\ufffd":
            return raw == "\ufffd" or category in ("Co", "Cs", "Cn")
    return char == raw or ("\ud800" <= raw <= "\udbff" and char > "\uffff")


@given(RAW)
def test_every_character_agrees_with_its_raw_one(raw: str) -> None:
    """Through the map, each character stands for exactly one raw character, in the same order."""
    text, raw_map = clean(raw)
    offsets = [raw_offset(raw_map, at) for at in range(len(text))]
    assert offsets == sorted(set(offsets))
    assert all(may_stand_for(char, raw[at]) for char, at in zip(text, offsets, strict=True))


@given(RAW)
def test_map_has_ascending_runs_from_the_first_character(raw: str) -> None:
    """Runs ascend on both sides, the first starts at the first character, and none is longer than the raw text."""
    text, raw_map = clean(raw)
    runs = raw_map or ((0, 0),)
    assert runs[0][0] == 0
    assert all(a[0] < b[0] and a[1] < b[1] and b[1] - a[1] > b[0] - a[0] for a, b in pairwise(runs))
    assert not text or raw_offset(raw_map, len(text) - 1) < len(raw)
    assert len(text) <= len(raw)


@given(RAW, st.data())
def test_runs_of_a_place_are_the_raw_characters_of_its_text(raw: str, data: st.DataObject) -> None:
    """What has no counterpart in the text is in none of them, though it may stand between."""
    text, raw_map = clean(raw)
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))
    runs = raw_runs(raw_map, start, end)
    assert [at for run in runs for at in range(*run)] == [raw_offset(raw_map, at) for at in range(start, end)]


@given(RAW)
def test_cleaning_twice_changes_nothing_more(raw: str) -> None:
    """Cleaned text is clean."""
    text, _ = clean(raw)
    assert clean(text) == (text, ())


@given(RAW)
def test_cleaned_text_can_be_stored_and_printed(raw: str) -> None:
    """No lone surrogate, control, format or private character is left, and only line feeds end lines."""
    text, _ = clean(raw)
    text.encode()
    assert {unicodedata.category(char) for char in text if char != "\n"}.isdisjoint(
        {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}
    )
    assert text.splitlines() == text.removesuffix("\n").split("\n") if text else True


@given(RAW)
def test_dropped_characters_show_nothing(raw: str) -> None:
    """What has no counterpart in the text is invisible, the rest of a line end or half of a pair."""
    text, raw_map = clean(raw)
    kept = {raw_offset(raw_map, at) for at in range(len(text))}
    for at, char in enumerate(raw):
        if at not in kept:
            second_half = "\udc00" <= char <= "\udfff" and "\ud800" <= raw[at - 1] <= "\udbff"
            assert second_half or unicodedata.category(char) in ("Cc", "Cf")


def test_ligatures_are_spelt_out() -> None:
    """A reader types "efficient", whatever the file has."""
    assert spell_ligatures("eﬃcient ﬁle, ﬂoor, ﬀ ﬄ ﬅ ﬆ") == "efficient file, floor, ff ffl st st"
