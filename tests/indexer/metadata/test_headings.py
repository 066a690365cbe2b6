from collections.abc import Sequence
from datetime import date

import pytest

from indexer.records import Event, Evidence, Line, Origin, Page, Span
from tests.indexer.metadata.documents import PROSE, found, laid_out, letter, report, text_page


def test_the_largest_type_near_the_top_is_the_title() -> None:
    """A title of several lines is joined, whatever small print stands above it."""
    made = report(
        ("Care Watch 7", 8.0, True),
        ("Inspection of Ambleford", 24.0, False),
        ("local authority services", 23.9, False),
        ("Inspection dates: 1 to 5 May 2018", 12.0, True),
    )
    assert made.title == "Inspection of Ambleford local authority services"
    assert made.evidence["title"] == Evidence(Origin.TEXT, Span(1, 13, 61))


def test_a_title_that_only_names_the_body_takes_the_next_heading_along() -> None:
    """The body's name alone does not tell two reports apart."""
    made = report(("Ambleford Council", 24.0, False), ("Focused visit", 16.0, True), ("Date: 1 May 2018", 16.0, True))
    assert (made.title, made.body, made.kind) == (
        "Ambleford Council: Focused visit",
        "Ambleford Council",
        "focused visit",
    )


def test_bold_words_of_the_same_size_are_a_title_only_at_the_very_top() -> None:
    """Bold words further down belong to the text."""
    assert report(("Inspection of Ambleford", 12.0, True)).title == "Inspection of Ambleford"
    page = laid_out(*PROSE, ("Well", 11.0, False), ("What works", 12.0, True), ("More", 11.0, False), *PROSE)
    assert found(page, kind="pdf").title is None


@pytest.mark.parametrize(
    ("levels", "title"),
    [((1, 0, 2), "One"), ((2, 0, 1), "One"), ((0, 1, 2), "Two"), ((0, 1, 1), None), ((0, 2, 3), None)],
)
def test_a_stated_heading_is_the_title_where_it_stands_for_the_whole(
    levels: Sequence[int], title: str | None
) -> None:
    """It opens the page or is the only one of the first level; headings of sections are no titles."""
    page = text_page("One\n\nTwo\n\nThree")
    lines = tuple(Line(ln.start, ln.end, heading=level) for ln, level in zip(page.lines, levels, strict=True))
    made = found(Page(1, page.text, lines), kind="docx", title="From the file")
    assert made.title == (title or "From the file")


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("Services at Ambleford get better\n\nThey were poor before.", "Services at Ambleford get better"),
        ("Services at Ambleford got better.\n\nThey were poor before.", None),
        ("Services at Ambleford got\nbetter, as was said\n\nto us.", None),
        ("Services at Ambleford", None),
    ],
)
def test_the_first_line_of_plain_text_is_a_title_if_it_looks_like_one(text: str, title: str | None) -> None:
    """It stands alone, is no sentence, and text follows."""
    assert found(text).title == title


def test_a_letters_subject_is_its_title() -> None:
    """The subject follows the salutation; all else about the letter comes from where letters have it."""
    text = letter("Focused visit to Ambleford children's services", "We visited on 1 and 2 March 2021. It went well.")
    made = found(text)
    assert made.title == "Focused visit to Ambleford children's services"
    assert (made.kind, made.body, made.publisher) == ("focused visit", "Ambleford", "Care Watch")
    assert made.published == date(2021, 3, 5)
    assert made.events == (Event(date(2021, 3, 1), date(2021, 3, 2)),)
    for name, words in {
        "published": "5 March 2021",
        "events": "1 and 2 March 2021",
        "publisher": "Care Watch",
    }.items():
        span = made.evidence[name].span
        assert span is not None
        assert text[span.start : span.end] == words


@pytest.mark.parametrize(
    ("heading", "kind"),
    [
        ("Re-inspection of services", "re-inspection"),
        ("Inspection of services", "inspection"),
        ("Report of an inspection", "inspection"),
        ("Ambleford Council: joint\ntargeted area inspection", "joint targeted area inspection"),
        ("Ambleford Council monitoring visit", "monitoring visit"),
        ("Services failed their inspection", None),
        ("Inspectionism", None),
    ],
)
def test_a_kind_opens_a_heading(heading: str, kind: str | None) -> None:
    """It stands first, behind the body's name or behind a colon; a headline that speaks of one is none."""
    assert report(*((line, 20.0, False) for line in heading.split("\n"))).kind == kind
