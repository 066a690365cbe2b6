"""What reports say of a matter over the years, one quote a report; and how many reports there are of each year."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

import numpy as np

from indexer.collection import Reader
from indexer.metadata import body_key
from indexer.records import Document
from indexer.where import UNKNOWN
from service.answering import Answerer, Told
from service.candidates import Generation
from service.catalogue import days_of
from service.query import MOST_HITS, Query
from service.search import Searcher, understand
from service.superseding import is_press

MOST_QUOTED = 40  # reports; more marks than that cannot be told apart in a chart


@dataclass(frozen=True, slots=True)
class When:
    """The day that a report is laid out by: of its publication, else the last one that it is known to be of."""

    day: date
    is_exact: bool  # otherwise a time in its title, of which this is the last day


@dataclass(frozen=True, slots=True)
class Entry:
    """A report, and what it says of the matter; None where it was found to say nothing, or much less than others."""

    document: Document
    when: When | None
    told: Told | None


@dataclass(frozen=True, slots=True)
class Timeline:
    """What was found on a question, all of one generation."""

    question: str
    bodies: tuple[str, ...]  # that it is about; of all where there are none
    is_read: bool  # whether these were read from the question
    dated: tuple[Entry, ...]  # that say something, the oldest first
    undated: tuple[Entry, ...]  # likewise, the nearest to the question first
    silent: tuple[Entry, ...]  # other reports of the bodies, the oldest first
    on: Mapping[str, int]  # bodies that something was found on, and in how many reports; the nearest first
    left_out: int  # reports beyond the nearest `MOST_QUOTED`
    reason: str | None  # why none of this answers, where that is so


@dataclass(frozen=True, slots=True)
class Years:
    """How many reports there are of each year and kind."""

    kinds: tuple[str | None, ...]  # the most frequent first; None is an unknown one, and the last
    counts: Mapping[int, tuple[int, ...]]  # from the first to the last year, in the order of the kinds
    undated: tuple[int, ...]  # likewise


def timeline(searcher: Searcher, reader: Reader, generation: Generation, query: Query) -> Timeline:
    """Lay out what was found over the years in what `Searcher.opened` gave. Raises as `Searcher.search` does.

    Where the question names bodies and no filter does, only their reports are looked into, so that those of others
    take no place from them.
    """
    catalogue = generation.catalogue
    named = () if query.bodies else understand(query, catalogue).reading.bodies()
    asked = replace(query, k=MOST_HITS, bodies=query.bodies or named)
    each = Answerer(searcher).best_of_each(reader, generation, asked)
    found = [Entry(one.document, when(one.document), one) for one in each.told[:MOST_QUOTED]]
    wanted = each.asked.wanted
    silent: list[Entry] = []
    if wanted.bodies:
        saying = {one.document.doc_id for one in each.told}
        about = [catalogue.documents[place] for place in np.flatnonzero(catalogue.fitting(wanted))]
        silent = [Entry(one, when(one), None) for one in about if one.doc_id not in saying]
    return Timeline(
        question=query.text,
        bodies=tuple(sorted(wanted.bodies or ())),
        is_read=bool(named),
        dated=_by_day(found),
        undated=tuple(entry for entry in found if not entry.when),
        silent=(*_by_day(silent), *(entry for entry in silent if not entry.when)),
        on=_bodies(each.told),
        left_out=max(0, len(each.told) - MOST_QUOTED),
        reason=each.reason,
    )


def when(document: Document) -> When | None:
    """Tell by which day a report is laid out, None where none is known."""
    metadata = document.metadata
    if metadata.published:
        return When(metadata.published, is_exact=True)
    last = days_of(document)[1]
    return When(date.fromordinal(last), is_exact=bool(metadata.events)) if last != UNKNOWN else None


def inspected(document: Document) -> When | None:
    """Give the last day of the inspection that a document reports, else that of the report; None where it is none."""
    if not document.metadata.kind or is_press(document):
        return None
    if document.metadata.events:
        return When(max(event.end for event in document.metadata.events), is_exact=True)
    return when(document)


def years_of(documents: Sequence[Document]) -> Years:
    """Count documents by year and kind; years without any between the first and the last count none."""
    found = Counter((_year(document), document.metadata.kind) for document in documents)
    of_kinds = Counter(document.metadata.kind for document in documents)
    kinds = sorted(of_kinds, key=lambda kind: (kind is None, -of_kinds[kind], kind or ""))
    known = {year for year, _ in found if year is not None}
    years = range(min(known), max(known) + 1) if known else range(0)
    return Years(
        kinds=tuple(kinds),
        counts={year: tuple(found[year, kind] for kind in kinds) for year in years},
        undated=tuple(found[None, kind] for kind in kinds),
    )


def _year(document: Document) -> int | None:
    found = when(document)
    return found.day.year if found else None


def _bodies(told: Sequence[Told]) -> dict[str, int]:
    """Count reports by body; names that differ in what councils call themselves alone go by the first of them."""
    names: dict[str, str] = {}
    found: Counter[str] = Counter()
    for one in told:
        if body := one.document.metadata.body:
            found[names.setdefault(body_key(body), body)] += 1
    return dict(found)


def _by_day(entries: Sequence[Entry]) -> tuple[Entry, ...]:
    dated = [(entry.when.day, entry.document.doc_id, entry) for entry in entries if entry.when]
    return tuple(entry for *_, entry in sorted(dated, key=lambda one: one[:2]))
