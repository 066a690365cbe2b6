"""Furniture of pages: what is taken out, and above all what stays."""

import json
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.furniture import find_furniture
from indexer.records import Box, Furniture, Line, Page

SHARED = Path(__file__).parents[3] / "shared"

BODY = 12.0
WORDS = "ash birch cedar elm fir hazel ivy juniper larch maple oak pine rowan spruce willow yew".split()


def test_running_footer_is_found_by_its_place() -> None:
    """A footer counts wherever it stands in the text, and the page number in it may change."""
    pages = [sheet(n, [(0.95, f"Visit to Ashby 3 to 14 May 2031 {n}"), *prose(n)]) for n in range(1, 5)]
    assert removed(pages) == [(n, f"Visit to Ashby 3 to 14 May 2031 {n}", Furniture.FOOTER) for n in range(1, 5)]


def test_odd_and_even_pages_may_have_headers_of_their_own() -> None:
    """Two headers that take turns are both found, at different heights and on half of the pages each."""
    heads = {1: (0.05, "Ashby Council"), 0: (0.06, "Review of services")}
    pages = [sheet(n, [heads[n % 2], *prose(n)]) for n in range(1, 8)]
    assert removed(pages) == [(n, heads[n % 2][1], Furniture.HEADER) for n in range(1, 8)]


def test_lines_that_differ_in_other_numbers_than_the_page_stay() -> None:
    """Figures that happen to stand at the same edge are text, whatever the words around them."""
    counts = {1: 40, 2: 12, 3: 31, 4: 16}
    assert removed([sheet(n, [*prose(n), (0.9, f"• {counts[n]} children")]) for n in counts]) == []


def test_long_numbers_and_number_signs_do_no_harm() -> None:
    """Lines that look alike only once their numbers are taken out are told apart."""
    lines = ["a #", "a 1", "a " + "9" * 5000]
    assert removed([sheet(n, [*prose(n), (0.95, line)]) for n, line in enumerate(lines, start=1)]) == []


def test_a_heading_repeated_in_the_body_stays() -> None:
    """Repetition at one height is not enough inside the page."""
    assert removed([sheet(n, [*prose(n), (0.5, "Recommendations")]) for n in range(1, 6)]) == []


def test_an_edge_line_at_changing_heights_stays() -> None:
    """A header keeps its height; the last line of a section does not."""
    assert removed([sheet(n, [*prose(n), (0.86 + n * 0.017, "(Recommendation)")]) for n in range(1, 6)]) == []


def test_an_edge_line_on_pages_far_apart_stays() -> None:
    """A header runs through neighbouring pages."""
    pages = [sheet(n, [*prose(n), *([(0.05, "Findings")] if n % 5 == 1 else [])]) for n in range(1, 14)]
    assert removed(pages) == []


@pytest.mark.parametrize(("size", "kinds"), [(8.0, [Furniture.HEADER] * 2), (BODY, []), (16.0, [])])
def test_in_two_pages_a_header_must_be_smaller_than_the_text(size: float, kinds: list[Furniture]) -> None:
    """A heading that both of two pages begin with stays."""
    pages = [
        sheet(n, [(0.08, "Findings of the visit"), *prose(n)], sizes={"Findings of the visit": size}) for n in (1, 2)
    ]
    assert [kind for *_, kind in removed(pages)] == kinds


def test_two_pages_with_numbered_headings_keep_them() -> None:
    """A number at the top may count sections rather than pages."""
    assert removed([sheet(n, [(0.08, f"Section {n}"), *prose(n)]) for n in (1, 2)]) == []


def test_headers_without_a_layout_are_found_among_the_first_lines() -> None:
    """Where no height is known the order of lines counts; the first page keeps its copy, which may be the title."""
    pages = [sheet(n, [(None, "Review of Ashby"), *prose(n, height=False)]) for n in range(1, 6)]
    assert removed(pages) == [(n, "Review of Ashby", Furniture.HEADER) for n in range(2, 6)]


def test_without_a_layout_a_header_must_stand_on_many_pages() -> None:
    """A last line that three neighbours of many pages share is chance."""
    pages = [
        sheet(n, [*prose(n, height=False), *([(None, "(Recommendation)")] if n < 4 else [])]) for n in range(1, 21)
    ]
    assert removed(pages) == []


@pytest.mark.parametrize(
    "style",
    ["{}", "Page {}", "Page {} of 20", "- {} -", "– {} –", "{} | P a g e", "Page | {}", "[{}]", "p. {}", "{}/20"],
)
def test_page_numbers_come_in_many_styles(style: str) -> None:
    """Each common way to write a page number is found at the bottom of a page, though first in its text."""
    pages = [sheet(n, [(0.95, style.format(n + 2)), *prose(n)]) for n in range(1, 5)]
    assert removed(pages) == [(n, style.format(n + 2), Furniture.PAGE_NUMBER) for n in range(1, 5)]


def test_roman_page_numbers_count_as_well() -> None:
    """Front matter is numbered i, ii, iii, iv before page 1."""
    numbers = ["i", "ii", "iii", "iv", "1", "2", "3"]
    pages = [sheet(n, [*prose(n), (0.95, number)]) for n, number in enumerate(numbers, start=1)]
    assert [text for _, text, _ in removed(pages)] == numbers


@pytest.mark.parametrize("figures", [["7", "3", "9", "4"], ["12%", "13%", "14%", "15%"], ["£1", "£2", "£3", "£4"]])
def test_stray_figures_at_the_edge_stay(figures: list[str]) -> None:
    """A figure that does not count the pages, or that is no bare number, is content."""
    assert removed([sheet(n, [*prose(n), (0.95, text)]) for n, text in enumerate(figures, start=1)]) == []


def test_numbers_in_the_middle_of_pages_stay() -> None:
    """Even counting numbers are no page numbers away from the edges."""
    assert removed([sheet(n, [*prose(n), (0.5, str(n))]) for n in range(1, 6)]) == []


def test_a_single_page_number_needs_the_total() -> None:
    """On a document's only page "1" may be anything, but "Page 1 of 1" says what it is."""
    assert removed([sheet(1, [*prose(1), (0.95, "1")])]) == []
    assert removed([sheet(1, [*prose(1), (0.95, "Page 1 of 1")])]) == [(1, "Page 1 of 1", Furniture.PAGE_NUMBER)]


CONTENTS = ["Summary 2", "What we found in our visits to the teams and", "to the families 2", "Next steps 4"]


def test_a_table_of_contents_goes_with_its_title() -> None:
    """Entries over two lines go whole, and the page number in front of the title is not part of the table."""
    pages = report([[(0.95, "1"), *rows("Ashby Council", "Contents", *CONTENTS, "About us")], [], [], [], []])
    assert contents(pages) == ["Contents", *CONTENTS]


def test_a_page_number_on_a_line_of_its_own_ends_an_entry() -> None:
    """A long entry's number may be drawn below it."""
    lines = ["Contents", "Summary 2", "What we found in our visits", "3", "Next steps 4"]
    assert contents(report([rows(*lines), [], [], []])) == lines


def test_a_table_of_contents_is_known_by_the_pages_it_names() -> None:
    """Without a title, entries must head lines of their pages; printed numbers may be off by a constant."""
    lines = ["Summary 1", "Our findings 2", "Next steps 3"]
    pages = report([rows("Ashby Council", *lines), *(rows(t) for t in ("Summary", "Our findings", "Next steps"))])
    assert contents(pages) == lines
    assert contents(report([rows("Ashby Council", *lines), rows("Summary"), rows("Two"), rows("Three")])) == []


def test_dots_that_lead_to_page_numbers_need_no_title() -> None:
    """Dot leaders make a table of contents by themselves."""
    lines = ["Summary ........ 2", "Our findings . . . . . 3", "Next steps……3"]
    assert contents(report([rows("Ashby Council", *lines), [], []])) == lines


@pytest.mark.parametrize(
    "lines",
    [
        ["Children in care 2", "Children on plans 3", "Care leavers 4"],  # not on the pages that they name
        ["Contents", "Summary 4", "Our findings 3", "Next steps 2"],  # falling
        ["Contents", "Children 250", "Families 260", "Carers 270"],  # more than there are pages
        ["Contents", "Summary 2", "Next steps 3"],  # too few to tell
        ["Contents", "Summary 2", "The teams met in May.", "Our findings 3", "Next steps 4"],
        ["Contents", "The teams met in May.", "Summary 2", "Our findings 3", "Next steps 4"],
        ["1. Visit each child within 2", "2. Review each plan by 3", "3. Report to the board in 4"],
        ["It rose by ....", "Children ...... 300"],
    ],
)
def test_other_lines_that_end_in_numbers_stay(lines: list[str]) -> None:
    """Tables of figures and recommendations are content."""
    assert contents(report([rows(*lines), [], [], [], []])) == []


def test_stated_captions_are_captions() -> None:
    """What the format calls a caption needs no other sign."""
    page = Page(1, "The team\nThey met.", (Line(0, 8, caption=True), Line(9, 18)))
    assert removed([page]) == [(1, "The team", Furniture.CAPTION)]


@pytest.mark.parametrize(
    "text", ["Figure 3: Plans by age", "Table 2.1 – Visits", "Fig. 4. Cases", "Chart 1: 2030 and 2031"]
)
def test_numbered_captions_are_known_by_shape(text: str) -> None:
    """A label, a number, a mark and a title make a caption."""
    assert removed([saved("Plans are clear.", text, "Visits are late.")]) == [(1, text, Furniture.CAPTION)]


@pytest.mark.parametrize(
    "lines",
    [
        ["Plans are clear.", "Figure 3 shows plans by age"],
        ["Plans are clear.", "Figure 3: The plans of all children are clear."],
        ["Plans are clear.", "Figure 3: The plans of all", "children"],
        ["The plans are shown in", "Figure 3: They are clear"],
        ["Plans are clear.", "Table 2: see below"],
    ],
)
def test_sentences_that_name_a_figure_stay(lines: list[str]) -> None:
    """What may be a sentence or part of one is no caption."""
    assert removed([saved(*lines)]) == []


PROSE = "The team has made steady progress in its work with families."


def test_captions_run_together_with_their_copy_go_with_it() -> None:
    """Alternative text and caption saved as one line XX next to X are captions of one picture."""
    page = saved(PROSE, "", "Ashby town hallAshby town hall", "Ashby town hall", "", PROSE)
    assert [text for _, text, _ in removed([page])] == ["Ashby town hallAshby town hall", "Ashby town hall"]


def test_a_short_line_twice_in_a_row_before_prose_is_a_caption() -> None:
    """A caption and its alternative text stand as a block of their own."""
    assert [kind for *_, kind in removed([saved("Title", "", "Jo Bloggs", "Jo Bloggs", "", PROSE)])] == [
        Furniture.CAPTION
    ] * 2


@pytest.mark.parametrize(
    "lines",
    [
        ["Leadership", "Requires improvement", "Requires improvement", "", PROSE],  # part of a block
        ["", "Requires improvement", "Requires improvement", "", "Care leavers", PROSE],  # a heading follows
        [PROSE, "", "Requires improvement Requires improvement", "Requires improvement", "", PROSE],  # cells
        ["", "Requires improvement", "Requires improvement", PROSE],  # part of a block
        ["", "Good", "Good", "", PROSE],  # hardly a caption
        [PROSE, "", PROSE, PROSE, "", PROSE],  # sentences
        [PROSE, "", "One of five things they said", ""] * 3 + [PROSE],  # longer than a label
    ],
)
def test_other_repeated_lines_stay(lines: list[str]) -> None:
    """Judgements and sentences may be repeated."""
    assert removed([saved(*lines)]) == []


def test_labels_between_paragraphs_are_boilerplate() -> None:
    """A short line that comes back between paragraphs is the label of an advertisement."""
    page = saved(
        "Title", "", PROSE, "", "Skip this", "Skip this", "", PROSE, "", "Skip this", "", PROSE, "", "Skip this"
    )
    assert removed([page]) == [(1, "Skip this", Furniture.BOILERPLATE)] * 4


def test_words_repeated_below_headings_stay() -> None:
    """Judgements come back in the same words, each below what is judged."""
    grades = [line for name in ("Leadership", "Practice", "Impact") for line in (name, "", "Good", "", PROSE, "")]
    assert removed([saved(*grades)]) == []


def test_repeated_headings_of_the_format_stay() -> None:
    """What the format calls a heading is no label."""
    page = saved(*[PROSE, "", "Findings", ""] * 3, PROSE, headings={"Findings"})
    assert removed([page]) == []


def test_a_closing_line_of_credits_goes_with_the_address_above_it() -> None:
    """A last line in pieces is the site's, and so is a block in front of it that says how to reach somebody."""
    address = ["Unit 4, Mill Lane", "Tel: 01632 960001Contact us"]
    credit = "Built by Example Studio | Photographs by Jo Bloggs"
    page = saved(PROSE, "", "Ashby Council", "", *address, "", credit)
    assert [text for _, text, _ in removed([page])] == [*address, credit]


@pytest.mark.parametrize(
    "block",
    [
        ["Ashby Council", "North team", ""],  # nowhere to reach them
        ["North team", "Call them on 01632 960001.", ""],  # a sentence
        ["Tel: 01632 960001"],  # not a block of its own
    ],
)
def test_other_blocks_above_the_credits_stay(block: list[str]) -> None:
    """Only an address on its own goes with the credits."""
    assert [text for _, text, _ in removed([saved(PROSE, "", *block, "By Jo | For Ashby")])] == ["By Jo | For Ashby"]


@pytest.mark.parametrize(
    "lines",
    [
        [PROSE, "", "Yours sincerely", "", "Jo Bloggs"],
        [PROSE, "", "Team | Judgement", "Duty | Good"],  # a table
        [PROSE, "", "One | two, as they said."],  # a sentence
        [PROSE, "They plan:"],  # not on its own
    ],
)
def test_other_closing_lines_stay(lines: list[str]) -> None:
    """Signatures, tables and sentences at the end are content."""
    assert removed([saved(*lines)]) == []


def test_a_closing_announcement_is_boilerplate() -> None:
    """A label at the very end announces a list of links that was not saved."""
    assert removed([saved(PROSE, "", "See also:")]) == [(1, "See also:", Furniture.BOILERPLATE)]


LINES = st.lists(
    st.tuples(
        st.floats(0, 1) | st.none(),
        st.text(alphabet="ab 12.|\n:…#", min_size=1, max_size=30).filter(str.strip)
        | st.sampled_from(["7", "Contents", "A header", "One 2", "One 3", "abab", "ab", "Figure 1: A", PROSE]),
    ),
    max_size=12,
)


@given(st.lists(LINES, max_size=6))
def test_removals_are_whole_lines_in_order(texts: list[list[tuple[float | None, str]]]) -> None:
    """Every span is one line of its page, none comes twice, and they are sorted."""
    pages = [sheet(n, [(h, " ".join(t.split())) for h, t in lines]) for n, lines in enumerate(texts, start=1)]
    spans = [(r.span.page, r.span.start, r.span.end) for r in find_furniture(pages)]
    assert spans == sorted(set(spans))
    assert set(spans) <= {(page.number, line.start, line.end) for page in pages for line in page.lines}


@given(
    st.lists(st.lists(st.sampled_from(WORDS), min_size=5, max_size=12), min_size=1, max_size=60, unique_by=tuple),
    st.integers(1, 20),
    st.booleans(),
)
def test_prose_stays(sentences: list[list[str]], per_page: int, layout: bool) -> None:
    """Sentences that differ are never furniture, wherever pages break."""
    texts = [" ".join(words).capitalize() + "." for words in sentences]
    pages = [
        sheet(
            n,
            [
                ((i + 1) / (per_page + 1) if layout else None, text)
                for i, text in enumerate(texts[at : at + per_page])
            ],
        )
        for n, at in enumerate(range(0, len(texts), per_page), start=1)
    ]
    assert removed(pages) == []


def test_no_sentence_of_real_reports_is_removed() -> None:
    """Over a sample of real reports nothing removed ends a sentence, and hardly a page is without a removal."""
    files = sorted((SHARED / "reports").glob("*/*.pdf"))[3::32]
    if not files:
        pytest.skip("../shared/reports is not here")
    pages = with_removal = 0
    for file in files:
        document = read(file)
        found = removed(document)
        pages += len(document) - 1  # title pages have no furniture
        with_removal += len({page for page, *_ in found if page > 1})
        assert [text for _, text, _ in found if text.endswith((".", ";", ":", ","))] == []
    assert with_removal > 0.98 * pages


def test_no_gold_quote_is_removed() -> None:
    """What real questions are answered with is left on its page."""
    questions = SHARED / "questions" / "reports.jsonl"
    if not questions.exists():
        pytest.skip("../shared/questions is not here")
    evidence = [e for line in questions.read_text().splitlines() for e in json.loads(line)["evidence"]]
    for entry in evidence[::30]:
        pages = read(SHARED / "reports" / entry["path"])
        taken = {(r.span.page, r.span.start) for r in find_furniture(pages)}
        page = pages[entry["page"] - 1]
        kept = [page.text[line.start : line.end] for line in page.lines if (page.number, line.start) not in taken]
        assert "".join(entry["quote"].split()) in "".join("".join(kept).split())


@cache
def read(file: Path) -> tuple[Page, ...]:
    """Read a real report."""
    pdf = pytest.importorskip("indexer.extract.pdf")
    pages: tuple[Page, ...] = pdf.read(file.read_bytes()).pages
    return pages


def sheet(
    number: int, lines: Sequence[tuple[float | None, str]], *, sizes: Mapping[str, float] | None = None
) -> Page:
    """Make a page of lines, each with the height of its upper edge; None leaves the line without a box."""
    text, made = "", []
    for top, line in lines:
        box = None if top is None else Box(0.1, top, 0.9, min(top + 0.014, 1.0))
        made.append(Line(len(text), len(text) + len(line), box, (sizes or {}).get(line, BODY)))
        text += line + "\n"
    return Page(number, text, tuple(made))


def rows(*lines: str) -> list[tuple[float | None, str]]:
    """Place lines below each other in the body of a page."""
    return [(0.2 + 0.02 * i, line) for i, line in enumerate(lines)]


def prose(number: int, *, height: bool = True) -> list[tuple[float | None, str]]:
    """Make body lines that no other page has."""
    lines = [f"The {WORDS[number % 16]} team of {WORDS[number // 16]} works on {word}" for word in WORDS[:8]]
    return [(0.15 + 0.02 * i if height else None, line) for i, line in enumerate(lines)]


def report(pages: Sequence[Sequence[tuple[float | None, str]]]) -> list[Page]:
    """Make a report whose pages hold some lines and prose below them."""
    return [
        sheet(n, [*lines, *((0.6 + 0.02 * i, text) for i, (_, text) in enumerate(prose(n)))])
        for n, lines in enumerate(pages, start=1)
    ]


def saved(*lines: str, headings: frozenset[str] | set[str] = frozenset()) -> Page:
    """Make a page of plain text, without a layout; empty lines stand between blocks."""
    text, made = "", []
    for line in lines:
        if line:
            made.append(Line(len(text), len(text) + len(line), heading=2 if line in headings else 0))
        text += line + "\n"
    return Page(1, text, tuple(made))


def removed(pages: Sequence[Page]) -> list[tuple[int, str, Furniture]]:
    """Return page number, text and kind of everything removed."""
    texts = {page.number: page.text for page in pages}
    return [(r.span.page, texts[r.span.page][r.span.start : r.span.end], r.kind) for r in find_furniture(pages)]


def contents(pages: Sequence[Page]) -> list[str]:
    """Return the lines removed as contents."""
    return [text for _, text, kind in removed(pages) if kind is Furniture.CONTENTS]
