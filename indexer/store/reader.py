"""Questions to one generation of the store."""

import json
import sqlite3
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from hashlib import sha256
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter

from indexer.errors import IndexFormatError, InputError, NotFoundError, Refusal
from indexer.records import (
    Counts,
    Document,
    Furniture,
    IndexedText,
    Page,
    Passage,
    Refused,
    Removal,
    Span,
    StoredPassage,
    Version,
)

DOCUMENT = TypeAdapter(Document)


class Outline(NamedTuple):
    """What ranking needs of a passage."""

    passage_id: int
    document: int  # its place in the list of documents
    page: int  # that it begins on
    sketch: NDArray[np.uint32]  # sample of its runs of words, ascending


class Reader:
    """Questions to one generation of the store."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._db = connection
        row = connection.execute("SELECT generation, token FROM generations ORDER BY generation DESC").fetchone()
        self.version = Version(*row) if row else Version(0, "")

    @property
    def fingerprint(self) -> str | None:
        """JSON of the encoder's fingerprint; None before the first sync."""
        row = self._db.execute("SELECT value FROM meta WHERE key = 'fingerprint'").fetchone()
        return row[0] if row else None

    @property
    def finished_at(self) -> datetime | None:
        """When this generation was made; None before the first sync."""
        row = self._db.execute("SELECT finished_at FROM generations ORDER BY generation DESC").fetchone()
        return datetime.fromisoformat(row[0]) if row else None

    def counts(self) -> Counts:
        """Count what is indexed."""
        furniture = self._db.execute(
            "SELECT removal.value ->> 2, count(*) FROM pages, json_each(pages.removals) AS removal"
            " GROUP BY 1 ORDER BY 1"
        )
        documents, pages, needs_ocr, passages, refused = self._db.execute(
            "SELECT (SELECT count(*) FROM documents), (SELECT count(*) FROM pages),"
            " (SELECT count(*) FROM pages WHERE needs_ocr), (SELECT count(*) FROM passages),"
            " (SELECT count(*) FROM refusals)"
        ).fetchone()
        return Counts(documents, pages, needs_ocr, passages, refused, dict(furniture.fetchall()))

    def bodies(self) -> dict[str, int]:
        """Count the documents of each body that is known."""
        return dict(self._db.execute("SELECT body, count(*) FROM documents WHERE body NOT NULL GROUP BY 1"))

    def kinds(self) -> dict[str, int]:
        """Count the documents of each kind that is known."""
        return dict(self._db.execute("SELECT kind, count(*) FROM documents WHERE kind NOT NULL GROUP BY 1"))

    def documents(self) -> list[Document]:
        """Give all documents, by folder and path."""
        rows = self._db.execute("SELECT record FROM documents ORDER BY root, path")
        return [DOCUMENT.validate_json(row[0]) for row in rows]

    def document(self, doc_id: str) -> Document:
        """Give one document. Raises NotFoundError."""
        row = self._db.execute("SELECT record FROM documents WHERE doc_id = ?", (doc_id,)).fetchone()
        if row is None:
            raise NotFoundError(f"no document `{doc_id}` in the index")
        return DOCUMENT.validate_json(row[0])

    def find(self, name: str) -> Document:
        """Give the one document of this id, path or end of a path.

        Raises NotFoundError where there is none, InputError where there are several.
        """
        rows = self._db.execute(
            "SELECT record FROM documents WHERE doc_id = :name OR path = :name OR root || '/' || path = :name"
            " OR substr(root || '/' || path, -length(:name) - 1) = '/' || :name ORDER BY root, path LIMIT 2",
            {"name": name},
        ).fetchall()
        if not rows:
            raise NotFoundError(f"no document `{name}` in the index; `citewell search` names documents by their id")
        if len(rows) > 1:
            one, other = (DOCUMENT.validate_json(row[0]) for row in rows)
            raise InputError(
                f"`{name}` fits several documents, such as `{one.doc_id}` ({one.root}/{one.path}) and "
                f"`{other.doc_id}` ({other.root}/{other.path}); give the id"
            )
        return DOCUMENT.validate_json(rows[0][0])

    def page(self, doc_id: str, number: int) -> tuple[Page, tuple[Removal, ...]]:
        """Give one page, and what was kept out of its passages.

        Raises NotFoundError, or IndexFormatError where the stored text is not what was indexed.
        """
        row = self._db.execute(
            "SELECT text, pages.sha256, raw_map, removals, needs_ocr FROM pages JOIN documents USING (document)"
            " WHERE doc_id = ? AND number = ?",
            (doc_id, number if 0 < number < 2**63 else 0),  # SQLite's numbers end there, and pages start at 1
        ).fetchone()
        if row is None:
            pages = self.document(doc_id).pages
            raise NotFoundError(f"document `{doc_id}` has no page {number}; its pages are 1 to {pages}")
        text, digest, raw_map, removals, needs_ocr = row
        if text_sha256(text) != digest:
            raise IndexFormatError(
                f"page {number} of `{doc_id}` was altered inside the index; run `citewell index --reencode`"
            )
        page = Page(number, text, (), tuple((run[0], run[1]) for run in json.loads(raw_map)), bool(needs_ocr))
        return page, tuple(
            Removal(Span(number, start, end), Furniture(kind)) for start, end, kind in json.loads(removals)
        )

    def passages(self, ids: Sequence[int]) -> dict[int, StoredPassage]:
        """Give the passages of these ids; ids that the index does not hold are left out."""
        rows = self._db.execute(
            "SELECT passage, record, passages.sha256, spans, sentences, headings, context, text FROM passages"
            " JOIN documents USING (document) WHERE passage IN (SELECT value FROM json_each(?))",
            (json.dumps(list(ids)),),
        )
        return {
            passage: StoredPassage(
                passage,
                DOCUMENT.validate_json(record),
                digest,
                Passage(
                    text,
                    tuple(Span(*span) for span in json.loads(spans)),
                    context,
                    tuple(json.loads(headings)),
                    tuple((start, end) for start, end in json.loads(sentences)),
                ),
            )
            for passage, record, digest, spans, sentences, headings, context, text in rows
        }

    def passage_ids(self, doc_id: str) -> list[int]:
        """Give the ids of a document's passages, in the order of its text."""
        rows = self._db.execute(
            "SELECT passage FROM passages JOIN documents USING (document) WHERE doc_id = ? ORDER BY passage",
            (doc_id,),
        )
        return [row[0] for row in rows]

    def vectors_since(self, generation: int, dim: int) -> tuple[NDArray[np.int64], NDArray[np.float16]]:
        """Give ids (n,), ascending, and vectors (n, dim) of the passages added after a generation."""
        condition = (generation,)
        count = self._db.execute("SELECT count(*) FROM passages WHERE generation > ?", condition).fetchone()[0]
        ids, vectors = np.empty(count, np.int64), np.empty((count, dim), np.float16)
        rows = self._db.execute(
            "SELECT passage, substr(vectors, 1, ?) FROM passages WHERE generation > ? ORDER BY passage",
            (2 * dim, generation),
        )
        for row, (passage, vector) in enumerate(rows):
            ids[row], vectors[row] = passage, read_vectors(vector, dim)[0]
        return ids, vectors

    def vectors(self, passage_ids: Sequence[int], dim: int) -> dict[int, NDArray[np.float16]]:
        """Give the vectors of passages: of each (1 + its sentences, dim), the whole passage first."""
        rows = self._db.execute(
            "SELECT passage, vectors FROM passages WHERE passage IN (SELECT value FROM json_each(?))",
            (json.dumps(list(passage_ids)),),
        )
        return {passage: read_vectors(blob, dim) for passage, blob in rows}

    def texts_since(self, generation: int) -> Iterator[IndexedText]:
        """Give the words of the passages added after a generation, by id."""
        rows = self._db.execute(
            "SELECT passage, context, text, body, kind, published FROM passages JOIN documents USING (document)"
            " WHERE passages.generation > ? ORDER BY passage",
            (generation,),
        )
        for passage_id, context, text, body, kind, published in rows:
            yield IndexedText(passage_id, context, text, body, kind, published and date.fromisoformat(published))

    def outlines(self) -> list[Outline]:
        """Give what ranking needs of every passage, by id; `document` is its place in `documents()`."""
        documents = self._db.execute("SELECT document FROM documents ORDER BY root, path")
        places = {row[0]: place for place, row in enumerate(documents)}
        rows = self._db.execute(
            "SELECT passage, document, spans ->> '$[0][0]', sketch FROM passages ORDER BY passage"
        )
        return [Outline(passage, places[row], page, np.frombuffer(blob, "<u4")) for passage, row, page, blob in rows]

    def texts_of(self, doc_ids: Sequence[str]) -> Iterator[tuple[str, str]]:
        """Give doc_id and text of every passage of some documents, each document's in order."""
        yield from self._db.execute(
            "SELECT doc_id, text FROM documents JOIN passages USING (document)"
            " WHERE doc_id IN (SELECT value FROM json_each(?)) ORDER BY passage",
            (json.dumps(list(doc_ids)),),
        )

    def removed_since(self, generation: int) -> NDArray[np.int64]:
        """Give the ids of the passages removed after a generation, ascending."""
        rows = self._db.execute("SELECT passage FROM tombstones WHERE generation > ? ORDER BY 1", (generation,))
        return np.fromiter((row[0] for row in rows), np.int64)

    def has_version(self, version: Version) -> bool:
        """Tell whether this store's history contains that generation."""
        row = self._db.execute("SELECT token FROM generations WHERE generation = ?", (version.generation,)).fetchone()
        return row is not None and row[0] == version.token

    def refusals(self) -> list[Refused]:
        """Give the files refused at the last sync, by folder and path."""
        rows = self._db.execute("SELECT root, path, code, message, pages FROM refusals ORDER BY root, path")
        return [read_refused(*row) for row in rows]


def text_sha256(text: str) -> str:
    """Hash a text in UTF-8."""
    return sha256(text.encode()).hexdigest()


def input_sha256(passage: Passage) -> str:
    """Hash what the vectors of a passage are made of."""
    return text_sha256(json.dumps([passage.input, passage.sentences]))


def read_vectors(blob: bytes, dim: int) -> NDArray[np.float16]:
    """Give stored vectors, (n, dim). Raises IndexFormatError where the bytes are no such vectors."""
    if not blob or len(blob) % (dim * 2):
        raise IndexFormatError(
            f"stored vectors have {len(blob)} bytes, not a multiple of {dim * 2}; run `citewell index --reencode`"
        )
    return np.frombuffer(blob, "<f2").reshape(-1, dim)


def read_refused(root: str, path: str, code: str, message: str, pages: str) -> Refused:
    """Give a refusal from its row."""
    return Refused(root, path, Refusal(code), message, tuple(json.loads(pages)))
