"""An index in Milvus as a whole: generations for many readers and one writer."""

from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Thread
from time import monotonic

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indexer.collection import Collection, Writer
from indexer.contents import to_bytes
from indexer.embedded import Embedded
from indexer.errors import (
    GenerationGoneError,
    IndexBusyError,
    IndexFormatError,
    IndexMissingError,
    InputError,
    Refusal,
    UnusableIndexError,
)
from indexer.milvus import Milvus
from indexer.milvus import milvus as module
from indexer.milvus.head import newest
from indexer.milvus.server import Row, Server, Table
from indexer.records import Metadata, Refused
from tests.indexer.milvus.fake_server import (
    ADDRESS,
    DIM,
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


class Clock:
    """Time that passes when it is told to."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        monkeypatch.setattr(module, "monotonic", lambda: self.now)
        monkeypatch.setattr(module, "sleep", self.sleep)

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def server() -> FakeServer:
    return FakeServer()


def test_without_tables_there_is_no_index(server: FakeServer, tmp_path: Path) -> None:
    """The error names the address and how to make one."""
    with pytest.raises(
        IndexMissingError, match=r"no index in `milvus\+lite:///nowhere/never-made.db`; run `citewell"
    ):
        held(milvus(server, tmp_path))


def test_an_index_that_was_never_finished_holds_nothing(server: FakeServer, tmp_path: Path) -> None:
    """As with an index in a folder that is generation 0."""
    opened = milvus(server, tmp_path)
    with opened.writing(DIM):
        pass
    with opened.reading() as reader:
        assert reader.version.generation == 0
        assert (reader.documents(), reader.fingerprint, reader.finished_at) == ([], None, None)
        assert reader.counts().documents == 0
        assert reader.refusals() == []
        opened.arms(reader, DIM)


def test_generations_follow_one_another(server: FakeServer, tmp_path: Path) -> None:
    """Another reader follows from one to the next, and one that comes anew finds the same."""
    writer, reader = milvus(server, tmp_path), milvus(server, tmp_path)
    for texts in ({"a": "1"}, {"a": "1", "b": "2"}, {"b": "3", "c": "4"}, {}, {"d": "5"}):
        index(writer, **texts)
        assert held(reader) == held(writer) == held(milvus(server, tmp_path)) == texts
    index(writer, a="6")
    index(writer, b="7")
    assert held(reader) == {"b": "7"}


def test_only_what_is_new_is_read(server: FakeServer, tmp_path: Path) -> None:
    """Following a generation costs what changed, not what there is."""
    writer, reader = milvus(server, tmp_path), milvus(server, tmp_path)
    index(writer, a="1", b="2", c="3")
    held(reader)
    index(writer, a="1", b="2", d="4")
    asked: list[tuple[str, int]] = []
    scan = server.scan

    def counting(table: Table, expression: str, fields: list[str], at: int | None = None) -> list[list[Row]]:
        rows = list(scan(table, expression, fields, at))
        asked.append((table, sum(map(len, rows))))
        return rows

    server.scan = counting  # type: ignore[assignment, method-assign]
    assert held(reader) == {"a": "1", "b": "2", "d": "4"}
    assert asked == [(Table.DOCUMENTS, 1)]


def test_an_index_that_was_made_anew_is_no_continuation(server: FakeServer, tmp_path: Path) -> None:
    """A number that comes again in another history is another generation."""
    writer, reader = milvus(server, tmp_path), milvus(server, tmp_path)
    index(writer, a="1")
    assert held(reader) == {"a": "1"}
    server.rows.clear()
    for texts in ({"b": "2"}, {"b": "2", "c": "3"}):
        index(milvus(server, tmp_path), **texts)
    assert held(reader) == {"b": "2", "c": "3"}


def test_missing_documents_are_told(server: FakeServer, tmp_path: Path) -> None:
    """Fewer or more of them than the head says is damage."""
    index(milvus(server, tmp_path), a="1", b="2")
    row = server.rows[Table.DOCUMENTS].popitem()[1]
    with pytest.raises(IndexFormatError, match="are missing or came back"):
        held(milvus(server, tmp_path))
    server.rows[Table.DOCUMENTS][row["key"]] = {**row, "data": "1 t 00 {}"}
    with pytest.raises(IndexFormatError, match=f"record `{row['key']}`"):
        held(milvus(server, tmp_path))


def test_a_block_reads_one_generation(server: FakeServer, tmp_path: Path) -> None:
    """What a writer adds meanwhile is not in it, and that alone is no reason to ask again."""
    opened = milvus(server, tmp_path)
    index(opened, a="1")
    with opened.reading() as reader:
        index(milvus(server, tmp_path), a="1", b="2")
        assert [one.path for one in reader.documents()] == ["a"]
        assert reader.page_text(document("a").doc_id, 1) == "1"
    assert held(opened) == {"a": "1", "b": "2"}


def test_a_block_during_which_something_was_removed_is_to_be_repeated(server: FakeServer, tmp_path: Path) -> None:
    """Its searches may have come without what was removed, and without what took its place."""
    opened = milvus(server, tmp_path)
    index(opened, a="1")
    with pytest.raises(GenerationGoneError, match="ask again"), opened.reading():
        index(milvus(server, tmp_path), a="2")
    assert held(opened) == {"a": "2"}


# --- how old what answers may be


def test_a_head_is_believed_for_so_long(server: FakeServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Within that time the server is not asked; after it, nothing older is given."""
    clock = Clock(monkeypatch)
    writer, reader = (milvus(server, tmp_path, stale_s=3.0) for _ in range(2))
    index(writer, a="1")
    assert held(reader) == {"a": "1"}
    with writer.writing(DIM) as changing:
        changing.remove_document(document("a").doc_id)
        commit(changing)
        clock.now += 0.9
        assert held(reader) == {"a": "1"}
        clock.now += 2.2
        assert held(reader) == {}


def test_the_writer_waits_until_no_older_answer_can_be_given(
    server: FakeServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever asks after it was done gets the new generation, however lately he asked before."""
    clock = Clock(monkeypatch)
    writer, reader = (milvus(server, tmp_path, stale_s=3.0) for _ in range(2))
    index(writer, a="1", b="2")
    for _ in range(3):
        with writer.writing(DIM) as changing:
            changing.remove_document(document("a").doc_id)
            put(changing, document("b"), f"at {clock.now}")
            said = f"at {clock.now}"
            assert held(reader)["b"] != said  # and is confirmed just before
            commit(changing)
            committed = clock.now
            assert server.find(Table.RECORDS, 'key like "p/%"')
        assert clock.now >= committed + 3.0
        assert held(reader) == held(writer) == {"b": said}


def test_what_answers_is_renewed_beside(server: FakeServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a third of the time a thread looks, so that hardly anybody waits; its failure is nobody's."""
    clock = Clock(monkeypatch)
    writer, reader = (milvus(server, tmp_path, stale_s=3.0) for _ in range(2))
    index(writer, a="1")
    assert held(reader) == {"a": "1"}
    index(writer, b="2")
    clock.now -= 3.0  # the writer's wait
    reader._held = reader._held and replace(reader._held, confirmed_at=clock.now - 1.1)
    server.before = failing_at("query", Table.HEADS)
    for _ in range(2):
        with reader.reading() as one:
            assert [each.path for each in one.documents()] == ["a"]
        reader.close()  # waits for the thread
    assert held(reader) == {"b": "2"}


def test_threads_wait_for_one_look(server: FakeServer, tmp_path: Path) -> None:
    """However many come at once after a while, the server is asked for the head once."""
    writer, reader = milvus(server, tmp_path), milvus(server, tmp_path, stale_s=60.0)
    index(writer, a="1")
    asked: list[str] = []
    server.before = lambda act, table: asked.append(act) if table is Table.HEADS else None
    seen: list[dict[str, str]] = []
    threads = [Thread(target=lambda: seen.append(held(reader))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == [{"a": "1"}] * 8
    assert len(asked) == 1


def test_an_unreachable_server_is_told_once_the_time_is_over(
    server: FakeServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing older is given instead."""
    clock = Clock(monkeypatch)
    opened = milvus(server, tmp_path, stale_s=3.0)
    index(opened, a="1")
    held(opened)
    clock.now += 4
    server.before = failing_at("query", Table.HEADS)
    with pytest.raises(UnusableIndexError, match="went away"):
        held(opened)
    assert held(opened) == {"a": "1"}


def test_after_a_sync_no_removed_document_answers(server: FakeServer, tmp_path: Path) -> None:
    """With threads that ask all the time: whoever begins to ask after the end sees nothing of what was removed."""
    writer, reader = (milvus(server, tmp_path, stale_s=0.05) for _ in range(2))
    index(writer, a="1", z="9")
    done: list[float] = []
    seen: list[tuple[float, set[str]]] = []

    def ask() -> None:
        while not done or monotonic() < done[0] + 0.2:
            begun = monotonic()
            try:
                seen.append((begun, set(held(reader))))
            except GenerationGoneError:
                seen.append((begun, set()))

    threads = [Thread(target=ask) for _ in range(2)]
    for thread in threads:
        thread.start()
    index(writer, z="9")
    done.append(monotonic())
    for thread in threads:
        thread.join()
    late = [paths for begun, paths in seen if begun > done[0]]
    assert late
    assert all("a" not in paths for paths in late)


# --- writing


def test_two_writers_at_once(server: FakeServer, tmp_path: Path) -> None:
    """The second is told, and the first goes on."""
    one, other = milvus(server, tmp_path), milvus(server, tmp_path)
    with one.writing(DIM) as writer:
        put(writer, document("a"), "1")
        with pytest.raises(IndexBusyError, match="process"), other.writing(DIM):
            pass
        commit(writer)
    assert held(other) == {"a": "1"}
    index(other, b="2")
    assert held(one) == {"b": "2"}


def test_a_swept_generation_is_searched_without_a_list(server: FakeServer, tmp_path: Path) -> None:
    """Once the rows of removed documents are deleted, no condition has to leave them out."""
    opened = milvus(server, tmp_path)
    index(opened, a="1", b="2", c="3")
    with opened.writing(DIM) as writer:
        writer.remove_document(document("b").doc_id)
        commit(writer)
        with opened.reading() as reader:
            assert "document in" in reader.standing.bounds
    with opened.reading() as reader:
        assert "document" not in reader.standing.bounds


def test_what_is_all_made_anew_is_told_by_its_numbers(server: FakeServer, tmp_path: Path) -> None:
    """However many documents were replaced, the condition is short."""
    opened = milvus(server, tmp_path)
    index(opened, a="1", b="2", c="3")
    with opened.writing(DIM) as writer:
        for path in "abc":
            put(writer, document(path), "new")
        commit(writer)
        with opened.reading() as reader:
            assert "document in" not in reader.standing.bounds
            rows = server.find(Table.PASSAGES, reader.standing.bounds)
            assert {row["document"] for row in rows} == set(reader.owners())
            assert len(server.find(Table.PASSAGES)) == 6


def test_heads_that_are_kept_are_few(server: FakeServer, tmp_path: Path) -> None:
    """Beside three heads there is of each kind of record the one that counts."""
    opened = milvus(server, tmp_path)
    for number in range(6):
        index(opened, a=str(number))
    kinds = [str(row["key"]).split("/")[0] for row in server.find(Table.HEADS)]
    counts = {kind: kinds.count(kind) for kind in kinds}
    assert counts == {"h": 3, "lease": 1, "attempt": 1, "gone": 1, "vocabulary": 1, "repeated": 1, "swept": 1}
    assert newest(server, "there").head.history[-1][0] == 6


def test_a_folder_that_cannot_be_made_is_told(server: FakeServer, tmp_path: Path) -> None:
    """What lies beside the index needs a place."""
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be made"), milvus(server, tmp_path / "file" / "x").writing(DIM):
        pass


def test_its_name_and_engine(server: FakeServer, tmp_path: Path) -> None:
    """It is known by its address and what the server says of itself."""
    opened = milvus(server, tmp_path)
    assert opened.name == ADDRESS.shown
    assert opened.engine == server.engine
    index(opened, a="1")
    with opened.reading() as reader:
        assert opened.approximation(reader) is None
        arms = opened.arms(reader, DIM)
        assert opened.arms(reader, DIM, arms) is arms


@settings(max_examples=15, deadline=None)
@given(st.lists(st.dictionaries(st.sampled_from(["a", "b", "c/d", "d"]), st.text("xyz é\n", min_size=1)), max_size=4))
def test_it_answers_as_an_index_in_a_folder(generations: list[dict[str, str]]) -> None:
    """Whatever is put and removed: documents, pages, passages, texts and counts are those of the embedded store."""
    with TemporaryDirectory() as folder:
        one, other = milvus(FakeServer(), Path(folder)), Embedded(Path(folder) / "embedded")
        for number, texts in enumerate([{"a": "first"}, *generations]):
            for opened in (one, other):
                with opened.writing(DIM) as writer:
                    change(writer, texts)
                    writer.put_refusals([(Refused("/", str(number), Refusal.EMPTY, "it is empty"), None)])
                    commit(writer)
        assert answers(one) == answers(other)
        other.close()


def change(writer: Writer, texts: dict[str, str]) -> None:
    """Replace all documents by these, of two pages each."""
    for one in writer.documents():
        writer.remove_document(one.doc_id)
    for path, text in texts.items():
        put(writer, document(path, Metadata(body="B" if path < "c" else None), pages=2), text, text[::-1])


def answers(opened: Collection) -> list[object]:
    """Give all that a reader can be asked, without the numbers."""
    with opened.reading() as reader:
        documents = reader.documents()
        ids = [number for one in documents for number in reader.passage_ids(one.doc_id)]
        vectors = reader.vectors(ids, DIM)
        return [
            documents,
            list(reader.owners().values()),
            reader.counts(),
            (reader.bodies(), reader.kinds(), reader.refusals(), reader.fingerprint, reader.passage_count),
            [reader.page(one.doc_id, 2) for one in documents],
            [(found.document, found.text_sha256, found.passage) for found in reader.passages(ids).values()],
            [vectors[number].tolist() for number in ids],
            list(reader.texts_of([one.doc_id for one in documents])),
            [to_bytes(reader.contents(one.doc_id)) for one in documents],
        ]


def test_on_the_real_thing(tmp_path: Path) -> None:
    """What the stand-in does, Milvus Lite does as well: changes, removals, a failure, and another reader."""
    address = replace(ADDRESS, uri=str(tmp_path / "lite.db"))
    server = Server(address)
    one, other = (Milvus(address, tmp_path / "beside", stems, server, 0.05) for _ in range(2))
    with pytest.raises(IndexMissingError):
        held(one)
    index(one, a="alpha" * 30_000, b='beta\'s "quotes" \\ and\nlines')
    assert held(other) == held(one) == {"a": "alpha" * 30_000, "b": 'beta\'s "quotes" \\ and\nlines'}
    with one.writing(DIM) as writer:  # and nothing is committed
        put(writer, document("c"), "never")
        writer._flush()
    index(one, b="new", d="delta")
    assert held(other) == held(one) == {"b": "new", "d": "delta"}
    left = "\n".join(
        repr(row)
        for table in Table
        for row in server.query(
            table, "added >= 0", ["document" if table is Table.PASSAGES else "data", "added"], None
        )
    )
    assert "alpha" not in left
    assert "beta" not in left
    assert "never" not in left
    with other.reading() as reader:
        ids = reader.passage_ids(document("d").doc_id)
        assert [one.passage.text for one in reader.passages(ids).values()] == ["delta"]
        assert reader.vectors(ids, DIM)[ids[0]].shape == (2, DIM)
        assert reader.contents(document("b").doc_id).sketches[0].tolist() == [3, 4_000_000_000]
    one.close()
    other.close()
