"""Invented documents, page by page, and what is found in them."""

from itertools import accumulate
from typing import Any

from indexer.metadata import found_in_text
from indexer.records import Box, Extracted, Line, Metadata, Page
from indexer.settings import Settings

KINDS = Settings().kinds


PROSE = (
    ("Children in Ambleford are seen in MASH and listened to. Managers know their staff well, and", 12.0, False),
    ("the plans that they agree with families are short and clear.", 12.0, False),
) * 5


def text_page(text: str, number: int = 1) -> Page:
    """Make a page of plain text."""
    starts = accumulate((len(line) + 1 for line in text.split("\n")), initial=0)
    lines = zip(starts, text.split("\n"), strict=False)
    return Page(number, text, tuple(Line(at, at + len(line)) for at, line in lines if line.strip()))


def laid_out(*lines: tuple[str, float, bool], number: int = 1) -> Page:
    """Make a page of a PDF from lines of text, font size and boldness, from the top down."""
    page = text_page("\n".join(text for text, _, _ in lines), number)
    styled = [
        Line(line.start, line.end, Box(0.1, at / 50, 0.9, (at + 0.8) / 50), size, bold)
        for at, (line, (_, size, bold)) in enumerate(zip(page.lines, lines, strict=True))
    ]
    return Page(number, page.text, tuple(styled))


def found(*pages: Page | str, kind: str = "text", title: str | None = None, stated: Any = ()) -> Metadata:
    """Find the metadata of a document of these pages."""
    made = tuple(
        text_page(page, number) if isinstance(page, str) else page for number, page in enumerate(pages, start=1)
    )
    return found_in_text(Extracted(kind, "test", made, title=title, stated=dict(stated)), KINDS)


def report(*top: tuple[str, float, bool]) -> Metadata:
    """Find the metadata of a PDF with this top of its first page."""
    return found(laid_out(*top, *PROSE), kind="pdf")


def letter(*lines: str) -> str:
    """Write a letter of an inspectorate to a director, with these lines after the salutation."""
    head = "Care Watch\n1 Long Lane\nwww.carewatch.example\n\n5 March 2021\n\nPat Lee\nAmbleford Council\n\n"
    return f"{head}Dear Pat Lee\n\n" + "\n\n".join(lines)
