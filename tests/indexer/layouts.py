"""Pages with a layout, drawn by hand or at random, for tests of what is made of lines."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from indexer.records import Box, Furniture, Line, Page, Removal, Span

STEP = 0.02  # from one row to the next, as a share of the page's height


@dataclass(frozen=True)
class Row:
    """A line of print: `at` counts rows from the top of the page, `left` and `right` are shares of its width."""

    text: str
    at: float
    size: float = 11.0
    bold: bool = False
    left: float = 0.1
    right: float = 0.9
    heading: int = 0


def laid_out(number: int, *rows: Row) -> Page:
    """Make a page whose lines stand where the rows say."""
    text, lines = "", []
    for row in rows:
        start = len(text) + 1 if text else 0
        text = f"{text}\n{row.text}" if text else row.text
        box = Box(row.left, row.at * STEP, row.right, row.at * STEP + 0.75 * STEP)
        lines.append(Line(start, len(text), box, row.size, row.bold, row.heading))
    return Page(number, text, tuple(lines))


def remove(page: Page, *numbers: int) -> list[Removal]:
    """Remove lines of a page, counted from 0."""
    lines = [page.lines[number] for number in numbers]
    return [Removal(Span(page.number, line.start, line.end), Furniture.HEADER) for line in lines]


WORDS = (
    *"the children were seen and Inspectors said so in 2015 14. 3.1 (a) No. Mr. U.K. e.g. end. “Well,”".split(),
    *"; : , – - • o".split(),
    *("He", "x" * 150, "internationalrecommendation" * 8, "a.b-c/" * 60, "漢字" * 40, "é" * 110, "e\u0301" * 50, "ﬁ"),
    *(
        "😀",
        "😀" * 30,
        "👩\u200d👩\u200d👧",
        "\u200b",
        "\xad",
        "…",
        "[UNK]",
        "##ing",
        "한국어" * 30,
        "\U000e0001",
        "\x00",
    ),
)
words = st.sampled_from(WORDS) | st.text(st.characters(codec="utf-8", exclude_characters="\n"), max_size=8)
gaps = st.sampled_from(("\n", "\n", "\n", "\n\n", " \n\n \n", "  \t"))


@st.composite
def documents(draw: st.DrawFn) -> tuple[list[Page], list[Removal]]:
    """Draw pages of any text and layout, and lines to be removed."""
    has_layout, pages, removals = draw(st.booleans()), [], []
    for number in range(1, draw(st.integers(1, 3)) + 1):
        text, lines = draw(st.sampled_from(("", "\n", " "))), []
        for row in draw(st.lists(st.lists(words, max_size=25), max_size=8)):
            line = " ".join(row).strip()
            if line:
                lines.append(Line(len(text), len(text) + len(line), *draw(layouts(has_layout))))
            text += line + draw(gaps)
        pages.append(Page(number, text, tuple(lines)))
        removals += remove(pages[-1], *(at for at in range(len(lines)) if draw(st.integers(0, 9)) == 0))
    return pages, removals


def layouts(has_layout: bool) -> st.SearchStrategy[tuple[Any, ...]]:
    """Draw what a line has beside its text."""
    heading = st.sampled_from((0, 0, 0, 0, 1, 2, 3))
    if not has_layout:
        return st.tuples(st.none(), st.none(), st.just(value=False), heading)
    share = st.sampled_from((0.0, 0.1, 0.5, 0.9))
    box = st.builds(lambda left, top: Box(left, top, left + 0.4, top + 0.02), share, share)
    return st.tuples(box, st.sampled_from((None, 8.0, 11.0, 11.0, 11.0, 16.0)), st.booleans(), heading)


def places(spans: Sequence[Span], pages: Sequence[Page]) -> list[tuple[int, int]]:
    """List page and offset of each character of the spans that is not white space, in their order."""
    texts = {page.number: page.text for page in pages}
    return [
        (span.page, at) for span in spans for at in range(span.start, span.end) if not texts[span.page][at].isspace()
    ]


def kept(pages: Sequence[Page], removals: Sequence[Removal]) -> list[tuple[int, int]]:
    """List page and offset of each character that is neither white space nor removed."""
    removed = set(places([removal.span for removal in removals], pages))
    return [place for place in places([Span(p.number, 0, len(p.text)) for p in pages], pages) if place not in removed]
