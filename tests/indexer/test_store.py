"""The truth of an index: round trips, generations, readers and writers at once, what a removal leaves."""

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, date, datetime
from hashlib import sha256
from pathlib import Path
from threading import Event as Flag
from threading import Thread

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from indexer.database import STORE_FILE
from indexer.errors import (
    IndexBusyError,
    IndexFormatError,
    IndexMissingError,
    InputError,
    NotFoundError,
    Refusal,
    UnusableIndexError,
)
from indexer.hashes import input_sha256
from indexer.records import (
    Counts,
    Document,
    Event,
    Evidence,
    Furniture,
    IndexedText,
    Known,
    Metadata,
    Origin,
    Page,
    Passage,
    Refused,
    Removal,
    Span,
    Version,
)
from indexer.store import Reader, Store, Writer
from indexer.store.rows import TABLES
from tests.fakes import page, without_lines

DIM = 4


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


def put(writer: Writer, made: Document, *texts: str, recipe: str = "r1") -> list[int]:
    """Store a document of these page texts with one passage a page, and give the ids of its passages."""
    passages = [Passage(text, (Span(number, 0, len(text)),)) for number, text in enumerate(texts, start=1)]
    writer.put_document(
        made,
        recipe,
        pages=[page(number, text) for number, text in enumerate(texts, start=1)],
        removals=[],
        passages=passages,
        vectors=vectors(passages),
        sketches=sketches(passages),
    )
    return writer.passage_ids(made.doc_id)


def vectors(passages: Sequence[Passage]) -> list[NDArray[np.float16]]:
    """Make vectors for passages and their sentences, no two of them equal."""
    numbers = iter(np.arange(999 * DIM, dtype=np.float16).reshape(-1, DIM))
    return [np.array([next(numbers) for _ in range(1 + len(passage.sentences))]) for passage in passages]


def sketches(passages: Sequence[Passage]) -> list[NDArray[np.uint32]]:
    """Make sketches of 0, 1, 2, ... hashes, the highest that there are."""
    return [np.arange(2**32 - number, 2**32).astype(np.uint32) for number in range(len(passages))]


def commit(writer: Writer) -> None:
    writer.commit("fingerprint", {"added": 1})


def indexed(folder: Path, *paths: str) -> Store:
    """Make an index of one generation whose documents say their own path."""
    with Store.writing(folder) as writer:
        for path in paths:
            put(writer, document(path), f"This is {path}.")
        commit(writer)
    return Store.open(folder)


def paths(reader: Reader) -> list[str]:
    return [made.path for made in reader.documents()]


def bytes_of(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(folder.iterdir()) if path.is_file())


FULL = Document(
    doc_id="0123456789abcdef",
    root="/reports",
    path="north/2021 – visit.pdf",
    sha256="ab" * 32,
    size=123_456,
    format="pdf",
    reader="pypdfium2 5.15.2",
    pages=2,
    metadata=Metadata(
        title="Visit to Norton “A”",
        publisher="The inspectors",
        body="Norton",
        published=date(2021, 3, 4),
        kind="focused visit",
        events=(Event(date(2021, 1, 25), date(2021, 1, 29)), Event(date(2021, 2, 1), date(2021, 2, 1))),
        source="https://example.org/norton.pdf",
        licence="OGL-3.0",
        evidence={
            "body": Evidence(Origin.STATED),
            "kind": Evidence(Origin.RULE),
            "published": Evidence(Origin.TEXT, Span(1, 10, 22)),
        },
    ),
    needs_ocr=(2,),
    notes=("read as cp1252", "page 2 is a picture"),
)
FULL_PAGES = (
    Page(1, "Page 1 of 2\nChildren are safe 😀.\nThey said so.", (), ((0, 3), (12, 20)), needs_ocr=False),
    Page(2, "", (), (), needs_ocr=True),
)
FULL_REMOVALS = (Removal(Span(1, 0, 11), Furniture.PAGE_NUMBER), Removal(Span(1, 32, 45), Furniture.FOOTER))
FULL_PASSAGES = (
    Passage(
        "Children are safe 😀.",
        (Span(1, 12, 32),),
        "Norton. focused visit",
        ("Findings", "Safety – “first”"),
        ((0, 20),),
    ),
    Passage("Page 1 of 2\nThey said so.", (Span(1, 0, 11), Span(1, 33, 46)), "", (), ((0, 11), (12, 25))),
)


def put_full(writer: Writer) -> None:
    writer.put_document(
        FULL,
        "r1",
        pages=FULL_PAGES,
        removals=FULL_REMOVALS,
        passages=FULL_PASSAGES,
        vectors=vectors(FULL_PASSAGES),
        sketches=sketches(FULL_PASSAGES),
    )


# --- what goes in comes out


def test_round_trip_of_everything(tmp_path: Path) -> None:
    """A document comes back with every field, page, removal, passage and vector as it was put in."""
    with Store.writing(tmp_path) as writer:
        put_full(writer)
        commit(writer)

    with Store.open(tmp_path).reading() as reader:
        assert reader.document(FULL.doc_id) == FULL
        assert reader.documents() == [FULL]
        assert reader.page(FULL.doc_id, 1) == (FULL_PAGES[0], FULL_REMOVALS)
        assert reader.page(FULL.doc_id, 2) == (FULL_PAGES[1], ())
        ids, stored = reader.vectors_since(0, DIM)
        assert list(ids) == reader.passage_ids(FULL.doc_id)
        assert np.array_equal(stored, [made[0] for made in vectors(FULL_PASSAGES)])
        found = reader.vectors(ids.tolist(), DIM)
        assert [found[i].tolist() for i in ids.tolist()] == [made.tolist() for made in vectors(FULL_PASSAGES)]
        passages = reader.passages(ids.tolist())
        assert [passages[i].passage for i in ids.tolist()] == list(FULL_PASSAGES)
        for i, one in passages.items():
            assert (one.passage_id, one.document) == (i, FULL)
            assert one.text_sha256 == sha256(one.passage.text.encode()).hexdigest()


def test_lines_are_not_kept(tmp_path: Path) -> None:
    """The layout of a page serves the cutting only, so pages come back without it."""
    made = page(1, "One line.\nAnother.")
    with Store.writing(tmp_path) as writer:
        put(writer, document("a.txt"), made.text)

        assert (writer.page(document("a.txt").doc_id, 1)[0],) == without_lines([made])


texts = st.text(max_size=30)
spans = st.builds(lambda at, length: Span(1, at, at + length), st.integers(0, 99), st.integers(0, 99))
metadata = st.builds(
    Metadata,
    title=st.none() | texts,
    publisher=st.none() | texts,
    body=st.none() | texts,
    published=st.none() | st.dates(),
    kind=st.none() | texts,
    events=st.lists(st.builds(Event, st.dates(), st.dates()), max_size=3).map(tuple),
    source=st.none() | texts,
    licence=st.none() | texts,
    evidence=st.dictionaries(texts, st.builds(Evidence, st.sampled_from(Origin), st.none() | spans), max_size=3),
)
passages_ = st.lists(
    st.builds(
        Passage,
        texts,
        st.lists(spans, min_size=1, max_size=3).map(tuple),
        texts,
        st.lists(texts, max_size=3).map(tuple),
        st.lists(st.tuples(st.integers(0, 99), st.integers(0, 99)), max_size=4).map(tuple),
    ),
    max_size=3,
)


@settings(max_examples=60, deadline=None)
@given(metadata=metadata, passages=passages_, notes=st.lists(texts, max_size=2).map(tuple), text=texts)
def test_round_trip_of_anything(
    tmp_path_factory: pytest.TempPathFactory,
    metadata: Metadata,
    passages: Sequence[Passage],
    notes: tuple[str, ...],
    text: str,
) -> None:
    """Whatever signs the fields hold, NUL and emoji included, they come back unchanged."""
    made = Document("d", "/r", "p", "ab" * 32, 1, "text", "fake", 1, metadata, (), notes)
    with Store.writing(tmp_path_factory.getbasetemp() / "anything") as writer:  # never committed, so always empty
        writer.put_document(
            made,
            "r",
            pages=[Page(1, text)],
            removals=[],
            passages=passages,
            vectors=vectors(passages),
            sketches=sketches(passages),
        )

        assert writer.documents() == [made]
        assert writer.page("d", 1) == (Page(1, text), ())
        ids = writer.passage_ids("d")
        stored, found = writer.passages(ids), writer.vectors(ids, DIM)
        assert [stored[i].passage for i in sorted(stored)] == passages
        assert [found[i].tolist() for i in ids] == [one.tolist() for one in vectors(passages)]
        known = writer.vectors_of([input_sha256(passage) for passage in passages], DIM)
        assert all(len(known[input_sha256(passage)]) == 1 + len(passage.sentences) for passage in passages)


@pytest.mark.parametrize(("of_vectors", "of_sketches"), [(1, 2), (2, 1), (3, 2)])
def test_passage_without_vectors_or_sketch_is_refused(tmp_path: Path, of_vectors: int, of_sketches: int) -> None:
    """Passages, vectors and sketches must be as many, so that no passage is without its own."""
    three = [*FULL_PASSAGES, FULL_PASSAGES[0]]
    with Store.writing(tmp_path) as writer, pytest.raises(ValueError, match=r"shorter|longer"):
        writer.put_document(
            FULL,
            "r1",
            pages=FULL_PAGES,
            removals=(),
            passages=FULL_PASSAGES,
            vectors=vectors(three[:of_vectors]),
            sketches=sketches(three[:of_sketches]),
        )


def test_vectors_of_passages(tmp_path: Path) -> None:
    """The vectors of any passages are given whole passage first; ids that the index does not hold are left out."""
    with Store.writing(tmp_path) as writer:
        plain = put(writer, document("a.txt", pages=2), "One.", "Two.")
        put_full(writer)
        first, second = writer.passage_ids(FULL.doc_id)

        found = writer.vectors([second, plain[1], 4711, plain[1]], DIM)

        assert found.keys() == {second, plain[1]}
        assert {made.dtype for made in found.values()} == {np.dtype(np.float16)}
        assert found[plain[1]].tolist() == [[4.0, 5.0, 6.0, 7.0]]
        assert found[second].tolist() == vectors(FULL_PASSAGES)[1].tolist()
        assert writer.vectors([], DIM) == {}
        writer.remove_document(FULL.doc_id)
        assert writer.vectors([first, second], DIM) == {}


def test_vectors_are_kept_to_the_last_bit(tmp_path: Path) -> None:
    """Every float16 comes back as it was, the smallest and negative zero included."""
    every = np.arange(2**16, dtype=np.uint16).view(np.float16).reshape(-1, 2**13)
    made = Passage("A text.", (Span(1, 0, 7),), sentences=((0, 7),) * (len(every) - 1))
    with Store.writing(tmp_path) as writer:
        pages = [page(1, "A text.")]
        writer.put_document(
            document("a"), "r", pages=pages, removals=[], passages=[made], vectors=[every], sketches=sketches([made])
        )
        (passage_id,) = writer.passage_ids(document("a").doc_id)

        assert writer.vectors([passage_id], 2**13)[passage_id].tobytes() == every.tobytes()


def test_outlines(tmp_path: Path) -> None:
    """Every passage is told with its document's number, its page and its sketch, by id; also those of late alone."""
    with Store.writing(tmp_path) as writer:
        last = put(writer, document("z.txt", pages=3), "One.", "Two.", "Three.")
        first = put(writer, document("a.txt"), "Four.")

        found = [(one.passage_id, one.document, one.page, one.sketch.tolist()) for one in writer.outlines()]

        assert found == [
            (last[0], 1, 1, []),
            (last[1], 1, 2, [2**32 - 1]),
            (last[2], 1, 3, [2**32 - 2, 2**32 - 1]),
            (first[0], 2, 1, []),
        ]
        assert list(writer.owners()) == [2, 1]  # as `documents` has them
        assert [len(writer.outlines(since)) for since in (writer.generation - 1, writer.generation)] == [4, 0]


def test_outline_of_a_passage_over_a_page_break(tmp_path: Path) -> None:
    """It tells the page that the passage begins on, however the pages are numbered."""
    made = Passage("Ten.\nEleven.", (Span(10, 4, 8), Span(11, 0, 7)))
    with Store.writing(tmp_path) as writer:
        writer.put_document(
            document("a.txt", pages=11),
            "r",
            pages=[page(10, "One Ten."), page(11, "Eleven.")],
            removals=[],
            passages=[made],
            vectors=vectors([made]),
            sketches=sketches([made]),
        )

        assert [one.page for one in writer.outlines()] == [10]


def test_texts_of_some_documents(tmp_path: Path) -> None:
    """Only those asked for are told, each one's passages in order; an unknown document has none."""
    with Store.writing(tmp_path) as writer:
        names = {path: document(path, pages=3).doc_id for path in ("a.txt", "b.txt", "c.txt", "none.txt")}
        for path, texts in {
            "c.txt": ["Z.", "Y.", "X."],
            "a.txt": ["A."],
            "b.txt": ["B, \u201cb\u201d", "\U0001f600"],
        }.items():
            put(writer, document(path, pages=3), *texts)

        found = list(writer.texts_of([names["b.txt"], names["none.txt"], names["c.txt"]]))

        assert list(writer.texts_of([])) == []
    told = {doc_id: [text for one, text in found if one == doc_id] for doc_id, _ in found}
    assert told == {names["c.txt"]: ["Z.", "Y.", "X."], names["b.txt"]: ["B, \u201cb\u201d", "\U0001f600"]}


def test_what_vectors_are_made_of_is_told_apart() -> None:
    """Another context, text or place of a sentence is another input; spans and headings are not encoded."""
    made = Passage("One. Two.", (Span(1, 0, 9),), "Norton", ("A",), ((0, 4), (5, 9)))

    assert input_sha256(made) == input_sha256(replace(made, spans=(Span(2, 7, 16),), headings=()))
    others = [
        replace(made, text="One. Ten."),
        replace(made, context="Sutton"),
        replace(made, context=""),
        replace(made, sentences=((0, 9),)),
        replace(made, sentences=((0, 4), (4, 9))),
        replace(made, sentences=()),
    ]
    assert len({input_sha256(one) for one in [made, *others]}) == 1 + len(others)


def test_counts(tmp_path: Path) -> None:
    """The figures of an index count what is in it now."""
    with Store.writing(tmp_path) as writer:
        put_full(writer)
        put(writer, document("b.txt", Metadata(body="Norton", kind="letter"), pages=2), "One.", "Two.")
        put(writer, document("c.txt", Metadata(body="Sutton")), "Three.")
        put(writer, document("d.txt"), "Four.")
        writer.remove_document(document("d.txt").doc_id)
        writer.put_refusals([(Refused("/reports", "e.txt", Refusal.EMPTY, "it is empty"), None)])

        furniture = {"page number": 1, "running footer": 1}
        assert writer.counts() == Counts(3, 5, 1, 5, 1, furniture)
        assert writer.bodies() == {"Norton": 2, "Sutton": 1}
        assert writer.kinds() == {"focused visit": 1, "letter": 1}


def test_documents_are_in_order_of_folder_and_path(tmp_path: Path) -> None:
    """The order of a listing does not depend on the order of indexing."""
    with Store.writing(tmp_path) as writer:
        for root, path in [("/b", "a.txt"), ("/a", "z.txt"), ("/a", "b/c.txt")]:
            put(writer, document(path, root=root), "Text.")

        found = [(made.root, made.path) for made in writer.documents()]
    assert found == [("/a", "b/c.txt"), ("/a", "z.txt"), ("/b", "a.txt")]


def test_what_is_not_there_is_said(tmp_path: Path) -> None:
    """An unknown document or page raises NotFoundError naming it; unknown passages are left out."""
    with indexed(tmp_path, "a.txt").reading() as reader:
        doc_id = document("a.txt").doc_id
        with pytest.raises(NotFoundError, match="no document `feed`"):
            reader.document("feed")
        with pytest.raises(NotFoundError, match="no document `feed`"):
            reader.page("feed", 1)
        with pytest.raises(NotFoundError, match="has no page 2; its pages are 1 to 1"):
            reader.page(doc_id, 2)
        assert reader.passage_ids("feed") == []
        assert list(reader.passages([*reader.passage_ids(doc_id), 999])) == reader.passage_ids(doc_id)


def test_document_is_found_by_id_path_or_end_of_path(tmp_path: Path) -> None:
    """A document may be named by its id, its whole path, or as much of the end as is clear."""
    with indexed(tmp_path, "north/a.txt", "south/a.txt", "b_.txt", "bx.txt").reading() as reader:
        for name in (document("b_.txt").doc_id, "b_.txt", "/reports/b_.txt"):
            assert reader.find(name).path == "b_.txt"
        assert reader.find("north/a.txt").path == "north/a.txt"
        with pytest.raises(InputError, match=r"`a\.txt` fits several documents.*north/a\.txt.*south/a\.txt"):
            reader.find("a.txt")
        for name in ("txt", "", "orth/a.txt", "b%"):
            with pytest.raises(NotFoundError):
                reader.find(name)


def test_vectors_of_another_size_are_refused(tmp_path: Path) -> None:
    """Stored vectors of another dimension are never read as if they were of the one expected."""
    message = f"{2 * DIM} bytes, not a multiple of {4 * DIM}; run `citewell index --reencode`"
    with Store.writing(tmp_path) as writer:
        (passage_id,) = put(writer, document("a.txt"), "A text.")
        digest = input_sha256(writer.passages([passage_id])[passage_id].passage)
        with pytest.raises(IndexFormatError, match=message):
            writer.vectors_since(0, 2 * DIM)
        with pytest.raises(IndexFormatError, match=message):
            writer.vectors([passage_id], 2 * DIM)
        with pytest.raises(IndexFormatError, match=message):
            writer.vectors_of([digest], 2 * DIM)


@pytest.mark.parametrize("blob", [b"", b"\0" * (2 * DIM - 1), b"\0" * (2 * DIM + 2)])
def test_altered_vectors_are_told(tmp_path: Path, blob: bytes) -> None:
    """Bytes that are no whole vectors are an error that names the remedy."""
    indexed(tmp_path, "a.txt").close()
    file = sqlite3.connect(tmp_path / STORE_FILE)
    file.execute("UPDATE passages SET vectors = ?", (blob,))
    file.commit()
    file.close()

    with Store.open(tmp_path).reading() as reader:
        ids = reader.passage_ids(document("a.txt").doc_id)
        with pytest.raises(IndexFormatError, match=r"row 1 of table `passages` .* doctor --repair`"):
            reader.vectors(ids, DIM)


# --- generations, tombstones, ids


def test_first_commit_makes_the_first_generation(tmp_path: Path) -> None:
    """The generation counts commits from 1 and comes with encoder and time."""
    before = datetime.now(UTC)
    with Store.writing(tmp_path) as writer:
        assert (writer.version, writer.generation) == (Version(0, ""), 1)
        assert (writer.fingerprint, writer.finished_at) == (None, None)
        commit(writer)

    with Store.open(tmp_path).reading() as reader:
        assert reader.version.generation == 1
        assert reader.fingerprint == "fingerprint"
        assert reader.finished_at is not None
        assert before <= reader.finished_at <= datetime.now(UTC)


def test_replacing_a_document_replaces_all_of_it(tmp_path: Path) -> None:
    """A document put again has only its new pages and passages; the old passages leave tombstones."""
    with Store.writing(tmp_path) as writer:
        old = put(writer, document("a.txt", pages=2), "Old one.", "Old two.")
        commit(writer)
    with Store.writing(tmp_path) as writer:
        new = put(writer, document("a.txt", Metadata(title="New")), "New one.")
        commit(writer)

    with Store.open(tmp_path).reading() as reader:
        assert reader.documents() == [document("a.txt", Metadata(title="New"))]
        assert reader.passage_ids(document("a.txt").doc_id) == new
        assert reader.passages(old) == {}
        with pytest.raises(NotFoundError):
            reader.page(document("a.txt").doc_id, 2)
        assert reader.removed_since(1).tolist() == old
        assert reader.removed_since(2).tolist() == []
        assert reader.vectors_since(1, DIM)[0].tolist() == new
        assert reader.vectors_since(2, DIM)[0].tolist() == []
        assert reader.vectors_since(0, DIM)[0].tolist() == new


def test_removing_a_document_removes_all_of_it(tmp_path: Path) -> None:
    """Nothing of a removed document can be asked for, and its passages leave tombstones."""
    with Store.writing(tmp_path) as writer:
        old = put(writer, document("a.txt"), "Old.")
        put(writer, document("b.txt"), "Other.")
        commit(writer)
    with Store.writing(tmp_path) as writer:
        assert writer.remove_document(document("a.txt").doc_id)
        assert not writer.remove_document(document("a.txt").doc_id)
        commit(writer)

    with Store.open(tmp_path).reading() as reader:
        assert paths(reader) == ["b.txt"]
        assert reader.passages(old) == {}
        assert reader.counts() == Counts(1, 1, 0, 1, 0)
        assert reader.removed_since(1).tolist() == old


def test_ids_of_passages_are_never_used_again(tmp_path: Path) -> None:
    """New passages get higher ids than any before, also when the newest ones or all of them were removed."""
    with Store.writing(tmp_path) as writer:
        used = put(writer, document("a.txt"), "A.") + put(writer, document("b.txt", pages=2), "B.", "C.")
        commit(writer)
    for gone in ("b.txt", "a.txt"):
        with Store.writing(tmp_path) as writer:
            writer.remove_document(document(gone).doc_id)
            commit(writer)
        with Store.writing(tmp_path) as writer:
            new = put(writer, document(f"after {gone}"), "D.")
            assert min(new) > max(used)
            used += new
            commit(writer)


@settings(max_examples=15, deadline=None)
@given(steps=st.lists(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), max_size=3), max_size=5))
def test_what_changed_since_any_generation(
    tmp_path_factory: pytest.TempPathFactory, steps: list[list[tuple[int, int]]]
) -> None:
    """Passages of any generation, less those removed since and with those added since, are those of now."""
    folder = tmp_path_factory.mktemp("changes")
    live = [np.empty(0, np.int64)]  # passage ids at each generation
    for changes in steps:
        with Store.writing(folder) as writer:
            for name, pages in changes:
                if pages:
                    put(writer, document(f"{name}.txt", pages=pages), *["Text."] * pages)
                else:
                    writer.remove_document(document(f"{name}.txt").doc_id)
            commit(writer)
            live.append(writer.vectors_since(0, DIM)[0])
            for generation, then in enumerate(live):
                added, removed = writer.vectors_since(generation, DIM)[0], writer.removed_since(generation)
                now = np.union1d(np.setdiff1d(then, removed), added)
                assert np.array_equal(now, live[-1])
                assert not np.isin(added, then).any()


def test_texts_come_with_what_filters_go_by(tmp_path: Path) -> None:
    """The passages added after a generation come by id, with context, text and their document's metadata."""
    known = Metadata(body="Lyne", kind="visit", published=date(2020, 2, 29))
    with Store.writing(tmp_path) as writer:
        first = put(writer, document("a.txt", known, pages=2), "One.", "Two.")
        commit(writer)
    with Store.writing(tmp_path) as writer:
        (third,) = put(writer, document("b.txt"), "Three.")
        assert list(writer.texts_since(1)) == [IndexedText(third, "", "Three.", document=2)]
        commit(writer)
    with Store.open(tmp_path).reading() as reader:
        assert list(reader.texts_since(0)) == [
            IndexedText(first[0], "", "One.", "Lyne", "visit", date(2020, 2, 29), 1),
            IndexedText(first[1], "", "Two.", "Lyne", "visit", date(2020, 2, 29), 1),
            IndexedText(third, "", "Three.", document=2),
        ]
        assert list(reader.texts_since(2)) == []


def test_the_coming_version_is_known_beforehand(tmp_path: Path) -> None:
    """Derived files can be named by it before the store shows it, and it is another one if it does not come."""
    with Store.writing(tmp_path) as writer:
        never = writer.next_version
        assert not writer.has_version(never)
    with Store.writing(tmp_path) as writer:
        coming = writer.next_version
        assert (coming.generation, coming.token == never.token) == (1, False)
        commit(writer)
    with Store.open(tmp_path).reading() as reader:
        assert reader.version == coming
        assert reader.has_version(coming)
        assert not reader.has_version(never)


def test_refusals_alone_make_no_generation(tmp_path: Path) -> None:
    """A sync that changed no document stores what was refused, and derived indexes stay up to date."""
    indexed(tmp_path, "a.txt").close()
    refused = Refused("/reports", "b.pdf", Refusal.ENCRYPTED, "it needs a password", (1, 2))
    with Store.writing(tmp_path) as writer:
        version = writer.version
        writer.put_refusals([(refused, None)])
        writer.commit("other fingerprint", None)

    with Store.open(tmp_path).reading() as reader:
        assert reader.version == version
        assert reader.fingerprint == "fingerprint"
        assert reader.refusals() == [refused]


def test_refusals_are_those_of_the_last_sync(tmp_path: Path) -> None:
    """Refusals replace those before; the ones due to content are known by hash and recipe, to be skipped later."""
    one = Refused("/reports", "b.txt", Refusal.EMPTY, "it is empty")
    other = Refused("/reports", "a.txt", Refusal.UNREADABLE, "no permission")
    with Store.writing(tmp_path) as writer:
        writer.put_refusals([(Refused("/reports", "z.txt", Refusal.EMPTY, "it is empty"), None)])
        writer.put_refusals([(one, Known("ab", "r1")), (other, None)])

        assert writer.refusals() == [other, one]
        assert writer.known_refusals() == {("/reports", "b.txt"): (Known("ab", "r1"), one)}


def test_what_is_known_of_files(tmp_path: Path) -> None:
    """The writer knows each file's hash and recipe, and the vectors of every input and its sentences."""
    with Store.writing(tmp_path) as writer:
        put(writer, document("a.txt"), "A text.", recipe="r1")
        put(writer, document("b.txt"), "A text.", recipe="r2")
        put_full(writer)

        a, b = document("a.txt"), document("b.txt")
        assert writer.known() == {
            ("/reports", "a.txt"): Known(a.sha256, "r1"),
            ("/reports", "b.txt"): Known(b.sha256, "r2"),
            ("/reports", FULL.path): Known(FULL.sha256, "r1"),
        }
        assert writer.file_hashes() == {a.sha256, b.sha256, FULL.sha256}
        plain = Passage("A text.", (Span(1, 0, 7),))
        digests = [input_sha256(one) for one in (FULL_PASSAGES[1], plain, replace(plain, text="Never seen."))]
        found = writer.vectors_of(digests, DIM)
        assert found.keys() == set(digests[:2])
        assert np.array_equal(found[digests[0]], vectors(FULL_PASSAGES)[1])
        assert found[digests[1]].tolist() == [[0.0, 1.0, 2.0, 3.0]]


def test_history_is_known_by_token(tmp_path: Path) -> None:
    """After an older copy was put back, generations of the lost history are not taken for those of the new one."""
    folder, copy = tmp_path / "index", tmp_path / "copy.sqlite"
    indexed(folder, "a.txt").close()
    shutil.copy(folder / STORE_FILE, copy)
    with Store.writing(folder) as writer:
        put(writer, document("b.txt"), "Lost.")
        commit(writer)
    with Store.open(folder).reading() as reader:
        lost = reader.version
        assert reader.has_version(lost)
        assert not reader.has_version(Version(3, lost.token))

    for path in folder.glob(f"{STORE_FILE}*"):
        path.unlink()
    shutil.copy(copy, folder / STORE_FILE)
    with Store.writing(folder) as writer:
        shared = writer.version
        put(writer, document("c.txt"), "New.")
        commit(writer)

    with Store.open(folder).reading() as reader:
        assert reader.version.generation == lost.generation
        assert not reader.has_version(lost)
        assert reader.has_version(shared)
        assert reader.has_version(reader.version)


# --- readers and writers at once


def test_reader_keeps_its_generation(tmp_path: Path) -> None:
    """A writer that commits meanwhile changes nothing within a reading block; the next block sees it."""
    store = indexed(tmp_path, "a.txt")
    with store.reading() as reader:
        before = reader.version
        with Store.writing(tmp_path) as writer:
            writer.remove_document(document("a.txt").doc_id)
            put(writer, document("b.txt"), "Other.")
            commit(writer)

        assert reader.version == before
        assert paths(reader) == ["a.txt"]
        assert reader.page(document("a.txt").doc_id, 1)[0].text == "This is a.txt."
        assert reader.vectors_since(0, DIM)[0].tolist() == reader.passage_ids(document("a.txt").doc_id)
        with store.reading() as newer:
            assert newer.version.generation == before.generation + 1
            assert paths(newer) == ["b.txt"]
    with store.reading() as again:
        assert paths(again) == ["b.txt"]
    store.close()


def test_uncommitted_changes_are_seen_by_nobody(tmp_path: Path) -> None:
    """Readers see nothing of a writer's work before its commit."""
    store = indexed(tmp_path, "a.txt")
    with Store.writing(tmp_path) as writer:
        put(writer, document("b.txt"), "Other.")
        with store.reading() as reader:
            assert paths(reader) == ["a.txt"]


@pytest.mark.parametrize("error", [None, ValueError, KeyboardInterrupt])
def test_writing_without_commit_leaves_nothing(tmp_path: Path, error: type[BaseException] | None) -> None:
    """A block that ends without a commit, by an error or not, has not happened."""
    store = indexed(tmp_path, "a.txt")
    with store.reading() as reader:
        before = reader.version, reader.finished_at, reader.counts(), reader.documents(), reader.refusals()

    def work() -> None:
        with Store.writing(tmp_path) as writer:
            put(writer, document("b.txt"), "Other.")
            writer.remove_document(document("a.txt").doc_id)
            writer.put_refusals([(Refused("/reports", "c.txt", Refusal.EMPTY, "it is empty"), None)])
            if error:
                raise error

    if error:
        with pytest.raises(error):
            work()
    else:
        work()
    with store.reading() as reader:
        after = reader.version, reader.finished_at, reader.counts(), reader.documents(), reader.refusals()
    assert after == before


def test_threads_see_whole_generations(tmp_path: Path) -> None:
    """Threads share one store: each block's version, record and page belong together while a writer goes on."""
    doc_id = document("a.txt").doc_id

    def write(generation: int) -> None:
        with Store.writing(tmp_path) as writer:
            put(writer, document("a.txt", Metadata(title=f"{generation}")), f"{generation}")
            commit(writer)

    write(1)
    store = Store.open(tmp_path)
    done, seen, wrong = Flag(), set[int](), list[object]()

    def read() -> None:
        while not done.is_set():
            try:
                with store.reading() as reader:
                    generation = reader.version.generation
                    title = reader.document(doc_id).metadata.title
                    text = reader.page(doc_id, 1)[0].text
            except Exception as error:  # noqa: BLE001 - a thread's error must fail the test
                wrong.append(error)
                return
            seen.add(generation)
            if not title == text == f"{generation}":
                wrong.append((generation, title, text))

    threads = [Thread(target=read) for _ in range(3)]
    for thread in threads:
        thread.start()
    for generation in range(2, 12):
        write(generation)
    done.set()
    for thread in threads:
        thread.join()
    store.close()
    assert wrong == []
    assert len(seen) > 1


def test_second_writer_is_refused(tmp_path: Path) -> None:
    """While one writer is at work, another is turned away, and the first finishes undisturbed."""
    with Store.writing(tmp_path) as writer:
        put(writer, document("a.txt"), "A.")
        with pytest.raises(IndexBusyError), Store.writing(tmp_path):
            pytest.fail("two writers")
        commit(writer)
    with Store.open(tmp_path).reading() as reader:
        assert paths(reader) == ["a.txt"]


WRITE_AND_WAIT = """
import sys, time
from pathlib import Path
from indexer.store import Store
from tests.indexer.test_store import document, put
with Store.writing(Path(sys.argv[1])) as writer:
    for number in range(200):
        put(writer, document(f"half {number}.txt"), "Half done. " * 500)
    print("ready", flush=True)
    time.sleep(60)
"""


def test_killed_writer_leaves_the_old_generation(tmp_path: Path) -> None:
    """A writer killed with kill -9 in mid-transaction has changed nothing, and the next one can work."""
    store = indexed(tmp_path, "a.txt")
    command = [sys.executable, "-c", WRITE_AND_WAIT, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGKILL)

    with store.reading() as reader:
        assert paths(reader) == ["a.txt"]
    with Store.writing(tmp_path) as writer:
        put(writer, document("b.txt"), "B.")
        commit(writer)
    with Store.open(tmp_path).reading() as reader:
        assert paths(reader) == ["a.txt", "b.txt"]
        assert reader.version.generation == 2


# --- what cannot be opened, what was altered, what was removed


def test_no_index(tmp_path: Path) -> None:
    """Where there is no index, the error says how to make one, and nothing is made."""
    for folder in (tmp_path, tmp_path / "absent"):
        with pytest.raises(IndexMissingError, match=r"no index in .* run `citewell index SOURCE`"):
            Store.open(folder)
    assert list(tmp_path.iterdir()) == []


def test_index_whose_first_sync_never_finished(tmp_path: Path) -> None:
    """An index without any generation is missing to readers."""
    with Store.writing(tmp_path):
        pass

    with pytest.raises(IndexMissingError, match="never finished; run `citewell index SOURCE`"):
        Store.open(tmp_path)


def test_file_that_is_no_store(tmp_path: Path) -> None:
    """A file that is not ours is refused when it is opened, not at the first question."""
    (tmp_path / STORE_FILE).write_bytes(b"no database" * 1000)

    with pytest.raises(IndexFormatError, match="is damaged"):
        Store.open(tmp_path)
    with pytest.raises(IndexFormatError, match="is damaged"), Store.writing(tmp_path):
        pytest.fail("it was opened")


def test_altered_page_is_never_served(tmp_path: Path) -> None:
    """A page whose stored text is not what was indexed is an error that names it, not a quote."""
    doc_id = document("a.txt").doc_id
    indexed(tmp_path, "a.txt", "b.txt").close()
    file = sqlite3.connect(tmp_path / STORE_FILE)
    file.execute("UPDATE pages SET text = 'This was a.txt.' WHERE text = 'This is a.txt.'")
    file.commit()
    file.close()

    with Store.open(tmp_path).reading() as reader:
        with pytest.raises(IndexFormatError, match=r"row 1, 1 of table `pages` .* doctor --repair`"):
            reader.page(doc_id, 1)
        assert reader.page(document("b.txt").doc_id, 1)[0].text == "This is b.txt."


@pytest.mark.parametrize("altered", ["no JSON", '{"doc_id": "a"}'])
def test_altered_record_is_told(tmp_path: Path, altered: str) -> None:
    """A document's record that cannot be read, or lacks something, is an error that names the remedy."""
    indexed(tmp_path, "a.txt").close()
    file = sqlite3.connect(tmp_path / STORE_FILE)
    file.execute("UPDATE documents SET record = ?", (altered,))
    file.commit()
    file.close()

    store = Store.open(tmp_path)
    with (
        pytest.raises(IndexFormatError, match=r"row 1 of table `documents` .* doctor --repair`"),
        store.reading() as reader,
    ):
        reader.documents()


@pytest.mark.parametrize("is_served", [False, True])
def test_nothing_readable_of_a_removed_document_stays(tmp_path: Path, is_served: bool) -> None:
    """After a removal no text of the document is left in any file, also while a reader has the index open."""
    folder = tmp_path / "index"
    secrets = [f"{field}-hushhush" for field in ("title", "text", "long", "context", "heading", "path", "body")]
    title, text, long, context, heading, path, body = secrets
    secret = document(path, Metadata(title=title, body=body), pages=2)
    pages = [page(1, f"{text} is here."), page(2, f"{long} is here. " * 1000)]  # the second in pages of its own
    passages = [Passage(one.text, (Span(one.number, 0, len(one.text)),), context, (heading,)) for one in pages]
    with Store.writing(folder) as writer:
        writer.put_document(
            secret,
            "r1",
            pages=pages,
            removals=[],
            passages=passages,
            vectors=vectors(passages),
            sketches=sketches(passages),
        )
        for number in range(5):
            put(writer, document(f"{number}.txt"), "Public text. " * 50)
        commit(writer)
    stored = bytes_of(folder)
    assert all(secret_.encode() in stored for secret_ in secrets)

    store = Store.open(folder)
    if not is_served:
        store.close()
    with Store.writing(folder) as writer:
        writer.remove_document(secret.doc_id)
        commit(writer)

    assert b"hushhush" not in bytes_of(folder)
    assert b"Public text." in bytes_of(folder)
    store.close()


# --- damage


def change(folder: Path, statement: str, *values: object) -> None:
    """Alter a store behind its back."""
    file = sqlite3.connect(folder / STORE_FILE)
    assert file.execute(statement, values).rowcount > 0
    file.commit()
    file.close()


def ask_everything(reader: Reader) -> list[object]:
    """Ask all that a search or a listing asks."""
    ids = [outline.passage_id for outline in reader.outlines()]
    doc_ids = [made.doc_id for made in reader.documents()]
    return [
        reader.version,
        reader.fingerprint,
        reader.finished_at,
        reader.counts(),
        reader.bodies(),
        reader.kinds(),
        [reader.page(doc_id, 1) for doc_id in doc_ids],
        reader.passages(ids),
        [reader.passage_ids(doc_id) for doc_id in doc_ids],
        [found.tolist() for found in reader.vectors_since(0, DIM)],
        {passage: found.tolist() for passage, found in reader.vectors(ids, DIM).items()},
        list(reader.texts_since(0)),
        list(reader.texts_of(doc_ids)),
        reader.removed_since(0).tolist(),
        reader.has_version(reader.version),
        reader.refusals(),
    ]


def damaged(folder: Path) -> Store:
    """Make an index that has rows in every table."""
    with Store.writing(folder) as writer:
        for path in ("a.txt", "b.txt", "c.txt"):
            put(writer, document(path, Metadata(body="Norton", kind="visit")), f"This is {path}.")
        writer.put_refusals([(Refused("/reports", "e.txt", Refusal.EMPTY, "it is empty"), Known("ab", "r"))])
        commit(writer)
    with Store.writing(folder) as writer:
        writer.remove_document(document("a.txt").doc_id)
        commit(writer)
    return Store.open(folder)


COLUMNS = [(table.name, column) for table in TABLES for column in (*table.columns, "hash")]
UNHASHED = [("pages", "text"), ("passages", "sketch"), ("passages", "vectors")]


@pytest.mark.parametrize(("table", "column"), COLUMNS + UNHASHED)
def test_no_altered_column_is_served(tmp_path: Path, table: str, column: str) -> None:
    """Whatever value of whatever row was altered: what depends on it is an error, what does not is as before."""
    store = damaged(tmp_path)
    with store.reading() as reader:
        before = ask_everything(reader)
        reader.check()
    store.close()
    change(
        tmp_path,
        f"UPDATE {table} SET {column} = CASE typeof({column}) WHEN 'integer' THEN {column} + 7"
        f" WHEN 'blob' THEN randomblob(length({column}) + 1) WHEN 'null' THEN 'x' ELSE {column} || 'x' END"
        f" WHERE rowid = (SELECT max(rowid) FROM {table})",
    )
    with suppress(UnusableIndexError), Store.open(tmp_path).reading() as reader:
        assert ask_everything(reader) == before
    with pytest.raises(IndexFormatError, match="doctor --repair"), Store.open(tmp_path).reading() as reader:
        reader.check()


@pytest.mark.parametrize("table", [table.name for table in TABLES])
def test_no_vanished_row_is_overlooked(tmp_path: Path, table: str) -> None:
    """A collection that lost a row is damaged, not smaller."""
    damaged(tmp_path).close()
    change(tmp_path, f"DELETE FROM {table} WHERE rowid = (SELECT max(rowid) FROM {table})")
    with pytest.raises(IndexFormatError, match="doctor --repair"), Store.open(tmp_path).reading() as reader:
        reader.check()


def test_a_lost_document_is_not_taken_for_an_unknown_one(tmp_path: Path) -> None:
    """Who asks for it by its id is told of damage, and so is who asks for its page or its passage."""
    damaged(tmp_path).close()
    change(tmp_path, "DELETE FROM documents WHERE path = 'c.txt'")
    change(tmp_path, "DELETE FROM passages WHERE passage = 3")
    with Store.open(tmp_path).reading() as reader:
        for ask in (
            lambda: reader.document(document("c.txt").doc_id),
            lambda: reader.page(document("c.txt").doc_id, 1),
            lambda: reader.find("c.txt"),
            lambda: reader.passages([3]),
            lambda: reader.vectors([3], DIM),
        ):
            with pytest.raises(IndexFormatError, match="doctor --repair"):
                ask()
        assert reader.document(document("b.txt").doc_id).path == "b.txt"


def test_a_row_does_not_pass_for_another(tmp_path: Path) -> None:
    """Texts that changed places are each as they were written, but not where."""
    damaged(tmp_path).close()
    change(tmp_path, "UPDATE pages SET document = document + 100")
    change(tmp_path, "UPDATE pages SET document = 105 - document")
    with Store.open(tmp_path).reading() as reader, pytest.raises(IndexFormatError, match="`pages`"):
        reader.page(document("b.txt").doc_id, 1)


def test_a_sync_does_not_go_on_from_damage(tmp_path: Path) -> None:
    """A writer that finds damage changes nothing."""
    damaged(tmp_path).close()
    change(tmp_path, "UPDATE documents SET recipe = 'x' WHERE path = 'c.txt'")
    with pytest.raises(IndexFormatError, match="doctor --repair"), Store.writing(tmp_path):
        pytest.fail("it was opened")


@pytest.mark.parametrize("kind", ["folder", "pipe"])
def test_what_is_no_file_is_not_opened(tmp_path: Path, kind: str) -> None:
    """SQLite would wait for a pipe."""
    (tmp_path / STORE_FILE).mkdir() if kind == "folder" else os.mkfifo(tmp_path / STORE_FILE)
    with pytest.raises(IndexFormatError, match="is not a file"):
        Store.open(tmp_path)


def test_numbers_of_a_store_that_is_followed_are_not_given_again(tmp_path: Path) -> None:
    """A store that takes another's place goes on where that one was."""
    with Store.writing(tmp_path) as writer:
        writer.follow(7, 20, 300)
        assert put(writer, document("a.txt"), "One.", "Two.") == [301, 302]
        commit(writer)
    with Store.open(tmp_path).reading() as reader:
        assert reader.version.generation == 8
