"""What is indexed: documents, their pages, and the state of the index."""

from datetime import datetime
from typing import Self

from pydantic import BaseModel, Field

from indexer.collection import Collection, Engine, Reader
from indexer.encoder import Fingerprint
from indexer.hashes import text_sha256
from indexer.records import Approximation, Counts, Document, Page, Refused, Removal


class DocumentsResponse(BaseModel):
    """The documents of the index, by folder and path: all of them, or a page of the list."""

    generation: int
    total: int = Field(description="how many there are in all")
    documents: tuple[Document, ...]
    next_cursor: str | None = Field(None, description="where the list goes on; null at its end")


class RemovalOut(BaseModel):
    """Text of a page that is in no passage."""

    start: int
    end: int
    kind: str


class PageResponse(BaseModel):
    """One page of a document as it is stored; all offsets count characters of `text`."""

    generation: int
    doc_id: str
    title: str | None
    source: str
    page: int
    pages: int
    text: str
    text_sha256: str
    spans: tuple[tuple[int, int], ...] = Field(description="the places that were asked for")
    furniture: tuple[RemovalOut, ...]
    needs_ocr: bool

    @classmethod
    def of(
        cls,
        reader: Reader,
        document: Document,
        page: Page,
        removals: tuple[Removal, ...],
        spans: tuple[tuple[int, int], ...],
    ) -> Self:
        """Write a page."""
        return cls(
            generation=reader.version.generation,
            doc_id=document.doc_id,
            title=document.metadata.title,
            source=document.path,
            page=page.number,
            pages=document.pages,
            text=page.text,
            text_sha256=text_sha256(page.text),
            spans=spans,
            furniture=tuple(RemovalOut(start=r.span.start, end=r.span.end, kind=r.kind.value) for r in removals),
            needs_ocr=page.needs_ocr,
        )


class StatusResponse(BaseModel):
    """What is indexed."""

    index: str
    engine: Engine = Field(description="what holds the index, and whether that finds passages by their words")
    generation: int
    finished_at: datetime | None
    counts: Counts
    bodies: dict[str, int]
    kinds: dict[str, int]
    encoder: Fingerprint
    approximation: Approximation | None = Field(
        description="how a search by meaning without a filter looks through some of the vectors, and the share of "
        "the ten nearest it finds; null where it looks through all"
    )
    refused: tuple[Refused, ...]
    needs_ocr: dict[str, tuple[int, ...]] = Field(description="pages without text, by whole path")

    @classmethod
    def of(cls, reader: Reader, collection: Collection) -> Self:
        """Write the state of an index that has been made."""
        return cls(
            index=collection.name,
            engine=collection.engine,
            generation=reader.version.generation,
            finished_at=reader.finished_at,
            counts=reader.counts(),
            bodies=reader.bodies(),
            kinds=reader.kinds(),
            encoder=Fingerprint.from_json(reader.fingerprint or "{}"),
            approximation=collection.approximation(reader),
            refused=tuple(reader.refusals()),
            needs_ocr={document.file: document.needs_ocr for document in reader.documents() if document.needs_ocr},
        )
