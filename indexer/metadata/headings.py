"""The headings at the top of a document, each as characters of the first page, and what they say: title and kind."""

import re
from collections import Counter
from collections.abc import Sequence
from itertools import dropwhile, takewhile

from indexer.dates import find_dates
from indexer.metadata.facts import Chars, Fact, one_line
from indexer.metadata.names import name_within, spaced
from indexer.records import Line, Page, Span

LETTERHEAD = 2000  # characters before which the salutation of a letter must stand
SALUTATION = re.compile(r"^Dear\b[^.!?\n]{0,80}$", re.MULTILINE)
_TOP = 0.6  # of the page's height; no title starts lower (in 223 real reports the lowest starts at 0.25)
_SIZE_STEP = 0.6  # points; smaller differences come from the writer of the PDF, not from the author
_LONGEST = 300  # characters of a heading (the longest title of those reports, put together, has 209)
_LABEL = re.compile(r"[^:\n]{1,40}:\s")


def find_headings(pages: Sequence[Page], *, untitled: bool) -> list[Chars]:
    """Return the headings at the top, the title first, or a letter's subject alone; none where nothing is plain.

    `untitled` tells that the file's properties have no title, so that a first line which looks like one is taken.
    """
    page = pages[0]
    lines = [line for line in page.lines if re.search(r"[^\W\d_]", page.text[line.start : line.end])]
    if salutation := SALUTATION.search(page.text, 0, LETTERHEAD):
        found = _short_opening(page, [line for line in lines if line.start > salutation.end()], most_lines=3)
    elif stated := _stated_heading(page, lines):
        found = [chars_of(stated)]
    elif usual := _usual_size(pages):
        found = _set_apart(page, lines, usual)
    else:
        found = _short_opening(page, lines, most_lines=1) if untitled else []
    return found if all(end - start <= _LONGEST for start, end in found) else []


def find_title(page: Page, headings: Sequence[Chars], body: Fact | None) -> Fact | None:
    """Take the first heading; where that only names the body, the next one says what the document is."""
    if not headings:
        return None
    start, end = headings[0]
    title = one_line(page.text[start:end])
    named = name_within(page.text, (start, end))
    is_body = body is not None and named is not None and body.value == one_line(page.text[slice(*named)])
    if (is_body or " " not in title) and len(headings) > 1:
        title = f"{title}: {one_line(page.text[slice(*headings[1])])}"
        end = headings[1][1]
    return Fact(title, Span(page.number, start, end))


def find_kind(page: Page, headings: Sequence[Chars], body: Fact | None, kinds: Sequence[str]) -> Fact | None:
    """Take the first kind that opens a heading, alone, behind the body's name, or behind a colon or dash."""
    name = rf"|\A{spaced(body.value)}\s+" if body else ""
    report = r"|\A(?:report|findings)\s+(?:of|on|from)\s+(?:an?\s+|the\s+)?"
    for kind in kinds:
        opening = re.compile(rf"(?:\A|:\s+|\s[-–—]\s+{report}{name})(?P<kind>{spaced(kind)})\b", re.IGNORECASE)
        for start, end in headings:
            if match := opening.search(page.text[start:end]):
                first, last = match.span("kind")
                return Fact(kind, Span(page.number, start + first, start + last))
    return None


def chars_of(run: Sequence[Line]) -> Chars:
    """Return where a run of lines starts and ends."""
    return run[0].start, run[-1].end


def _stated_heading(page: Page, lines: Sequence[Line]) -> list[Line]:
    """Return the heading that opens the page, or the only one of the first level; sections have no title to give."""
    runs = _runs(page, lines)
    first_level = [run for run in runs if run[0].heading == 1]
    if runs and runs[0][0].heading:
        return runs[0]
    return first_level[0] if len(first_level) == 1 else []


def _short_opening(page: Page, lines: Sequence[Line], *, most_lines: int) -> list[Chars]:
    """Return the first run of lines if it is short, no sentence, and text follows."""
    runs = _runs(page, lines)
    if len(runs) < 2 or len(runs[0]) > most_lines:
        return []
    start, end = chars_of(runs[0])
    return [(start, end)] if page.text[end - 1] not in ".,;:" else []


def _set_apart(page: Page, lines: Sequence[Line], usual: float) -> list[Chars]:
    """Return the lines in the largest type near the top, and those right below that are no plain text either."""
    upper = [line for line in lines if line.size and (line.box is None or line.box.top < _TOP)]
    runs = _runs(page, upper)
    largest = max((line.size or 0 for line in upper), default=0)
    if largest < usual + _SIZE_STEP:
        runs = [run for run in runs if run[0] in upper[:3]]  # further down, bold words belong to the text
    from_title = dropwhile(
        lambda run: not _is_apart(run[0], usual) or (run[0].size or 0) <= largest - _SIZE_STEP, runs
    )
    headings: list[Chars] = []
    for run in takewhile(lambda run: _is_apart(run[0], usual), from_title):
        labels = (at for at, line in enumerate(run) if _is_label(page.text[line.start : line.end]))
        cut = next((at for at in labels if at or headings), len(run))  # the title's own first line is no label
        if run[:cut]:
            headings.append(chars_of(run[:cut]))
        if cut < len(run):
            break
    return headings


def _runs(page: Page, lines: Sequence[Line]) -> list[list[Line]]:
    """Group lines that follow each other in one style and without a blank line."""
    runs: list[list[Line]] = []
    for line in lines:
        last = runs[-1][-1] if runs else None
        if (
            last
            and (last.bold, last.heading) == (line.bold, line.heading)
            and abs((last.size or 0) - (line.size or 0)) < _SIZE_STEP
            and page.text.count("\n", last.end, line.start) == 1
        ):
            runs[-1].append(line)
        else:
            runs.append([line])
    return runs


def _usual_size(pages: Sequence[Page]) -> float | None:
    """Return the font size, in points, that most characters are set in."""
    sizes: Counter[float] = Counter()
    for page in pages:
        for line in page.lines:
            if line.size:
                sizes[line.size] += line.end - line.start
    return max(sizes, key=lambda size: sizes[size], default=None)


def _is_apart(line: Line, usual: float) -> bool:
    return line.bold or (line.size or 0) >= usual + _SIZE_STEP


def _is_label(line: str) -> bool:
    return bool(_LABEL.match(line) or find_dates(line))
