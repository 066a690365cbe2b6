"""Plain text."""

from hypothesis import given
from hypothesis import strategies as st

from indexer.errors import Refusal
from indexer.extract import text as reader
from tests.indexer.extract.files import refusal


def test_form_feeds_divide_pages() -> None:
    """Each form feed starts a page, an empty one between two counts, and one at the end does not."""
    found = reader.read("First – page.\r\nTwo lines.\f\fThird.\f\n".encode())
    assert [(page.number, page.text) for page in found.pages] == [
        (1, "First – page.\nTwo lines."),
        (2, ""),
        (3, "Third."),
    ]
    assert [(line.start, line.end) for line in found.pages[0].lines] == [(0, 13), (14, 24)]
    assert (found.format, found.title, found.notes) == ("text", None, ())


def test_guessed_encoding_is_noted() -> None:
    """Text of older programs is read, and a note says as what and why."""
    found = reader.read("The council’s plan costs £5,000 – so they said “today”.".encode("cp1252"))
    assert found.pages[0].text == "The council’s plan costs £5,000 – so they said “today”."
    assert found.notes == ("read as cp1252, not valid UTF-8 at byte 11",)


def test_text_of_blanks_is_refused() -> None:
    """A byte order mark and blanks hold nothing to index."""
    assert refusal(reader.read, b"\xef\xbb\xbf \r\n\f\t").code is Refusal.EMPTY


@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), max_size=80))
def test_any_text_keeps_its_letters(text: str) -> None:
    """ASCII letters and digits survive in their order, whatever stands around them; ligatures add some."""
    found = reader.read(f"Start {text} end".encode())
    ligatures = set(range(0xFB00, 0xFB07))
    letters = [char for char in f"Start{text}end" if char.isascii() and char.isalnum()]
    joined = "".join(page.text for page in found.pages)
    kept = [char for char in joined if char.isascii() and char.isalnum()]
    assert kept == letters or ligatures & set(map(ord, text))
