"""Changes to the store within one transaction."""

import json
import logging
import secrets
import sqlite3
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from indexer.hashes import input_sha256, text_sha256
from indexer.records import Document, Known, Page, Passage, Refused, Removal, Version
from indexer.store.reader import Reader
from indexer.store.rows import (
    DOCUMENT,
    DOCUMENTS,
    GENERATIONS,
    META,
    PAGES,
    PASSAGES,
    REFUSALS,
    TOMBSTONES,
    DocumentRow,
    GenerationRow,
    MetaRow,
    PageRow,
    PassageRow,
    RefusalRow,
    Table,
    TombstoneRow,
    Whole,
    altered,
    outline_crc,
    read_refused,
    stored_document,
    vectors_crc,
)

log = logging.getLogger(__name__)

# Up to so many passages the file is written anew after a removal, as the word index is: some two seconds at most.
REWRITE_BELOW = 50_000

R = TypeVar("R", bound=tuple[object, ...])


class Writer(Reader):
    """Changes to the store within one transaction, which readers see as one new generation."""

    def __init__(
        self, connection: sqlite3.Connection, before_commit: Callable[["Writer", Version], None] = lambda *_: None
    ) -> None:
        super().__init__(connection)
        self._before_commit = before_commit
        self.committed: Version | None = None  # what stands once it is durable
        self._last_document = self._seal.last_document
        self._all_documents()  # which are remembered from now on
        self._has_removed = False
        self.generation = self.version.generation + 1
        # Made beforehand, so that derived files can be named by it before the store shows it.
        self.next_version = Version(self.generation, secrets.token_hex(8))

    def known(self) -> dict[tuple[str, str], Known]:
        """Give the hash and recipe of each indexed file, by (root, path)."""
        return {(row.root, row.path): Known(row.sha256, row.recipe) for row in self._documents.values()}

    def known_refusals(self) -> dict[tuple[str, str], tuple[Known, Refused]]:
        """Give the hash, recipe and refusal of each file refused for its content, by (root, path)."""
        return {
            (row.root, row.path): (Known(row.sha256, row.recipe), read_refused(row))
            for row in self._all(REFUSALS)
            if row.sha256 is not None and row.recipe is not None
        }

    def vectors_of(self, inputs: Iterable[str], dim: int) -> dict[str, NDArray[np.float16]]:
        """Give the vectors of inputs that were encoded before, by `input_sha256`, each (1 + sentences, dim)."""
        where = "WHERE input_sha256 IN (SELECT value FROM json_each(?))"
        having = {row.passage: row for row in PASSAGES.read(self._db, where, (json.dumps(list(inputs)),))}
        vectors = self.vectors(list(having), dim)
        return {row.input_sha256: vectors[passage] for passage, row in having.items()}

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
        self._last_document += 1
        number = self._last_document
        row = DocumentRow(
            number,
            document.doc_id,
            document.root,
            document.path,
            document.sha256,
            recipe,
            metadata.body,
            metadata.published.isoformat() if metadata.published else None,
            metadata.kind,
            DOCUMENT.dump_json(document).decode(),
            self.generation,
            len(passages),
        )
        self._insert(DOCUMENTS, [row])
        self._remember(row)
        removed: dict[int, list[tuple[int, int, str]]] = {}
        for removal in removals:
            removed.setdefault(removal.span.page, []).append((removal.span.start, removal.span.end, removal.kind))
        rows = [
            PageRow(
                number,
                page.number,
                text_sha256(page.text),
                json.dumps(page.raw_map),
                json.dumps(removed.get(page.number, [])),
                int(page.needs_ocr),
            )
            for page in pages
        ]
        self._insert(PAGES, rows, {"text": [page.text for page in pages]})
        sketched = [sample.astype("<u4").tobytes() for sample in sketches]
        blobs = [some.astype("<f2").tobytes() for some in vectors]
        self._insert(
            PASSAGES,
            [self._passage_row(number, *one) for one in zip(passages, sketched, blobs, strict=True)],
            {"sketch": sketched, "vectors": blobs},
        )

    def follow(self, generation: int, last_document: int, last_passage: int) -> None:
        """Go on from a store that cannot be used any more: no number that was given there is given again."""
        self.generation = generation + 1
        self.next_version = Version(self.generation, secrets.token_hex(8))
        self._last_document, self._last_passage = last_document, last_passage

    def adopt(self, whole: Whole) -> None:
        """Take over the rows of a document from another store, as they are."""
        row = whole.document
        self._insert(DOCUMENTS, [row])
        self._remember(row)
        self._insert(PAGES, [page for page, _ in whole.pages], {"text": [text for _, text in whole.pages]})
        passages, sketched, vectors = zip(*whole.passages, strict=True) if whole.passages else ((), (), ())
        self._insert(PASSAGES, passages, {"sketch": sketched, "vectors": vectors})

    def adopt_refusals(self, rows: Sequence[RefusalRow]) -> None:
        """Take over what another store remembers of refused files."""
        self._insert(REFUSALS, rows)

    def remove_document(self, doc_id: str) -> bool:
        """Remove a document with its pages and passages, leaving tombstones; tell whether it was there."""
        row = self._by_id.pop(doc_id, None)
        if row is None:
            return False
        del self._documents[row.document]
        self._has_removed = True
        pages = list(PAGES.read(self._db, "WHERE document = ?", (row.document,)))
        passages = self._passages_of(row)
        if len(pages) != stored_document(row).pages:
            raise altered("documents", row.document)
        self._insert(TOMBSTONES, [TombstoneRow(one.passage, self.generation) for one in passages])
        self._db.execute("DELETE FROM documents WHERE document = ?", (row.document,))
        self._tally(DOCUMENTS, removed=[row])
        self._tally(PAGES, removed=pages)
        self._tally(PASSAGES, removed=passages)
        return True

    def put_refusals(
        self, refusals: Iterable[tuple[Refused, Known | None]], *, roots: Collection[str] | None = None
    ) -> None:
        """Put these in the place of the remembered refusals of some folders; None means of all.

        A refusal with what is `Known` of the file stands until the file or the recipe changes; None means that the
        next sync tries again.
        """
        gone = [row for row in self._all(REFUSALS) if roots is None or row.root in roots]
        self._db.executemany("DELETE FROM refusals WHERE root = ? AND path = ?", [row[:2] for row in gone])
        self._tally(REFUSALS, removed=gone)
        self._insert(
            REFUSALS,
            [
                RefusalRow(
                    refused.root,
                    refused.path,
                    known.sha256 if known else None,
                    known.recipe if known else None,
                    refused.code.value,
                    refused.message,
                    json.dumps(refused.pages),
                )
                for refused, known in refusals
            ],
        )

    def file_hashes(self) -> set[str]:
        """Give the hashes of the files behind the documents."""
        return {row.sha256 for row in self._documents.values()}

    def commit(self, fingerprint: str, changes: Mapping[str, int] | None) -> None:
        """Make all changes durable and visible together, as a new generation; None where only refusals changed."""
        version = self.version if changes is None else self.next_version
        self._before_commit(self, version)
        if changes is not None:
            finished_at, counts = datetime.now(UTC).isoformat(), json.dumps(dict(changes))
            token = self.next_version.token
            self._insert(GENERATIONS, [GenerationRow(self.generation, token, finished_at, counts, fingerprint)])
            self._seal = replace(self._seal, generation=self.generation, token=token, fingerprint=fingerprint)
        self._put_seal()
        self._db.commit()
        self.committed = version
        # The log would keep the text of removed documents for as long as any reader has the file open. It is emptied
        # once who was reading at the commit is done, so this waits for them (`database` says how long); those who
        # come later need no log. Where a reader or the disk prevents it, it is left to the next commit.
        try:
            if self._has_removed and self.passage_count <= REWRITE_BELOW:
                # Removed rows are overwritten, but not the copies that SQLite leaves where it moved a row to another
                # page; those go only when the file is written anew.
                self._db.execute("VACUUM")
            is_busy = self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
            problem = "it is being read" if is_busy else None
        except sqlite3.OperationalError as error:  # the generation is safe in the log
            problem = str(error)
        if problem:
            log.warning("the store could not be rid of removed text (%s); the next sync tries again", problem)

    def _passage_row(self, document: int, passage: Passage, sketched: bytes, vectors: bytes) -> PassageRow:
        self._last_passage += 1
        number, spans = self._last_passage, json.dumps([(span.page, span.start, span.end) for span in passage.spans])
        return PassageRow(
            number,
            document,
            self.generation,
            spans,
            outline_crc(number, document, self.generation, spans, sketched),
            text_sha256(passage.text),
            input_sha256(passage),
            json.dumps(passage.sentences),
            json.dumps(passage.headings, ensure_ascii=False),
            vectors_crc(number, vectors),
            passage.context,
            passage.text,
        )

    def _insert(self, table: Table[R], rows: Sequence[R], more: Mapping[str, Sequence[object]] | None = None) -> None:
        """Insert rows with their hashes, and columns that the hash covers by what stands for them."""
        more = more or {}
        columns = (*table.columns, "hash", *more)
        hashes = [table.hash(row) for row in rows]
        names, values = ", ".join(columns), ", ".join("?" * len(columns))
        self._db.executemany(
            f"INSERT INTO {table.name} ({names}) VALUES ({values})",  # noqa: S608 - ours
            ((*row, its_hash, *others) for row, its_hash, *others in zip(rows, hashes, *more.values(), strict=True)),
        )
        self._tallies[table.name] = self._tallies[table.name].changed(added=hashes)

    def _tally(self, table: Table[R], *, removed: Sequence[R]) -> None:
        hashes = [table.hash(row) for row in removed]
        self._tallies[table.name] = self._tallies[table.name].changed(removed=hashes)

    def _put_seal(self) -> None:
        seal = replace(
            self._seal,
            last_document=self._last_document,
            last_passage=self._last_passage,
            tallies=self._tallies,
        )
        row = MetaRow("seal", seal.to_json())
        self._db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?, ?)", (*row, META.hash(row)))
