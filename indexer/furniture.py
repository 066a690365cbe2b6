"""Pages -> what on them is furniture: running headers, page numbers, contents lists, captions, web boilerplate.

Everything is told from the document itself, from what repeats, where it stands and how it is shaped, and never from
a list of phrases. Only whole lines are named. When in doubt a line stays: furniture that is left in costs a little
noise, but a sentence that is taken out cannot be found.
"""

import re
import statistics
from collections import Counter, defaultdict
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from indexer.records import Furniture, Line, Page, Removal, Span

_T = TypeVar("_T")
_Place = tuple[int, int]  # indices of a page and of a line on it

# On 5,045 real pages headers ended above 0.12 of the page and footers began below 0.93. The zones may be wider,
# because a line must also repeat in them.
_ZONE = 0.15  # of the page's height, at the top and at the bottom
_ZONE_LINES = 3  # the same without a layout
_SAME_HEIGHT = 0.006  # of the page's height, a third of a line: body text must not pass from line to line
_MAX_GAP = 3  # pages from one repeat to the next: odd and even pages take turns, and a page may be a picture
_REPEATS = 3

_NUMBER = re.compile(r"\d{1,9}")
_DECORATION = r"[\s|\-–—·•.()\[\]~_]*"
_PAGE_NUMBER = re.compile(
    rf"{_DECORATION}(?:page|pg|p)?{_DECORATION}(\d{{1,4}}|[ivxl]{{1,7}})(?:\s*(?:of|/)\s*(\d{{1,4}}))?"
    rf"{_DECORATION}(?:page)?{_DECORATION}"
)
_PAGE_NUMBER_LENGTH = 30  # characters; longer lines are not tried
_SPACED_WORD = re.compile(r"p\s*a\s*g\s*e")  # "P a g e" is in a well-known word processor's templates
_TENS, _UNITS = (
    ("", "x", "xx", "xxx", "xl", "l", "lx", "lxx", "lxxx"),
    ("", *"i ii iii iv v vi vii viii ix".split()),
)
_ROMAN = {tens + units: 10 * i + j for i, tens in enumerate(_TENS) for j, units in enumerate(_UNITS)}

_CONTENTS_TITLE = re.compile(r"(?:table of )?contents\W*", re.IGNORECASE)
_LEADER = " .…·_"
_ENTRY_NUMBER = re.compile(rf"(?:^|(?<=[{_LEADER}]))\d{{1,4}}$")
_WRAPPED_LINES = 2  # of a contents entry, above the one with its page number
_ENTRIES = 3  # that make a table of contents
_TELLING = 20  # pages; a line that more pages hold is no heading of one of them
_DOTS = 4  # that lead from an entry to its page number

_NUMBERED_CAPTION = re.compile(
    r"(?i:figure|fig\.?|table|chart|graph|diagram|map|photo(?:graph)?)\s+\d+(?:\.\d+)*\s*[:.–—-]\s+[\"'“‘(]?[A-Z\d]"
)
_CONTACT = re.compile(r"\b0\d[\d ]{8,12}|\+\d[\d ]{9,14}|\S@\S+\.\w|\bwww\.|https?://")
_LABEL_WORDS = 4
_CAPTION_WORDS = 15
_PROSE_WORDS = 6  # with a full stop


def find_furniture(pages: Sequence[Page]) -> tuple[Removal, ...]:
    """Return the furniture of one document by page and place; every span is exactly one line."""
    found = {**dict(_web_boilerplate(pages)), **dict.fromkeys(_captions(pages), Furniture.CAPTION)}
    edges = list(_edges(pages))
    for edge in _running_lines(pages, edges):
        found[edge.place] = Furniture.HEADER if edge.top else Furniture.FOOTER
    found |= dict.fromkeys(_page_numbers(pages, edges), Furniture.PAGE_NUMBER)
    found |= dict.fromkeys(list(_contents(pages, found)), Furniture.CONTENTS)
    lines = ((pages[at], pages[at].lines[index], kind) for (at, index), kind in found.items())
    removals = [Removal(Span(page.number, line.start, line.end), kind) for page, line, kind in lines]
    return tuple(sorted(removals, key=lambda removal: (removal.span.page, removal.span.start)))


@dataclass(frozen=True, slots=True)
class _Edge:
    """A line at the top or bottom edge of its page."""

    place: _Place
    page: int  # number
    text: str
    size: float | None
    top: bool
    height: float  # of the line's middle, as a fraction of the page; 0 without a layout


def _edges(pages: Sequence[Page]) -> Iterator[_Edge]:
    for at, page in enumerate(pages):
        laid_out = any(line.box for line in page.lines)
        for index, line in enumerate(page.lines):
            height = 0.0
            if line.box:
                # By place, not by order: a PDF's text often begins with the number drawn at the foot of the page.
                height = (line.box.top + line.box.bottom) / 2
                top, bottom = line.box.bottom <= _ZONE, line.box.top >= 1 - _ZONE
            elif laid_out:
                continue
            else:
                top, bottom = index < _ZONE_LINES, index >= len(page.lines) - _ZONE_LINES
            if top or bottom:
                yield _Edge((at, index), page.number, _text(page, line), line.size, top, height)


def _running_lines(pages: Sequence[Page], edges: Iterable[_Edge]) -> Iterator[_Edge]:
    """Find edge lines that repeat on several pages at one height, the same but for the page number in them."""
    alike = defaultdict(list)
    for edge in edges:
        pattern = _NUMBER.sub("\n", " ".join(edge.text.casefold().split()))  # which no line holds
        if any(map(str.isalpha, pattern)):  # figures alone may be a table's; see page numbers
            alike[edge.top, pattern].append(edge)
    sizes = [line.size for page in pages for line in page.lines if line.size]
    body = statistics.median(sizes) if sizes else 0
    for members in alike.values():
        counting = _counting_columns(members)
        # Any other number belongs to the text: "12 children" and "15 children" are not one header.
        variants = defaultdict(list)
        for edge in members:
            numbers = _NUMBER.findall(edge.text)
            variants[tuple(n for column, n in enumerate(numbers) if column not in counting)].append(edge)
        for chain in (chain for variant in variants.values() for chain in _chains(variant, len(pages))):
            # Two pages may have a heading in common: there, a running line must be small or number the page below.
            small_or_counting = all((e.size or body) < body or (counting and not e.top) for e in chain)
            if small_or_counting or len({e.page for e in chain}) >= _REPEATS:
                # Where heights are unknown, the first page's copy may be the title of the report.
                yield from (edge for edge in chain if edge.height or edge.place[0])


def _counting_columns(members: Sequence[_Edge]) -> set[int]:
    """Return which number of the lines counts the pages, i.e. keeps its distance to theirs: the first is column 0."""
    columns = zip(*([int(number) for number in _NUMBER.findall(edge.text)] for edge in members), strict=True)
    found = set()
    for column, values in enumerate(columns):
        offsets = Counter(edge.page - value for edge, value in zip(members, values, strict=True))
        if max(offsets.values()) > len(members) / 2:
            found.add(column)
    return found


def _page_numbers(pages: Sequence[Page], edges: Iterable[_Edge]) -> Iterator[_Place]:
    """Find edge lines that are nothing but a number, and that count the pages."""
    counted = defaultdict(list)
    for edge in edges:
        text = _SPACED_WORD.sub("page", edge.text.casefold()) if len(edge.text) <= _PAGE_NUMBER_LENGTH else ""
        if not (match := _PAGE_NUMBER.fullmatch(text)):
            continue
        number, total = match.groups()
        value = int(number) if number.isdecimal() else _ROMAN.get(number)
        if value == edge.page and total == str(len(pages)):
            yield edge.place  # "1 of 1" says by itself what it is
        elif value is not None:
            # A stray figure may stand at the edge as well, but does not keep its distance to the page's number.
            counted[edge.top, edge.page - value].append(edge)
    for members in counted.values():
        for chain in _chains(members, len(pages)):
            yield from (edge.place for edge in chain)


def _chains(members: Iterable[_Edge], pages: int) -> Iterator[list[_Edge]]:
    """Split lines into those at one height on pages close to each other; too few to be a rule are left out.

    Three pages are enough, and two in a document of two or three; a quarter of the pages where heights are unknown.
    """
    needed = min(_REPEATS, max(2, pages - 1))
    members = list(members)
    if not any(edge.height for edge in members):
        needed = max(needed, pages // 4)
    for level in _runs(sorted(members, key=lambda e: e.height), lambda a, b: b.height - a.height <= _SAME_HEIGHT):
        for chain in _runs(sorted(level, key=lambda e: e.place), lambda a, b: b.page - a.page <= _MAX_GAP):
            if len({edge.page for edge in chain}) >= needed:
                yield chain


@dataclass(frozen=True, slots=True)
class _Row:
    """A line that may belong to a table of contents."""

    place: _Place
    text: str  # of an entry: without its page number and the dots before it
    number: int | None = None  # of the page an entry names; None for other lines
    dots: bool = False  # dots lead to the number


def _contents(pages: Sequence[Page], known: Container[_Place]) -> Iterator[_Place]:
    """Find tables of contents: several lines that end in page numbers which never fall, and the title above.

    Tables of figures end in numbers too. So the title "Contents" must stand above, or dots lead to the numbers, or
    the entries must be found on the pages that they name.
    """
    limit = len(pages) if len(pages) > 1 else 9999  # a format without pages may still list the printed ones
    starts = defaultdict(set)  # how a line starts -> numbers of the pages that hold it
    for page in pages:
        for line in page.lines:
            starts[_start(_text(page, line))].add(page.number)
    for at, page in enumerate(pages):
        lines = [(index, line) for index, line in enumerate(page.lines) if (at, index) not in known]
        rows = [_row((at, index), _text(page, line), limit) for index, line in lines]
        for run in _entry_runs(rows):
            first, last = run[0], run[-1]
            title = _contents_title(rows, first)
            entries = [rows[i] for i in run]
            if all(entry.dots for entry in entries) or (
                len(entries) >= _ENTRIES and (title is not None or _on_their_pages(entries, starts, page.number))
            ):
                yield from (row.place for row in rows[first if title is None else title : last + 1])


def _row(place: _Place, text: str, limit: int) -> _Row:
    match = _ENTRY_NUMBER.search(text)
    if match and 0 < int(match.group()) <= limit:
        head = text[: match.start()]
        title = head.rstrip(_LEADER)
        dots = sum(3 if char == "…" else 1 for char in head[len(title) :] if char != " ")
        if dots >= _DOTS or (not dots and not head) or (not dots and any(map(str.isalpha, title))):
            return _Row(place, title, int(match.group()), dots > 0)
    return _Row(place, text)


def _entry_runs(rows: Sequence[_Row]) -> Iterator[list[int]]:
    """Return the indices of entries that follow each other, two or more together."""

    def together(a: int, b: int) -> bool:
        between = rows[a + 1 : b]  # a long entry has lines without a number
        rising = (rows[a].number or 0) <= (rows[b].number or 0)
        return rising and len(between) <= _WRAPPED_LINES and not any(_ends_sentence(row.text) for row in between)

    # A number on its own may end an entry, if a line above it can have begun that.
    entries = [
        i for i, row in enumerate(rows) if row.number and (row.text or row.dots or (i and not rows[i - 1].number))
    ]
    return (run for run in _runs(entries, together) if len(run) > 1)


def _contents_title(rows: Sequence[_Row], first: int) -> int | None:
    """Return the index of the title "Contents" above the first entry, if only that entry's own lines are between."""
    for index in range(first, max(first - _WRAPPED_LINES - 2, -1), -1):
        if _CONTENTS_TITLE.fullmatch(rows[index].text):
            return index
        if index < first and _ends_sentence(rows[index].text):
            break
    return None


def _on_their_pages(entries: Sequence[_Row], starts: Mapping[str, set[int]], here: int) -> bool:
    """Tell whether half of the entries head a line of the page they name, give or take a constant."""
    offsets: Counter[int] = Counter()
    for entry in entries:
        found = starts[_start(entry.text)] - {here}
        if len(found) <= _TELLING:
            offsets.update(page - (entry.number or 0) for page in found)
    return max(offsets.values(), default=0) * 2 >= len(entries)


def _start(text: str) -> str:
    """Return the first letters of a line, enough to know a heading by wherever it was broken."""
    return "".join(filter(str.isalnum, text[:60].casefold()))[:20]


def _captions(pages: Sequence[Page]) -> Iterator[_Place]:
    for at, page in enumerate(pages):
        texts = ["", *(_text(page, line) for line in page.lines), ""]
        for index, (before, text, after) in enumerate(zip(texts, texts[1:], texts[2:], strict=False)):
            if page.lines[index].caption:
                yield at, index
            elif _NUMBERED_CAPTION.match(text):
                # "Table 2: Cases by age" alone. With a full stop, or in a running sentence, it may say more.
                if not (_ends_sentence(text) or after[:1].islower()) and (not before or _ends_sentence(before)):
                    yield at, index
            elif (half := _doubled(text)) and half in {before, after}:
                # A picture's alternative text and its caption run together, and the caption again: "XX", "X".
                yield at, index
                yield at, index - 1 if half == before else index + 1


def _doubled(text: str) -> str | None:
    """Return X where the text is XX, or X X with an X too long for the cells of a table."""
    half = text[: len(text) // 2].rstrip()
    if len(half) > 1 and text == half * 2:
        return half
    return half if len(half.split()) > _LABEL_WORDS and text == f"{half} {half}" else None


def _web_boilerplate(pages: Sequence[Page]) -> Iterator[tuple[_Place, Furniture]]:
    """Find what surrounds the text of a page saved from the web, as far as repetition and shape can tell."""
    if len(pages) != 1 or len(pages[0].lines) < 2 or any(line.box for line in pages[0].lines):
        return
    page, lines = pages[0], pages[0].lines
    texts = [_text(page, line) for line in lines]
    apart = [i == 0 or page.text.count("\n", lines[i - 1].end, lines[i].start) > 1 for i in range(len(lines))]
    yield from (((0, i), kind) for i, kind in _repeated_labels(lines, texts, [*apart, True]))
    yield from (((0, i), Furniture.BOILERPLATE) for i in _closing_lines(lines, texts, apart))


def _repeated_labels(
    lines: Sequence[Line], texts: Sequence[str], apart: Sequence[bool]
) -> Iterator[tuple[int, Furniture]]:
    places = defaultdict(list)  # a label -> where it stands, copies in a row counting as one place
    for run in _runs(range(len(lines)), lambda a, b: texts[a] == texts[b]):
        text = texts[run[0]]
        if any(map(str.isalpha, text)) and not (_ends_sentence(text) or any(lines[i].heading for i in run)):
            places[text].append((run, texts[max(run[0] - 1, 0) : run[0]], texts[run[-1] + 1 : run[-1] + 2]))
    for text, found in places.items():
        words = len(text.split())
        # The label of an advertisement comes back between paragraphs. A word that comes back below headings may be
        # a judgement ("Good"), so there must be sentences on both sides.
        inside = sum(all(map(_is_prose, (*before, *after))) for _, before, after in found)
        if len(found) >= _REPEATS and inside * 2 >= len(found) and words <= _LABEL_WORDS:
            yield from ((i, Furniture.BOILERPLATE) for run, _, _ in found for i in run)
        # A caption and the same words as alternative text of the picture: a block of its own, in front of prose.
        run, _, after = found[0]
        alone = len(found) == 1 and len(run) == 2 and apart[run[0]] and apart[run[-1] + 1]
        if alone and all(map(_is_prose, after)) and 1 < words <= _CAPTION_WORDS:
            yield from ((i, Furniture.CAPTION) for i in run)


def _closing_lines(lines: Sequence[Line], texts: Sequence[str], apart: Sequence[bool]) -> Iterator[int]:
    last = len(lines) - 1
    text = texts[last]
    if lines[last].heading or _ends_sentence(text):
        return
    if text.endswith(":") and apart[last] and len(text.split()) <= _LABEL_WORDS:
        yield last  # it announces a list that was not saved
    if "|" in text and "|" not in texts[last - 1]:
        yield last  # credits or links in one line; a table would have another such line above
        # The block above it is the site's as well, if it says how to reach somebody and holds no sentence.
        block = range(max(i for i in range(last) if apart[i]), last) if apart[last] else range(0)
        if any(_CONTACT.search(texts[i]) for i in block) and not any(_ends_sentence(texts[i]) for i in block):
            yield from block


def _is_prose(text: str) -> bool:
    return _ends_sentence(text) and len(text.split()) >= _PROSE_WORDS


def _ends_sentence(text: str) -> bool:
    return text.rstrip("\"'”’)]»").endswith((".", "!", "?", "…"))


def _text(page: Page, line: Line) -> str:
    return page.text[line.start : line.end]


def _runs(items: Iterable[_T], together: Callable[[_T, _T], bool]) -> Iterator[list[_T]]:
    """Cut a sequence between neighbours that do not belong together."""
    run: list[_T] = []
    for item in items:
        if run and not together(run[-1], item):
            yield run
            run = []
        run.append(item)
    if run:
        yield run
