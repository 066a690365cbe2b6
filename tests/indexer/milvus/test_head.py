"""The row that says what a generation is."""

from dataclasses import replace

import pytest

from indexer.errors import IndexFormatError
from indexer.milvus.head import Head, head_rows, newest, numbers, numbers_of, superseded, swept_rows, unfinished
from indexer.milvus.server import Table
from indexer.milvus.tables import rows_of
from indexer.records import Version
from tests.indexer.milvus.fake_server import FakeServer


def head(number: int) -> Head:
    return Head(
        number=number,
        base=number - 1,
        version=Version(number, "ab"),
        fingerprint="{}",
        changes={"added": 2},
        refusals=f"refusals/{number:012d}",
        aborted=(1, 2),
        history=((1, "a"), (number, "ab")),
    )


def holding(*heads: Head) -> FakeServer:
    server = FakeServer()
    server.ensure(4)
    for one in heads:
        server.upsert(Table.HEADS, head_rows(one))
    return server


def test_the_newest_head_counts() -> None:
    """Heads go by their number, however many digits it has."""
    assert newest(holding(head(9), head(1000), head(11)), "there") == (head(1000), None)


def test_without_a_head_there_is_nothing() -> None:
    """An index whose first attempt is not done holds nothing."""
    assert newest(holding(), "there") == (Head(), None)


def test_what_was_swept_is_told_of_its_own_head_only() -> None:
    """Rows of removed documents are known to be deleted once that was written for the newest head."""
    server = holding(head(9), head(10))
    server.upsert(Table.HEADS, swept_rows(9, 77))
    assert newest(server, "there").swept is None
    server.upsert(Table.HEADS, swept_rows(10, 78))
    assert newest(server, "there").swept == 78


def test_a_damaged_head_is_not_passed_over() -> None:
    """The head before it would bring back what was removed."""
    server = holding(head(9), head(10))
    row = dict(head_rows(head(10))[0])
    server.upsert(Table.HEADS, [{**row, "data": str(row["data"]).replace("added", "adder")}])
    with pytest.raises(IndexFormatError, match="h/000000000010"):
        newest(server, "there")


def test_another_format_is_refused() -> None:
    """Whatever a later version writes, this one says that it cannot read it."""
    for one in (head_rows(replace(head(9), format=2)), rows_of("h/000000000009", b'{"number": "x"}', added=9)):
        server = holding()
        server.upsert(Table.HEADS, one)
        with pytest.raises(IndexFormatError, match="this version reads format 1"):
            newest(server, "there")


def test_attempts_without_a_head_came_to_nothing() -> None:
    """All numbers between two heads are of attempts whose rows do not count; only so many are remembered."""
    assert unfinished(replace(head(5), aborted=(2, 4)), 8) == (2, 4, 6, 7)
    assert unfinished(head(5), 1000) == tuple(range(950, 1000))


def test_what_the_head_does_not_go_by_is_superseded() -> None:
    """Three heads stay, and of the records only those that the newest names, with all their parts."""
    server = holding(*map(head, (3, 4, 5, 6)))
    for key in ("refusals/000000000005", "refusals/000000000006", "vocabulary/000000000006", "attempt/000000000007"):
        server.upsert(Table.HEADS, rows_of(key, b"x" * 70_000, added=6))
    server.upsert(Table.HEADS, [*swept_rows(5, 1), *swept_rows(6, 2), *rows_of("lease", b"{}", added=0)])
    assert superseded(server, head(6)) == [
        "h/000000000003",
        "refusals/000000000005",
        "refusals/000000000005#1",
        "swept/000000000005",
        "vocabulary/000000000006",
        "vocabulary/000000000006#1",
    ]


def test_numbers_come_back() -> None:
    """Numbers of documents are written and read."""
    assert numbers_of(numbers([3, 16_777_217])) == {3, 16_777_217}
    assert numbers_of(numbers([])) == set()
