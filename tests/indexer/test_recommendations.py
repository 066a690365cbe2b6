"""Items of recommendations: each whole, without its sign, and nothing else."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indexer.recommendations import find_recommendations
from indexer.records import Page, Removal
from tests.indexer.layouts import Row, documents, laid_out, remove

TEXT = "The harbour office sells tickets to all who ask, and writes down each of them in a large green book."
HEADING = Row("What needs to improve?", 3, size=14, bold=True)


def items(*pages: Page, removals: Sequence[Removal] = ()) -> list[str]:
    """Give the items with each run of white space as one space."""
    texts = {page.number: page.text for page in pages}
    found = find_recommendations(pages, removals)
    return [" ".join(" ".join(texts[at.page][at.start : at.end] for at in one.spans).split()) for one in found]


def plain(text: str) -> list[str]:
    """Give the items of a text without any layout."""
    return items(Page(1, text))


def report(*rows: Row) -> Page:
    """Make a page that begins with text, so that its type is the body's."""
    return laid_out(1, Row(TEXT, 0), Row(TEXT, 1), *rows, Row(TEXT, 40), Row(TEXT, 41))


# --- where lists are


@pytest.mark.parametrize(
    "heading",
    [
        "What needs to improve",
        "What needs to improve?",
        "What does the harbour authority need to improve?",
        "Areas for improvement:",
        "Recommendations",
        "3. Recommendations",
        "Priority and immediate action",
        "Areas for development",
        "What the harbour should do better",
    ],
)
def test_a_list_begins_below_each_known_heading(heading: str) -> None:
    """The titles that reports have used over the years all open a list, in large type or without any."""
    list_ = [Row("• Lamps on the pier.", 5), Row("• Ropes of the ferry.", 6)]
    assert items(report(Row(heading, 3, size=14, bold=True), *list_)) == ["Lamps on the pier.", "Ropes of the ferry."]
    assert plain(f"{TEXT}\n{heading}\n• Lamps on the pier.\n• Ropes of the ferry.") == [
        "Lamps on the pier.",
        "Ropes of the ferry.",
    ]


def test_a_heading_may_run_over_two_lines() -> None:
    """Two lines in large type are one heading."""
    rows = [
        Row("What does the office of the old harbour", 3, size=14),
        Row("need to improve?", 4, size=14),
        Row("• Lamps.", 5),
    ]
    assert items(report(*rows)) == ["Lamps."]


def test_the_words_of_a_heading_in_a_sentence_open_nothing() -> None:
    """Only a line of its own is a heading."""
    assert plain("The board took up all\nrecommendations\n1. Boats are painted each year.") == []
    assert plain("It has no areas for improvement.\n• Boats are painted each year.") == []


def test_a_heading_in_the_contents_opens_nothing() -> None:
    """Furniture is left out before headings are looked for."""
    page = report(HEADING, Row("1. Boats are painted each year.", 5))
    assert items(page, removals=remove(page, 2)) == []


def test_a_report_may_have_several_lists() -> None:
    """The list of a second body is found as well."""
    text = "Recommendations\n1. Mend the pier.\nSummary\n2. The pier is old.\nRecommendations\n90. Light the lamps."
    assert plain(text) == ["Mend the pier.", "Light the lamps."]


def test_a_section_without_a_list_has_no_items() -> None:
    """Prose says nothing about where one recommendation ends and the next begins."""
    assert items(report(HEADING, Row("The harbour must paint its boats.", 5), Row("It should light lamps.", 6))) == []


def test_a_heading_drawn_last_stands_above_its_list() -> None:
    """A list goes by the place of its heading on the page, whatever the order of the text."""
    rows = [
        Row("1. Mend the pier.", 5, left=0.12),
        Row("2. Light the lamps.", 6, left=0.12),
        Row("Findings", 8, size=14),
        Row("3. The pier is old.", 9, left=0.12),
        HEADING,
    ]
    page = laid_out(1, Row(TEXT, 0), Row(TEXT, 1), *rows)
    assert items(page) == ["Mend the pier.", "Light the lamps."]


# --- where lists end


def test_a_list_ends_at_a_heading_as_large_as_its_own() -> None:
    """Numbers that go on below it are those of paragraphs."""
    rows = [Row("7. Mend the pier.", 5), Row("The harbour's boats", 7, size=14, bold=True), Row("8. Boats float.", 8)]
    assert items(report(HEADING, *rows)) == ["Mend the pier."]


def test_a_smaller_heading_parts_a_list() -> None:
    """The items below it belong to the list, and it belongs to none of them."""
    rows = [Row("1. Mend the pier.", 5), Row("Boats", 7, size=12), Row("2. Paint the boats.", 8)]
    assert items(report(HEADING, *rows)) == ["Mend the pier.", "Paint the boats."]


def test_a_smaller_heading_ends_a_list_where_another_kind_begins() -> None:
    """Numbered paragraphs do not go on with a list of bullets."""
    rows = [Row("• The pier.", 5), Row("The boats: good", 7, bold=True), Row("1. All boats float.", 8)]
    assert items(report(HEADING, *rows)) == ["The pier."]


def test_without_layout_a_short_line_after_a_sentence_is_a_heading() -> None:
    """It parts a list of one kind and ends it where another begins."""
    text = "Recommendations\n1. Mend the pier.\nQuality of boats\n2. Paint them\nonce a year.\nThe harbour\n• Old."
    assert plain(text) == ["Mend the pier.", "Paint them once a year."]


def test_text_that_stands_out_of_the_list_is_no_item() -> None:
    """A paragraph at the edge of the page, after items that hang, is none of theirs."""
    rows = [
        Row("• The state of the", 5, left=0.12),
        Row("old pier.", 6, left=0.15),
        Row("The harbour was built by sailors.", 8, left=0.12),
        Row("• The lamps.", 9, left=0.12),
    ]
    assert items(report(HEADING, *rows)) == ["The state of the old pier.", "The lamps."]


def test_a_blank_line_below_a_sentence_ends_an_item_of_a_text() -> None:
    """Without layout, text below it is no more of the item; in the middle of a sentence it is."""
    assert plain("Recommendations\n1. Mend the pier.\n\nSailors like it.\n2. Light\n\nlamps.") == [
        "Mend the pier.",
        "Light lamps.",
    ]


# --- what an item is


def test_time_scales_are_no_items() -> None:
    """They part the list, whatever their type."""
    text = "Areas for improvement\nImmediately:\n• mend the pier\nWithin three months:\n• light the\nlamps"
    assert plain(text) == ["mend the pier", "light the lamps"]


def test_the_sentence_that_introduces_a_list_is_no_item() -> None:
    """A numbered paragraph that ends in the promise of a list gives way to its bullets."""
    text = "Areas for improvement\n9. To serve sailors, the harbour should take the following steps.\n"
    assert plain(f"{text}Immediately:\n• mend the pier\n• light lamps") == ["mend the pier", "light lamps"]
    text = "Areas for improvement\nIn order to serve sailors the harbour should:\n"
    assert plain(f"{text}• mend the pier\n• light lamps") == ["mend the pier", "light lamps"]


def test_sub_items_belong_to_their_item() -> None:
    """Bullets below a number, and bullets that are indented further, begin no item."""
    assert plain("Recommendations\n1. Mend the pier:\n• its planks\n• its nails.\n2. Light lamps.") == [
        "Mend the pier: • its planks • its nails.",
        "Light lamps.",
    ]
    rows = [Row("• Mend the pier:", 5, left=0.12), Row("• its planks", 6, left=0.16), Row("• Lamps.", 7, left=0.12)]
    assert items(report(HEADING, *rows)) == ["Mend the pier: • its planks", "Lamps."]


def test_a_number_out_of_its_turn_begins_no_item() -> None:
    """A wrapped line may begin with a figure."""
    text = "Recommendations\n1. Follow the rules of section\n47. All sailors know them.\n2. Light the lamps."
    assert plain(text) == ["Follow the rules of section 47. All sailors know them.", "Light the lamps."]


def test_an_item_over_a_page_break_has_a_span_on_each_page() -> None:
    """The running header and the page number between its parts are none of it."""
    one = laid_out(1, Row(TEXT, 0), Row(TEXT, 1), HEADING, Row("• The state of", 45))
    two = laid_out(2, Row("Harbour 2", 0, size=8), Row("the pier.", 3), Row("• Lamps.", 4), Row(TEXT, 20, left=0.05))
    first, last = find_recommendations([one, two], remove(two, 0))
    assert [(span.page, {1: one, 2: two}[span.page].text[span.start : span.end]) for span in first.spans] == [
        (1, "The state of"),
        (2, "the pier."),
    ]
    assert [span.page for span in last.spans] == [2]


def test_a_footnote_is_in_no_item() -> None:
    """Small type at the foot of a page does not go on with the item above it."""
    rows = [Row("• The state of the", 38), Row("1 It is old.", 39, size=9), Row("old pier.", 39.5)]
    page = laid_out(1, Row(TEXT, 0), Row(TEXT, 1), HEADING, *rows)
    assert items(page) == ["The state of the old pier."]


# --- whatever comes

_PIECES = [
    HEADING.text,
    "Recommendations",
    "Immediately:",
    "• a pier",
    "1. Mend it.",
    "2. Light it",
    "and so on.",
    "o x",
]
_TEXTS = st.lists(st.sampled_from([*_PIECES, "", " ", ")))", "a) b", "\uf0b7 c", "The board is old", "3.", "–"])).map(
    "\n".join
)


def check(pages: Sequence[Page], removals: Sequence[Removal]) -> None:
    """Hold that spans lie in their pages, in order, apart from each other and from furniture, and are not empty."""
    texts = {page.number: page.text for page in pages}
    last = (0, 0)
    for item in find_recommendations(pages, removals):
        assert item.spans
        for span in item.spans:
            assert last <= (span.page, span.start)
            assert texts[span.page][span.start : span.end].strip() == texts[span.page][span.start : span.end] != ""
            last = (span.page, span.end)
            assert not any(
                one.span.page == span.page and one.span.start < span.end and span.start < one.span.end
                for one in removals
            )


@settings(max_examples=150, deadline=None)
@given(document=documents())
def test_spans_of_any_document_are_in_order_and_apart(document: tuple[list[Page], list[Removal]]) -> None:
    """Whatever the layout, nothing is raised, and no character is in two items or in furniture."""
    check(*document)
    pages = [replace(page, lines=()) for page in document[0]]
    check(pages, document[1])


@settings(max_examples=300, deadline=None)
@given(texts=st.lists(_TEXTS, max_size=4))
def test_spans_of_any_text_are_in_order_and_apart(texts: list[str]) -> None:
    """Signs, headings and text in any order raise nothing."""
    check([Page(number, text) for number, text in enumerate(texts, start=1)], [])
