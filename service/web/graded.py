"""What a search can be narrowed to by grades: which there are, and how many documents each leaves."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from indexer.errors import InputError
from indexer.judgements import AREAS, GRADES
from indexer.records import Document
from service.catalogue import Catalogue
from service.judged import OVERALL, judged, known
from service.search import understand
from service.web.asked import Asked, area_label, grade_label


@dataclass(frozen=True, slots=True)
class NamedChoice:
    """A value that a filter can have, and what people call it; `count` is as in `facets.Choice`."""

    value: str
    label: str
    count: int
    is_chosen: bool


@dataclass(frozen=True, slots=True)
class GradeChoices:
    """Grades, best first, and the areas that they are given in; none where the collection has none."""

    grades: tuple[NamedChoice, ...]
    areas: tuple[NamedChoice, ...]

    @property
    def has_area(self) -> bool:
        """Whether an area is chosen."""
        return any(one.is_chosen for one in self.areas)


def let_through(asked: Asked, documents: Sequence[Document]) -> Sequence[Document]:
    """Give the documents that the filters on grades let through; all where these cannot be used."""
    if not asked.grades and not asked.areas:
        return documents
    try:
        fits = judged(documents, asked.grades, asked.areas)
    except InputError:  # the message about it stands above
        return documents
    return [document for document, fit in zip(documents, fits, strict=True) if fit]


def grade_choices(asked: Asked, catalogue: Catalogue) -> GradeChoices:
    """Count what each grade and each area would leave, given all other filters."""
    pairs = [_graded(document) for document in catalogue.documents]
    given = {pair for some in pairs for pair in some}
    chosen_grades = meant("grade", asked.grades, {grade for _, grade in given})
    chosen_areas = meant("area", asked.areas, {area for area, _ in given})
    some = [pairs[place] for place in _fitting(asked, catalogue)]
    areas = set(chosen_areas) or {OVERALL}
    grades = set(chosen_grades) or {grade for _, grade in given}
    of_grade = {
        grade: sum(any((area, grade) in its for area in areas) for its in some)
        for grade in ordered({grade for _, grade in given}, GRADES)
    }
    of_area = {
        area: sum(any((area, grade) in its for grade in grades) for its in some)
        for area in ordered({area for area, _ in given}, AREAS)
    }
    return GradeChoices(
        grades=_choices(of_grade, chosen_grades, {grade: grade_label(grade) for grade in of_grade}),
        areas=_choices(of_area, chosen_areas, {area: area_label(area) for area in of_area}),
    )


def _graded(document: Document) -> frozenset[tuple[str, str]]:
    return frozenset((one.area, one.grade) for one in document.findings.judgements if one.grade)


def _fitting(asked: Asked, catalogue: Catalogue) -> Iterable[int]:
    """Give the places of the documents that the other filters let through; all where these cannot be used."""
    try:
        query = replace(asked, q="x", grades=(), areas=()).query()
        fits = catalogue.fitting(understand(query, catalogue).wanted)
    except InputError:
        return range(len(catalogue.documents))
    return [int(place) for place in np.flatnonzero(fits)]


def meant(what: str, names: Sequence[str], values: Collection[str]) -> Mapping[str, str]:
    """Give the chosen values, each with how it was written; those that are no values are told of elsewhere."""
    found = {}
    for name in names:
        try:
            (value,) = known(what, (name,), values)
        except InputError:
            continue
        found[value] = name
    return found


def ordered(values: Collection[str], order: Iterable[str]) -> list[str]:
    """Put values into an order; those that are not in it come last."""
    places = {value: place for place, value in enumerate(order)}
    return sorted(values, key=lambda value: (places.get(value, len(places)), value))


def _choices(
    counts: Mapping[str, int], chosen: Mapping[str, str], labels: Mapping[str, str]
) -> tuple[NamedChoice, ...]:
    return tuple(
        NamedChoice(chosen.get(value, value), labels[value], count, value in chosen)
        for value, count in counts.items()
        if count or value in chosen
    )
