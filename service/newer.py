"""Which bodies have a later report than the one that is quoted."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from indexer.metadata import body_key
from indexer.records import Document
from indexer.where import UNKNOWN
from service.catalogue import days_of
from service.citation import Citation


@dataclass(frozen=True, slots=True)
class Newer:
    """A report on a body that is later than all those cited; `found` is its place among what was found."""

    body: str  # as the cited report names it
    document: Document
    day: date  # the last that it is known to be of
    found: Citation | None


def newer(cited: Sequence[Citation], found: Sequence[Citation], documents: Sequence[Document]) -> tuple[Newer, ...]:
    """Tell once for each cited body that has one, of its latest report; rather of one that was found than of another.

    Reports of no known body or day say nothing about what is newer.
    """
    last_days = {document.doc_id: days_of(document)[1] for document in documents if document.metadata.body}
    latest_cited: dict[str, Citation] = {}
    for one in cited:
        if last_days.get(one.doc_id, UNKNOWN) != UNKNOWN:
            key = body_key(one.body or "")
            if key not in latest_cited or last_days[one.doc_id] > last_days[latest_cited[key].doc_id]:
                latest_cited[key] = one
    places = {one.doc_id: one for one in reversed(found)}
    names = {body: body_key(body) for body in {document.metadata.body or "" for document in documents}}
    latest: dict[str, Document] = {}
    for document in documents:
        key, day = names[document.metadata.body or ""], last_days.get(document.doc_id, UNKNOWN)
        if key in latest_cited and day > last_days[latest_cited[key].doc_id]:
            held = latest.get(key)
            rank = document.doc_id in places, day
            if not held or rank > (held.doc_id in places, last_days[held.doc_id]):
                latest[key] = document
    return tuple(
        Newer(
            one.body or "",
            latest[key],
            date.fromordinal(last_days[latest[key].doc_id]),
            places.get(latest[key].doc_id),
        )
        for key, one in latest_cited.items()
        if key in latest
    )
