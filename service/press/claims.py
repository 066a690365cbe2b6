"""What a text claims that a report can bear out: a grade, the day of an inspection, a number, words in quotes."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from service.reading import Period


class ClaimKind(StrEnum):
    """What is claimed."""

    GRADE = "grade"
    DATE = "date"  # of an inspection, or of its report
    COUNT = "count"  # a number or a share, with what it counts
    QUOTE = "quote"  # words in quotation marks


class Tense(StrEnum):
    """Which report a claim without a date is about."""

    NOW = "now"  # the newest of the story's day
    THEN = "then"  # one before that
    UNCLEAR = "unclear"  # which of several times in the sentence is meant cannot be told


@dataclass(frozen=True, slots=True)
class At:
    """Where a claim stands: the sentence [start, end) and, in it, the words [first, last) that are checked."""

    start: int
    end: int
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class GradeClaim:
    """That areas are of a grade, or are not, where it is negated.

    No area means that it is not plain which; `is_every` stands for all that a report grades.
    """

    at: At
    grade: str
    areas: tuple[str, ...]
    tense: Tense
    period: Period | None = None
    is_rough: bool = False  # which report is meant is not sure, as in "four years ago": none speaks against it
    negated: bool = False
    is_every: bool = False


@dataclass(frozen=True, slots=True)
class DateClaim:
    """That an inspection was on days of a period, or its report."""

    at: At
    period: Period
    is_inspection: bool  # it is called that, and no visit or report
    is_year: bool  # nothing finer than a year


@dataclass(frozen=True, slots=True)
class CountClaim:
    """That there are so many of something."""

    at: At
    values: tuple[float, ...]  # two for a range
    is_share: bool
    words: frozenset[str]  # stems of what is counted and said of it
    heads: frozenset[str]  # stems of the words right behind the number
    softness: str = ""  # "about", "more than" and the like, in small letters
    period: Period | None = None


@dataclass(frozen=True, slots=True)
class QuoteClaim:
    """That somebody said or wrote these words."""

    at: At
    words: int
    is_of_person: bool  # it is said to be by somebody else than the inspectors


Claim: TypeAlias = GradeClaim | DateClaim | CountClaim | QuoteClaim

KINDS = {
    GradeClaim: ClaimKind.GRADE,
    DateClaim: ClaimKind.DATE,
    CountClaim: ClaimKind.COUNT,
    QuoteClaim: ClaimKind.QUOTE,
}


def in_order(claims: Iterable[Claim]) -> list[Claim]:
    """Put claims in the order of their text."""
    return sorted(claims, key=lambda one: (one.at.first, one.at.last))


def flat(text: str) -> str:
    """Write a text on one line with plain quotation marks and apostrophes; every character keeps its place."""
    return text.translate(_PLAIN)


_PLAIN = str.maketrans(
    {"\n": " ", "\t": " ", "\u00a0": " ", "’": "'", "‘": "'", "“": '"', "”": '"', "‐": "-", "‑": "-"}
)
