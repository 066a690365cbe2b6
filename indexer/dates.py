"""Finds the dates that a report writes out, alone or as ranges, and where they stand.

Strict on purpose: a date has a day, a month and a year of four digits, so "October 2022", "May" and "3/4" are none.
Figures are read the British way, day before month ("05/06/2015" is 5 June); what only fits the American order
("11/22/2023") is not read at all. A range may leave out what its end says again: "27 September to 8 October 2021".
"""

import re
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise


@dataclass(frozen=True, slots=True)
class DateRange:
    """Days written in a text, both ends included; `span` is the `[start, end)` of the words that say so."""

    start: date
    end: date
    span: tuple[int, int]


def find_dates(text: str) -> list[DateRange]:
    """Find every date and range of dates in `text`, in order, without overlap.

    A day of the week in front belongs to the span. Days joined by "and" make one range where they follow each other
    ("18 and 19 October 2023") or where "between" stands in front, and are found one by one otherwise.
    """
    found: list[DateRange] = []
    at = 0
    while match := _DATES.search(text, at):
        try:
            ranges = _read(match)
        except ValueError:  # no such day
            # What is no range may end in a date: "31 June to 2 July 2018".
            at = match.start() + 1
        else:
            found += ranges
            at = match.end()
    return found


def parse_date(text: str) -> date | None:
    """Read one date written alone, e.g. a table cell; None where `text` is anything else or a range."""
    text = text.strip()
    match find_dates(text):
        case [DateRange(start=day, end=last, span=(0, end))] if day == last and end == len(text):
            return day
    return None


# Every repeat below is bounded, so a look at one place takes a bounded number of steps, whatever the text.
_S = r"\s{1,12}"  # a space, or a line break with some indentation
_DAY = r"(?:0?[1-9]|[12][0-9]|3[01])(?:st|nd|rd|th)?(?!\w)"
_MONTH = (
    r"(?:January|February|March|April|May|June|July|August|September|October|November|December"
    r"|(?:Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept?|Oct|Nov|Dec)\b\.?)"
)
_YEAR = r"(?:1[6-9]|20)[0-9]{2}"
_WEEKDAY = rf"(?:(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day,?{_S}(?:the{_S})?)?"
_FIGURES = rf"[0-9]{{1,2}}(?:/[0-9]{{1,2}}/|\.[0-9]{{1,2}}\.){_YEAR}|{_YEAR}-[0-9]{{2}}-[0-9]{{2}}"
_FIRST = rf"""
    {_FIGURES}
    |(?P<days>{_DAY}(?:,{_S}{_DAY}){{1,6}})
    |{_WEEKDAY}{_DAY}(?:{_S}(?:of{_S})?{_MONTH}(?:,?{_S}{_YEAR})?)?
    |{_WEEKDAY}{_MONTH}{_S}{_DAY}(?:,?{_S}{_YEAR})?
"""
_LAST = rf"""
    {_FIGURES}
    |{_WEEKDAY}{_DAY}{_S}(?:of{_S})?{_MONTH},?{_S}{_YEAR}
    |(?:{_WEEKDAY}{_MONTH}{_S})?{_DAY},?{_S}{_YEAR}
"""
_DATES = re.compile(
    rf"""
    (?<!\w)(?=\w)(?<![0-9][-.,/:])  # neither the end of a word nor of a longer figure
    (?:(?P<between>between){_S})?
    (?:
        (?P<first>{_FIRST})
        (?:{_S}(?P<word>to|until|till|through|and|&){_S}|\s{{0,12}}[-‐‑‒–—−]\s{{0,12}}|(?<=-[0-9]{{2}})/)
    )?
    (?P<last>{_LAST})
    (?![^\WT]|[-./][0-9])  # nor the beginning of one; a time may follow an ISO date
    """,
    re.IGNORECASE | re.VERBOSE,
)
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")


@dataclass(frozen=True, slots=True)
class _Written:
    """One day as written, before the end of its range fills in what it leaves out."""

    day: int
    month: int | None
    year: int | None
    span: tuple[int, int]


def _read(match: re.Match[str]) -> list[DateRange]:
    """Turn a match of `_DATES` into the days it names; ValueError where there are no such days."""
    written = [_written(match.string, span) for span in _spans(match)]
    first, last = written[0], written[-1]
    month = last.month or first.month  # "January 6 to 9, 2015"
    if month is None or last.year is None:
        raise ValueError("a day without its month")
    listed = not match["between"] and (match["word"] or "").casefold() in {"and", "&"}
    if match["days"] and not listed:
        raise ValueError("a list that ends in a range")  # the range alone is found next
    days = []
    for part in written:
        over_new_year = not listed and (part.month or 0) > month  # "27 December to 5 January 2022"
        days.append(date(part.year or last.year - over_new_year, part.month or month, part.day))

    steps = [later - earlier for earlier, later in pairwise(days)]
    if all(step == timedelta(days=1) if listed else step >= timedelta(0) for step in steps):
        return [DateRange(days[0], days[-1], (first.span[0], last.span[1]))]
    if first.year or (listed and (first.month or min(steps) > timedelta(0))):
        return [DateRange(day, day, part.span) for day, part in zip(days, written, strict=True)]
    raise ValueError("a range that ends before it starts")


def _spans(match: re.Match[str]) -> list[tuple[int, int]]:
    if match["days"]:
        firsts = [day.span() for day in re.compile(_DAY, re.IGNORECASE).finditer(match.string, *match.span("days"))]
    else:
        firsts = [match.span("first")] if match["first"] else []
    return [*firsts, match.span("last")]


def _written(text: str, span: tuple[int, int]) -> _Written:
    words = text[slice(*span)]
    figures = [int(figure) for figure in re.findall("[0-9]+", words)]
    if len(figures) == 3:
        day, month, year = figures if figures[2] > 999 else reversed(figures)
        return _Written(day, month, year, span)
    name = re.search(_MONTH, words, re.IGNORECASE)
    return _Written(
        day=figures[0],
        month=_MONTHS.index(name[0][:3].casefold()) + 1 if name else None,
        year=figures[1] if len(figures) == 2 else None,
        span=span,
    )
