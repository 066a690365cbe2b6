"""Catalogues of invented documents, without a store."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import cast

import numpy as np

from indexer.outlines import Outlines
from indexer.records import Document, Event, Metadata, Outline, Version
from indexer.store import Reader
from service.catalogue import Catalogue
from service.reading import Reading

NOTHING_READ = Reading((), (), earliest=False, over_time=False, across=False, topic="x")


class MadeReader:
    """The part of a reader that a catalogue is made of; passages are of a document by its place, with a sketch."""

    version = Version(1, "made")

    def __init__(
        self,
        documents: Sequence[Document],
        passages: Sequence[tuple[int, Sequence[int]]],
        pages: Sequence[int],
        texts: Mapping[str, Sequence[str]],
    ) -> None:
        self._documents = documents
        self._passages = passages
        self._pages = pages
        self._texts = texts

    def documents(self) -> list[Document]:
        return list(self._documents)

    @property
    def passage_count(self) -> int:
        return len(self._passages)

    def owners(self) -> dict[int, str]:
        return {place: document.metadata.body or document.doc_id for place, document in enumerate(self._documents)}

    def has_version(self, version: Version) -> bool:
        return version == self.version

    def outlines(self, since: int = 0) -> list[Outline]:
        """Give the passages ids that go up by 3, so that no id is a row."""
        return (
            []
            if since
            else [
                Outline(3 * row + 1, document, page, np.array(sorted(set(sketch)), np.uint32))
                for row, ((document, sketch), page) in enumerate(zip(self._passages, self._pages, strict=True))
            ]
        )

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


def catalogue(
    documents: Sequence[Document],
    passages: Sequence[tuple[int, Sequence[int]]] | None = None,
    *,
    pages: Sequence[int] | None = None,
    texts: Mapping[str, Sequence[str]] | None = None,
) -> Catalogue:
    """Make a catalogue.

    Without passages each document has one; `pages` tells for each passage on which it begins, or else all do on the
    first; `texts` tells for some documents, by name, what their passages say, or else they say nothing.
    """
    if passages is None:
        passages = [(place, ()) for place in range(len(documents))]
    reader = MadeReader(documents, passages, pages or [1] * len(passages), texts or {})
    return Catalogue.of(cast("Reader", reader), Outlines.open(Path("nowhere"), reader))
