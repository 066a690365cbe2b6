"""Who published a document and when, and the days of the inspection or visit that it tells of."""

import re
from collections.abc import Sequence
from dataclasses import replace

from indexer.dates import DateRange, find_dates
from indexer.metadata.bodies import OPENING
from indexer.metadata.facts import Fact, one_line
from indexer.metadata.headings import LETTERHEAD, SALUTATION, chars_of
from indexer.metadata.names import ACTS, NAME_IN_LINE, body_key
from indexer.records import Event, Page, Span

_PUBLISHER = re.compile(
    rf"^[ \t]*(?i:(?:report\s+)?published\s+by:?\s+(?:the\s+)?)(?P<by>{NAME_IN_LINE})"
    rf"|(?:©|\([Cc]\))[ \t]*(?:[0-9]{{4}}[ \t]+)?(?!(?i:crown|copyright|all)\b)(?:The\s+)?(?P<owner>{NAME_IN_LINE})"
    r"|\bThe\s[A-Z][^.()]{3,120}\((?P<short>[A-Z]\w+)\)"
    r"\s+(?:regulates|inspects|is\s+the\s+(?:independent\s+)?regulator)\b",
    re.MULTILINE,
)
_ADDRESS = re.compile(r"(?:@|www\.|https?://)([\w./-]{3,80})")
_PUBLISHED = re.compile(
    r"^[ \t]*(?-i:(?=[A-Z]))(?:(?:(?:report|letter|document|first)\s+)?(?:published|issued)(?:\s+on)?"
    r"|(?:publication|issue)\s+date|date\s+(?:of\s+)?(?:publication|published|issued?))\s*:?\s*",
    re.MULTILINE | re.IGNORECASE,
)
_EVENT_LABEL = re.compile(
    rf"^[ \t]*(?-i:(?=[A-Z]))(?:(?:[\w-]+\s){{0,3}}(?:{ACTS})\s+dates?"
    rf"|dates?\s+of\s+(?:the\s+)?(?:[\w-]+\s){{0,3}}(?:{ACTS})|(?:inspected|visited)(?:\s+on)?)\s*:?\s*",
    re.MULTILINE | re.IGNORECASE,
)
_EVENT = re.compile(
    rf"\b(?:{ACTS}|inspected|visited)\b[^.!?]{{0,200}}\b(?:on|between|from|during)\s+(?:the\s+)?\Z", re.IGNORECASE
)
_ANOTHER_TIME = re.compile(
    r"\b(?:previous|last|earlier|since|after|following|prior|next|before|publish)", re.IGNORECASE
)
_LINE_END = re.compile(r"[ \t.]*$", re.MULTILINE)
_AND = re.compile(r"[\s,;]*(?:and\s+|&\s*)?")


def find_publisher(pages: Sequence[Page]) -> Fact | None:
    """Find who says to have published this, on the first and last page or in a letterhead; all must agree."""
    found = []
    for page in {page.number: page for page in (pages[0], pages[-1])}.values():
        for match in _PUBLISHER.finditer(page.text):
            group = str(match.lastgroup)
            found.append(Fact(one_line(match[group]), Span(page.number, *match.span(group))))
    found += _letterhead(pages[0])
    return found[0] if len({body_key(fact.value) for fact in found}) == 1 else None


def find_published(pages: Sequence[Page]) -> Fact | None:
    """Find the day labelled as that of publication, at the front or the back, or else the day a letter bears."""
    found = []
    for page in {page.number: page for page in (*pages[:2], pages[-1])}.values():
        for label in _PUBLISHED.finditer(page.text):
            days = _days_at(page.text, label.end())[:1]
            if days and (":" in label[0] or _LINE_END.match(page.text, days[0].span[1])):
                found.append((page, days[0]))
    if not found and (salutation := SALUTATION.search(pages[0].text, 0, LETTERHEAD)):
        above = [line for line in pages[0].lines if line.end < salutation.start()]
        for line in above:
            days = _days_at(pages[0].text, line.start)
            found += [(pages[0], day) for day in days if day.span == (line.start, line.end)]
    if len({(days.start, days.end) for _, days in found}) != 1 or found[0][1].start != found[0][1].end:
        return None
    page, day = found[0]
    return Fact(day.start, Span(page.number, *day.span))


def find_events(page: Page) -> Fact | None:
    """Find the days labelled as those of the inspection or visit, or else the first that a sentence gives it."""
    for label in _EVENT_LABEL.finditer(page.text, 0, OPENING):
        if days := _days_at(page.text, label.end()):
            return _events(page, days)
    dates = find_dates(page.text[:OPENING])
    for at, first in enumerate(dates):
        start = first.span[0]
        sentence = re.split(r"[.!?]\s|\n\s*\n", page.text[max(0, start - 300) : start])[-1]
        if _EVENT.search(sentence) and not _ANOTHER_TIME.search(sentence):
            return _events(page, _chain(page.text, dates[at:], start))
    return None


def _letterhead(page: Page) -> list[Fact]:
    """Take the first line of a letter as its sender where a web address below it holds that name."""
    salutation = SALUTATION.search(page.text, 0, LETTERHEAD)
    if not salutation or not page.lines:
        return []
    start, end = chars_of(page.lines[:1])
    name = page.text[start:end]
    key = body_key(name).replace(" ", "")
    addresses = _ADDRESS.findall(page.text, end, salutation.start())
    known = len(key) > 2 and any(key in address.casefold() for address in addresses)
    return [Fact(name, Span(page.number, start, end))] if known else []


def _events(page: Page, days: Sequence[DateRange]) -> Fact:
    span = Span(page.number, days[0].span[0], days[-1].span[1])
    return Fact(tuple(Event(each.start, each.end) for each in days), span)


def _days_at(text: str, at: int) -> list[DateRange]:
    """Return the dates that begin right there, one behind the other: "3 to 7 May 2019 and 2 June 2019"."""
    near = find_dates(text[at : at + 300])
    return _chain(text, [replace(days, span=(at + days.span[0], at + days.span[1])) for days in near], at)


def _chain(text: str, dates: Sequence[DateRange], at: int) -> list[DateRange]:
    """Return the first dates as long as only an "and" or a comma stands in front of each."""
    chain: list[DateRange] = []
    for days in dates:
        if not _AND.fullmatch(text, chain[-1].span[1] if chain else at, days.span[0]):
            break
        chain.append(days)
    return chain
