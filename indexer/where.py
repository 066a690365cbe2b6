"""Which passages a search may look at: a small tree, from which each store makes what its engine understands.

A field that is unknown of a document fits no condition on it, and so fits what such a condition is `Not`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from indexer.records import Document, Filter

UNKNOWN = -1  # as a day, and as the place of a name


class Field(StrEnum):
    """What conditions are on."""

    BODY = "body"
    KIND = "kind"
    DOCUMENT = "document"  # its number


class Facts(NamedTuple):
    """What conditions go by, of one document. None means unknown."""

    document: int
    body: str | None
    kind: str | None
    published: date | None


@dataclass(frozen=True, slots=True)
class Among:
    """The field has one of these values."""

    field: Field
    values: frozenset[str] | frozenset[int]


@dataclass(frozen=True, slots=True)
class Published:
    """Published within these days, both included; None leaves that end open."""

    first: date | None
    last: date | None


@dataclass(frozen=True, slots=True)
class All:
    """All parts hold; without any part, everything does."""

    parts: tuple["Where", ...] = ()


@dataclass(frozen=True, slots=True)
class Either:
    """A part holds; without any part, nothing does."""

    parts: tuple["Where", ...]


@dataclass(frozen=True, slots=True)
class Not:
    """The part does not hold."""

    part: "Where"


Where: TypeAlias = Among | Published | All | Either | Not

EVERYTHING = All()


def where(wanted: Filter) -> Where:
    """Give the conditions of a filter."""
    parts: list[Where] = []
    if wanted.bodies is not None:
        parts.append(Among(Field.BODY, wanted.bodies))
    if wanted.kinds is not None:
        parts.append(Among(Field.KIND, wanted.kinds))
    if wanted.published_from or wanted.published_to:
        parts.append(Published(wanted.published_from, wanted.published_to))
    if wanted.documents is not None:
        parts.append(documents(wanted.documents))
    return All(tuple(parts))


def both(one: Where, other: Where) -> Where:
    """Join two conditions, without more depth than they need."""
    parts = [part for side in (one, other) for part in (side.parts if isinstance(side, All) else (side,))]
    return parts[0] if len(parts) == 1 else All(tuple(parts))


def documents(numbers: Iterable[int]) -> Where:
    """Give the condition that a passage is of one of these documents."""
    return Among(Field.DOCUMENT, frozenset(numbers))


def fits(facts: Facts, condition: Where) -> bool:
    """Tell whether a document fits; this is what each store's own way has to agree with."""
    match condition:
        case Among(field, values):
            return getattr(facts, field) in values
        case Published(first, last):
            day = facts.published
            return day is not None and (first is None or day >= first) and (last is None or day <= last)
        case All(parts):
            return all(fits(facts, part) for part in parts)
        case Either(parts):
            return any(fits(facts, part) for part in parts)
        case Not(part):
            return not fits(facts, part)


@dataclass(frozen=True)
class FactSheet:
    """The facts of many documents in columns, so that a condition is weighed for all at once."""

    documents: NDArray[np.int64]  # their numbers
    _names: Mapping[Field, Mapping[str | int, int]]  # of each field: its values, numbered
    _places: Mapping[Field, NDArray[np.int64]]  # of each field: the number of each document's value
    _days: NDArray[np.int64]

    @classmethod
    def of(cls, numbers: Iterable[int], documents: Iterable[Document]) -> "FactSheet":
        """Put documents and their numbers, in the same order, into columns."""
        metadata = [document.metadata for document in documents]
        values = {Field.BODY: [one.body for one in metadata], Field.KIND: [one.kind for one in metadata]}
        names: dict[Field, dict[str | int, int]] = {
            field: {name: place for place, name in enumerate(dict.fromkeys(one for one in found if one is not None))}
            for field, found in values.items()
        }
        return cls(
            np.fromiter(numbers, np.int64),
            names,
            {
                field: np.array([UNKNOWN if one is None else names[field][one] for one in found], np.int64)
                for field, found in values.items()
            },
            np.array([one.published.toordinal() if one.published else UNKNOWN for one in metadata], np.int64),
        )

    def fitting(self, condition: Where) -> NDArray[np.bool_]:
        """Tell of each document whether it fits, as `fits` does."""
        match condition:
            case Among(Field.DOCUMENT, values):
                return np.isin(self.documents, np.array(sorted(values), np.int64))
            case Among(field, values):
                names = self._names[field]
                return np.isin(self._places[field], [names[one] for one in values if one in names])
            case Published(first, last):
                days = self._days
                after = first.toordinal() if first else date.min.toordinal()
                before = last.toordinal() if last else date.max.toordinal()
                return np.logical_and(days >= after, days <= before)  # what is unknown lies before all days
            case All(parts):
                fitting = np.ones(len(self.documents), bool)
                for part in parts:
                    fitting &= self.fitting(part)
                return fitting
            case Either(parts):
                fitting = np.zeros(len(self.documents), bool)
                for part in parts:
                    fitting |= self.fitting(part)
                return fitting
            case Not(part):
                return ~self.fitting(part)
