"""Changes to the store within one transaction."""

import json
import secrets
import sqlite3
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from indexer.records import Document, Page, Passage, Refused, Removal, Version
from indexer.store.reader import DOCUMENT, Reader, input_sha256, read_refused, read_vectors, text_sha256


@dataclass(frozen=True, slots=True)
class Known:
    """What the index holds of one file, for deciding whether it changed."""

    sha256: str
    recipe: str


class Writer(Reader):
    """Changes to the store within one transaction, which readers see as one new generation."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        super().__init__(connection)
        self.generation = self.version.generation + 1
        # Made beforehand, so that derived files can be named by it before the store shows it.
        self.next_version = Version(self.generation, secrets.token_hex(8))

    def known(self) -> dict[tuple[str, str], Known]:
        """Give the hash and recipe of each indexed file, by (root, path)."""
        rows = self._db.execute("SELECT root, path, sha256, recipe FROM documents")
        return {(root, path): Known(digest, recipe) for root, path, digest, recipe in rows}

    def known_refusals(self) -> dict[tuple[str, str], tuple[Known, Refused]]:
        """Give the hash, recipe and refusal of each file refused for its content, by (root, path)."""
        rows = self._db.execute(
            "SELECT sha256, recipe, root, path, code, message, pages FROM refusals WHERE sha256 NOT NULL"
        )
        return {(row[2], row[3]): (Known(row[0], row[1]), read_refused(*row[2:])) for row in rows}

    def vectors_of(self, inputs: Iterable[str], dim: int) -> dict[str, NDArray[np.float16]]:
        """Give the vectors of inputs that were encoded before, by `input_sha256`, each (1 + sentences, dim)."""
        rows = self._db.execute(
            "SELECT input_sha256, vectors FROM passages WHERE input_sha256 IN (SELECT value FROM json_each(?))",
            (json.dumps(list(inputs)),),
        )
        return {digest: read_vectors(blob, dim) for digest, blob in rows}

    def put_document(
        self,
        document: Document,
        recipe: str,
        *,
        pages: Sequence[Page],
        removals: Sequence[Removal],
        passages: Sequence[Passage],
        vectors: Sequence[NDArray[np.float16]],
        sketches: Sequence[NDArray[np.uint32]],
    ) -> None:
        """Add a document, or put it in the place of the one with its doc_id.

        `vectors` holds those of each passage, (1 + its sentences, dim), `sketches` the sample of its words.
        """
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
            " (document, generation, sha256, sketch, input_sha256, spans, sentences, headings, context, text,"
            " vectors)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                (
                    row,
                    self.generation,
                    text_sha256(passage.text),
                    sampled.astype("<u4").tobytes(),
                    input_sha256(passage),
                    json.dumps([(span.page, span.start, span.end) for span in passage.spans]),
                    json.dumps(passage.sentences),
                    json.dumps(passage.headings, ensure_ascii=False),
                    passage.context,
                    passage.text,
                    of_passage.astype("<f2").tobytes(),
                )
                for passage, of_passage, sampled in zip(passages, vectors, sketches, strict=True)
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

    def put_refusals(
        self, refusals: Iterable[tuple[Refused, Known | None]], *, roots: Collection[str] | None = None
    ) -> None:
        """Put these in the place of the remembered refusals of some folders; None means of all.

        A refusal with what is `Known` of the file stands until the file or the recipe changes; None means that the
        next sync tries again.
        """
        self._db.execute(
            "DELETE FROM refusals WHERE :roots IS NULL OR root IN (SELECT value FROM json_each(:roots))",
            {"roots": None if roots is None else json.dumps(sorted(roots))},
        )
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
                (self.generation, self.next_version.token, datetime.now(UTC).isoformat(), json.dumps(dict(changes))),
            )
        self._db.commit()
        # The log would keep the text of removed documents for as long as any reader has the file open. A reader in
        # the middle of its block prevents this; it is then left to the next commit.
        self._db.execute("PRAGMA busy_timeout = 200")
        self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
