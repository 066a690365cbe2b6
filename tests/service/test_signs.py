import json
import re
import sys
import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from service.signs import safe, safe_json, safe_line

STEERING = {"Cc", "Cf", "Cs", "Cn", "Zl", "Zp"}


@given(st.text(st.characters()))
def test_safe_text_has_only_signs_that_show(text: str) -> None:
    """Sign for sign: what is safe stays, what is not becomes one sign, so that offsets still fit."""
    made = safe(text)
    assert len(made) == len(text)
    assert not {unicodedata.category(char) for char in made.replace("\n", "")} & STEERING
    assert safe(made) == made
    assert all(now in {was, "\ufffd"} for was, now in zip(text, made, strict=True))


def test_no_sign_of_unicode_is_forgotten() -> None:
    """Of all there are, exactly those that steer are replaced, in texts, lines and JSON."""
    known = [code for code in range(sys.maxunicode + 1) if unicodedata.category(chr(code)) not in {"Cn", "Co"}]
    every = "".join(map(chr, [*known, *range(0x2065, 0x2066), *range(0xFDD0, 0x110000, 997)]))
    steering = {char for char in every if unicodedata.category(char) in STEERING}
    changed = {was for was, now in zip(every, safe(every), strict=True) if was != now}
    assert changed == steering - {"\n"}
    assert {was for was, now in zip(every, safe_line(every), strict=True) if was != now} == steering
    assert not (steering | {"<", ">"}) & set(safe_json(every)) - {"\n"}


def test_bidi_and_invisible_signs_steer() -> None:
    """The ones that attacks are made of are among them, by their numbers."""
    for (
        sign
    ) in "\x00\x07\x08\t\r\x1b\x7f\x85\x9b\xad\u061c\u200b\u200e\u202a\u202e\u2028\u2029\u2066\u2069\ufeff\U000e0041":
        assert safe(f"a{sign}b") == "a\ufffdb"
        assert re.fullmatch(r"a(\\u[0-9a-f]{4}){1,2}b|a\\[bfnrt]b", safe_json(f"a{sign}b"))


@given(st.recursive(st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=5))
def test_safe_json_says_the_same(value: object) -> None:
    """JSON without signs that steer or begin markup reads as the value it was made of."""
    made = safe_json(json.dumps(value, ensure_ascii=False, indent=2))
    assert json.loads(made) == value
    assert safe(made) == made
    assert "<" not in made


def test_what_people_write_stays_as_it_is() -> None:
    """Quotes, dashes, bullets, accents, other scripts and line feeds are no danger."""
    text = "“Café” – 5 € • R&D's, 5\u00a0%, a=b?\nΑθήνα 東京 नमस्ते 🏫"
    assert safe(text) == safe_json(text) == text


def test_a_line_is_one_line() -> None:
    """A name with a line feed cannot add a line of its own."""
    assert safe_line("a\nRefused: b") == "a\ufffdRefused: b"
