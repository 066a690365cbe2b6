"""Formats told from bytes."""

import io
from contextlib import suppress
from pathlib import Path

import docx
import pytest

from indexer.errors import DocumentRefusedError, Refusal
from indexer.extract.sniff import FORMATS, misnamed, sniff
from tests.indexer.extract.files import archive, blank, pdf, refusal


def word() -> bytes:
    """Make an empty Word file."""
    stream = io.BytesIO()
    docx.Document().save(stream)
    return stream.getvalue()


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (pdf(blank), "pdf"),
        (b"\xef\xbb\xbf\r\n" + pdf(blank), "pdf"),
        (word(), "docx"),
        (b"<!DOCTYPE html><p>Hello", "html"),
        (b'<?xml version="1.0"?>\n<!-- saved -->\n<!-- twice -->\n<html xmlns="x">', "html"),
        (b"  <HTML><body>", "html"),
        ("<!doctype html><p>Hello".encode("utf-16"), "html"),
        (b'<!doctype html><meta charset="shift_jis"><p>\x93\xfa\x96\x7b', "html"),
        (b"<div><p>A part of a page.</p></div>\n", "html"),
        (b"---\ntitle: Visits\n---\nText.", "markdown"),
        (b"---\r\ntitle: [1, 2\r\n---\r\nText.", "markdown"),
        (b"# Visits\n\nText.", "markdown"),
        (b"Text.\n\n## One\n\nMore.\n\n## Two\n\nEnd.", "markdown"),
        (b"See [the plan](plan.pdf), which is **new**.", "markdown"),
        (b"Text\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n```\ncode\n```\n", "markdown"),
        (b"The council met.\n\n# 1 in the county\n* one star, two stars **\n- a dash\n", "text"),
        (b"#1 council\n\nText", "text"),
        (b"---\nA line under a rule.\n---\nMore.", "text"),
        (b"Page one.\x0cPage two.", "text"),
        (b"[1] See the note.\nText.", "text"),
        (b"Ashby, Birch and Colne met.\nThey said that, in all, things were good.\nDone, so far, it seems.", "text"),
        ("Prix : 5 €\n".encode("cp1252") * 3, "text"),
        ("Two lines\nof text".encode("utf-16"), "text"),
    ],
)
def test_format_is_told_from_the_bytes(data: bytes, kind: str) -> None:
    """Each format that is read shows itself, and what only looks a little like Markdown stays text."""
    assert sniff(data) == kind


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b'{"title": "Visits",\n "pages": [1, 2]}', "JSON"),
        (b'{"a": 1}\n{"a": 2}\n', "JSON"),
        (b"[" * 100_000, "JSON"),
        (b"year,visits,share\n2020,12,3\n2021,14,4\n", "table"),
        (b"a\tb\tc\n1\t2\t3\n4\t5\t6\n", "table"),
        (b"\x89PNG\r\n\x1a\n....", "PNG"),
        (b"\xff\xd8\xff\xe0....", "JPEG"),
        (b"{\\rtf1 Hello}", "RTF"),
        (b"\x1f\x8b\x08....", "gzip"),
        (b"\x7fELF....", "program"),
        (b"<?xml version='1.0'?><feed/>", "XML"),
        (b"<svg><text>Hello</text></svg>", "XML"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "WordDocument".encode("utf-16-le"), "old Word"),
        (archive({"xl/workbook.xml": "x"}), "Excel"),
        (archive({"ppt/presentation.xml": "x"}), "PowerPoint"),
        (archive({"META-INF/container.xml": "x"}), "EPUB"),
        (archive({"META-INF/manifest.xml": "x", "content.xml": "x"}), "OpenDocument"),
        (archive({"report.pdf": pdf(blank)}), "zip archive"),
        (archive({}), "zip archive"),
        (bytes(range(256)) * 4, "neither text"),
    ],
)
def test_what_is_not_read_is_refused_by_name(data: bytes, what: str) -> None:
    """The refusal says what the file is and what to give instead."""
    refused = refusal(sniff, data)
    assert refused.code is Refusal.UNSUPPORTED
    assert what in refused.message
    assert "PDF" in refused.message


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", Refusal.EMPTY),
        (b" \r\n\t\n", Refusal.EMPTY),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "EncryptedPackage".encode("utf-16-le"), Refusal.ENCRYPTED),
        (word()[:400], Refusal.DAMAGED),
        ("Café – ".encode() * 20 + b"\xff", Refusal.ENCODING),
    ],
)
def test_other_refusals_have_their_codes(data: bytes, code: Refusal) -> None:
    """Empty, locked, cut and garbled files are told apart."""
    assert refusal(sniff, data).code is code


@pytest.mark.parametrize(
    "unit",
    ["<!--", "<!-- a -->", "---\n", "# a\n", "[a", "**a", "|---", "\r", "{", "[", "<p", '"a",', "a:\n", "`" * 3],
)
def test_long_odd_beginnings_come_to_an_end(unit: str) -> None:
    """No repeated beginning makes the look at it endless."""
    with suppress(DocumentRefusedError):
        sniff((unit * 50_000).encode() + b"x")


def test_name_that_promises_another_format_is_told() -> None:
    """A note is due only where a known suffix contradicts the bytes."""
    assert misnamed("reports/visit.PDF", "html") == "named .pdf but is a web page"
    assert misnamed("visit.docx", "pdf") == "named .docx but is a PDF"
    for name, kind in (
        ("a.pdf", "pdf"),
        ("a.txt", "markdown"),
        ("a.md", "text"),
        ("a", "pdf"),
        ("a.b/c", "pdf"),
        ("x.1", "pdf"),
    ):
        assert misnamed(name, kind) is None


def test_every_format_has_its_module() -> None:
    """What sniff names is what the worker imports."""
    folder = Path(__file__).parents[3] / "indexer" / "extract"
    assert all((folder / f"{kind}.py").is_file() for kind in FORMATS)
