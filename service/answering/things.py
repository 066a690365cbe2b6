"""Where a sentence has a number, a date, a name or another thing that a question may ask for."""

import re

from indexer.dates import find_dates
from service.answering.kinds import Kind

LONGEST_ABBREVIATION = 5  # letters


def find(kind: Kind, text: str) -> list[tuple[int, int]]:
    """Give the places `[start, end)` of all things of that kind, in order; none for TEXT."""
    if kind is Kind.TEXT:
        return []
    if kind is Kind.DATE:
        return sorted(_dates(text))
    if kind is Kind.NAME:
        return [match.span() for match in _NAMES.finditer(text) if not _is_plain(text, match)]
    if kind is Kind.NUMBER:
        others = [*_dates(text), *(match.span() for match in _NO_COUNT.finditer(text))]
        numbers = [match.span() for match in _NUMBERS.finditer(text)]
        return [(at, end) for at, end in numbers if not any(first < end and at < last for first, last in others)]
    return [match.span() for match in _FOUND[kind].finditer(text)]


def is_pronoun(text: str, place: tuple[int, int]) -> bool:
    """Tell whether a number stands for something named before: "who had asked for one."."""
    return text[slice(*place)].lower() == "one" and not re.match(r"[\s-]*\w", text[place[1] :])


def _dates(text: str) -> list[tuple[int, int]]:
    found = [one.span for one in find_dates(text)]
    rest = [match.span() for match in _TIMES.finditer(text)]
    return found + [(start, end) for start, end in rest if not any(a < end and start < b for a, b in found)]


def _is_plain(text: str, match: re.Match[str]) -> bool:
    """Tell whether a capital says nothing: at the start of a sentence, of a month, of an abbreviation."""
    name = match.group()
    if len(name.split()) > 1:
        return False
    before = text[: match.start()].rstrip()
    starts = not before or before[-1] in ".!?:•"
    return starts or re.fullmatch(_MONTH, name) is not None or (name.isupper() and len(name) <= LONGEST_ABBREVIATION)


_FLAGS = re.IGNORECASE | re.VERBOSE
_ONES = "one|two|three|four|five|six|seven|eight|nine"
_TEENS = "ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen|seventeen|eighteen|nineteen"
_TENS = "twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety"
_SPELT = rf"\b(?:(?:{_TENS})(?:[-\s](?:{_ONES}))?|{_TEENS}|{_ONES}|dozens?|hundreds?|thousands?|none|nobody)\b"
# Repeats give nothing back, and no number begins within digits, so that a search takes few steps a character.
_DIGITS = r"(?<!\d)\d++(?:,\d{3}(?!\d)){0,4}+(?:\.\d++)?+"
_NUMBER = rf"(?:{_DIGITS}|{_SPELT})(?:\s(?:million|billion|thousand|hundred)\b)?"
_RANGE = rf"{_NUMBER}(?:(?:\s*[-–]\s*|\s+(?:to|and|or)\s+){_NUMBER})?"
_SOFT = r"(?:(?:over|under|almost|nearly|about|around|(?:more|less|fewer)\sthan|up\sto|at\sleast)\s+)?"
_LENGTH = r"(?:(?:working|calendar|school)\s)?(?:minute|hour|day|week|month|year|fortnight|term)s?\b"
_MONTH = "(?:January|February|March|April|May|June|July|August|September|October|November|December)"
_CLOCK = r"\d{1,2}(?:[.:]\d\d)?\s?[ap]\.?m"
_SEASON = r"(?:early|mid|late|spring|summer|autumn|winter|the\s(?:end|beginning|start)\sof)"

_NUMBERS = re.compile(rf"(?<![\w.£$€/-]) (?:between\s+)? {_RANGE} (?! [\w%] | \.\d )", _FLAGS)
_NO_COUNT = re.compile(  # numbers of paragraphs, lengths of time, sums, shares, ages and the like
    rf"""
    ^ \s* (?: \d{{1,3}} \. (?!\d) | \d{{1,2}} (?:\.\d{{1,2}})+ \.? (?= \s (?-i:[A-Z]) ) )
    | \b {_RANGE} [\s-] {_LENGTH} | {_RANGE} \s? (?: % | per\s?cent )
    | [£$€] \s? {_DIGITS} (?: \s? (?:[-–]|to) \s? {_DIGITS} )?
    | \b age[ds]? \s (?: (?:between|over|under) \s )? {_RANGE}
    | \b (?: section|paragraph|page|regulation|part|key\sstage|year )s? \s {_RANGE}
    | \b one (?= \s (?:of|another|or) \b )
    """,
    _FLAGS,
)
_FOUND = {
    Kind.MONEY: re.compile(
        rf"""
        [£$€] \s? {_DIGITS} (?: \s? (?: million|billion|thousand|bn|m|k ) \b )?
        | \b {_NUMBER} \s (?: pounds|euros|pence ) \b
        """,
        _FLAGS,
    ),
    Kind.SHARE: re.compile(
        rf"""
        \b {_SOFT} (?: {_RANGE} \s? (?: % | per\s?cent\b )
            | {_NUMBER} \s (?: in|out\sof|of\sthe|of ) \s (?:every\s)? (?! (?:19|20)\d\d\b ) {_NUMBER} \b
            | (?: a|one|two|three|four|nine ) [-\s] (?: half|third|quarter|fifth|tenth )s? \b
            | (?: half|all|none|the\s(?:vast\s)?majority|most ) \b )
        """,
        _FLAGS,
    ),
    Kind.DURATION: re.compile(rf"\b {_SOFT} (?: {_RANGE} | an? | several | a\sfew ) [\s-] {_LENGTH}", _FLAGS),
    Kind.GRADE: re.compile(
        r"""
        \b (?: requires? \s improvement (?: \s to \s be \s good )? | inadequate|outstanding|good|adequate|satisfactory
            |unsatisfactory|excellent|poor|fair|weak|failing|met|not\smet|passed|failed ) \b
        """,
        _FLAGS,
    ),
}
_TIMES = re.compile(
    rf"""
    \b (?: {_SEASON} [-\s] )? (?: {_MONTH} \s )? (?:19|20) \d\d (?: [-/–] (?:19|20)? \d\d )? \b
    | \b \d{{1,2}} (?: st|nd|rd|th )? \s {_MONTH} \b | \b {_MONTH} \b
    | \b {_CLOCK} (?: \s? (?: -|–|to|and|until ) \s? {_CLOCK} )? \b
    """,
    re.VERBOSE,
)
# What stands in quotation marks, as schemes are named; and words with capitals and the little words between them.
_NAMES = re.compile(
    r"""
    (?: (?<=“) | (?<=^") | (?<=[\s(]") ) (?=\S) [^“”"]{2,60} (?= [”"] )
    | (?<=‘) (?=\S) [^‘]{2,60}? (?= ’ (?!\w) )
    | \b [A-Z][\w’'&-]* (?: \s+ (?: (?: of|the|and|for|in|on|at|to|& ) \s+ ){0,2} [A-Z][\w’'&-]* )*
    """,
    re.VERBOSE,
)
