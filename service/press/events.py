"""Days of inspections, visits and reports that a sentence of the press names."""

import re
from collections.abc import Iterator
from datetime import date, timedelta

from service.press.claims import At, DateClaim, flat
from service.reading import Period, Role, find_times

_INSPECTION = r"(?:re-?)?inspect(?:ion|ed)s?"
_EVENT = rf"{_INSPECTION}|inspectors|visit(?:ed|s)?|assessments?|reports?|published|publication|released"
# An event, and then its time without another sentence's part between.
_BEFORE = re.compile(
    rf"\b(?P<event>{_EVENT})\b(?:(?!\b(?:planned|due|scheduled|will|audit|review|since|before|until|previous|than|rated|judged|graded|ago"
    rf"|{_EVENT})\b)[^.;:\d]){{0,60}}?"
    r"(?:\s(?:in|on|between|from|during|of|at|dated|last|this)\s+(?:the\s+)?(?:early|mid|late)?[\s-]*)?\Z",
    re.IGNORECASE,
)
_BEHIND = re.compile(
    rf"\A(?:'s)?\s+(?:(?:full|single|focused|ofsted|official|damning|critical|\w+ing|first"
    rf"|last)\s+){{0,3}}(?P<event>{_EVENT})\b",
    re.IGNORECASE,
)
_MONTHS = "January|February|March|April|May|June|July|August|September|October|November|December"
_LONE = re.compile(
    rf"\b(?:in|during|last|since|from)\s+(?:early\s+|late\s+|mid-)?(?P<month>{_MONTHS})\b(?!\s*,?\s*\d"
    rf"|\s+(?:and|to|or)\s+(?:{_MONTHS})\s+\d)"
)


def events(text: str, start: int, end: int, day: date | None) -> Iterator[DateClaim]:
    """Find the days of inspections in the sentence [start, end) of a text; its `day` gives a month its year."""
    sentence = flat(text[start:end])
    for first, last, period, is_whole in _days(sentence, day):
        match = _BEHIND.match(sentence[last:]) or _BEFORE.search(sentence[:first])
        if not match or not period.start or not period.end:
            continue
        is_year = (period.end - period.start).days > 100
        if is_year and not _BEHIND.match(sentence[last:]) and len(match.group()) > 30:
            continue
        is_inspection = bool(re.fullmatch(_INSPECTION, match["event"], re.IGNORECASE)) and is_whole
        yield DateClaim(At(start, end, start + first, start + last), period, is_inspection, is_year)


def _days(sentence: str, day: date | None) -> Iterator[tuple[int, int, Period, bool]]:
    for time in find_times(sentence):
        if time.role in {Role.AT, Role.BETWEEN, Role.SINCE}:
            point = re.search(rf"\d|\b(?:{_MONTHS})\b", sentence[time.start : time.end])
            first = time.start + (point.start() if point else 0)
            its_end = time.period.end
            if its_end is None and time.period.start:
                continue
            yield first, time.end, time.period, True
    for match in _LONE.finditer(sentence) if day else ():
        assert day
        month = _MONTHS.split("|").index(match["month"]) + 1
        year = day.year if (month <= day.month) else day.year - 1
        start = date(year, month, 1)
        following = date(year + month // 12, month % 12 + 1, 1)
        yield match.start("month"), match.end("month"), Period(start, following - timedelta(days=1)), True
