"""Grades as reports write them, and one place that gives an area a grade."""

import re
from collections.abc import Iterable
from typing import NamedTuple

from indexer.records import Page, Span

NOT_JUDGED = "not judged"
GAP = r"(?:[^\S\n]+|[^\S\n]*\n[^\S\n]*)"  # white space within a name or grade: these run on in the next line
NUMBER = r"(?:\d{1,3}(?:\.\d{1,2}){0,2}\.?[^\S\n]+)?"  # of a row or paragraph
_WORDS = "outstanding|good|requires? improvement(?: to be good)?|adequate|inadequate|not judged".replace(" ", GAP)
GRADE = rf"\b(?:{_WORDS})\b"
# A grade ends its line. A small letter at the start of the next line shows that it was a word of a sentence.
LINE_ENDS = r"(?=[^\S\n]*(?:\Z|\n(?![^\S\n]*(?-i:[a-z]))))"

_SCALE = {"outstanding": 1, "good": 2, "adequate": 3, "requires_improvement": 3, "inadequate": 4}
_BEFORE = 400  # characters, within which a list is introduced
_SENTENCE_END = re.compile(r"[.!?][”’\"')]?\s")
_ANOTHER_TIME = re.compile(r"\b(?:previous|last|earlier|prior|former|since)", re.IGNORECASE)


class Reading(NamedTuple):
    """A place of a page that gives an area a grade, or says that it is not judged."""

    area: str
    grade: str  # an identifier, or NOT_JUDGED
    spans: tuple[Span, ...]


def spaced(pattern: str) -> str:
    """Let each blank of a pattern stand for any white space of a line and its end."""
    return pattern.replace(" ", GAP)


def any_of(patterns: Iterable[str]) -> str:
    """Join patterns as alternatives, blanks as any white space."""
    return f"(?:{'|'.join(map(spaced, patterns))})"


def grade_of(words: str) -> str | None:
    """Name the grade that words give, such as "Requires improvement" or "Inadequate Grade 4".

    None where a figure beside it says another grade.
    """
    plain = re.sub(r"[\W\d_]+|\bgrade\b", " ", words.casefold()).strip()
    if plain == NOT_JUDGED:
        return plain
    name = "requires_improvement" if plain.startswith("require") else plain
    figures = re.findall(r"[0-9]", words)
    return name if name in _SCALE and all(int(figure) == _SCALE[name] for figure in figures) else None


def is_of_another_time(page: Page, start: int) -> bool:
    """Tell whether the words that lead in to a place speak of another inspection than this one."""
    before = page.text[max(0, start - _BEFORE) : start]
    return bool(_ANOTHER_TIME.search(_SENTENCE_END.split(before)[-1]))
