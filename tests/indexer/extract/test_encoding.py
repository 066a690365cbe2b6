"""The encodings that text comes in."""

import codecs

import pytest

from indexer.errors import Refusal
from indexer.extract.encoding import decode
from tests.indexer.extract.files import refusal

ENGLISH = "The council’s carers said they felt “well supported” – and £5,000 went to each café in Ashby."


def test_utf8_needs_no_note() -> None:
    """The usual case says nothing."""
    assert decode(ENGLISH.encode()) == (ENGLISH, None)


@pytest.mark.parametrize(
    ("mark", "name"),
    [
        (codecs.BOM_UTF8, "utf-8"),
        (codecs.BOM_UTF16_LE, "utf-16-le"),
        (codecs.BOM_UTF16_BE, "utf-16-be"),
        (codecs.BOM_UTF32_LE, "utf-32-le"),
        (codecs.BOM_UTF32_BE, "utf-32-be"),
    ],
)
def test_byte_order_mark_decides(mark: bytes, name: str) -> None:
    """The mark tells the encoding and is no part of the text."""
    assert decode(mark + ENGLISH.encode(name)) == (ENGLISH, None)


def test_byte_order_mark_that_lies_is_refused() -> None:
    """Bytes that do not fit their own mark are named by their place."""
    refused = refusal(decode, codecs.BOM_UTF8 + b"good \xff bad")
    assert refused.code is Refusal.ENCODING
    assert "byte 8" in refused.message


@pytest.mark.parametrize("name", ["utf-16-le", "utf-16-be"])
def test_utf16_without_mark_is_seen_by_its_zeros(name: str) -> None:
    """Windows programs write such files; a note tells."""
    text, note = decode(ENGLISH.encode(name))
    assert text == ENGLISH
    assert note is not None


@pytest.mark.parametrize(
    ("text", "name"),
    [
        (ENGLISH, "cp1252"),
        ("Le conseil a été félicité pour ses services à l’enfance, où les élèves sont très heureux.", "cp1252"),
        ("Совет похвалили за работу с детьми, и все дома очень хорошие.", "cp1251"),
    ],
)
def test_other_encodings_are_guessed_and_noted(text: str, name: str) -> None:
    """A sure guess is taken, with a note that names it and the byte that showed the need."""
    decoded, note = decode(text.encode(name))
    assert decoded == text
    assert note is not None
    assert note.startswith(f"read as {name}, not valid UTF-8 at byte ")


def test_declared_encoding_comes_before_a_guess() -> None:
    """What the file says of itself counts if it fits, and only if it names an encoding of text."""
    polish = "Miejska rada otrzymała pochwałę za opiekę, źródło: żółty dom.".encode("cp1250")
    assert decode(polish, "windows-1250")[0] == polish.decode("cp1250")
    for odd in ("unicode_escape", "zlib", "utf-7", "no such thing", "utf-8"):
        assert decode(ENGLISH.encode("cp1252"), odd)[0] == ENGLISH


def test_damaged_utf8_is_refused_with_the_place() -> None:
    """One wrong byte among much that is UTF-8 is no reason to read it all as something else."""
    data = ENGLISH.encode() + b" \xff " + ENGLISH.encode()
    refused = refusal(decode, data)
    assert refused.code is Refusal.ENCODING
    assert f"byte {len(ENGLISH.encode()) + 1}" in refused.message


@pytest.mark.parametrize("data", [bytes(range(256)), b"\0\1\2\3" * 50, b"text\0" * 30, bytes(range(32)) * 9])
def test_bytes_that_are_no_text_are_refused(data: bytes) -> None:
    """Control characters show that it is another kind of file."""
    assert refusal(decode, data).code is Refusal.UNSUPPORTED


def test_encoding_that_cannot_be_told_is_refused() -> None:
    """High bytes without any order are in no encoding."""
    assert refusal(decode, bytes(128 + (37 * n * n) % 128 for n in range(400))).code is Refusal.ENCODING


def test_utf16_is_never_a_guess() -> None:
    """Bytes that are UTF-16 of some far language by chance alone are not read as that."""
    refused = refusal(decode, b"caf\xe9 \x81\x8d\xff\xfe\x00")
    assert refused.code is Refusal.ENCODING
    assert "byte 3" in refused.message
