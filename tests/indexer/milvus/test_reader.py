"""Questions to one generation in Milvus: what was put comes back as it was, and damage is told."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from indexer.errors import GenerationGoneError, IndexFormatError, InputError, NotFoundError, Refusal
from indexer.hashes import text_sha256
from indexer.milvus import Milvus
from indexer.milvus.reader import Reader
from indexer.milvus.server import Table
from indexer.milvus.tables import text_key
from indexer.records import Counts, Furniture, Known, Metadata, Page, Passage, Refused, Removal, Span, Version
from tests.indexer.milvus.fake_server import DIM, FINGERPRINT, FakeServer, commit, document, index, milvus, put

NORTON = document(
    "north/a.pdf", Metadata("A “visit”", body="Norton", published=date(2021, 3, 4), kind="visit"), pages=2
)
SOUTH = document("south/a.pdf", Metadata(body="Sutton"))
NOBODY = document("b.pdf", root="/more")
REFUSED = Refused("/reports", "bad.pdf", Refusal.DAMAGED, "it is damaged", (2,))


@pytest.fixture
def server() -> FakeServer:
    return FakeServer()


@pytest.fixture
def opened(server: FakeServer, tmp_path: Path) -> Milvus:
    """Three documents, one with two pages and furniture, and a refusal."""
    made = milvus(server, tmp_path)
    with made.writing(DIM) as writer:
        removals = [Removal(Span(2, 0, 3), Furniture.HEADER), Removal(Span(1, 0, 1), Furniture.PAGE_NUMBER)]
        put(writer, NORTON, "1 Norton’s first page", "Top of the second", removals=removals)
        put(writer, SOUTH, "All of Sutton")
        put(writer, NOBODY, "Of nobody")
        writer.put_refusals([(REFUSED, Known("ab", "r1"))])
        commit(writer)
    return made


@pytest.fixture
def reader(opened: Milvus) -> Iterator[Reader]:
    with opened.reading() as made:
        yield made


def test_documents_come_by_folder_and_path(reader: Reader) -> None:
    """The order is that of the embedded store, and owners go by it."""
    assert reader.documents() == [NOBODY, NORTON, SOUTH]
    assert list(reader.owners().values()) == [NOBODY.doc_id, "body Norton", "body Sutton"]
    assert reader.document(SOUTH.doc_id) == SOUTH
    with pytest.raises(NotFoundError, match="no document `nothing`"):
        reader.document("nothing")


def test_counts_are_sums(reader: Reader) -> None:
    """What is counted was counted when it was written."""
    assert reader.counts() == Counts(3, 4, 0, 4, 1, {"page number": 1, "running header": 1})
    assert (reader.bodies(), reader.kinds()) == ({"Norton": 1, "Sutton": 1}, {"visit": 1})
    assert reader.passage_count == 4
    assert reader.fingerprint == FINGERPRINT
    assert reader.finished_at
    assert reader.version.generation == 1
    assert reader.has_version(reader.version)
    assert not reader.has_version(Version(1, "of another history"))


def test_a_document_is_found_by_the_end_of_its_path(reader: Reader) -> None:
    """An id, a path or its end fit; where two do, both are named."""
    for name in (NORTON.doc_id, "north/a.pdf", "/reports/north/a.pdf"):
        assert reader.find(name) == NORTON
    with pytest.raises(InputError, match=r"fits several documents, such as .*north/a\.pdf.* and .*south/a\.pdf"):
        reader.find("a.pdf")
    with pytest.raises(NotFoundError, match=r"no document `c\.pdf`"):
        reader.find("c.pdf")


def test_pages_come_with_what_was_kept_out(reader: Reader) -> None:
    """A page has its text and its own furniture."""
    assert reader.page(NORTON.doc_id, 2) == (
        Page(2, "Top of the second"),
        (Removal(Span(2, 0, 3), Furniture.HEADER),),
    )
    assert reader.page_text(NORTON.doc_id, 1) == "1 Norton’s first page"
    for number in (0, 3, 2**70):
        with pytest.raises(NotFoundError, match="its pages are 1 to 2"):
            reader.page(NORTON.doc_id, number)
    with pytest.raises(NotFoundError):
        reader.page_text("nothing", 1)


def test_passages_come_back_as_cut(reader: Reader) -> None:
    """Text, spans, headings, sentences and hash are as put; other ids are left out."""
    ids = reader.passage_ids(NORTON.doc_id)
    assert ids == [ids[0], ids[0] + 1]
    found = reader.passages([*ids, 5, 2**40, -1])
    assert list(found) == ids
    one = found[ids[1]]
    text = "Top of the second"
    assert one.passage == Passage(text, (Span(2, 0, len(text)),), "a context", ("Heading",), ((0, 1),))
    assert (one.document, one.text_sha256) == (NORTON, text_sha256(text))
    assert reader.passage_ids("nothing") == []
    assert reader.texts([ids[1], 5]) == {ids[1]: ("a context", text)}


def test_vectors_come_back(reader: Reader) -> None:
    """Of each passage there are those of the whole and of its sentences, in half precision."""
    first = reader.passage_ids(SOUTH.doc_id)[0]
    found = reader.vectors([first, 5], DIM)
    assert list(found) == [first]
    assert found[first].dtype == np.float16
    assert (found[first] == np.full((2, DIM), len("All of Sutton"))).all()
    with pytest.raises(IndexFormatError, match="4 numbers, not 8"):
        reader.vectors([first], 8)


def test_texts_of_some_documents(reader: Reader) -> None:
    """They come in the order of documents, each document's in its own."""
    pairs = list(reader.texts_of([SOUTH.doc_id, NORTON.doc_id, "nothing"]))
    assert pairs == [
        (NORTON.doc_id, "1 Norton’s first page"),
        (NORTON.doc_id, "Top of the second"),
        (SOUTH.doc_id, "All of Sutton"),
    ]


def test_all_of_a_document_as_one_value(reader: Reader) -> None:
    """Contents hold what was put, so that it can be put elsewhere."""
    found = reader.contents(NORTON.doc_id)
    assert (found.document, found.recipe) == (NORTON, "r1")
    assert [page.text for page in found.pages] == ["1 Norton’s first page", "Top of the second"]
    assert [removal.span.page for removal in found.removals] == [1, 2]
    assert [one.text for one in found.passages] == [page.text for page in found.pages]
    assert [one[0, 0] for one in found.vectors] == [21, 17]
    assert [one.tolist() for one in found.sketches] == [[21, 4_000_000_000], [17, 4_000_000_000]]


def test_refusals(reader: Reader) -> None:
    """The files that were refused come with why."""
    assert reader.refusals() == [REFUSED]


@pytest.mark.parametrize("kind", ["p", "t", "v"])
@pytest.mark.parametrize("harm", ["altered", "missing", "exchanged"])
def test_damage_is_told(server: FakeServer, reader: Reader, kind: str, harm: str) -> None:
    """Whatever was altered of a record, it is not served, and the error names it."""
    rows = server.rows[Table.RECORDS]
    keys = [key for key in rows if str(key).startswith(f"{kind}/")]
    for key, other in zip(keys, [*keys[1:], keys[0]], strict=True):
        data = str(rows[key]["data"])
        if harm == "missing":
            del rows[key]
        elif harm == "altered":
            rows[key] = {**rows[key], "data": data[:-2] + ("x" if data[-2] != "x" else "y") + data[-1]}
        else:
            rows[key] = {**rows[other], "key": key}
    server.rows[Table.RECORDS] = rows
    passage = reader.passage_ids(NORTON.doc_id)[0]
    questions: dict[str, Callable[[], object]] = {
        "p": lambda: reader.page(NORTON.doc_id, 1),
        "t": lambda: reader.passages([passage]),
        "v": lambda: reader.vectors([passage], DIM),
    }
    with pytest.raises(IndexFormatError, match=f"record `{kind}/"):
        questions[kind]()
    with pytest.raises(IndexFormatError):
        reader.contents(NORTON.doc_id)


def test_what_went_with_the_generation_is_to_be_asked_again(
    server: FakeServer, opened: Milvus, tmp_path: Path
) -> None:
    """A reader whose document was deleted meanwhile gets no half of it, and no talk of damage."""

    def ask(reader: Reader) -> None:
        for question in (
            lambda: reader.page_text(NORTON.doc_id, 1),
            lambda: reader.passages(reader.passage_ids(NORTON.doc_id)),
            lambda: reader.contents(SOUTH.doc_id),
            lambda: reader._sketches(reader._entry(SOUTH.doc_id)),
            lambda: list(reader.texts_of([SOUTH.doc_id])),
        ):
            with pytest.raises(GenerationGoneError):
                question()

    with suppress(GenerationGoneError), opened.reading() as reader:  # which the end of the block says as well
        index(milvus(server, tmp_path), **{"new.pdf": "new"})
        ask(reader)


def test_what_was_read_stays_within_a_generation(server: FakeServer, opened: Milvus, reader: Reader) -> None:
    """A record is asked for once, whoever asks."""
    passage = reader.passage_ids(SOUTH.doc_id)[0]
    reader.passages([passage])
    del server.rows[Table.RECORDS][text_key(passage)]
    with opened.reading() as another:
        assert another.passages([passage])[passage].passage.text == "All of Sutton"
