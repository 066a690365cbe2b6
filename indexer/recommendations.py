"""What a report wants improved: the items of its lists of recommendations, to the letter.

Only the headings that open such a list and the titles of what follows it go by their words, as inspectorates have
used them since 2012. All else goes by the shape of lists: bullets, numbers that count, indents, size of type.
"""

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass

from indexer.paragraphs import merged
from indexer.records import Line, Page, Recommendation, Removal, Span

BOLD = 4.0  # points that bold type counts for: a bold line of 12 points heads a plain one of 12.65
HEAVIER = 0.5  # points above the type of a list that make a heading
SMALLER = 0.93  # type of this share of a list's is a footnote's
DEEPER = 0.012  # of the page's width; bullets of one list stand in one line to a third of this
APART = 1.0  # of a line's height: text that stands so far below a whole sentence does not go on with it
LONGEST_HEADING = 160  # characters
LONGEST_TOPIC = 60  # characters of a heading that is known by its shape alone
LONGEST_ITEM = 1500  # characters; the longest of 2,335 has 709, and what is longer has swallowed a heading
SKIPPED = 2  # numbers that may be missing from a list

_OPENS = re.compile(
    r"(?:\d{1,2}(?:\.\d{1,2})*[.)]?\s+)?(?:"
    r"(?:(?:key|main|our|summary\s+of(?:\s+the)?)\s+)?recommendations?"
    r"|(?:key\s+)?(?:areas?|priorities|actions?)\s+for\s+(?:further\s+|priority\s+)?(?:improvement|development)s?"
    r"|(?:areas?\s+for\s+)?priority\s+(?:and|or)\s+immediate\s+actions?|priority\s+actions?"
    r"|what\s+(?:still\s+)?(?:needs?\s+to|should|must)\s+(?:be\s+)?improved?(?:\s+further)?"
    r"|what\s+(?:does|do)\s+(?:\S+\s+){1,8}needs?\s+to\s+(?:improve|do\s+(?:better|to\s+improve))"
    r"|what\s+(?!needs?\b)(?:\S+\s+){1,8}(?:needs?\s+to|should|must)\s+(?:improve|do\s+(?:better|to\s+improve))"
    r")\s*[:?]?\s*",
    re.IGNORECASE,
)
_CLOSES = re.compile(
    r"\b(?:strengths?|findings?|judge?ments?|summary|information\s+about|experiences?\s+and\s+progress|annex|appendix"
    r"|conclusions?|introduction|background|next\s+steps|section\s+\d+)\b",
    re.IGNORECASE,
)
_TIME = re.compile(
    r"(?:immediately|with\s+immediate\s+effect|(?:with)?in\s+(?:the\s+next\s+)?[\w-]+\s+(?:day|week|month|year)s?)"
    r"(?:\s+of\s+[\w\s]{1,40})?\s*[:.]?",
    re.IGNORECASE,
)
_INTRODUCES = re.compile(  # the last words of a paragraph
    r"\b(?:following(?:\s+\w+){0,3}|(?:should|must|needs?\s+to|recommends?(?:\s+that)?))\s*[:.]\s*\Z", re.IGNORECASE
)
_BULLET = re.compile(r"(?:[•‣▪◦●■○⁃∙◼◾❖➢➤►✓✔\uf000-\uf0ff]|[-–—*o](?=\s))\s*")  # U+F000: fonts of signs alone
_NUMBER = re.compile(r"(?:\d{1,2}\.)?(\d{1,3})(?:[.)](?:\s+|(?=[A-Z]))|(?<=\.\d)\s+(?=[A-Z]))")
_LETTER = re.compile(r"\(?(?:[a-z]|[ivx]{1,4})\)\s+")
_ENDED = re.compile(r"[.!?:;)][\"'”’)\]]*\d{0,2}$")
_BLANK = re.compile(r"\n[^\S\n]*\n\s*\Z")
_LINE = re.compile(r"\S[^\n]*")


@dataclass(frozen=True, slots=True)
class _Row:
    """A line that is no furniture, and what it would be in a list."""

    page: int
    line: Line
    text: str
    weight: float  # of its type, in points; 0 where neither type nor headings are known
    sign: str = ""  # that begins it: a bullet, "1" for any number, "a" for any letter
    number: int = 0
    begin: int = 0  # where its words begin, after the sign
    is_below_blank: bool = False  # a line without any text is above it

    @property
    def has_ended(self) -> bool:
        return bool(_ENDED.search(self.text[-9:]))

    def is_deeper_than(self, other: "_Row") -> bool:
        box, its = self.line.box, other.line.box
        return box is not None and its is not None and box.left > its.left + DEEPER

    def is_below(self, other: "_Row") -> bool:
        box, its = self.line.box, other.line.box
        if box is None or its is None:
            return False
        return its.bottom <= box.top and box.left < its.right and its.left < box.right

    def is_apart_from(self, above: "_Row") -> bool:
        box, its = self.line.box, above.line.box
        if box is None or its is None:
            return self.is_below_blank
        return self.page == above.page and box.top - its.bottom > APART * (box.bottom - box.top)


_Rows = Sequence[_Row]


def find_recommendations(pages: Sequence[Page], removals: Sequence[Removal]) -> tuple[Recommendation, ...]:
    """Return the items of all lists of recommendations, in reading order.

    An item has its sub-items in it, and no heading, page furniture or footnote that interrupts it. The sentence that
    introduces a list is none, nor is prose: where a section has no list, it is not plain what its items would be.
    """
    texts = {page.number: page.text for page in pages}
    found = []
    for rows, headings in _sections(_rows(pages, removals)):
        for item in _items(rows, headings):
            first = item[0]
            spans = [Span(row.page, row.line.start, row.line.end) for row in item]
            spans[0] = Span(first.page, first.line.start + first.begin, first.line.end)
            if sum(span.end - span.start for span in spans) <= LONGEST_ITEM:
                found.append(Recommendation(merged(spans, texts)))
    return tuple(found)


def _rows(pages: Sequence[Page], removals: Sequence[Removal]) -> list[_Row]:
    removed: dict[int, list[tuple[int, int]]] = {}
    for removal in removals:
        removed.setdefault(removal.span.page, []).append((removal.span.start, removal.span.end))
    found: list[_Row] = []
    for page in pages:
        spans = sorted(removed.get(page.number, ()))
        lines = page.lines or _plain_lines(page.text)
        found += _in_order([_row(page, line) for line in lines if not _is_removed(line, spans)])
    return found


def _is_removed(line: Line, spans: Sequence[tuple[int, int]]) -> bool:
    at = bisect_left(spans, (line.end, 0)) - 1
    return at >= 0 and line.start < spans[at][1]


def _in_order(rows: list[_Row]) -> list[_Row]:
    """Put a heading that opens a list above what stands below it on the page; some PDFs draw it last."""
    for at, row in enumerate(rows):
        if _OPENS.fullmatch(row.text):
            place = next((place for place in range(at) if rows[place].is_below(row)), at)
            rows.insert(place, rows.pop(at))
    return rows


def _plain_lines(text: str) -> list[Line]:
    return [Line(found.start(), found.start() + len(found[0].rstrip())) for found in _LINE.finditer(text)]


def _row(page: Page, line: Line) -> _Row:
    text = page.text[line.start : line.end]
    weight = 100.0 - line.heading if line.heading else (line.size or 0.0) + (BOLD if line.bold else 0.0)
    sign, number, begin = "", 0, 0
    if (found := _NUMBER.match(text)) and found.end() < len(text):
        sign, number, begin = "1", int(found[1]), found.end()
    elif (found := _BULLET.match(text) or _LETTER.match(text)) and found.end() < len(text):
        sign, begin = "a" if _LETTER.match(text) else text[0], found.end()
    is_below_blank = bool(_BLANK.search(page.text[max(0, line.start - 80) : line.start]))
    return _Row(page.number, line, text, weight, sign, number, begin, is_below_blank)


def _sections(rows: _Rows) -> Iterator[tuple[_Rows, frozenset[int]]]:
    """Give the lines below each heading that opens a list, and the places of the headings within them."""
    headings = _headings(rows)
    openings = {at: length for at in sorted(headings) if (length := _opening(rows, at, headings))}
    for at, length in openings.items():
        first = end = at + length
        while end < len(rows) and end not in openings and not (end in headings and _closes(rows[end], rows[at])):
            end += 1
        yield rows[first:end], frozenset(place - first for place in range(first, end) if place in headings)


def _opening(rows: _Rows, at: int, headings: Container[int]) -> int:
    """Return how many lines the heading has that opens a list here; 0 where none does."""
    if rows[at].text[:1].islower():
        return 0
    if _OPENS.fullmatch(rows[at].text):
        return 1
    goes_on = at + 1 < len(rows) and at + 1 in headings
    return 2 if goes_on and _OPENS.fullmatch(f"{rows[at].text} {rows[at + 1].text}") else 0


def _closes(row: _Row, opening: _Row) -> bool:
    """Tell whether a heading is that of another section; otherwise it is one of a part of the list."""
    if _TIME.fullmatch(row.text):
        return False
    return bool(_CLOSES.search(row.text)) or row.weight >= opening.weight > 0


def _headings(rows: _Rows) -> frozenset[int]:
    """Find headings by their type; by their shape in a text without types."""
    written: Counter[float] = Counter()
    for row in rows:
        written[row.weight] += len(row.text)
    if any(written):
        least = written.most_common(1)[0][0] + HEAVIER
        heavy = {at for at, row in enumerate(rows) if row.weight > least and len(row.text) < LONGEST_HEADING}
        return frozenset(heavy | {at for at in range(len(rows) - 1) if _stands_alone(rows, at)})
    found: set[int] = set()
    for at in range(len(rows)):
        may_begin = at == 0 or at - 1 in found or rows[at - 1].has_ended
        found.update(range(at, at + _title(rows, at, may_begin=may_begin)))
    return frozenset(found)


def _stands_alone(rows: _Rows, at: int) -> bool:
    """Tell whether a line opens a list though its type is that of the text: a list must follow."""
    is_start = at == 0 or rows[at - 1].has_ended or rows[at - 1].page != rows[at].page
    return is_start and bool(rows[at + 1].sign and _OPENS.fullmatch(rows[at].text)) and rows[at].text[:1].isupper()


def _title(rows: _Rows, at: int, *, may_begin: bool) -> int:
    """Return how many lines a heading would have here, by its shape; 0 where there is none."""
    if _OPENS.fullmatch(rows[at].text) or _TIME.fullmatch(rows[at].text):
        return int(not rows[at].text[:1].islower())
    if not may_begin or rows[at].sign or not rows[at].text[:1].isupper():
        return 0
    text = ""
    for length, row in enumerate(rows[at : at + 3], start=1):
        text = f"{text} {row.text}".strip()
        if len(text) > LONGEST_HEADING or text[-1] in ".,;":
            return 0
        below = rows[at + length] if at + length < len(rows) else None
        if below is None or below.sign or (len(text) <= LONGEST_TOPIC and below.text[:1].isupper()):
            return length
    return 0


def _items(rows: _Rows, headings: Container[int]) -> Iterator[list[_Row]]:
    """Give the lines of each item of one list."""
    top: _Row | None = None  # the line that began the last item
    item: list[_Row] = []
    hangs = is_new_part = False
    for at in range(_introduction(rows, headings), len(rows)):
        row = rows[at]
        if at in headings:
            is_new_part = True
        elif row.sign and (top is None or _goes_on(row, top, is_new_part=is_new_part)):
            yield from [item] if item else []
            top, item, is_new_part = row, [row], False
            continue
        elif is_new_part and row.sign and top:
            break  # the list of another matter
        elif top is None or (row.line.size or 0.0) < (top.line.size or 0.0) * SMALLER:
            continue  # a footnote
        hangs = hangs or (top is not None and row.is_deeper_than(top))
        if item and (is_new_part or _leaves(row, item, hangs=hangs)):
            yield item
            item = []
        elif item:
            item.append(row)
    yield from [item] if item else []


def _leaves(row: _Row, item: _Rows, *, hangs: bool) -> bool:
    """Tell whether a line is text below the list; `hangs` says that the lines of items are indented."""
    return (
        not row.sign
        and item[-1].has_ended
        and (row.is_apart_from(item[-1]) or (hangs and not row.is_deeper_than(item[0])))
    )


def _goes_on(row: _Row, top: _Row, *, is_new_part: bool) -> bool:
    """Tell whether a line begins the next item of the list that `top` began one of."""
    if row.number or top.number:
        counts = 0 < row.number - top.number <= 1 + SKIPPED or (is_new_part and row.number == 1)
        return bool(top.number) and bool(row.number) and counts
    if row.page != top.page or not row.line.box:
        return row.sign == top.sign
    return not row.is_deeper_than(top)


def _introduction(rows: _Rows, headings: Container[int]) -> int:
    """Return where the list begins, after a numbered paragraph that says what its bullets are."""
    at = next((at for at, row in enumerate(rows) if row.sign), None)
    if at is None or not rows[at].number:
        return 0
    end = next((end for end in range(at + 1, len(rows)) if rows[end].sign or end in headings), len(rows))
    first = next((row for place, row in enumerate(rows[end:], start=end) if row.sign and place not in headings), None)
    introduces = _INTRODUCES.search(" ".join(row.text for row in rows[at:end])[-120:])
    return end if first and not first.number and introduces else 0
