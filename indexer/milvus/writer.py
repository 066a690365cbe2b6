"""Changes that readers see together: rows first, which do not count yet, then the head that lets them count."""

import secrets
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from indexer.errors import IndexBusyError, InputError, UnusableIndexError
from indexer.hashes import input_sha256, text_sha256
from indexer.milvus.documents import Documents, Entry, entry_bytes
from indexer.milvus.expressions import among as among_values
from indexer.milvus.expressions import visible
from indexer.milvus.head import (
    REMEMBERED,
    Head,
    head_rows,
    newest,
    numbers,
    record_key,
    superseded,
    swept_rows,
    unfinished,
)
from indexer.milvus.lease import Lease
from indexer.milvus.phrases import Stems
from indexer.milvus.reader import (
    PAGE,
    PASSAGE,
    REFUSALS,
    PageRecord,
    PassageRecord,
    Reader,
    RefusalRecord,
    Standing,
)
from indexer.milvus.repeated import counted, sketch_text, to_bytes
from indexer.milvus.server import Row, Server, Table
from indexer.milvus.tables import Records, among, document_key, page_key, parts_of, rows_of, text_key, vectors_key
from indexer.milvus.vocabulary import Vocabulary, tokens
from indexer.records import Document, Furniture, Known, Page, Passage, Refused, Removal, Version
from indexer.repetition import is_due

# A passage with its vectors, its sketch and its stems.
_Passage: TypeAlias = tuple[Passage, NDArray[np.float16], NDArray[np.uint32], list[str]]

LONGEST = 65_535  # bytes of a field
BUFFERED = 16_000_000  # bytes of rows that are sent together
# Numbers begin with that of the attempt, so that none is ever given twice, even where an attempt comes to nothing.
DOCUMENT_BITS, PASSAGE_BITS = 24, 32
OF_DOCUMENTS = (Table.PASSAGES, Table.RECORDS, Table.DOCUMENTS)


class Writer(Reader):
    """Changes within one attempt, which readers see as one new generation once they are committed."""

    def __init__(self, server: Server, standing: Standing, lease: Lease, stems: Stems) -> None:
        """Change what stands now, as long as the lease is held."""
        records = Records(server, standing.where, at=self._at, is_past=lambda: False)
        super().__init__(server, replace(standing, records=records))
        self._base = standing
        self._lease = lease
        self._stems = stems
        self._attempt = lease.next_attempt()
        self._has_begun = False
        self._may_stand = False  # the head may have been written
        self._entries = dict(standing.documents.by_number)
        self._by_id = dict(standing.documents.by_id)
        self._held: Documents | None = standing.documents
        self._last_document = self._attempt << DOCUMENT_BITS
        self._last_passage = self._attempt << PASSAGE_BITS
        self._gone: dict[int, Entry] = {}  # removed in this attempt
        self._waiting: dict[Table, list[Row]] = {table: [] for table in OF_DOCUMENTS}
        self._size = 0  # bytes of these, about
        self._stems_waiting: list[list[str]] = []  # of the passages among them
        self._new_words = Vocabulary.of([])  # of those before
        self._changed = 0  # passages added or removed
        self._refused: tuple[RefusalRecord, ...] | None = None  # None: as they were
        self.next_version = Version(self._attempt, secrets.token_hex(8))
        self.committed: Head | None = None

    def known(self) -> dict[tuple[str, str], Known]:
        """Give the hash and recipe of each indexed file, by (root, path)."""
        return {
            (one.document.root, one.document.path): Known(one.document.sha256, one.recipe)
            for one in self._entries.values()
        }

    def known_refusals(self) -> dict[tuple[str, str], tuple[Known, Refused]]:
        """Give the hash, recipe and refusal of each file refused for its content, by (root, path)."""
        return {
            (one.root, one.path): (Known(one.sha256, one.recipe), one.refused)
            for one in self._refusals()
            if one.sha256 is not None and one.recipe is not None
        }

    def file_hashes(self) -> set[str]:
        """Give the hashes of the files behind the documents."""
        return {entry.document.sha256 for entry in self._entries.values()}

    def vectors_of(self, inputs: Iterable[str], dim: int) -> dict[str, NDArray[np.float16]]:
        """Give the vectors of inputs that were encoded before, by `input_sha256`, each (1 + sentences, dim)."""
        found: dict[str, int] = {}
        self._flush()
        for some in parts_of(list(dict.fromkeys(inputs))):
            condition = f"input in {[_number(digest) for digest in some]}"
            rows = self._server.query(Table.PASSAGES, condition, ["id"], self._at())
            ids = sorted(number for row in rows if self._documents.of_passage(number := int(str(row["id"]))))
            wanted = set(some)  # of which the field holds a part only
            records = self._passage_records(ids)
            found |= {one.input_sha256: number for number, one in records.items() if one.input_sha256 in wanted}
        vectors = self.vectors(list(found.values()), dim)
        return {digest: vectors[number] for digest, number in found.items()}

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

        Raises InputError where Milvus cannot hold it, UnusableIndexError.
        """
        _check_length(document)
        self.remove_document(document.doc_id)
        self._begin()
        self._last_document += 1
        number, first = self._last_document, self._last_passage + 1
        self._last_passage += len(passages)
        removed: dict[int, list[tuple[int, int, Furniture]]] = {}
        for removal in removals:
            removed.setdefault(removal.span.page, []).append((removal.span.start, removal.span.end, removal.kind))
        for page in pages:
            record = PageRecord(page.text, page.raw_map, tuple(removed.get(page.number, ())), page.needs_ocr)
            self._put(Table.RECORDS, page_key(number, page.number), PAGE.dump_json(record), number)
        stems = [self._stems(one.context) + self._stems(one.text) for one in passages]
        self._put_passages(number, first, document, zip(passages, vectors, sketches, stems, strict=True))
        self._stems_waiting += stems
        entry = Entry(
            number,
            document,
            recipe,
            first,
            len(passages),
            len(pages),
            sum(page.needs_ocr for page in pages),
            Counter(removal.kind.value for removal in removals),
        )
        self._put(Table.DOCUMENTS, document_key(number), entry_bytes(entry), number)
        self._entries[number] = self._by_id[document.doc_id] = entry
        self._held = None
        self._changed += len(passages)
        if self._size > BUFFERED:
            self._flush()

    def remove_document(self, doc_id: str) -> bool:
        """Remove a document with its pages and passages; tell whether it was there."""
        entry = self._by_id.get(doc_id)
        if entry is None:
            return False
        self._begin()
        del self._by_id[doc_id], self._entries[entry.number]
        self._gone[entry.number] = entry
        self._held = None
        self._changed += entry.passages
        return True

    def put_refusals(
        self, refusals: Iterable[tuple[Refused, Known | None]], *, roots: Collection[str] | None = None
    ) -> None:
        """Put these in the place of the remembered refusals of some folders; None means of all."""
        kept = [one for one in self._refusals() if roots is not None and one.root not in roots]
        new = [
            RefusalRecord(
                refused.root,
                refused.path,
                known.sha256 if known else None,
                known.recipe if known else None,
                refused.code,
                refused.message,
                refused.pages,
            )
            for refused, known in refusals
        ]
        by_path = {(one.root, one.path): one for one in [*kept, *new]}
        self._refused = tuple(by_path[key] for key in sorted(by_path))

    def commit(self, fingerprint: str, changes: Mapping[str, int] | None) -> None:
        """Make all changes durable and visible together, as a new generation; None where only refusals changed.

        Raises IndexBusyError where another writer has taken the place meanwhile, and nothing has happened.
        """
        has_refused = self._refused is not None and self._refused != super()._refusals()
        if changes is None and not has_refused:
            return
        self._begin()
        self._lease.check()  # whoever took over has deleted our rows
        self._flush()
        base, attempt = self._base.head, self._attempt
        head = replace(
            base,
            number=attempt,
            base=base.number,
            documents=len(self._entries),
            passages=self.passage_count,
            aborted=unfinished(base, attempt),
            gone=self._put_record("gone", numbers(self._gone)) if self._gone else "",
            refusals=self._put_record("refusals", REFUSALS.dump_json(self._refusals()))
            if has_refused
            else base.refusals,
        )
        if changes is not None:
            head = replace(
                head,
                version=self.next_version,
                fingerprint=fingerprint,
                finished_at=datetime.now(UTC).isoformat(),
                changes=dict(changes),
                history=(*base.history, (attempt, self.next_version.token))[-REMEMBERED:],
            )
        head = self._with_words(self._with_repeated(head))
        head = replace(head, stamp=max(base.stamp, self._server.stamp()))
        self._lease.check()
        if newest(self._server, self._where).head.number != base.number:
            raise IndexBusyError(f"another process has written to the index in `{self._where}` meanwhile; try again")
        self._may_stand = True
        try:
            self._server.upsert(Table.HEADS, head_rows(head))
        except UnusableIndexError:  # which does not say whether it is there
            if newest(self._server, self._where).head != head:
                raise
        self.committed = head

    def sweep(self) -> None:
        """Delete what the new head no longer goes by, once no reader goes by another. Raises UnusableIndexError."""
        assert self.committed
        self._delete("document", self._gone)
        self._clean_up(self.committed)

    def take_back(self) -> None:
        """Delete what was written for nothing. Raises UnusableIndexError; the next writer does it then.

        Where the server did not say whether the head is there, that is left to the next writer, who will know.
        """
        if self._has_begun and not self._may_stand:
            self._waiting = {table: [] for table in OF_DOCUMENTS}
            self._delete("added", [self._attempt])

    @property
    def _documents(self) -> Documents:
        if self._held is None:
            self._held = Documents(dict(self._entries))
        return self._held

    def _at(self) -> int:
        return max(self._base.head.stamp, self._server.stamp())

    def _get(self, table: Table, keys: Sequence[str]) -> dict[str, bytes]:
        self._flush()
        return super()._get(table, keys)

    def _refusals(self) -> tuple[RefusalRecord, ...]:
        return super()._refusals() if self._refused is None else self._refused

    def _begin(self) -> None:
        """Take the number of this attempt, and clean up after those before."""
        if self._has_begun:
            return
        self._lease.take_attempt(self._attempt)
        self._has_begun = True
        self._delete("added", unfinished(self._base.head, self._attempt))
        if self._base.gone:
            self._delete("document", self._base.gone)
        self._clean_up(self._base.head)

    def _clean_up(self, head: Head) -> None:
        """Delete the rows of heads that are of no use any more, and say that those of documents are."""
        for some in parts_of(superseded(self._server, head)):
            self._server.delete(Table.HEADS, among(some))
        if head.gone:
            self._server.upsert(Table.HEADS, swept_rows(head.number, self._at()))

    def _delete(self, field: str, values: Collection[int]) -> None:
        for some in parts_of(sorted(values)):
            for table in OF_DOCUMENTS:
                self._server.delete(table, among_values(field, some))

    def _put_passages(self, number: int, first: int, document: Document, passages: Iterable[_Passage]) -> None:
        metadata = document.metadata
        for passage_id, (passage, vectors, sketch, stems) in enumerate(passages, start=first):
            digest = input_sha256(passage)
            record = PassageRecord(
                passage.text,
                passage.context,
                tuple((span.page, span.start, span.end) for span in passage.spans),
                passage.sentences,
                passage.headings,
                text_sha256(passage.text),
                digest,
            )
            self._put(Table.RECORDS, text_key(passage_id), PASSAGE.dump_json(record), number)
            block = vectors.shape[1].to_bytes(4, "little") + vectors.astype("<f2").tobytes()
            self._put(Table.RECORDS, vectors_key(passage_id), block, number)
            row: dict[str, object] = {
                "id": passage_id,
                "vector": vectors[0].astype(np.float32),
                "document": number,
                "added": self._attempt,
                "body": metadata.body or "",
                "kind": metadata.kind or "",
                "published": metadata.published.toordinal() if metadata.published else -1,
                "page": passage.spans[0].page,
                "sketch": sketch_text(sketch),
                "input": _number(digest),
            }
            if self._server.has_words:
                row["words"] = tokens(stems)
            if max(len(str(row.get(name, ""))) for name in ("sketch", "words")) > LONGEST:
                raise InputError(
                    f"`{document.file}` has a passage of {len(stems)} words, too long for a field of Milvus; set "
                    "`passage_tokens` lower"
                )
            self._waiting[Table.PASSAGES].append(row)
            self._size += 4 * len(vectors[0]) + len(str(row.get("words", ""))) + 500

    def _put(self, table: Table, key: str, data: bytes, document: int) -> None:
        rows = rows_of(key, data, document=document, added=self._attempt)
        self._waiting[table] += rows
        self._size += sum(len(str(row["data"])) for row in rows)

    def _put_record(self, kind: str, data: bytes) -> str:
        """Write a record that the head is to go by, and name it."""
        key = record_key(kind, self._attempt)
        self._server.upsert(Table.HEADS, rows_of(key, data, added=self._attempt))
        return key

    def _flush(self) -> None:
        if self._lease.is_lost:
            self._lease.check()
        for table, rows in self._waiting.items():
            if rows:
                self._server.upsert(table, rows)
                self._waiting[table] = []
        if self._stems_waiting:
            self._new_words = self._new_words.plus(Vocabulary.of(self._stems_waiting))
            self._stems_waiting = []
        self._size = 0

    def _with_words(self, head: Head) -> Head:
        """Count the words of the passages anew where these changed."""
        if not self._changed and head.vocabulary:
            return head
        key = head.vocabulary
        words = Vocabulary.from_bytes(super()._get(Table.HEADS, [key])[key]) if key else Vocabulary.of([])
        words = words.plus(self._new_words)
        ids = [number for entry in self._gone.values() for number in entry.ids]
        for some in parts_of(ids):
            texts = self._passage_records(some).values()
            words = words.minus(Vocabulary.of(self._stems(one.context) + self._stems(one.text) for one in texts))
        return replace(head, vocabulary=self._put_record("vocabulary", words.to_bytes()))

    def _with_repeated(self, head: Head) -> Head:
        """Count repetition anew where that is due."""
        changed = head.recounted + self._changed
        if head.repeated and not is_due(self.passage_count, changed):
            return replace(head, recounted=changed)
        bounds = visible(self._attempt, head.aborted, sorted(self._gone))
        found = counted(self._server, bounds, self._at(), self.owners(), self.passage_count)
        return replace(head, recounted=0, repeated=self._put_record("repeated", to_bytes(found)))


def _number(digest: str) -> int:
    """Give the part of a hash that stands in a field of its own."""
    return int.from_bytes(bytes.fromhex(digest)[:8], "big", signed=True)


def _check_length(document: Document) -> None:
    for name in ("body", "kind"):
        if len((getattr(document.metadata, name) or "").encode()) > LONGEST:
            raise InputError(f"the {name} of `{document.file}` is longer than the {LONGEST} bytes that Milvus holds")
