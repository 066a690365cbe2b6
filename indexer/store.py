"""Documents, pages, passages, vectors and generations: the truth of an index, kept in SQLite.

A sync is one transaction that raises `generation` by one. Passage ids only grow and are never reused, and removed
ones leave tombstones, so "what changed since generation g" is a query and derived indexes can catch up with it.
Readers see one generation from the start to the end of a `reading()` block, whatever a writer does meanwhile.
"""

import json
import secrets
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter

from indexer.database import STORE_FILE, connect, reading_errors, writer_lock
from indexer.errors import IndexFormatError, IndexMissingError, InputError, NotFoundError, Refusal
from indexer.records import (
    Counts,
    Document,
    Filter,
    Furniture,
    Page,
    Passage,
    Refused,
    Removal,
    Span,
    StoredPassage,
    Version,
)

DOCUMENT = TypeAdapter(Document)


@dataclass(frozen=True, slots=True)
class Known:
    """What the index holds of one file, for deciding whether it changed."""

    sha256: str
    recipe: str


class Store:
    """One index folder's documents; safe to share between threads."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._idle: list[tuple[sqlite3.Connection, tuple[int, int]]] = []  # each with the file that it reads

    @classmethod
    def open(cls, folder: Path) -> "Store":
        """Open an existing index for reading.

        Raises IndexMissingError where there is none or it never finished, IndexFormatError for a foreign file.
        """
        store = cls(folder)
        with store.reading() as reader:
            if reader.version.generation == 0:
                raise IndexMissingError(f"the index in `{folder}` was never finished; run `citewell index SOURCE`")
        return store

    @contextmanager
    def reading(self) -> Iterator["Reader"]:
        """Read one generation, unchanged until the block ends. Raises UnusableIndexError."""
        file = self._file()
        connection = self._connection(file)
        try:
            with reading_errors(self.folder):
                connection.execute("BEGIN")
                yield Reader(connection)
        finally:
            connection.rollback()
            self._idle.append((connection, file))

    @classmethod
    @contextmanager
    def writing(cls, folder: Path) -> Iterator["Writer"]:
        """Hold the one writer's place in the index of this folder, making the index where there is none.

        What is not committed with `Writer.commit` when the block ends has not happened.
        Raises IndexBusyError where another process writes, InputError where the folder holds something else.
        """
        with writer_lock(folder), reading_errors(folder):
            connection = connect(folder, create=True)
            try:
                connection.execute("BEGIN IMMEDIATE")
                yield Writer(connection)
            finally:
                connection.rollback()
                connection.close()

    def close(self) -> None:
        """Close the connections that no thread is using."""
        while self._idle:
            self._idle.pop()[0].close()

    def _connection(self, file: tuple[int, int]) -> sqlite3.Connection:
        while True:
            try:
                connection, its_file = self._idle.pop()
            except IndexError:
                return connect(self.folder)
            if its_file == file:
                return connection
            connection.close()  # it reads a file that was deleted, or that another was put in the place of

    def _file(self) -> tuple[int, int]:
        path = self.folder / STORE_FILE
        try:
            found = path.stat()
        except OSError as error:
            raise IndexMissingError(
                f"no index in `{self.folder}`; run `citewell index SOURCE` to make one"
            ) from error
        return found.st_dev, found.st_ino


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
                f"page {number} of `{doc_id}` was altered inside the index; index its source again"
            )
        page = Page(number, text, (), tuple((run[0], run[1]) for run in json.loads(raw_map)), bool(needs_ocr))
        return page, tuple(
            Removal(Span(number, start, end), Furniture(kind)) for start, end, kind in json.loads(removals)
        )

    def passages(self, ids: Sequence[int]) -> dict[int, StoredPassage]:
        """Give the passages of these ids; ids that the index does not hold are left out."""
        rows = self._db.execute(
            "SELECT passage, record, passages.sha256, spans, headings, context, text FROM passages"
            " JOIN documents USING (document) WHERE passage IN (SELECT value FROM json_each(?))",
            (json.dumps(list(ids)),),
        )
        return {
            passage: StoredPassage(
                passage,
                DOCUMENT.validate_json(record),
                digest,
                Passage(text, tuple(Span(*span) for span in json.loads(spans)), context, tuple(json.loads(headings))),
            )
            for passage, record, digest, spans, headings, context, text in rows
        }

    def passage_ids(self, doc_id: str) -> list[int]:
        """Give the ids of a document's passages, in the order of its text."""
        rows = self._db.execute(
            "SELECT passage FROM passages JOIN documents USING (document) WHERE doc_id = ? ORDER BY passage",
            (doc_id,),
        )
        return [row[0] for row in rows]

    def allowed(self, wanted: Filter) -> NDArray[np.int64] | None:
        """Give the ids of all passages whose document fits the filter, ascending; None where it lets all through.

        A document whose date, body or kind is unknown fits no filter on that.
        """
        if wanted == Filter():
            return None
        rows = self._db.execute(
            "SELECT passage FROM passages WHERE document IN (SELECT document FROM documents"
            " WHERE (:bodies IS NULL OR body IN (SELECT value FROM json_each(:bodies)))"
            " AND (:kinds IS NULL OR kind IN (SELECT value FROM json_each(:kinds)))"
            " AND (:from IS NULL OR published >= :from) AND (:to IS NULL OR published <= :to)) ORDER BY passage",
            {
                "bodies": None if wanted.bodies is None else json.dumps(sorted(wanted.bodies)),
                "kinds": None if wanted.kinds is None else json.dumps(sorted(wanted.kinds)),
                "from": wanted.published_from and wanted.published_from.isoformat(),
                "to": wanted.published_to and wanted.published_to.isoformat(),
            },
        )
        return np.fromiter((row[0] for row in rows), np.int64)

    def vectors_since(self, generation: int, dim: int) -> tuple[NDArray[np.int64], NDArray[np.float16]]:
        """Give ids (n,), ascending, and vectors (n, dim) of the passages added after a generation."""
        condition = (generation,)
        count = self._db.execute("SELECT count(*) FROM passages WHERE generation > ?", condition).fetchone()[0]
        ids, vectors = np.empty(count, np.int64), np.empty((count, dim), np.float16)
        rows = self._db.execute(
            "SELECT passage, vector FROM passages WHERE generation > ? ORDER BY passage", condition
        )
        for row, (passage, vector) in enumerate(rows):
            ids[row], vectors[row] = passage, _vector(vector, dim)
        return ids, vectors

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
        return [_refused(*row) for row in rows]


class Writer(Reader):
    """Changes to the store within one transaction, which readers see as one new generation."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        super().__init__(connection)
        self.generation = self.version.generation + 1

    def known(self) -> dict[tuple[str, str], Known]:
        """Give the hash and recipe of each indexed file, by (root, path)."""
        rows = self._db.execute("SELECT root, path, sha256, recipe FROM documents")
        return {(root, path): Known(digest, recipe) for root, path, digest, recipe in rows}

    def known_refusals(self) -> dict[tuple[str, str], tuple[Known, Refused]]:
        """Give the hash, recipe and refusal of each file refused for its content, by (root, path)."""
        rows = self._db.execute(
            "SELECT sha256, recipe, root, path, code, message, pages FROM refusals WHERE sha256 NOT NULL"
        )
        return {(row[2], row[3]): (Known(row[0], row[1]), _refused(*row[2:])) for row in rows}

    def vectors_of(self, inputs: Iterable[str], dim: int) -> dict[str, NDArray[np.float16]]:
        """Give the vectors of inputs that were encoded before, by `input_sha256`."""
        rows = self._db.execute(
            "SELECT input_sha256, vector FROM passages WHERE input_sha256 IN (SELECT value FROM json_each(?))",
            (json.dumps(list(inputs)),),
        )
        return {digest: _vector(vector, dim) for digest, vector in rows}

    def put_document(
        self,
        document: Document,
        recipe: str,
        *,
        pages: Sequence[Page],
        removals: Sequence[Removal],
        passages: Sequence[Passage],
        vectors: NDArray[np.float16],
    ) -> None:
        """Add a document, or put it in the place of the one with its doc_id. `vectors` is (len(passages), dim)."""
        self.remove_document(document.doc_id)
        metadata = document.metadata
        row = self._db.execute(
            "INSERT INTO documents (doc_id, root, path, sha256, recipe, body, published, kind, record, generation)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                document.doc_id,
                document.root,
                document.path,
                document.sha256,
                recipe,
                metadata.body,
                metadata.published and metadata.published.isoformat(),
                metadata.kind,
                DOCUMENT.dump_json(document).decode(),
                self.generation,
            ),
        ).lastrowid
        removed: dict[int, list[tuple[int, int, str]]] = {}
        for removal in removals:
            removed.setdefault(removal.span.page, []).append((removal.span.start, removal.span.end, removal.kind))
        self._db.executemany(
            "INSERT INTO pages VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                (
                    row,
                    page.number,
                    page.text,
                    text_sha256(page.text),
                    json.dumps(page.raw_map),
                    json.dumps(removed.get(page.number, [])),
                    page.needs_ocr,
                )
                for page in pages
            ),
        )
        self._db.executemany(
            "INSERT INTO passages"
            " (document, generation, sha256, input_sha256, spans, headings, context, text, vector)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                (
                    row,
                    self.generation,
                    text_sha256(passage.text),
                    text_sha256(passage.input),
                    json.dumps([(span.page, span.start, span.end) for span in passage.spans]),
                    json.dumps(passage.headings, ensure_ascii=False),
                    passage.context,
                    passage.text,
                    vector.astype("<f2").tobytes(),
                )
                for passage, vector in zip(passages, vectors, strict=True)
            ),
        )

    def remove_document(self, doc_id: str) -> bool:
        """Remove a document with its pages and passages, leaving tombstones; tell whether it was there."""
        row = self._db.execute("SELECT document FROM documents WHERE doc_id = ?", (doc_id,)).fetchone()
        if row is None:
            return False
        self._db.execute(
            "INSERT INTO tombstones SELECT passage, ? FROM passages WHERE document = ?", (self.generation, row[0])
        )
        self._db.execute("DELETE FROM documents WHERE document = ?", row)
        return True

    def put_refusals(self, refusals: Iterable[tuple[Refused, Known | None]]) -> None:
        """Put these in the place of all remembered refusals.

        A refusal with what is `Known` of the file stands until the file or the recipe changes; None means that the
        next sync tries again.
        """
        self._db.execute("DELETE FROM refusals")
        self._db.executemany(
            "INSERT INTO refusals VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                (
                    refused.root,
                    refused.path,
                    known and known.sha256,
                    known and known.recipe,
                    refused.code,
                    refused.message,
                    json.dumps(refused.pages),
                )
                for refused, known in refusals
            ),
        )

    def file_hashes(self) -> set[str]:
        """Give the hashes of the files behind the documents."""
        return {row[0] for row in self._db.execute("SELECT DISTINCT sha256 FROM documents")}

    def commit(self, fingerprint: str, changes: Mapping[str, int] | None) -> None:
        """Make all changes durable and visible together, as a new generation; None where only refusals changed."""
        if changes is not None:
            self._db.execute("INSERT OR REPLACE INTO meta VALUES ('fingerprint', ?)", (fingerprint,))
            self._db.execute(
                "INSERT INTO generations VALUES (?, ?, ?, ?)",
                (self.generation, secrets.token_hex(8), datetime.now(UTC).isoformat(), json.dumps(dict(changes))),
            )
        self._db.commit()
        # The log would keep the text of removed documents for as long as any reader has the file open. A reader in
        # the middle of its block prevents this; it is then left to the next commit.
        self._db.execute("PRAGMA busy_timeout = 200")
        self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def text_sha256(text: str) -> str:
    """Hash a text in UTF-8."""
    return sha256(text.encode()).hexdigest()


def _vector(blob: bytes, dim: int) -> NDArray[np.float16]:
    if len(blob) != dim * 2:
        raise IndexFormatError(
            f"a stored vector has {len(blob)} bytes, not {dim * 2}; run `citewell index --reencode`"
        )
    return np.frombuffer(blob, "<f2")


def _refused(root: str, path: str, code: str, message: str, pages: str) -> Refused:
    return Refused(root, path, Refusal(code), message, tuple(json.loads(pages)))
