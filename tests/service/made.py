"""Catalogues of invented documents, without a store."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import cast

import numpy as np

from indexer.records import Document, Event, Metadata, Version
from indexer.store import Reader
from indexer.store.reader import Outline
from service.catalogue import Catalogue
from service.reading import Reading

NOTHING_READ = Reading((), (), latest=False, earliest=False, over_time=False, across=False, topic="x")


class MadeReader:
    """The part of a reader that a catalogue is made of; passages are of a document by its place, with a sketch."""

    version = Version(1, "made")

    def __init__(
        self,
        documents: Sequence[Document],
        passages: Sequence[tuple[int, Sequence[int]]],
        openings: Mapping[str, str],
    ) -> None:
        self._documents = documents
        self._passages = passages
        self._openings = openings

    def documents(self) -> list[Document]:
        return list(self._documents)

    def outlines(self) -> list[Outline]:
        """Give the passages ids that go up by 3, so that no id is a row."""
        return [
            Outline(3 * row + 1, document, np.array(sorted(set(sketch)), np.uint32))
            for row, (document, sketch) in enumerate(self._passages)
        ]

    def openings(self, length: int) -> dict[str, str]:
        return {doc_id: text[:length] for doc_id, text in self._openings.items()}


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


def catalogue(
    documents: Sequence[Document],
    passages: Sequence[tuple[int, Sequence[int]]] | None = None,
    openings: Mapping[str, str] | None = None,
) -> Catalogue:
    """Make a catalogue; without passages each document has one, and those without a body open with no words."""
    if passages is None:
        passages = [(place, ()) for place in range(len(documents))]
    opened = {one.doc_id: "" for one in documents if one.metadata.body is None} | dict(openings or {})
    return Catalogue.of(cast("Reader", MadeReader(documents, passages, opened)))
