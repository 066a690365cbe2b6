"""What kind of answer a question asks for."""

import re
from dataclasses import dataclass
from enum import StrEnum

from service.highlight import stem, words_of

LONGEST_OF = 6  # words after "how many" that can say what is counted


class Kind(StrEnum):
    """What a short answer is."""

    NUMBER = "number"
    MONEY = "sum of money"
    SHARE = "share"
    DATE = "date"
    DURATION = "length of time"
    GRADE = "grade"
    NAME = "name"
    TEXT = "sentence"  # nothing shorter


@dataclass(frozen=True, slots=True)
class Wanted:
    """The kind of answer that is asked for, and the stems of what it is a number of, a name of, and so on."""

    kind: Kind
    of: frozenset[str] = frozenset()


def wanted(question: str) -> Wanted:
    """Tell what kind of answer a question asks for; TEXT where it is not plainly another one."""
    for kind, pattern in _ASKED:
        if match := pattern.search(question):
            after = words_of(question[match.end() :])[:LONGEST_OF] if kind in _OF_SOMETHING else []
            return Wanted(kind, frozenset(stem(word) for word in after) - {""})
    return Wanted(Kind.TEXT)


_OF_SOMETHING = frozenset({Kind.NUMBER, Kind.SHARE, Kind.NAME, Kind.DURATION})
_FLAGS = re.IGNORECASE | re.VERBOSE
_HOW = "(?:how|hwo|who)"  # as it is mistyped; nobody asks who many
# The first that fits counts.
_ASKED: tuple[tuple[Kind, re.Pattern[str]], ...] = (
    (Kind.TEXT, re.compile(r"^ \W* (?: (?:and|but|so) \s )? why \b", _FLAGS)),  # whatever number it then names
    (
        Kind.MONEY,
        re.compile(
            rf"""
            \b {_HOW} \s (?:much|large|big) \b .{{0,60}} \b (?: money|costs?|pays?|paid|spen[dt]|fund\w*|budget
                |invest\w*|fees?|grant|salary|saved?|savings|compensation|ransom|price|£ )
            | \b what \s (?:was|is|were|are|did|do|does) \b .{{0,30}} \b (?: costs?|price|salary|pay|budget|fees?|sum
                |amount ) \b
            | \b (?: hourly|daily|weekly ) \s rate \b
            | (?<! \b by \s ) {_HOW} \s much \s (?: more|extra|new|was|is|did|does|has ) \b
            """,
            _FLAGS,
        ),
    ),
    (
        Kind.GRADE,  # to rate is not a rate
        re.compile(
            r"""
            \b (?: did|do|does|would ) \s (?: (?! (?:the|an?|its?|their|this|that|any) \s ) \w+ \s rate \b
                | .{1,50} \b rate \s (?: (?:the|its?|their|this|these|our) \b | (?-i:[A-Z][a-z]) ) )
            """,
            _FLAGS,
        ),
    ),
    (
        Kind.SHARE,
        re.compile(
            r"""
            \b (?: what|which|how \s (?:large|big|high|small) \s an? ) \s (?:\w+\s)?
                (?: percentage|per \s? cent|proportion|share|fraction|rate|majority ) \b
            | \b (?: percentage|proportion|share|fraction ) \s of \b
            | \b how \s (?:many|much) \s (?: per \s? cent|in \s (?:ten|every) )
            | \b rate \b | \b by \s how \s much \b
            """,
            _FLAGS,
        ),
    ),
    (
        Kind.DURATION,
        re.compile(
            rf"""
            \b {_HOW} \s (?: long|soon|quickly|fast|old ) \b
            | \b {_HOW} \s many \s (?:\w+\s)? (?: minute|hour|day|week|month|year|fortnight|term )s \b
            | \b (?: average|typical|usual|maximum|longest ) \s (?: wait|time|length|delay|stay ) \b
            """,
            _FLAGS,
        ),
    ),
    (
        Kind.GRADE,
        re.compile(
            r"""
            ^ (?! .* \b how \s many \b ) .* (?:
                \b (?: what|which|how ) \b .{0,50} \b (?: grade[ds]?|rat(?:ed|ings?)|judge?ments?|judged|verdict ) \b
                | \b (?: grade|rating|judge?ment ) \b (?! \s of \b ) )
            """,
            _FLAGS,
        ),
    ),
    (
        Kind.NUMBER,
        re.compile(
            rf"""
            \b {_HOW} \s (?: many|big|large|small|high|low ) \b
            | (?: ^ \W* | \b (?:what|the) \s ) (?:total\s)? numbers? \s of \b
            | ^ \W* what \b .{{0,30}} \b (?: cap|limit|total|average|mean|median|score|highest|lowest|maximum|minimum
                |worst|best|typical|usual|size ) \b
            """,
            _FLAGS,
        ),
    ),
    (
        Kind.DATE,
        re.compile(
            r"""
            \b when (?: ['’]s | \s (?: did|was|were|is|are|will|does|do|had|has|would|\w+['’]s ) ) \b
            | \b (?: what|which ) \s (?:exact\s)? (?: date|day|year|month|time )s? \b | \b dates? \s of \b
            | \b opening \s hours \b | \b since \s when \b
            """,
            _FLAGS,
        ),
    ),
    (
        Kind.NAME,
        re.compile(
            r"""
            (?: ^ | [,;:–-] \s ) \W* (?: (?: by|for|from|of|to|with ) \s )? who (?: se|m|['’]s )? \b
            | \b names? \s of \b | \b what (?: ['’]s | \s (?: is|was|are|were ) )? \s the \s names? \b
            | \b what \b .{0,60} \b (?: called|named ) \b | \b called \b | ^ \W* which \b
            """,
            _FLAGS,
        ),
    ),
)
