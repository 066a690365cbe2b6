from collections.abc import Sequence
from datetime import date, datetime
from itertools import accumulate
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.errors import DocumentRefusedError, Refusal
from indexer.metadata import body_key, found_in_text, merge, stated_by_front_matter, stated_by_path
from indexer.records import Box, Event, Evidence, Extracted, Line, Metadata, Origin, Page, Span
from indexer.settings import PathRule, Settings

KINDS = Settings().kinds
REPORTS = Path(__file__).parents[3] / "shared" / "reports"
RULES = (
    PathRule(
        pattern=r"reports/[^/]+_(?P<body>[^/]+)/(?P<kind>[^/]+) - (?P<published>[^/]+)\.pdf", publisher="Care Watch"
    ),
    PathRule(pattern=r"(?P<kind>news)/.*"),
)


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


def found(*pages: Page | str, format: str = "text", title: str | None = None, stated: Any = ()) -> Metadata:
    """Find the metadata of a document of these pages."""
    made = tuple(
        text_page(page, number) if isinstance(page, str) else page for number, page in enumerate(pages, start=1)
    )
    return found_in_text(Extracted(format, "test", made, title=title, stated=dict(stated)), KINDS)


PROSE = (
    ("Children in Ambleford are seen often and listened to. Managers know their staff well, and", 12.0, False),
    ("the plans that they agree with families are short and clear.", 12.0, False),
) * 5


def report(*top: tuple[str, float, bool]) -> Metadata:
    """Find the metadata of a PDF with this top of its first page."""
    return found(laid_out(*top, *PROSE), format="pdf")
