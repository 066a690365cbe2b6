"""Lines -> paragraphs: puts together what wrapping, footnotes and page breaks took apart, and tells headings.

A paragraph keeps its place in the page texts exactly; page furniture is left out. Layout (gaps, type size, weight) is
used where the reader gave it, blank lines and line lengths elsewhere.
"""

import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from indexer.records import Line, Page, Removal, Span

GAP = 0.35  # of a line's step: so much more than the usual space above a line starts a paragraph
LARGER = 1.1  # type of this many times the body's size is a heading's
SMALLER = 0.93  # type of this share of the body's size, at the foot of a page, is a footnote's
LONGEST_HEADING = 160  # characters
WRAPPED = 120  # characters; text files with no longer line are taken to be wrapped by hand

_BULLET = re.compile(r"[•‣▪◦●■○⁃∙]|[-–*o]\s")
# The space after a number is often a tab, which the text of a PDF lacks: "54.There is".
_NUMBERED = re.compile(
    r"(?:\d{1,3}[.)](?=\s|[A-Z][a-z])|\d{1,2}(?:\.\d{1,2})+\.?(?=\s)|\([a-z0-9]{1,3}\)(?=\s))\s*[\"'“‘(]*[A-Z]"
)
_SENTENCE_END = re.compile(r"[.!?:;][\"'”’)\]]*\d{0,2}$")
_NO_HEADING = re.compile(r"[.!:;,…][\"'”’)\]]*$")


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A heading, or a paragraph or list item of the body; `text` is the texts of `runs` joined by line feeds."""

    text: str
    runs: tuple[Span, ...]
    heading: int = 0  # level, 1 the outermost; 0 for body text


@dataclass(frozen=True, slots=True)
class _Placed:
    """A line with its page and text, and the heading level it would have."""

    page: int
    line: Line
    text: str
    heading: int


@dataclass(frozen=True, slots=True)
class _Style:
    """What is usual in one document."""

    size: float | None  # of body text, points
    step: float  # from line to line, as a share of the page's height; 0 without layout
    gap: float  # from the bottom of a line to the top of the next
    right: float  # where full lines end, as a share of the page's width
    levels: dict[tuple[float, bool], int]  # heading level of each style larger or bolder than the body
    wrapped: bool  # without layout: lines are wrapped by hand

    def is_full(self, placed: _Placed) -> bool:
        """Tell whether the line goes on to the right edge, so that the text after it may belong to it."""
        if placed.line.box is None:
            return len(placed.text) > WRAPPED / 2
        return placed.line.box.right > self.right - 0.12


def paragraphs(pages: Sequence[Page], removals: Sequence[Removal] = ()) -> list[Paragraph]:
    """Return the paragraphs of a document in reading order, without the removed lines.

    A sentence over a page break is whole in its paragraph; a footnote comes after the paragraph it interrupted.
    """
    kept = [(page, _kept(page, removals)) for page in pages]
    style = _style([line for _, lines in kept for line in lines], kept)
    texts = {page.number: page.text for page in pages}
    body: list[_Placed] = []
    notes: list[_Placed] = []
    for page, lines in kept:
        placed = [_Placed(page.number, line, page.text[line.start : line.end], 0) for line in lines]
        first_note = _first_note(placed, style)
        body += [_with_heading(p, style) for p in placed[:first_note]]
        notes += placed[first_note:]
    found = [(0, p) for p in _joined(body, style, texts)] + [(1, p) for p in _joined(notes, style, texts)]
    found.sort(key=lambda item: (item[1].runs[0].page, item[0]))  # stable: reading order within a page
    return _with_plain_headings([paragraph for _, paragraph in found], style)


def _kept(page: Page, removals: Sequence[Removal]) -> list[Line]:
    spans = sorted((r.span.start, r.span.end) for r in removals if r.span.page == page.number)
    starts = [start for start, _ in spans]

    def is_removed(line: Line) -> bool:
        at = bisect_right(starts, line.start) - 1
        return at >= 0 and line.start < spans[at][1]

    return [line for line in page.lines if not is_removed(line)]


def _style(lines: Sequence[Line], kept: Iterable[tuple[Page, Sequence[Line]]]) -> _Style:
    weights: Counter[tuple[float, bool]] = Counter()  # characters in each style
    sizes: Counter[float] = Counter()
    for line in lines:
        if line.size:
            weights[round(line.size, 1), line.bold] += line.end - line.start
            sizes[round(line.size, 1)] += line.end - line.start
    body = sizes.most_common(1)[0][0] if sizes else None
    styles: list[tuple[float, bool]] = []
    if body:
        body_is_bold = weights[body, True] > weights[body, False]
        styles = [
            (size, bold)
            for size, bold in weights
            if size > body * LARGER or (bold and not body_is_bold and size > body * SMALLER)
        ]
    neighbours = [
        (above.box, below.box)
        for _, page_lines in kept
        for above, below in pairwise(page_lines)
        if above.box and below.box and above.size == below.size and below.box.top > above.box.top
    ]
    rights = sorted(line.box.right for line in lines if line.box)
    return _Style(
        body,
        median(below.top - above.top for above, below in neighbours) if neighbours else 0.0,
        median(below.top - above.bottom for above, below in neighbours) if neighbours else 0.0,
        rights[int(len(rights) * 0.9)] if rights else 1.0,
        {style: min(level, 6) for level, style in enumerate(sorted(styles, reverse=True), start=1)},
        max((line.end - line.start for line in lines), default=0) <= WRAPPED,
    )


def _first_note(placed: Sequence[_Placed], style: _Style) -> int:
    """Return the index of the first line of the footnotes at the foot of a page."""
    at = len(placed)
    while at and style.size and (placed[at - 1].line.size or style.size) < style.size * SMALLER:
        at -= 1
    return at or len(placed)  # a page all in small type is body text, such as an imprint


def _with_heading(placed: _Placed, style: _Style) -> _Placed:
    line, text = placed.line, placed.text
    level = line.heading
    if not level and line.size and len(text) <= LONGEST_HEADING and not _BULLET.match(text):
        level = style.levels.get((round(line.size, 1), line.bold), 0)
    return _Placed(placed.page, line, text, level) if level else placed


def _joined(placed: Sequence[_Placed], style: _Style, texts: dict[int, str]) -> Iterator[Paragraph]:
    group: list[_Placed] = []
    for item in placed:
        if group and _starts_paragraph(group[-1], item, style, texts):
            yield _paragraph(group, texts)
            group = []
        group.append(item)
    if group:
        yield _paragraph(group, texts)


def _starts_paragraph(above: _Placed, below: _Placed, style: _Style, texts: dict[int, str]) -> bool:
    if _BULLET.match(below.text) or _NUMBERED.match(below.text) or above.heading != below.heading:
        return True
    ended = bool(_SENTENCE_END.search(above.text))
    if above.page != below.page:
        # The next page goes on with the sentence if it begins in the middle of one.
        return below.heading > 0 or ended or not (below.text[:1].islower() or style.is_full(above))
    if texts[above.page].count("\n", above.line.end, below.line.start) > 1:
        return ended or not below.text[:1].islower()  # copied texts have blank lines where a page ended
    a, b = above.line, below.line
    if a.box and b.box:
        if max(a.size or 0, b.size or 0) > min(a.size or 0, b.size or 0) * LARGER:
            return True
        if b.box.top - a.box.bottom > style.gap + style.step * GAP:
            return True
        if b.box.top < a.box.top - style.step / 2:  # up again: the next column or cell
            return not below.text[:1].islower()
        return ended and not style.is_full(above) and not below.text[:1].islower()
    if not style.wrapped:
        return True
    return ended and not style.is_full(above)


def _paragraph(group: Sequence[_Placed], texts: dict[int, str]) -> Paragraph:
    runs = merged([Span(item.page, item.line.start, item.line.end) for item in group], texts, line_feeds=1)
    return Paragraph("\n".join(texts[run.page][run.start : run.end] for run in runs), runs, _level(group))


def merged(spans: Iterable[Span], texts: dict[int, str], *, line_feeds: int | None = None) -> tuple[Span, ...]:
    """Join successive spans of a page that only white space separates, of at most so many line feeds."""
    runs: list[Span] = []
    for span in spans:
        last = runs[-1] if runs else None
        if last and last.page == span.page and last.end <= span.start:
            between = texts[span.page][last.end : span.start]
            if not between.strip() and (line_feeds is None or between.count("\n") <= line_feeds):
                runs[-1] = Span(span.page, last.start, span.end)
                continue
        runs.append(span)
    return tuple(runs)


def _level(group: Sequence[_Placed]) -> int:
    """Return the heading level of a group of lines of one style; a whole bold paragraph is none."""
    level = group[0].heading
    if not level or group[0].line.heading:
        return level
    text = " ".join(item.text for item in group)
    is_heading = len(text) <= LONGEST_HEADING and not _NO_HEADING.search(text) and any(map(str.isalpha, text))
    return level if is_heading else 0


def _with_plain_headings(found: list[Paragraph], style: _Style) -> list[Paragraph]:
    """Take short lines that stand alone above a paragraph for headings, where there is no layout to tell."""
    if style.size is not None or any(paragraph.heading for paragraph in found):
        return found
    return [
        Paragraph(above.text, above.runs, 2) if _looks_like_heading(above.text, below.text) else above
        for above, below in pairwise([*found, Paragraph("", ())])
    ]


def _looks_like_heading(text: str, below: str) -> bool:
    return (
        len(text) <= LONGEST_HEADING / 2
        and "\n" not in text
        and text[:1].isupper()
        and not _NO_HEADING.search(text)
        and len(below) > LONGEST_HEADING
    )
