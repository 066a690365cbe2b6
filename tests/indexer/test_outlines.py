"""The columns that ranking uses are those of the store, whatever snapshots there are."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indexer import outlines
from indexer.outlines import OUTLINES, Outlines, publish_outlines
from indexer.records import Document, Metadata, Outline, Passage, Span
from indexer.store import Reader, Store
from tests.fakes import page

FINGERPRINT = "{}"
RUNS = st.frozensets(st.integers(0, 5), max_size=4)
# For each document, by number: the body it is of and the runs of its passages; None removes it.
DOCUMENTS = st.none() | st.tuples(st.sampled_from(["Alder", "Birch", None]), st.lists(RUNS, max_size=3))
SYNCS = st.lists(st.dictionaries(st.integers(0, 4), DOCUMENTS, min_size=1, max_size=3), min_size=1, max_size=6)


@pytest.fixture(autouse=True)
def files_for_few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let small collections have snapshots."""
    monkeypatch.setattr(outlines, "LEAST", 1)


def sync(folder: Path, changes: dict[int, tuple[str | None, list[frozenset[int]]] | None]) -> None:
    """Put documents into a store, or remove them."""
    with Store.writing(folder) as writer:
        for number, change in changes.items():
            if change is None:
                writer.remove_document(f"d{number}")
                continue
            body, sketches = change
            made = Document(
                f"d{number}", "/made", f"{number}.txt", "0" * 64, 1, "text", "fake", 1, Metadata(body=body)
            )
            texts = [f"Text {place} of {number}." for place in range(len(sketches))]
            whole = "\n".join(texts)
            starts = [whole.index(text) for text in texts]
            passages = [
                Passage(text, (Span(1, start, start + len(text)),)) for text, start in zip(texts, starts, strict=True)
            ]
            writer.put_document(
                made,
                "r",
                pages=[page(1, whole)],
                removals=[],
                passages=passages,
                vectors=[np.ones((1, 4), np.float16)] * len(passages),
                sketches=[np.array(sorted(runs), np.uint32) for runs in sketches],
            )
        writer.commit(FINGERPRINT, {"added": len(changes), "updated": 0, "removed": 0})


@contextmanager
def reading(folder: Path) -> Iterator[Reader]:
    with closing(Store(folder)) as store, store.reading() as reader:
        yield reader


def told(opened: Outlines, reader: Reader) -> list[tuple[object, ...]]:
    """Give what is said of the passages that there are."""
    live = reader.owners()
    return [
        (
            int(opened.ids[row]),
            int(opened.documents[row]),
            int(opened.pages[row]),
            opened.sketch(row).tolist(),
            round(float(opened.spread[row]), 5),
        )
        for row in range(len(opened.ids))
        if int(opened.documents[row]) in live
    ]


def from_scratch(folder: Path, reader: Reader) -> list[tuple[object, ...]]:
    """Say the same by reading the store alone."""
    return told(Outlines.open(folder / "nowhere", reader), reader)


def expected_spread(reader: Reader) -> list[float]:
    """Count how widely words are repeated by the definition."""
    owners = reader.owners()
    found = reader.outlines()
    having: dict[int, set[str]] = {}
    for one in found:
        for run in one.sketch.tolist():
            having.setdefault(run, set()).add(owners[one.document])
    return [
        sum(float(np.log(len(having[run]))) for run in one.sketch.tolist()) / max(len(one.sketch), 1) for one in found
    ]


@given(SYNCS, st.lists(st.booleans(), min_size=6, max_size=6))
@settings(max_examples=40, deadline=None)
def test_however_the_index_came_about_the_columns_are_those_of_the_store(
    tmp_path_factory: pytest.TempPathFactory, syncs: list[dict[int, Any]], published: list[bool]
) -> None:
    """With a snapshot of this generation, of an older one, or none."""
    folder = tmp_path_factory.mktemp("index")
    for changes, is_published in zip(syncs, published, strict=False):
        sync(folder, changes)
        with reading(folder) as reader:
            if is_published:
                publish_outlines(folder, reader)
            opened = told(Outlines.open(folder, reader), reader)
            assert opened == from_scratch(folder, reader)
            assert [one[-1] for one in opened] == pytest.approx(expected_spread(reader), abs=1e-4)


FIRST: dict[int, Any] = {
    0: ("Alder", [frozenset({1, 2}), frozenset({3})]),
    1: ("Birch", [frozenset({1}), frozenset({4, 5})]),
    2: ("Birch", [frozenset({1, 4})]),
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Make an index with a snapshot."""
    sync(tmp_path / "index", FIRST)
    with reading(tmp_path / "index") as reader:
        publish_outlines(tmp_path / "index", reader)
    return tmp_path / "index"


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("outlines-*"))


def test_a_snapshot_is_used_while_it_is_of_this_history(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only what came after it is read from the store; of another history it is passed over."""
    sync(folder, {3: ("Cedar", [frozenset({9})])})
    asked: list[int] = []
    outlines_of = Reader.outlines
    with reading(folder) as reader:
        expected = from_scratch(folder, reader)

        def noted(self: Reader, since: int = 0) -> list[Outline]:
            asked.append(since)
            return outlines_of(self, since)

        monkeypatch.setattr(Reader, "outlines", noted)
        assert told(Outlines.open(folder, reader), reader) == expected
        assert asked == [1]
        monkeypatch.setattr(Reader, "has_version", lambda *_: False)
        assert told(Outlines.open(folder, reader), reader) == expected
        assert asked == [1, 0]


def test_one_snapshot_stands_and_nothing_else(folder: Path) -> None:
    """What is left of others, of halves and of strangers goes; a snapshot that is not due is not written again."""
    for name in ("outlines-00000000.bin", "outlines-00000001.bin.7.tmp", "outlines-99999999.json"):
        (folder / name).write_bytes(b"{}")
    (folder / "outlines-x").mkdir()
    before = (folder / "outlines-00000001.bin").stat().st_mtime_ns
    with reading(folder) as reader:
        publish_outlines(folder, reader)
        assert files(folder) == ["outlines-00000001.bin", "outlines-00000001.json"]
        assert [path.name for path in OUTLINES.files(folder, reader)] == files(folder)
    assert (folder / "outlines-00000001.bin").stat().st_mtime_ns == before
    sync(folder, {1: None})
    with reading(folder) as reader:
        publish_outlines(folder, reader)
    assert files(folder) == ["outlines-00000002.bin", "outlines-00000002.json"]


def test_a_damaged_snapshot_is_never_looked_into(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whichever byte is altered, of the file or its manifest, the store is read instead."""
    random = Random(1)
    with reading(folder) as reader:
        expected = from_scratch(folder, reader)
        monkeypatch.setattr(np, "memmap", lambda *_: pytest.fail("an altered file was opened"))
        for name in files(folder):
            whole = (folder / name).read_bytes()
            for at in random.sample(range(len(whole)), min(40, len(whole))):
                altered = bytes([whole[at] ^ 1 << random.randrange(8)])
                (folder / name).write_bytes(whole[:at] + altered + whole[at + 1 :])
                assert told(Outlines.open(folder, reader), reader) == expected
            (folder / name).write_bytes(whole[: len(whole) // 2])
            assert told(Outlines.open(folder, reader), reader) == expected
            (folder / name).write_bytes(whole)


def test_a_snapshot_that_misses_passages_is_passed_over(
    folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The store counts what there must be."""
    sync(folder, {3: ("Cedar", [frozenset({9})])})
    outlines_of = Reader.outlines
    monkeypatch.setattr(Reader, "outlines", lambda self, since=0: [] if since else outlines_of(self))
    with reading(folder) as reader:
        assert told(Outlines.open(folder, reader), reader) == from_scratch(folder, reader)
    assert "do not make up the store" in caplog.text


def test_a_large_collection_is_counted_anew_when_a_tenth_has_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Until then what is there keeps its figures, and what is new is compared with what was counted."""
    monkeypatch.setattr("indexer.repetition.EXACT_BELOW", 10)
    sync(tmp_path, {number: (f"Body {number}", [frozenset({1, number + 10})]) for number in range(12)})
    with reading(tmp_path) as reader:
        publish_outlines(tmp_path, reader)
        counted = dict(enumerate(one[-1] for one in told(Outlines.open(tmp_path, reader), reader)))
        assert counted[0] == pytest.approx(np.log(12) / 2, abs=1e-4)
    sync(tmp_path, {12: ("Body 12", [frozenset({1, 99})])})
    with reading(tmp_path) as reader:
        opened = Outlines.open(tmp_path, reader)
        assert not opened.is_stale
        figures = [one[-1] for one in told(opened, reader)]
        assert figures[:12] == list(counted.values())
        assert figures[12] == pytest.approx(np.log(12) / 2, abs=1e-4)
    sync(tmp_path, {0: None})
    with reading(tmp_path) as reader:
        assert Outlines.open(tmp_path, reader).is_stale
        publish_outlines(tmp_path, reader)
        opened = Outlines.open(tmp_path, reader)
        assert told(opened, reader) == from_scratch(tmp_path, reader)
        assert len(opened.ids) == 12
        assert opened.spread[0] == pytest.approx(np.log(12) / 2, abs=1e-4)


def test_small_collections_have_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are read from the store in no time."""
    monkeypatch.setattr(outlines, "LEAST", 6)
    sync(tmp_path, FIRST)
    with reading(tmp_path) as reader:
        publish_outlines(tmp_path, reader)
    assert files(tmp_path) == []
