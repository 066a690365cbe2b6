"""Finds documents by the grades that they give."""

import re
from collections.abc import Collection, Sequence
from difflib import get_close_matches

import numpy as np
from numpy.typing import NDArray

from indexer.errors import InputError
from indexer.records import Document, Judgement

OVERALL = "overall_effectiveness"
SUGGESTIONS = 3
# Within a question: grade:inadequate, area:"children in care".
_FILTER = re.compile(r'(?<!\S)(?P<what>grade|area):(?:"(?P<quoted>[^"]*)"|(?P<word>[^\s"]+))', re.IGNORECASE)


def split_filters(text: str) -> tuple[str, tuple[str, ...], tuple[str, ...]]:
    """Take `grade:` and `area:` out of a question; give the rest, the grades and the areas, as they were written."""
    found: dict[str, list[str]] = {"grade": [], "area": []}
    for match in _FILTER.finditer(text):
        found[match["what"].casefold()].append(match["word"] or match["quoted"])
    if not any(found.values()):
        return text, (), ()
    return " ".join(_FILTER.sub(" ", text).split()), tuple(found["grade"]), tuple(found["area"])


def judged(documents: Sequence[Document], grades: Sequence[str], areas: Sequence[str]) -> NDArray[np.bool_]:
    """Tell which documents give one of these grades in one of these areas: (n,).

    Without areas the overall grade counts, without grades any. Raises InputError for a grade or an area that no
    document gives, with those that there are.
    """
    given = [[one for one in document.findings.judgements if one.grade] for document in documents]
    some = [one for its in given for one in its]
    wanted_grades = known("grade", grades, {one.grade for one in some if one.grade})
    wanted_areas = known("area", areas, {one.area for one in some}) if areas else {OVERALL}

    def fits(judgement: Judgement) -> bool:
        return judgement.area in wanted_areas and (not grades or judgement.grade in wanted_grades)

    return np.array([any(fits(one) for one in its) for its in given], bool)


def known(what: str, wanted: Collection[str], values: Collection[str]) -> set[str]:
    """Give the values that are meant, which may be written with blanks, and with only as much as tells them apart."""
    return {_one(what, name, values) for name in wanted}


def _one(what: str, name: str, values: Collection[str]) -> str:
    plain = re.sub(r"[\W_]+", "_", name.casefold()).strip("_")
    if plain in values:
        return plain
    near = sorted(value for value in values if plain and (value.startswith(plain) or plain.startswith(value)))
    if len(near) == 1:
        return near[0]
    near = near or get_close_matches(plain, sorted(values), SUGGESTIONS, cutoff=0.5) or sorted(values)
    hint = f"there are {', '.join(f'`{value}`' for value in near)}" if near else "none of them gives any"
    raise InputError(f"no document gives the {what} `{name[:80]}`; {hint}")
