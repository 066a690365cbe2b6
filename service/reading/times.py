"""Finds the times that a question names: years, terms, months and days, alone or as ranges."""

import re
from calendar import monthrange
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from indexer.dates import find_dates


@dataclass(frozen=True, slots=True)
class Period:
    """Days from `start` to `end`, both included; None leaves that side open."""

    start: date | None
    end: date | None


class Role(StrEnum):
    """What a time bounds. Bounds include the time itself: the report of 2019 tells what was before it."""

    AT = "at"
    SINCE = "since"  # "since 2018", "after the 2018 inspection", "2018 onwards"
    BEFORE = "before"  # "before 2018", "until 2018"
    BY = "by"  # a state reached by then, which the first report after it tells
    BETWEEN = "between"


@dataclass(frozen=True, slots=True)
class Time:
    """A time expression `question[start:end]`, with the words that give it its role."""

    start: int
    end: int
    period: Period
    role: Role


def find_times(text: str) -> tuple[Time, ...]:
    """Find the times of a question, in order, without overlap; a number that may be no year is left alone.

    A year such as "2015/16" runs from April to the August after next, so that it holds the financial year and the
    academic one.
    """
    found: list[Time] = []
    points = _points(text)
    while points:
        point = points.pop(0)
        start, end, first, last, ranged = point.start, point.end, point.first, point.last, point.ranged
        lead = _LEAD.search(text, max(found[-1].end if found else 0, start - 60), start)
        word = re.sub(r"\s+", " ", lead["word"].casefold()) if lead else ""
        if points and (gap := _TO.fullmatch(text, end, points[0].start)) and (word == "between" or not gap["and"]):
            other = points.pop(0)
            end, first, last, ranged = other.end, min(first, other.first), max(last, other.last), True
        role = Role.BETWEEN if ranged else _ROLES.get(word, Role.AT)
        if role in {Role.AT, Role.SINCE} and (after := _TRAIL.match(text, end)):
            role, end = (Role.BEFORE if after["before"] else Role.SINCE), after.end()
        if lead and _ARTICLES.fullmatch(lead["gap"]):
            start = lead.start()
        found.append(Time(start, end, _bounded(role, first, last), role))
    return tuple(found)


@dataclass(frozen=True, slots=True)
class _Point:
    """A time without the words that give it its role; `ranged` says that it is written as a range."""

    start: int
    end: int
    first: date
    last: date
    ranged: bool = False


_MONTHS = "january february march april may june july august september october november december".split()
_MONTH = rf"(?:{'|'.join(_MONTHS)}|(?:jan|feb|mar|apr|jun|jul|aug|sept?|oct|nov|dec)\b\.?)"
_SEASONS = {"spring": (3, 5), "summer": (6, 8), "autumn": (9, 11), "winter": (12, 2)}
_PARTS = {"start": (1, 4), "middle": (5, 8), "end": (9, 12), "first half": (1, 6), "second half": (7, 12)}
_SAME = {"early": "start", "beginning": "start", "mid": "middle", "late": "end"}
_DASH = "[-‐‑‒–—−]"
_POINT = re.compile(
    rf"""
    (?<![\w£$€#])(?<!\d[.,:/-])
    (?:(?P<part>early|mid|late|(?:start|beginning|middle|end|(?:first|second)\shalf)\sof)[\s-]\s?)?
    (?:the\s)?
    (?:(?P<lone>{_MONTH})\s?(?:and|to|until|till|{_DASH})\s?)?  # "between March and June 2018"
    (?:(?P<season>{"|".join(_SEASONS)})(?:\sterm)?,?\s(?:of\s|in\s)?|(?P<month>{_MONTH}),?\s(?:of\s)?)?
    (?P<year>199\d|20\d\d)(?:\s?(?P<dash>/|{_DASH})\s?(?P<next>\d{{4}}|\d\d)(?![\w/-]))?
    (?![\w%]|[.,:]\d|{_DASH}\d|/\d)
    """,
    re.IGNORECASE | re.VERBOSE,
)
# What stands before a number that counts or names something else than a year.
_NUMBERED = re.compile(
    r"(?:\b(?i:section|page|paragraph|figure|table|room|number|no\.?)|\b(?:Act|Order|Regulations))\s$"
)
_COUNTED = re.compile(r"\b(?:over|about|around|nearly|almost|roughly|some|than|least|most|up\sto)\s$", re.IGNORECASE)
_THINGS = re.compile(r"\s(?:[^\W\d]+s|children|people|young|staff|more|looked)\b")
_ROLES = {
    **dict.fromkeys(("since", "after", "following", "post", "later than"), Role.SINCE),
    **dict.fromkeys(("before", "until", "till", "up until", "up to", "prior to", "pre", "earlier than"), Role.BEFORE),
    **dict.fromkeys(("by",), Role.BY),
}
# A time may belong to what is named before it: "after the council's 2015 inspection", "since the full 2019 one".
_ARTICLE = r"(?:the|its|their|his|her|a|this|that|about|around|at\sleast)\s+"
_LEAD = re.compile(
    rf"""
    (?<![\w-])(?:
        (?P<word>since|after|following|later\sthan|post|before|up\suntil|until|till|up\sto|prior\sto|pre|earlier\sthan
            |by|between|from|in|during|throughout|at|for|of|on|around|about)(?:\s+|-)
        (?P<gap>(?:{_ARTICLE})*(?:[^\W\d][\w-]*['’]s?\s+|(?<!by\sthe\s)(?:full|last|previous)\s+)?)
    )$
    """,
    re.IGNORECASE | re.VERBOSE,
)
_ARTICLES = re.compile(rf"(?:{_ARTICLE})*", re.IGNORECASE)
_TO = re.compile(rf"\s*(?:(?P<and>and|&)|to|until|till|through|{_DASH})\s*(?:(?:the|its|their)\s+)?", re.IGNORECASE)
_TRAIL = re.compile(
    r",?\s+(?:onwards?|on(?=\W*$|,)|(?:and|or)\s+(?:later|after(?:wards)?|(?P<before>earlier|before))|to\s+(?:date|now))\b",
    re.IGNORECASE,
)


def _points(text: str) -> list[_Point]:
    days = [_Point(*day.span, day.start, day.end, ranged=day.start < day.end) for day in find_dates(text)]
    rest = [
        _read(match)
        for match in _POINT.finditer(text)
        if not _counts(text, match) and not any(day.start < match.end() and match.start() < day.end for day in days)
    ]
    return sorted([*days, *rest], key=lambda point: point.start)


def _counts(text: str, match: re.Match[str]) -> bool:
    """Tell whether a bare number is rather a count or the number of something."""
    if match.span() != match.span("year"):
        return False
    before = text[max(0, match.start() - 14) : match.start()]
    return bool(_NUMBERED.search(before) or (_COUNTED.search(before) and _THINGS.match(text, match.end())))


def _read(match: re.Match[str]) -> _Point:
    year, months, ranged = int(match["year"]), (1, 12), False
    if match["month"]:
        months, ranged = (_month(match["lone"] or match["month"]), _month(match["month"])), bool(match["lone"])
    elif match["season"]:
        months = _SEASONS[match["season"].casefold()]
    elif match["next"]:
        first, last, ranged = _second(match, year)
        return _Point(*match.span(), first, last, ranged)
    elif match["part"]:
        part = re.sub(r"\s+of$", "", match["part"].casefold())
        months = _PARTS[_SAME.get(part, part)]
    return _Point(*match.span(), *_days(year, *months), ranged)


def _second(match: re.Match[str], year: int) -> tuple[date, date, bool]:
    """Read what stands after the stroke: the year that a school year ends in, the end of a range, or a month."""
    number = int(match["next"])
    other = number if len(match["next"]) == 4 else year - year % 100 + number + (100 if number < year % 100 else 0)
    if other == year + 1:
        return date(year, 4, 1), date(other, 8, 31), False
    if year < other < year + 40 and match["dash"] != "/":
        return date(year, 1, 1), date(other, 12, 31), True
    return *(_days(year, number, number) if 1 <= number <= 12 else _days(year, 1, 12)), False


def _month(name: str) -> int:
    return next(at for at, month in enumerate(_MONTHS, start=1) if month[:3] == name[:3].casefold())


def _days(year: int, first: int, last: int) -> tuple[date, date]:
    end = year + (last < first)  # "winter 2018", "November to March 2018"
    return date(year, first, 1), date(end, last, monthrange(end, last)[1])


def _bounded(role: Role, first: date, last: date) -> Period:
    match role:
        case Role.SINCE:
            return Period(first, None)
        case Role.BEFORE | Role.BY:
            return Period(None, last)
    return Period(first, last)
