"""Records in rows: round trips, damage, what is kept in memory."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.errors import GenerationGoneError, IndexFormatError
from indexer.milvus.server import Table
from indexer.milvus.tables import PART, Records, put_together, rows_of
from tests.indexer.milvus.fake_server import FakeServer


def records(server: FakeServer, *, is_past: bool = False) -> Records:
    return Records(server, "there", at=lambda: 0, is_past=lambda: is_past)


def kept(**data: bytes) -> FakeServer:
    server = FakeServer()
    server.ensure(4)
    for key, one in data.items():
        server.upsert(Table.RECORDS, rows_of(key, one, added=1))
    return server


@given(st.binary(max_size=300) | st.text(max_size=300).map(lambda text: text.encode(errors="ignore")))
def test_what_is_written_is_read(data: bytes) -> None:
    """Any bytes come back, text or not."""
    assert put_together(rows_of("a", data, added=1)) == {"a": data}


@pytest.mark.parametrize("data", [b"", "é".encode() * 100_000, "a𝄞".encode() * 50_000, b"\xff\0" * 70_000, b"\0"])
def test_long_records_are_cut_between_characters(data: bytes) -> None:
    """Every part is a text of its own that a field can hold, and together they are the record."""
    rows = rows_of("a", data, added=1)
    assert all(len(str(row["data"]).encode()) <= PART for row in rows)
    assert len({row["key"] for row in rows}) == len(rows) == len(data) * 4 // 3 // PART + 1 or b"\xff" not in data
    assert put_together(reversed(rows)) == {"a": data}


def test_rows_tell_whose_they_are() -> None:
    """Each part carries its document and attempt, so that deleting by these leaves none."""
    rows = rows_of("a", b"x" * 200_000, document=7, added=3)
    assert len(rows) == 4
    assert {(row["document"], row["added"]) for row in rows} == {(7, 3)}


def test_damage_is_noticed() -> None:
    """Whatever of a row is altered, exchanged or missing: the record is none."""
    rows = [dict(row) for row in rows_of("a", b"word " * 30_000, added=1)]
    assert put_together(rows[:1]) == put_together([rows[0], rows[1]]) == {"a": None}
    for data in ("", "x", "1 t abc", "x t y z", str(rows[0]["data"]).replace("word", "sword", 1)):
        assert put_together([{**rows[0], "data": data}, *rows[1:]]) == {"a": None}
    assert put_together([{**row, "key": str(row["key"]).replace("a", "b")} for row in rows]) == {"b": None}
    assert put_together([{"key": "a", "data": "1 b 00 ***"}]) == {"a": None}


def test_several_records_are_read_at_once() -> None:
    """Long and short ones come back by key, with one question for their first parts and one for the others."""
    server = kept(a=b"short", b=b"x" * 200_000, c=b"\0")
    asked: list[str] = []
    server.before = lambda act, table: asked.append(act)
    assert records(server).get(Table.RECORDS, ["a", "b", "c"]) == {"a": b"short", "b": b"x" * 200_000, "c": b"\0"}
    assert asked == ["query", "query"]


def test_what_was_read_is_kept() -> None:
    """A second question for the same record asks the server nothing."""
    server = kept(a=b"one")
    found = records(server)
    assert found.one(Table.RECORDS, "a") == b"one"
    server.rows[Table.RECORDS].clear()
    assert found.one(Table.RECORDS, "a") == b"one"


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond the limit, what was asked for longest ago is asked for again."""
    monkeypatch.setattr("indexer.milvus.tables.CACHE", 5)
    server = kept(a=b"one", b=b"two")
    found = records(server)
    found.get(Table.RECORDS, ["a"])
    found.get(Table.RECORDS, ["b"])
    server.rows[Table.RECORDS].clear()
    assert found.one(Table.RECORDS, "b") == b"two"
    with pytest.raises(IndexFormatError):
        found.one(Table.RECORDS, "a")


def test_a_missing_record_is_named() -> None:
    """The error says which record of which index, and what to do."""
    with pytest.raises(IndexFormatError, match="`t/5` of the index in `there` is damaged or missing; run"):
        records(kept()).one(Table.RECORDS, "t/5")


def test_a_record_of_a_generation_that_went_is_no_damage() -> None:
    """Where there is a newer generation by now, asking again helps."""
    with pytest.raises(GenerationGoneError, match="ask again"):
        records(kept(), is_past=True).one(Table.RECORDS, "t/5")
