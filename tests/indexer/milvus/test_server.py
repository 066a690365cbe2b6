"""The tables of an index, on Milvus Lite; and what old servers and failing ones do, with clients made up for it."""

import fcntl
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from milvus_lite.analyzer.factory import create_analyzer  # type: ignore[import-untyped]
from pymilvus import DataType  # type: ignore[import-untyped]

from indexer.address import MilvusAddress
from indexer.errors import InputError, UnusableIndexError
from indexer.milvus import server as module
from indexer.milvus.schema import LONGEST, differences, fields_of, indexes_of
from indexer.milvus.server import Row, Server, Table
from indexer.milvus.vocabulary import tokens

REMOTE = MilvusAddress("http://127.0.0.1:9", "reports", shards=2, replicas=2, token="root:secret")


def lite(folder: Path) -> MilvusAddress:
    return MilvusAddress(str(folder / "index.db"), "citewell", lite=True)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    made = Server(lite(tmp_path_factory.mktemp("lite")))
    assert not made.exists()
    made.ensure(2)
    yield made
    made.close()


def record(key: str, data: str = "", *, added: int = 1) -> Row:
    return {"key": key, "document": len(data), "added": added, "data": data, "nothing": [0.0, 0.0]}


def passage(number: int, vector: Sequence[float], words: str = "") -> Row:
    row: dict[str, object] = {
        "id": number,
        "vector": list(vector),
        "document": number % 3,
        "added": 1,
        "words": words,
    }
    return {**row, "body": "", "kind": "", "published": -1, "page": 1, "sketch": "", "input": -number}


def keys(rows: Sequence[Row]) -> list[str]:
    return sorted(str(row["key"]) for row in rows)


class Client:
    """A server that says what it is told to, and counts what it is asked."""

    def __init__(self, version: str = "v2.3.5-lite", rows: Sequence[Row] = (), *, counted: int | None = None) -> None:
        self.version = version
        self.rows = list(rows)
        self.counted = len(rows) if counted is None else counted
        self.upserted: list[int] = []
        self.hits: list[dict[str, Any]] = []
        self.tables: dict[str, Any] = {}

    def get_server_version(self, **_: object) -> str:
        return self.version

    def has_collection(self, name: str, **_: object) -> bool:
        return name in self.tables

    def describe_collection(self, name: str, **_: object) -> Any:
        return self.tables[name]

    def query(self, _name: str, *, filter: str, output_fields: Sequence[str], **_: object) -> list[Row]:  # noqa: A002
        if output_fields == ["count(*)"]:
            return [{"count(*)": self.counted}]
        after = int(match[1]) if (match := re.search(r"id > (\d+)", filter)) else 0
        return [row for row in self.rows if int(str(row["id"])) > after]

    def upsert(self, _name: str, rows: Sequence[Row], **_: object) -> dict[str, int]:
        self.upserted.append(len(rows))
        return {"upsert_count": min(len(rows), 2)}

    def search(self, _name: str, **_: object) -> list[list[dict[str, Any]]]:
        return [self.hits]


def answering(client: Client) -> Server:
    """Give a server behind a made up client."""
    made = Server(REMOTE)
    made._connection._client = client
    return made


# --- what it is


@pytest.mark.parametrize(
    ("said", "version", "has_words"),
    [
        ("v2.3.5-lite", "2.3.5", False),
        ("v2.4.21", "2.4.21", False),
        ("2.5.0-rc", "2.5.0", True),
        ("v3.1", "3.1", True),
    ],
)
def test_what_a_server_can_do_goes_by_its_version(said: str, version: str, has_words: bool) -> None:
    """Old servers take a table with words and then find nothing, so nothing else can be believed."""
    engine = answering(Client(said)).engine
    assert (engine.name, engine.has_words) == (f"Milvus {version}", has_words)
    assert (engine.shards, engine.replicas) == (2, 2)


def test_a_table_from_an_old_server_stays_without_words() -> None:
    """A newer server in the old one's place cannot search words that were never written."""
    client = Client("v2.6.4")
    client.tables["reports_passages"] = {"fields": [{"name": "id"}, {"name": "vector"}]}
    assert not answering(client).has_words


def test_lite_says_what_it_is(server: Server) -> None:
    """With its own version, and words."""
    assert server.engine.name.startswith("Milvus Lite 3.")
    assert server.engine.has_words


def test_analyzers_keep_tokens_whole() -> None:
    """A token stands for a stem only if the engine takes it for one word, and for the same one everywhere."""
    written = tokens(["school", "naïve", "3.5m", "学校", "school"])
    assert create_analyzer({"tokenizer": "standard"}).tokenize(written) == written.split()
    assert len(set(written.split())) == 4


# --- tables


def test_tables_are_made_once(server: Server) -> None:
    """Making them again changes nothing, and another model's vectors are refused."""
    server.upsert(Table.HEADS, [record("kept")])
    server.ensure(2)
    assert server.exists()
    assert keys(server.query(Table.HEADS, "", ["key"])) == ["kept"]
    with pytest.raises(InputError, match="vectors of 2 numbers where the model makes 3"):
        server.ensure(3)


def test_differences_are_named() -> None:
    """Shards, fields, types and dimensions, each with both values."""
    wanted = fields_of(Table.PASSAGES, 4, has_words=False)

    def there(dim: int, *, has_words: bool = False, page: str = "INT64") -> dict[str, Any]:
        described = [
            {"name": one.name, "type": DataType[page if one.name == "page" else one.type], "params": dict(one.params)}
            for one in fields_of(Table.PASSAGES, dim, has_words=has_words)
        ]
        return {"fields": described, "num_shards": 2}

    assert differences(there(4), wanted, 2) == ""
    assert "vectors of 5 numbers where the model makes 4" in differences(there(5), wanted, 2)
    assert "2 shards where the address says 3" in differences(there(4), wanted, 3)
    assert "bm25" in differences(there(4, has_words=True), wanted, 2)
    assert "a field `page` of type VARCHAR where INT64" in differences(there(4, page="VARCHAR"), wanted, 2)


def test_words_are_indexed_only_where_there_are_any() -> None:
    """Lite looks through all vectors, servers through a graph."""
    assert {one.field for one in indexes_of(Table.PASSAGES, has_words=False, lite=False)} == {"vector", "input"}
    assert {one.type for one in indexes_of(Table.PASSAGES, has_words=True, lite=False)} >= {
        "HNSW",
        "SPARSE_INVERTED_INDEX",
    }
    assert "FLAT" in {one.type for one in indexes_of(Table.PASSAGES, has_words=True, lite=True)}


def test_another_connection_finds_the_tables_loaded(tmp_path: Path) -> None:
    """What one writes another reads, and after dropping there is nothing."""
    one, other = Server(lite(tmp_path)), Server(lite(tmp_path))
    one.ensure(2)
    one.upsert(Table.RECORDS, [record("a")])
    assert keys(other.query(Table.RECORDS, "", ["key"])) == ["a"]
    one.close()
    assert keys(one.query(Table.RECORDS, "", ["key"])) == ["a"]
    other.drop()
    assert not one.exists()
    one.close()
    other.close()


# --- rows


def test_rows_come_back_until_they_are_deleted(server: Server) -> None:
    """A row takes the place of the one with its key; a text may be as long as Milvus takes."""
    longest = "x" * LONGEST
    server.upsert(Table.RECORDS, [record("r/1", "old"), record("r/2", longest), record("r/3", 'odd "\\\n\x00😀')])
    server.upsert(Table.RECORDS, [record("r/1", "new")])
    rows = server.query(Table.RECORDS, 'key in ["r/1", "r/2", "r/3"]', ["key", "data"], server.stamp())
    assert {row["key"]: row["data"] for row in rows} == {"r/1": "new", "r/2": longest, "r/3": 'odd "\\\n\x00😀'}
    server.delete(Table.RECORDS, 'key in ["r/1", "r/2"]')
    assert keys(server.query(Table.RECORDS, 'key like "r/%"', ["key"])) == ["r/3"]
    server.delete(Table.RECORDS, 'key like "r/%"')
    server.delete(Table.RECORDS, 'key like "r/%"')
    assert server.query(Table.RECORDS, 'key like "r/%"', ["key"]) == []


def test_a_scan_gives_every_row_once(server: Server) -> None:
    """In parts, by key, with the fields that were asked for."""
    server.upsert(Table.RECORDS, [record(f"s/{number:04d}", "x" * (number % 7)) for number in range(450, -1, -1)])
    parts = list(server.scan(Table.RECORDS, 'key like "s/%"', ["document"], server.stamp()))
    assert len(parts) > 1
    assert [row["key"] for part in parts for row in part] == [f"s/{number:04d}" for number in range(451)]
    assert all(set(row) == {"key", "document"} for part in parts for row in part)
    some = [row["key"] for part in server.scan(Table.RECORDS, "document == 6", ["key"]) for row in part]
    assert some == [f"s/{number:04d}" for number in range(451) if number % 7 == 6]
    assert list(server.scan(Table.RECORDS, "document == 99", ["key"])) == []


def test_a_query_for_more_than_milvus_gives_is_scanned(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is left out without a word."""
    server.upsert(Table.DOCUMENTS, [record(f"q/{number}") for number in range(30)])
    monkeypatch.setattr(module, "MOST_ROWS", 10)
    assert len(server.query(Table.DOCUMENTS, 'key like "q/%"', ["key"])) == 30


def test_an_incomplete_scan_is_an_error() -> None:
    """Fewer rows than the server counts are no answer."""
    client = Client(rows=[{"id": number} for number in range(1, 6)], counted=6)
    parts = answering(client).scan(Table.PASSAGES, "added <= 1", ["id"], 0)
    assert len(next(parts)) == 5
    with pytest.raises(UnusableIndexError, match="5 rows of the table of passages came"):
        next(parts)


def test_many_rows_are_written_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each far below what one call may hold; and what the server did not take is an error."""
    monkeypatch.setattr(module, "BATCH_BYTES", 250)
    client = Client()
    answering(client).upsert(Table.RECORDS, [record(f"{number}", "ü" * 40) for number in range(5)])
    assert client.upserted == [2, 2, 1]
    monkeypatch.setattr(module, "BATCH_BYTES", 10_000)
    with pytest.raises(UnusableIndexError, match="of 5 rows it took 2"):
        answering(client).upsert(Table.RECORDS, [record(f"{number}") for number in range(5)])


# --- searches


def test_searches_find_what_is_nearest_and_has_the_words(server: Server) -> None:
    """Best first, within the expression."""
    rows = [
        passage(1, (1, 0), "wa wb"),
        passage(2, (0.6, 0.8), "wb"),
        passage(3, (0, 1), "wa wa"),
        passage(4, (-1, 0)),
    ]
    server.upsert(Table.PASSAGES, rows)
    query = np.array([1, 0], np.float64).astype(np.float32)
    found = server.nearest(query, 10, "", server.stamp())
    assert [one for one, _ in found] == [1, 2, 3, 4]
    assert [score for _, score in found] == pytest.approx([1, 0.6, 0, -1], abs=1e-6)
    assert [one for one, _ in server.nearest(query, 1, "document == 2", narrow=True)] == [2]
    by_words = server.by_words("wa", 10, "")
    assert [one for one, _ in by_words] == [3, 1]
    assert by_words[0][1] > by_words[1][1] > 0
    assert [one for one, _ in server.by_words("wa", 10, "document == 1")] == [1]
    assert server.by_words("wz", 10, "") == []
    rows = server.query(Table.PASSAGES, "input in [-3]", ["id", "vector"])
    assert [row["id"] for row in rows] == [3]
    server.flush(Table.PASSAGES)
    assert [one for one, _ in server.nearest(query, 10, "")] == [1, 2, 3, 4]


def test_a_graph_left_too_early_is_made_up_for() -> None:
    """Where fewer come than fit and were asked for, all that fit are compared."""
    rows = [{"id": number, "vector": [number / 10, 0.0]} for number in range(1, 6)]
    client = Client(rows=rows)
    client.hits = [{"id": 3, "distance": 0.3}]
    query = np.array([1, 0], np.float32)
    assert [one for one, _ in answering(client).nearest(query, 3, "added <= 1", 0)] == [5, 4, 3]
    client.counted = 1
    assert [one for one, _ in answering(client).nearest(query, 3, "added <= 1", 0)] == [3]


# --- failures


def test_a_file_that_another_process_has_open_is_told_of(tmp_path: Path) -> None:
    """Lite is for one process at a time."""
    address = lite(tmp_path)
    Path(address.uri).mkdir()
    with (Path(address.uri) / "LOCK").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(UnusableIndexError, match="see that no other process has it open"):
            Server(address).exists()


def test_where_nothing_answers_is_told_without_the_password(monkeypatch: pytest.MonkeyPatch) -> None:
    """What, why and what to do, in one sentence."""
    monkeypatch.setattr("indexer.milvus.connection.READ_AGAIN_S", 0)
    with pytest.raises(
        UnusableIndexError, match=r"127\.0\.0\.1:9/reports cannot be used .*see that Milvus runs"
    ) as told:
        Server(REMOTE).exists()
    assert "secret" not in str(told.value)


def test_only_the_lite_engine_is_exact(server: Server) -> None:
    """A real server looks through a graph of neighbours, which may miss one."""
    assert server.engine.is_exact
    remote = Server(REMOTE)
    remote.version = "2.3.5"  # which is otherwise asked for
    assert not remote.engine.is_exact
