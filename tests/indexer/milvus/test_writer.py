"""Changes in Milvus: what counts, what does not, and what is left of what was removed."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from indexer.errors import IndexBusyError, IndexFormatError, InputError, Refusal, UnusableIndexError
from indexer.hashes import input_sha256
from indexer.milvus import Milvus
from indexer.milvus.head import head_rows, newest
from indexer.milvus.repeated import counted, from_bytes, to_bytes
from indexer.milvus.server import Row, Table
from indexer.milvus.tables import put_together
from indexer.milvus.vocabulary import Vocabulary
from indexer.records import Known, Metadata, Passage, Refused, Span
from tests.indexer.milvus.fake_server import (
    DIM,
    FINGERPRINT,
    FakeServer,
    commit,
    document,
    failing_at,
    held,
    index,
    milvus,
    put,
    stems,
)


@pytest.fixture
def server() -> FakeServer:
    return FakeServer()


@pytest.fixture
def opened(server: FakeServer, tmp_path: Path) -> Milvus:
    return milvus(server, tmp_path)


def refused(path: str, root: str = "/reports") -> Refused:
    return Refused(root, path, Refusal.EMPTY, "it is empty")


def words(server: FakeServer) -> Vocabulary:
    key = newest(server, "there").head.vocabulary
    data = put_together(server.find(Table.HEADS, f'key like "{key}%"'))[key]
    assert data
    return Vocabulary.from_bytes(data)


def everything(server: FakeServer) -> str:
    """All that stands in the tables, as it would be read there."""
    return "\n".join(repr(row) for table in Table for row in server.find(table))


def test_what_is_put_is_there_after_the_commit_only(server: FakeServer, opened: Milvus, tmp_path: Path) -> None:
    """Readers see nothing of a change until all of it is there."""
    index(opened, a="one")
    other = milvus(server, tmp_path)
    with opened.writing(DIM) as writer:
        put(writer, document("b"), "two")
        writer.remove_document(document("a").doc_id)
        writer.vectors_of([], DIM)
        writer._flush()
        assert held(other) == {"a": "one"}
        commit(writer)
        assert held(other) == {"b": "two"}


def test_the_writer_sees_its_own_changes(opened: Milvus) -> None:
    """What it put can be read through it before the commit, and what it removed is not there."""
    index(opened, a="one", b="two")
    with opened.writing(DIM) as writer:
        put(writer, document("a"), "other")
        assert writer.remove_document(document("b").doc_id)
        assert not writer.remove_document(document("b").doc_id)
        assert [one.path for one in writer.documents()] == ["a"]
        assert writer.page_text(document("a").doc_id, 1) == "other"
        assert [one.passage.text for one in writer.passages(writer.passage_ids(document("a").doc_id)).values()] == [
            "other"
        ]
        assert writer.passage_count == 1


def test_what_files_are_known_by(opened: Milvus) -> None:
    """Hash and recipe of each file, and of each that was refused for its content."""
    with opened.writing(DIM) as writer:
        put(writer, document("a"), "one", recipe="r2")
        writer.put_refusals([(refused("c"), Known("cd", "r1")), (refused("d"), None)])
        commit(writer)
    with opened.writing(DIM) as writer:
        assert writer.known() == {("/reports", "a"): Known(document("a").sha256, "r2")}
        assert writer.known_refusals() == {("/reports", "c"): (Known("cd", "r1"), refused("c"))}
        assert writer.file_hashes() == {document("a").sha256}


def test_vectors_are_known_again_by_what_was_encoded(opened: Milvus, server: FakeServer) -> None:
    """The whole hash counts, not the part of it that a field has."""
    index(opened, a="one", b="two")
    digest, other = (
        input_sha256(Passage(text, (Span(1, 0, 3),), "a context", ("Heading",), ((0, 1),))) for text in ("one", "two")
    )
    alike = other[:16] + "0" * 48
    with opened.writing(DIM) as writer:
        found = writer.vectors_of([digest, digest, alike, "f" * 64], DIM)
    assert list(found) == [digest]
    assert (found[digest] == np.full((2, DIM), 3)).all()


def test_nothing_is_left_of_what_was_removed(server: FakeServer, opened: Milvus) -> None:
    """After the sync no table holds a removed or replaced document."""
    index(opened, a="alpha", b="beta", c="gamma")
    index(opened, a="alpha", b="delta")
    left = everything(server)
    assert "alpha" in left
    assert "delta" in left
    assert "beta" not in left
    assert "gamma" not in left
    for table in (Table.DOCUMENTS, Table.PASSAGES):
        assert len(server.find(table)) == 2


def test_numbers_are_never_given_twice(server: FakeServer, opened: Milvus) -> None:
    """Not even those of an attempt that came to nothing, whatever became of its rows."""
    given: set[int] = set()
    for attempt in range(4):
        with opened.writing(DIM) as writer:
            ids = {*put(writer, document("a"), "one", "two"), *put(writer, document("b"), "three")}
            assert len(ids) == 3
            assert not ids & given
            given |= ids
            if attempt % 2:
                commit(writer)
    assert {number >> 32 for number in given} == {1, 2, 3, 4}
    assert newest(server, "there").head.version.generation == 4


def test_refusals_alone_make_no_generation(opened: Milvus) -> None:
    """The version stays, so that what searches it stays as well; the refusals are the new ones."""
    index(opened, a="one")
    with opened.reading() as reader:
        version = reader.version
    with opened.writing(DIM) as writer:
        writer.put_refusals([(refused("c"), None)])
        writer.commit(FINGERPRINT, None)
    with opened.reading() as reader:
        assert (reader.version, reader.refusals()) == (version, [refused("c")])
        assert [one.path for one in reader.documents()] == ["a"]
    index(opened, a="one", b="two")
    assert held(opened) == {"a": "one", "b": "two"}


def test_refusals_of_other_folders_stay(opened: Milvus) -> None:
    """Only those of the named folders are replaced."""
    with opened.writing(DIM) as writer:
        writer.put_refusals([(refused("c"), None), (refused("c", "/more"), None)])
        writer.put_refusals([(refused("d"), None)], roots=["/reports"])
        assert writer.refusals() == [refused("c", "/more"), refused("d")]
        writer.put_refusals([])
        assert writer.refusals() == []


def test_no_change_writes_nothing(server: FakeServer, opened: Milvus) -> None:
    """A sync that finds all as it was leaves the head alone, and does not wait."""
    index(opened, a="one")
    before = newest(server, "there")
    with opened.writing(DIM) as writer:
        writer.put_refusals([])
        writer.commit(FINGERPRINT, None)
        assert writer.committed is None
    assert newest(server, "there") == before


def test_words_are_counted_with_the_changes(server: FakeServer, opened: Milvus) -> None:
    """What was added counts, what was removed or replaced does not, as if all were counted anew."""
    index(opened, a="one two", b="two three", c="four")
    with opened.writing(DIM) as writer:
        put(writer, document("d"), "never four")
        put(writer, document("d"), "five two")  # in its place, in the same attempt
        writer.remove_document(document("c").doc_id)
        commit(writer)
    found = words(server)
    wanted = Vocabulary.of(stems("a context") + stems(text) for text in ("one two", "two three", "five two"))
    assert found.hashes.tolist() == wanted.hashes.tolist()
    assert found.counts.tolist() == wanted.counts.tolist()
    assert (found.passages, found.tokens) == (wanted.passages, wanted.tokens)


def test_repetition_is_counted_over_all(server: FakeServer, opened: Milvus) -> None:
    """A run counts once for each body that has it, whatever was there before."""
    with opened.writing(DIM) as writer:
        put(writer, document("a", Metadata(body="Norton")), "one")
        put(writer, document("b", Metadata(body="Norton")), "two")
        put(writer, document("c"), "three")
        put(writer, document("d"), "gone!")
        commit(writer)
    with opened.writing(DIM) as writer:
        writer.remove_document(document("d").doc_id)
        commit(writer)
    key = newest(server, "there").head.repeated
    data = put_together(server.find(Table.HEADS, f'key like "{key}%"'))[key]
    found = from_bytes(data or b"")
    assert dict(zip(found.runs.tolist(), found.owners.tolist(), strict=True)) == {3: 1, 5: 1, 4_000_000_000: 2}


def test_a_count_kept_is_remembered(server: FakeServer, opened: Milvus, monkeypatch: pytest.MonkeyPatch) -> None:
    """While the last count stands, what has changed since adds up until it is too much."""
    monkeypatch.setattr("indexer.repetition.EXACT_BELOW", 0)
    monkeypatch.setattr("indexer.repetition.STALE_SHARE", 0.5)
    seen = []
    for number in range(1, 6):
        index(opened, **{str(path): "text" for path in range(number)})
        head = newest(server, "there").head
        seen.append((int(head.repeated.split("/")[1]), head.recounted))
    assert seen == [(1, 0), (1, 1), (3, 0), (3, 1), (3, 2)]


def test_a_count_over_fewer_passages_than_there_are_is_told(server: FakeServer, opened: Milvus) -> None:
    """Nothing is counted over a part."""
    index(opened, a="one", b="two")
    with opened.reading() as reader, pytest.raises(IndexFormatError, match="2 passages where there should be 3"):
        counted(server, "", 0, reader.owners(), 3)


def test_repetition_survives_bytes() -> None:
    """What is read is what was written."""
    assert from_bytes(to_bytes(from_bytes(np.arange(8, dtype="<u4").tobytes()))).owners.tolist() == [4, 5, 6, 7]


@pytest.mark.parametrize(
    ("field", "metadata"), [("body", Metadata(body="é" * 33_000)), ("kind", Metadata(kind="é" * 33_000))]
)
def test_what_no_field_can_hold_is_refused(opened: Milvus, field: str, metadata: Metadata) -> None:
    """A name of more bytes than a field takes is told before anything is written."""
    with opened.writing(DIM) as writer, pytest.raises(InputError, match=f"the {field} of `/reports/a` is longer"):
        put(writer, document("a", metadata), "one")


def test_a_passage_of_too_many_words_is_refused(opened: Milvus) -> None:
    """Its words would not go into a field, and a part of them would not find it."""
    with opened.writing(DIM) as writer, pytest.raises(InputError, match=r"passage of 10002 words.*`passage_tokens`"):
        put(writer, document("a"), "word " * 10_000)


def test_rows_are_sent_as_they_come(server: FakeServer, opened: Milvus, monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory holds some of the rows, not all of a sync."""
    monkeypatch.setattr("indexer.milvus.writer.BUFFERED", 2_000)
    with opened.writing(DIM) as writer:
        for number in range(10):
            put(writer, document(str(number)), "text")
        assert len(server.find(Table.PASSAGES)) > 5
        commit(writer)
    assert len(held(opened)) == 10


# --- attempts that come to nothing


@pytest.mark.parametrize("table", list(Table))
def test_a_failure_before_the_head_changes_nothing(server: FakeServer, opened: Milvus, table: Table) -> None:
    """Whichever table cannot be written: the old generation answers, and the next writer succeeds."""
    index(opened, a="one")
    with opened.writing(DIM) as writer:
        put(writer, document("b"), "never seen")
        writer.remove_document(document("a").doc_id)
        server.before = failing_at("upsert", table)
        with pytest.raises(UnusableIndexError, match="went away"):
            commit(writer)
    assert held(opened) == {"a": "one"}
    index(opened, a="one", c="three")
    assert held(opened) == {"a": "one", "c": "three"}
    assert "never seen" not in everything(server)


def test_a_writer_that_dies_leaves_rows_that_do_not_count(server: FakeServer, opened: Milvus, tmp_path: Path) -> None:
    """Whoever comes after deletes them, and its generation is whole."""
    index(opened, a="one")
    dead = milvus(server, tmp_path).writing(DIM)
    writer = dead.__enter__()
    put(writer, document("b"), "half a document")
    writer.remove_document(document("a").doc_id)
    writer._flush()
    writer._put_record("vocabulary", b"half a vocabulary")
    del server.rows[Table.HEADS]["lease"]  # which ran out
    assert held(opened) == held(milvus(server, tmp_path)) == {"a": "one"}
    assert "half a document" in everything(server)
    index(opened, a="one", c="three")
    assert held(opened) == {"a": "one", "c": "three"}
    assert "half a" not in everything(server)
    # What it adds now, and whether it commits, is of no consequence.
    put(writer, document("d"), "too late")
    with pytest.raises(IndexBusyError):
        commit(writer)
    assert held(opened) == held(milvus(server, tmp_path)) == {"a": "one", "c": "three"}
    index(opened, a="one")
    assert "too late" not in everything(server)
    dead.__exit__(None, None, None)


def test_a_writer_that_lost_its_place_cannot_commit(server: FakeServer, opened: Milvus) -> None:
    """Another one's name in the row is enough."""
    index(opened, a="one")
    with opened.writing(DIM) as writer:
        put(writer, document("b"), "two")
        before = list(server.rows[Table.HEADS])

        def lose(act: str, table: Table) -> None:  # once all but the head is written
            if any(str(key).startswith("repeated/") for key in server.rows[Table.HEADS].keys() - before):
                server.rows[Table.HEADS].pop("lease", None)

        server.before = lose
        with pytest.raises(IndexBusyError):
            commit(writer)
    assert held(opened) == {"a": "one"}


def test_a_head_that_came_in_between_is_not_passed_over(server: FakeServer, opened: Milvus) -> None:
    """A writer that was deposed and back in its place all the same does not undo what came meanwhile."""
    index(opened, a="one")
    with opened.writing(DIM) as writer:
        put(writer, document("b"), "two")
        server.upsert(Table.HEADS, head_rows(replace(newest(server, "there").head, number=99)))
        with pytest.raises(IndexBusyError, match="meanwhile"):
            commit(writer)


def test_a_commit_that_is_there_although_the_server_failed_counts(
    server: FakeServer, opened: Milvus, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An error after the head was written is no reason to say that nothing happened."""
    index(opened, a="one")

    with opened.writing(DIM) as writer:
        put(writer, document("b"), "two")
        upsert = server.upsert

        def landing(table: Table, rows: Sequence[Row]) -> None:
            upsert(table, rows)
            if str(rows[0]["key" if table is Table.HEADS else "added"]).startswith("h/"):
                raise UnusableIndexError("the answer got lost")

        monkeypatch.setattr(server, "upsert", landing)
        commit(writer)
        monkeypatch.undo()
    assert held(opened) == {"a": "one", "b": "two"}


def test_what_may_have_been_committed_is_not_deleted(
    server: FakeServer, opened: Milvus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the server goes away with the head, what belongs to it stays: it may be there."""
    index(opened, a="one")
    upsert = server.upsert

    def landing(table: Table, rows: Sequence[Row]) -> None:
        upsert(table, rows)
        if table is Table.HEADS and str(rows[0]["key"]).startswith("h/"):
            server.before = failing_at("query", Table.HEADS)
            raise UnusableIndexError("the answer got lost")

    with opened.writing(DIM) as writer:
        put(writer, document("b"), "two")
        writer.remove_document(document("a").doc_id)
        monkeypatch.setattr(server, "upsert", landing)
        with pytest.raises(UnusableIndexError):
            commit(writer)
    monkeypatch.undo()
    assert held(opened) == held(milvus(server, tmp_path)) == {"b": "two"}
    index(opened, b="two")
    assert len(server.find(Table.DOCUMENTS)) == 1


@pytest.mark.parametrize("table", [Table.PASSAGES, Table.RECORDS, Table.DOCUMENTS, Table.HEADS])
def test_a_failure_after_the_head_leaves_the_new_generation(
    server: FakeServer, opened: Milvus, tmp_path: Path, table: Table, caplog: pytest.LogCaptureFixture
) -> None:
    """Removed documents do not answer, although their rows are there; the next writer deletes these."""
    index(opened, a="one", b="removed text")
    fails = failing_at("delete", table)
    with opened.writing(DIM) as writer:
        writer.remove_document(document("b").doc_id)
        commit(writer)
        server.before = fails
    assert "the next sync deletes them" in caplog.text
    for one in (opened, milvus(server, tmp_path)):
        assert held(one) == {"a": "one"}
        with one.reading() as reader:
            bounds = reader.standing.bounds
            assert [row["document"] for row in server.find(Table.PASSAGES, bounds)] == list(reader.owners())
    index(opened, a="one", c="three")
    assert "removed text" not in everything(server)
    assert held(opened) == held(milvus(server, tmp_path)) == {"a": "one", "c": "three"}
