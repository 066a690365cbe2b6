"""Which report on a body has taken the place of an earlier one of the same kind."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from indexer.metadata import body_key
from indexer.records import Document
from indexer.where import UNKNOWN
from service.citation import title_of

# What the press writes tells of reports; a later story takes the place of none.
PRESS = frozenset({"news", "news article", "news story", "press release"})


@dataclass(frozen=True, slots=True)
class Later:
    """The latest report of the same kind on the same body; `day` is the last that it is known to be of."""

    doc_id: str
    title: str
    published: date | None
    day: date


@dataclass(frozen=True, slots=True)
class Superseding:
    """The latest report of each kind on each body."""

    _latest: Mapping[tuple[str, str], tuple[int, Document]]  # with the last day that it is of

    @classmethod
    def of(cls, documents: Sequence[Document], last_days: Sequence[int]) -> "Superseding":
        """Find them among documents of these last days; one of no known body, kind or day takes no other's place."""
        latest: dict[tuple[str, str], tuple[int, Document]] = {}
        for document, day in zip(documents, last_days, strict=True):
            key = _key(document)
            if key and day != UNKNOWN and (key not in latest or day > latest[key][0]):
                latest[key] = day, document
        return cls(latest)

    def of_document(self, document: Document, last_day: int) -> Later | None:
        """Give what has taken a document's place, if anything has."""
        key = _key(document)
        if not key or last_day == UNKNOWN or key not in self._latest:
            return None
        day, latest = self._latest[key]
        if day <= last_day:
            return None
        return Later(latest.doc_id, title_of(latest), latest.metadata.published, date.fromordinal(day))

    def is_latest(self, document: Document) -> bool:
        """Tell whether a document is the latest of its kind on its body."""
        key = _key(document)
        return key is not None and key in self._latest and self._latest[key][1].doc_id == document.doc_id


def is_press(document: Document) -> bool:
    """Tell whether a document is what the press writes of reports."""
    return (document.metadata.kind or "").casefold() in PRESS


def _key(document: Document) -> tuple[str, str] | None:
    metadata = document.metadata
    if not metadata.body or not metadata.kind or is_press(document):
        return None
    return body_key(metadata.body), metadata.kind.casefold()
