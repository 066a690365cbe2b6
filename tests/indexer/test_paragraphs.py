"""Paragraphs: what belongs together is together, exactly where it stands, and headings are told apart."""

import re

import pytest
from hypothesis import given, settings

from indexer.paragraphs import merged, paragraphs
from indexer.records import Line, Page, Removal, Span
from tests.fakes import page
from tests.indexer.layouts import Row, documents, kept, laid_out, places, remove

LONG = "Staff in the team said that they knew the children well and that their managers listened to them. "
BODY = (LONG * 2).strip()  # long enough to be a paragraph under a heading


def texts(*pages: Page, removals: list[Removal] | None = None) -> list[str]:
    """Give the paragraphs with each run of white space as one space."""
    return [" ".join(found.text.split()) for found in paragraphs(pages, removals or [])]


def headings(*pages: Page) -> list[tuple[int, str]]:
    return [(found.heading, " ".join(found.text.split())) for found in paragraphs(pages) if found.heading]


@settings(max_examples=150, deadline=None)
@given(document=documents())
def test_paragraphs_hold_every_line_once(document: tuple[list[Page], list[Removal]]) -> None:
    """Whatever the layout, the runs re-read exactly, and every kept character is in exactly one of them."""
    pages, removals = document
    found = paragraphs(pages, removals)
    by_number = {one.number: one.text for one in pages}

    for paragraph in found:
        runs = paragraph.runs
        assert paragraph.text == "\n".join(by_number[run.page][run.start : run.end] for run in runs)
        assert [run.page for run in runs] == sorted(run.page for run in runs)
    assert sorted(places([run for one in found for run in one.runs], pages)) == kept(pages, removals)


def test_nothing() -> None:
    """No pages, and pages without lines, have no paragraphs."""
    assert paragraphs([]) == []
    assert paragraphs([Page(1, "")]) == []


# --- page breaks and footnotes


def test_sentence_over_a_page_break_is_whole() -> None:
    """A sentence that goes on in small letters on the next page is one paragraph, with a run on each page."""
    one, two = page(1, "Inspectors found that most\nof the plans were"), page(2, "up to date.\n\nOthers were not.")

    found = paragraphs([one, two])

    assert [paragraph.text for paragraph in found] == [
        "Inspectors found that most\nof the plans were\nup to date.",
        "Others were not.",
    ]
    assert found[0].runs == (Span(1, 0, 44), Span(2, 0, 11))


def test_page_furniture_does_not_break_a_sentence() -> None:
    """Removed footers and headers between two pages leave the sentence whole, and are nowhere."""
    one = page(1, "Inspectors found that most of the plans were\nPage 1 of 2")
    two = page(2, "Report on Norton\nup to date.")

    assert texts(one, two, removals=remove(one, 1) + remove(two, 0)) == [
        "Inspectors found that most of the plans were up to date."
    ]


def test_name_at_the_top_of_a_page_goes_on_with_a_full_line() -> None:
    """A line that runs to the right edge without an end goes on, even with a capital; a short line does not."""
    below = laid_out(2, Row("Norton Council were seen at once.", 1, right=0.6))
    full = laid_out(1, Row("All of the children who had come to live in", 1), Row("the south of the area under", 2))
    short = laid_out(1, Row("All of the children who had come to live in", 1), Row("the south", 2, right=0.3))

    assert len(texts(full, below)) == 1
    assert len(texts(short, below)) == 2


def test_ended_sentence_ends_the_paragraph_at_a_page_break() -> None:
    """Where a page ends with the end of a sentence, the next page begins a paragraph."""
    assert texts(page(1, "It was good."), page(2, "It was new.")) == ["It was good.", "It was new."]


def footnoted(number: int, *rows: str, note: str) -> Page:
    """Make a page of full lines with a note in small type at its foot."""
    lines = [Row(text, at) for at, text in enumerate(rows, start=1)]
    return laid_out(number, *lines, Row(note, 45, size=8.0))


def test_footnote_does_not_interrupt_a_sentence() -> None:
    """A footnote comes after the paragraph that it stood in, which goes on over the page break."""
    one = footnoted(1, "Inspectors found that most of the plans¹", "which they saw were", note="1 Plans for care.")
    two = footnoted(2, "up to date and of use to the children.", note="2 Another note.")

    assert texts(one, two) == [
        "Inspectors found that most of the plans¹ which they saw were up to date and of use to the children.",
        "1 Plans for care.",
        "2 Another note.",
    ]


def test_page_in_small_type_is_no_footnote() -> None:
    """A page that is all in small type, such as an imprint or annex, belongs to the text around it."""
    one = laid_out(1, *(Row(LONG.strip(), at) for at in range(1, 9)), Row("and this annex tells which of them", 9))
    small = laid_out(2, Row("were seen and when.", 1, size=8.0), Row("All rights reserved.", 4, size=8.0))
    three = laid_out(3, *(Row(LONG.strip(), at) for at in range(1, 9)))

    found = texts(one, small, three)

    assert found[0].endswith("which of them were seen and when.")
    assert found[1] == "All rights reserved."


# --- lists


@pytest.mark.parametrize("sign", ["•", "▪", "- ", "– ", "* ", "o ", "■ "])
def test_bullet_starts_a_paragraph(sign: str) -> None:
    """Every bulleted item is a paragraph of its own, with its sign, also in the middle of a list without stops."""
    listed = page(1, f"The council should:\n{sign}see children alone\n{sign}keep records that\nare up to date")

    assert texts(listed) == [
        "The council should:",
        f"{sign}see children alone",
        f"{sign}keep records that are up to date",
    ]


@pytest.mark.parametrize("sign", ["2.", "14)", "3.1", "3.1.2.", "(b)", "(iv)"])
def test_numbered_paragraph_starts_a_paragraph(sign: str) -> None:
    """A number in front of a capital starts a paragraph."""
    assert texts(page(1, f"1. Plans are in place\n{sign} “Children” are seen")) == [
        "1. Plans are in place",
        f"{sign} “Children” are seen",
    ]


@pytest.mark.parametrize(
    "below", ["2015 in all", "12 children were", "3.5 million pounds", "-based teams", "over the"]
)
def test_number_inside_a_sentence_starts_nothing(below: str) -> None:
    """A line that only happens to begin with a figure or dash goes on with its sentence."""
    assert len(texts(page(1, f"Inspectors visited the teams of that area in\n{below} year."))) == 1


# --- headings


def test_larger_type_is_a_heading_and_the_largest_is_outermost() -> None:
    """Headings are ranked by size, then weight, and stand apart from the text below even without a gap."""
    made = laid_out(
        1,
        Row("Report on Norton", 1, size=20.0, right=0.4),
        Row("Findings", 3, size=14.0, right=0.2),
        Row(LONG.strip(), 4),
        Row(LONG.strip(), 5),
        Row("Care leavers", 6, bold=True, right=0.3),
        Row(LONG.strip(), 7),
    )

    assert headings(made) == [(1, "Report on Norton"), (2, "Findings"), (3, "Care leavers")]
    assert len(texts(made)) == 5


def test_heading_of_two_lines_is_one_heading() -> None:
    """A heading that was too long for its line is put together."""
    made = laid_out(
        1,
        Row("The experiences and progress of children", 1, size=14.0),
        Row("who need help and protection", 2, size=14.0, right=0.6),
        *(Row(LONG.strip(), at) for at in range(3, 9)),
    )

    assert headings(made) == [(1, "The experiences and progress of children who need help and protection")]


def test_bold_is_no_heading_where_all_is_bold_or_it_is_a_sentence() -> None:
    """Weight tells nothing in a bold document, and a bold sentence or a long bold paragraph is body text."""
    bold = laid_out(1, *(Row(LONG.strip(), at, bold=True) for at in range(1, 6)), Row("Not an end", 8, bold=True))
    emphasis = laid_out(
        1,
        Row("Everyone must act at once.", 1, bold=True, right=0.5),
        *(Row(LONG.strip(), at) for at in range(3, 9)),
        *(Row("and so on without end " * 4, at, bold=True) for at in range(10, 13)),
    )

    assert headings(bold) == []
    assert headings(emphasis) == []


def test_figures_in_large_type_are_no_heading() -> None:
    """A large number or rule without any letter heads nothing."""
    made = laid_out(1, Row("2 0 1 5", 1, size=30.0, right=0.2), *(Row(LONG.strip(), at) for at in range(3, 9)))

    assert headings(made) == []


def test_stated_heading_is_taken_as_stated() -> None:
    """A level that the format states counts, whatever the heading looks like."""
    text = f"Is it safe? It is.\n\n{BODY}"
    made = Page(1, text, (Line(0, 18, heading=4), Line(20, len(text))))

    assert headings(made) == [(4, "Is it safe? It is.")]


def test_short_line_above_a_paragraph_is_a_heading_in_plain_text() -> None:
    """Without any layout a short line with a capital and without an end heads the paragraph below it."""
    assert headings(page(1, f"Care leavers\n\n{BODY}\n\nWhat comes next\n\n{BODY}")) == [
        (2, "Care leavers"),
        (2, "What comes next"),
    ]


@pytest.mark.parametrize(
    "text",
    [
        f"It was good.\n\n{BODY}",
        f"The council should:\n\n{BODY}",
        f"care leavers\n\n{BODY}",
        f"{LONG[:81]}\n\n{BODY}",
        "Yours sincerely\n\nJane Doe",
    ],
)
def test_other_short_lines_are_no_headings(text: str) -> None:
    """Sentences, small letters, long lines, and lines with nothing long below them head nothing in plain text."""
    assert headings(page(1, text)) == []


def test_looks_count_only_where_no_heading_is_stated() -> None:
    """A text with a heading of its own is not searched for lines that look like one."""
    text = f"Report\n\nCare leavers\n\n{BODY}"
    made = Page(1, text, (Line(0, 6, heading=1), *page(1, text).lines[1:]))

    assert headings(made) == [(1, "Report")]


# --- lines and gaps


def test_hand_wrapped_lines_are_put_together() -> None:
    """In a text without long lines, line ends inside a paragraph are white space."""
    found = "Inspectors found that the plans for most of the children who\nlive in the area were up to\ndate."

    assert texts(page(1, f"{found}\nStaff did so.")) == [
        "Inspectors found that the plans for most of the children who live in the area were up to date.",
        "Staff did so.",
    ]


def test_unwrapped_lines_are_paragraphs() -> None:
    """In a text that has long lines every line is a paragraph."""
    assert texts(page(1, f"{BODY}\nA short one\nAnother")) == [BODY, "A short one", "Another"]


def test_blank_lines_inside_a_sentence() -> None:
    """Blank lines end a paragraph, but not where they tore a sentence apart, as copied page breaks do."""
    assert texts(page(1, "Most of the plans\n\n\nwere up to date.\n\nothers were not.\n\nThe rest\n\nNorton")) == [
        "Most of the plans were up to date.",
        "others were not.",
        "The rest",
        "Norton",
    ]


def test_torn_sentence_keeps_its_blank_lines_out() -> None:
    """The parts of a torn sentence are runs of their own, so the blank lines are in no quote."""
    (found,) = paragraphs([page(1, "Most of the plans\n\n\nwere up to date.")])

    assert found.runs == (Span(1, 0, 17), Span(1, 20, 36))


def test_gap_starts_a_paragraph() -> None:
    """More space than usual above a line starts a paragraph, whatever the line before it ends with."""
    made = laid_out(1, *(Row(f"line {at} of the first", at) for at in range(1, 6)), Row("Apart from it", 7))

    assert len(texts(made)) == 2


def test_short_last_line_ends_a_paragraph_without_a_gap() -> None:
    """A sentence that ends short of the right edge ends its paragraph; one that ends at the edge does not."""
    rows = [Row(LONG.strip(), 1), Row("They were right.", 2, right=0.3), Row("Now another matter began for", 3)]
    full = [Row(LONG.strip(), 1), Row("and in the end they were right.", 2), Row("Now another matter began for", 3)]

    assert len(texts(laid_out(1, *rows))) == 2
    assert len(texts(laid_out(1, *full))) == 1


def test_next_column_starts_a_paragraph() -> None:
    """Text that goes up again is the next column or cell, and goes on only with a torn sentence."""
    left = [Row("Plans for all of", at, right=0.45) for at in (1, 2, 3)]
    column = Row("Norton has two offices", 1, left=0.55)
    torn = Row("the children were seen", 1, left=0.55)

    assert len(texts(laid_out(1, *left, column))) == 2
    assert len(texts(laid_out(1, *left, torn))) == 1


def test_cells_of_a_row_are_not_mixed_up() -> None:
    """Cells side by side keep the order and places the reader gave them."""
    made = laid_out(
        1,
        Row("Name of the home", 1, right=0.3),
        Row("Date of the visit", 2, right=0.3),
        Row("Rose Cottage", 1, left=0.5, right=0.7),
        Row("4 May 2015", 2, left=0.5, right=0.7),
    )

    joined = " ".join(texts(made))
    assert re.fullmatch("Name of the home Date of the visit Rose Cottage 4 May 2015", joined)
    assert len(texts(made)) == 2


# --- removed lines, merged spans


def test_removed_lines_are_left_out() -> None:
    """A removed line is in no paragraph, and what stood around it is as it was."""
    made = page(1, "Norton report\nMost of the plans\n17\nwere up to date.\nPage 1")

    assert texts(made, removals=remove(made, 0, 2, 4)) == ["Most of the plans were up to date."]


def test_removal_of_another_page_is_no_matter() -> None:
    """A removal counts on its own page only."""
    one, two = page(1, "Same text."), page(2, "Same text.")

    assert texts(one, two, removals=remove(one, 0)) == ["Same text."]
    assert paragraphs([one, two], remove(one, 0))[0].runs == (Span(2, 0, 10),)


def test_merged_spans() -> None:
    """Neighbours with only white space between them become one span, over few enough line feeds, never over pages."""
    text = {1: "a \nb\n \nc", 2: "def"}
    spans = [Span(1, 0, 1), Span(1, 3, 4), Span(1, 7, 8), Span(2, 0, 3)]

    assert merged(spans, text) == (Span(1, 0, 8), Span(2, 0, 3))
    assert merged(spans, text, line_feeds=2) == (Span(1, 0, 8), Span(2, 0, 3))
    assert merged(spans, text, line_feeds=1) == (Span(1, 0, 4), Span(1, 7, 8), Span(2, 0, 3))
    assert merged(spans, text, line_feeds=0) == tuple(spans)


def test_text_between_keeps_spans_apart() -> None:
    """Spans are not merged over text that lies between them, nor backwards."""
    text = {1: "ab cd ef"}

    assert merged([Span(1, 0, 2), Span(1, 6, 8)], text) == (Span(1, 0, 2), Span(1, 6, 8))
    assert merged([Span(1, 3, 5), Span(1, 0, 2)], text) == (Span(1, 3, 5), Span(1, 0, 2))
