"""A server in memory, which does what it is told before each call, and documents to put into it."""

import re
from collections.abc import Callable, Iterator, Sequence
from hashlib import sha256
from pathlib import Path
from threading import RLock

import numpy as np

from indexer.address import MilvusAddress
from indexer.collection import Writer as AnyWriter
from indexer.errors import UnusableIndexError
from indexer.milvus import Milvus
from indexer.milvus.schema import KEYS
from indexer.milvus.server import Row, Server, Table
from indexer.records import Document, Metadata, Page, Passage, Removal, Span

DIM = 4
FINGERPRINT = '{"dim": 4}'
ADDRESS = MilvusAddress("/nowhere/never-made.db", "citewell", lite=True)
_LIKE = re.compile(r'key like "([^"%]*)%"')


class FakeServer(Server):
    """Rows in memory; expressions are ours, and by good luck nearly Python's."""

    has_words = True
    version = "0.0"

    def __init__(self) -> None:
        super().__init__(ADDRESS)
        self.rows: dict[Table, dict[object, Row]] = {}
        self.before: Callable[[str, Table], None] = lambda act, table: None  # called with what is about to be done
        self.clock = 0
        self._one_at_a_time = RLock()

    def exists(self) -> bool:
        return bool(self.rows)

    def ensure(self, dim: int) -> None:
        for table in Table:
            self.rows.setdefault(table, {})

    def upsert(self, table: Table, rows: Sequence[Row]) -> None:
        self.before("upsert", table)
        with self._one_at_a_time:
            self.clock += 1
            for row in rows:
                assert all(len(str(value).encode()) <= 65_535 for value in row.values())
                self.rows[table][row[KEYS[table]]] = dict(row)

    def delete(self, table: Table, expression: str) -> None:
        self.before("delete", table)
        assert expression
        with self._one_at_a_time:
            self.clock += 1
            for row in self.find(table, expression):
                del self.rows[table][row[KEYS[table]]]

    def query(self, table: Table, expression: str, fields: Sequence[str], at: int | None = None) -> list[Row]:
        self.before("query", table)
        assert at is None or at <= self.clock
        return [{name: row[name] for name in [KEYS[table], *fields]} for row in self.find(table, expression)]

    def scan(
        self, table: Table, expression: str, fields: Sequence[str], at: int | None = None
    ) -> Iterator[list[Row]]:
        rows = self.query(table, expression, fields, at)
        yield from (rows[start : start + 3] for start in range(0, len(rows), 3))

    def stamp(self) -> int:
        return self.clock

    def close(self) -> None:
        pass

    def find(self, table: Table, expression: str = "") -> list[Row]:
        """Give the rows that an expression fits."""
        with self._one_at_a_time:
            python = compile(_LIKE.sub(r'key.startswith("\1")', expression) or "True", "expression", "eval")
            return [row for row in self.rows[table].values() if eval(python, {}, dict(row))]


def failing_at(act: str, table: Table, *, count: int = 1) -> Callable[[str, Table], None]:
    """Fail, as if the server went away, the first `count` times that this is done."""
    left = [count]

    def before(its_act: str, its_table: Table) -> None:
        if (its_act, its_table) == (act, table) and left[0]:
            left[0] -= 1
            raise UnusableIndexError("the server went away")

    return before


def stems(text: str) -> list[str]:
    """Give the words of a text."""
    return text.lower().split()


def milvus(server: Server, folder: Path, *, stale_s: float = 0.0) -> Milvus:
    """Open the index on a server."""
    return Milvus(server.address, folder, stems, server, stale_s)


def document(path: str, metadata: Metadata | None = None, *, pages: int = 1, root: str = "/reports") -> Document:
    """Make a document whose id and hash follow from its path."""
    return Document(
        doc_id=sha256(f"{root}/{path}".encode()).hexdigest()[:16],
        root=root,
        path=path,
        sha256=sha256(path.encode()).hexdigest(),
        size=len(path),
        format="text",
        reader="fake 1",
        pages=pages,
        metadata=metadata or Metadata(),
    )


def put(
    writer: AnyWriter, made: Document, *texts: str, recipe: str = "r1", removals: Sequence[Removal] = ()
) -> list[int]:
    """Store a document of these page texts with one passage a page, and give the ids of its passages."""
    passages = [
        Passage(text, (Span(number, 0, len(text)),), "a context", ("Heading",), ((0, 1),))
        for number, text in enumerate(texts, start=1)
    ]
    writer.put_document(
        made,
        recipe,
        pages=[Page(number, text) for number, text in enumerate(texts, start=1)],
        removals=removals,
        passages=passages,
        vectors=[np.full((2, DIM), min(len(text), 999), np.float16) for text in texts],
        sketches=[np.array([len(text), 4_000_000_000], np.uint32) for text in texts],
    )
    return writer.passage_ids(made.doc_id)


def commit(writer: AnyWriter) -> None:
    """Commit what was put."""
    writer.commit(FINGERPRINT, {"added": 1})


def index(opened: Milvus, **texts: str) -> None:
    """Make the index hold these documents, by path, with one page each."""
    with opened.writing(DIM) as writer:
        for one in writer.documents():
            if one.path not in texts:
                writer.remove_document(one.doc_id)
        held = {one.path: writer.page_text(one.doc_id, 1) for one in writer.documents()}
        for path, text in texts.items():
            if held.get(path) != text:
                put(writer, document(path), text)
        commit(writer)


def held(opened: Milvus) -> dict[str, str]:
    """Give the texts of the documents of the newest generation, by path."""
    with opened.reading() as reader:
        return {one.path: reader.page_text(one.doc_id, 1) for one in reader.documents()}
