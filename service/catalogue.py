"""What ranking knows of the documents of a generation, in columns."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from indexer.collection import Reader
from indexer.records import Document, Filter, Version
from indexer.where import UNKNOWN, FactSheet, Published, where
from service.lineage import Lineage
from service.reading import Named, Names, Reading, Role, Time, find_times, read
from service.superseding import Later, Superseding

# A document whose body is unknown goes by the bodies in its title and so many first characters, one whose days are
# unknown by the last year that it names; they count so much of what they would if they were known.
OPENING = 300
SPEAKS_OF = 0.8
YEAR = 366  # days
# How well a report goes with a time that is not within its own: the report of an inspection comes months after it,
# and tells of what was before.
SOON_AFTER = 0.6
SOON_AFTER_BY = 0.8  # "by 2016": the next report tells
JUST_BEFORE = 0.3


@dataclass(frozen=True)
class Catalogue:
    """The documents of one generation; never changes, so threads may share it."""

    version: Version
    documents: tuple[Document, ...]
    names: Names
    facts: FactSheet  # what filters go by
    owners: NDArray[np.int64]  # of each document: the number of its body, or one of its own where that is unknown
    numbers: Mapping[str, int]  # of bodies
    days: NDArray[np.int64]  # of each document: first and last day that it is known to be of, (n, 2)
    spoken_days: NDArray[np.int64]  # likewise, of documents of no known day: of the last year that they name
    spoken_of: Mapping[int, frozenset[str]]  # documents without a body: the bodies in their title and opening
    day: date | None = None  # that it is as of, where it is not as of now

    @classmethod
    def of(cls, reader: Reader, lineage: Lineage = Lineage()) -> "Catalogue":  # noqa: B008 - it is frozen
        """Put the documents of a generation into columns; a lineage tells which bodies are in line with others."""
        documents = tuple(reader.documents())
        numbers, owners = _owners(documents)
        names = Names(numbers, lineage)
        days = np.array([days_of(document) for document in documents], np.int64).reshape(-1, 2)
        spoken_days, spoken_of = _spoken(documents, days, names, reader)
        return cls(
            version=reader.version,
            documents=documents,
            names=names,
            facts=FactSheet.of(reader.owners(), documents),
            owners=owners,
            numbers=numbers,
            days=days,
            spoken_days=spoken_days,
            spoken_of=spoken_of,
        )

    def as_of(self, day: date) -> "Catalogue":
        """Give what there was by a day: the documents that are known to have been published by then, and no other."""
        there = self.facts.fitting(Published(None, day))
        kept = np.flatnonzero(there)
        documents = tuple(self.documents[place] for place in kept)
        numbers, owners = _owners(documents)
        return Catalogue(
            version=self.version,
            documents=documents,
            names=Names(numbers, self.names.lines.lineage),
            facts=FactSheet.of(self.numbers_of(there).tolist(), documents),
            owners=owners,
            numbers=numbers,
            days=self.days[kept],
            spoken_days=self.spoken_days[kept],
            spoken_of={
                place: self.spoken_of[old] & numbers.keys()
                for place, old in enumerate(kept.tolist())
                if old in self.spoken_of
            },
            day=day,
        )

    def places(self, numbers: NDArray[np.int64]) -> NDArray[np.int64]:
        """Find documents, by their numbers, in `documents`."""
        order = np.argsort(self.facts.documents)
        found: NDArray[np.int64] = order[np.searchsorted(self.facts.documents, numbers, sorter=order)]
        return found

    @cached_property
    def place_of(self) -> Mapping[str, int]:
        """Where in `documents` each is, by its id."""
        return {document.doc_id: place for place, document in enumerate(self.documents)}

    def numbers_of(self, some: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Give the numbers of some documents."""
        found: NDArray[np.int64] = self.facts.documents[some]
        return found

    @cached_property
    def superseding(self) -> Superseding:
        """The latest report of each kind on each body."""
        return Superseding.of(self.documents, self.days[:, 1].tolist())

    def later_than(self, doc_id: str) -> Later | None:
        """Give the report that has taken the place of a document, if any has."""
        place = self.place_of[doc_id]
        return self.superseding.of_document(self.documents[place], int(self.days[place, 1]))

    def last_day(self, doc_id: str) -> int:
        """Give the last day that a document is of, else that it speaks of, as a day number."""
        place = self.place_of[doc_id]
        return int(self.days[place, 1] if self.days[place, 1] != UNKNOWN else self.spoken_days[place, 1])

    def fitting(self, wanted: Filter) -> NDArray[np.bool_]:
        """Tell which documents fit a filter; one whose date, body or kind is unknown fits no filter on that."""
        return self.facts.fitting(where(wanted))

    def newest(self, among: NDArray[np.bool_], *, oldest: bool = False) -> NDArray[np.bool_]:
        """Tell which documents are the last, or the first, of a body, among some of them."""
        ends = self.days[:, 1] if not oldest else -self.days[:, 1]
        known = among & (self.owners < len(self.numbers)) & (self.days[:, 1] != UNKNOWN)
        furthest = np.full(self.owners.max(initial=0) + 1, np.iinfo(np.int64).min)
        np.maximum.at(furthest, self.owners[known], ends[known])
        found: NDArray[np.bool_] = known & (ends == furthest[self.owners])
        return found

    def about(self, reading: Reading) -> NDArray[np.float32]:
        """Tell for each document how surely the question names its body, 0 to 1."""
        about = self._on([one for one in reading.named if not (one.since or one.until)])
        for one in reading.named:
            if one.since or one.until:
                about = np.maximum(about, np.where(self._of_days(one), self._on([one]), 0))
        return about

    def _on(self, named: Sequence[Named]) -> NDArray[np.float32]:
        certainty = {one.body: one.certainty for one in sorted(named, key=lambda one: one.certainty)}
        of_owners = np.zeros(len(self.numbers) + len(self.documents), np.float32)
        for body, its in certainty.items():
            of_owners[self.numbers[body]] = its
        about: NDArray[np.float32] = of_owners[self.owners]
        if certainty:
            for place, bodies in self.spoken_of.items():
                about[place] = SPEAKS_OF * max((certainty.get(body, 0.0) for body in bodies), default=0.0)
        return about

    def _of_days(self, named: Named) -> NDArray[np.bool_]:
        """Tell which documents may be of the days on which a body is meant; one on the last comes soon after."""
        since = (named.since or date.min).toordinal()
        until = (named.until or date.max).toordinal() + YEAR
        first, last = self.days.T
        found: NDArray[np.bool_] = (first == UNKNOWN) | ((first <= until) & (last >= since))
        return found

    def timely(self, reading: Reading) -> NDArray[np.float32]:
        """Tell for each document how well its time goes with those that the question names, 0 to 1."""
        timely = np.zeros(len(self.documents), np.float32)
        for time in reading.times:
            timely = np.maximum(timely, _goes_with(self.days, time))
            timely = np.maximum(timely, SPEAKS_OF * _goes_with(self.spoken_days, time))
        return timely


def days_of(document: Document) -> tuple[int, int]:
    """Give the first and the last day that a document is known to be of, as day numbers, or `UNKNOWN`.

    These are what it reports on and its publication; where neither is known, the times in its title stand for them.
    """
    metadata = document.metadata
    days = [day for event in metadata.events for day in (event.start, event.end)]
    if metadata.published:
        days.append(metadata.published)
    if not days and metadata.title:
        days = [day for time in find_times(metadata.title) for day in (time.period.start, time.period.end) if day]
    return (min(days).toordinal(), max(days).toordinal()) if days else (UNKNOWN, UNKNOWN)


def _owners(documents: Sequence[Document]) -> tuple[dict[str, int], NDArray[np.int64]]:
    """Give numbers to bodies, and for each document that of its body; one of its own where that is unknown."""
    bodies = [document.metadata.body for document in documents]
    numbers = {body: number for number, body in enumerate(dict.fromkeys(body for body in bodies if body))}
    owners = [numbers[body] if body else len(numbers) + place for place, body in enumerate(bodies)]
    return numbers, np.array(owners, np.int64)


def _spoken(
    documents: Sequence[Document], days: NDArray[np.int64], names: Names, reader: Reader
) -> tuple[NDArray[np.int64], dict[int, frozenset[str]]]:
    """Look into the texts of documents without a body or a day for what they speak of."""
    nameless = {one.doc_id for one in documents if names.aliases and not one.metadata.body}
    places = {
        document.doc_id: place
        for place, document in enumerate(documents)
        if document.doc_id in nameless or days[place, 0] == UNKNOWN
    }
    openings = {doc_id: f"{documents[place].metadata.title or ''}\n" for doc_id, place in places.items()}
    years: dict[int, int] = {}
    for doc_id, text in reader.texts_of(list(places)):
        if len(openings[doc_id]) < OPENING:
            openings[doc_id] += f"{text[:OPENING]}\n"
        if days[places[doc_id], 0] == UNKNOWN:
            years[places[doc_id]] = max([years.get(places[doc_id], 0), *map(int, _YEAR.findall(text))])
    spoken_days = np.full_like(days, UNKNOWN)
    for place, year in years.items():
        if year:
            spoken_days[place] = date(year, 1, 1).toordinal(), date(year, 12, 31).toordinal()
    return spoken_days, {
        places[one]: frozenset(read(openings[one], names).bodies(with_kin=False)) for one in nameless
    }


def _goes_with(days: NDArray[np.int64], time: Time) -> NDArray[np.float32]:
    start = (time.period.start or date.min).toordinal()
    end = (time.period.end or date.max).toordinal()
    first, last = days[:, 0], days[:, 1]
    after = SOON_AFTER_BY if time.role is Role.BY else SOON_AFTER
    cases = [
        first == UNKNOWN,
        (first <= end) & (last >= start),
        first > end + YEAR,
        first > end,
        last + YEAR >= start,
    ]
    return np.select(cases, [0.0, 1.0, 0.0, after, JUST_BEFORE], 0.0).astype(np.float32)


_YEAR = re.compile(r"(?<![\d,.£$€])(?:19|20)\d\d(?![\d,.]\d|\d)")
