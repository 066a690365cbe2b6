"""How much text one file may hold."""

import pytest

from indexer.errors import DocumentRefusedError, Refusal
from indexer.extract import limits, pdf
from indexer.extract.limits import refuse_endless
from indexer.extract.worker import extract
from indexer.records import Extracted, Line, Page
from tests.indexer.extract import files


def of(*pages: Page) -> Extracted:
    return Extracted("text", "plain text", pages)


@pytest.mark.parametrize(
    ("limit", "within", "beyond"),
    [
        ("MOST_PAGES", of(Page(1, ""), Page(2, "")), of(Page(1, ""), Page(2, ""), Page(3, ""))),
        ("MOST_CHARACTERS", of(Page(1, "a"), Page(2, "b")), of(Page(1, "a"), Page(2, "bc"))),
        (
            "MOST_PIECES",
            of(Page(1, "a b", (Line(0, 1), Line(2, 3)))),
            of(Page(1, "a b", (Line(0, 1),)), Page(2, "a b", (), ((0, 1), (1, 3)))),
        ),
    ],
)
def test_more_than_a_report_can_have_is_refused(
    monkeypatch: pytest.MonkeyPatch, limit: str, within: Extracted, beyond: Extracted
) -> None:
    """Pages, characters and pieces of a file are counted together, and the message says what to do."""
    monkeypatch.setattr(limits, limit, 2)
    refuse_endless(within)
    with pytest.raises(DocumentRefusedError, match=r"3 .*, more than 2: split it into several files") as caught:
        refuse_endless(beyond)
    assert caught.value.code is Refusal.RESOURCES


def test_text_of_any_format_is_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    """The process refuses such a file instead of sending its text, and says so where the name is false too."""
    monkeypatch.setattr(limits, "MOST_CHARACTERS", 5)
    with pytest.raises(DocumentRefusedError, match=r"named \.pdf but is plain text: the file has 10 characters"):
        extract(b"Some text.", "report.pdf")


def test_pages_are_counted_before_they_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """A PDF that claims more pages costs nothing."""
    monkeypatch.setattr(limits, "MOST_PAGES", 2)
    monkeypatch.setattr(pdf, "_page", None)
    assert "3 pages" in files.refusal(pdf.read, files.pdf(files.blank, files.blank, files.blank)).message
