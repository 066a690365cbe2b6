"""Catalogues of invented documents, and candidates among them, without a store."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import cast

import numpy as np

from indexer.collection import Outlined, Reader
from indexer.records import Document, Event, Metadata, Version
from service.candidates import Candidates
from service.catalogue import Catalogue
from service.ranking import SIGNALS
from service.reading import Reading

NOTHING_READ = Reading((), (), earliest=False, over_time=False, across=False, topic="x")


class MadeReader:
    """The part of a reader that a catalogue is made of; documents are numbered by their places."""

    version = Version(1, "made")

    def __init__(self, documents: Sequence[Document], texts: Mapping[str, Sequence[str]]) -> None:
        self._documents = documents
        self._texts = texts

    def documents(self) -> list[Document]:
        return list(self._documents)

    def owners(self) -> dict[int, str]:
        return {place: document.metadata.body or document.doc_id for place, document in enumerate(self._documents)}

    def texts_of(self, doc_ids: Sequence[str]) -> Iterator[tuple[str, str]]:
        return ((doc_id, text) for doc_id in doc_ids for text in self._texts.get(doc_id, ()))


def document(
    name: str,
    body: str | None = None,
    published: date | None = None,
    kind: str | None = None,
    *,
    title: str | None = None,
    events: Sequence[Event] = (),
) -> Document:
    """Make a document of one page."""
    metadata = Metadata(title=title, body=body, published=published, kind=kind, events=tuple(events))
    return Document(name, "/made", f"{name}.txt", "0" * 64, 1, "text", "made", 1, metadata)


def catalogue(documents: Sequence[Document], texts: Mapping[str, Sequence[str]] | None = None) -> Catalogue:
    """Make a catalogue; `texts` tells for some documents, by name, what their passages say."""
    return Catalogue.of(cast("Reader", MadeReader(documents, texts or {})))


def candidates(passages: Sequence[tuple[int, int, Sequence[int]]], rows: Sequence[int] | None = None) -> Candidates:
    """Make candidates of passages, each of a document by its place, on a page, with a sketch.

    Passages of a document follow one another, and its ids are apart from those of the next. Of all passages a search
    found those in these `rows`, or else all.
    """
    ids = [100 * (place + 1) + row for row, (place, _, _) in enumerate(passages)]
    found = range(len(passages)) if rows is None else rows
    places = np.array([passages[row][0] for row in found], np.int64)
    outlined = Outlined(
        documents=places,
        pages=np.array([passages[row][1] for row in found], np.int64),
        spread=np.zeros(len(found), np.float32),
        sketches=tuple(np.array(sorted(set(passages[row][2])), np.uint32) for row in found),
    )
    signals = np.zeros((len(found), len(SIGNALS)), np.float32)
    return Candidates(np.array([ids[row] for row in found], np.int64), places, outlined, signals)
