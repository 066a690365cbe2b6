import json
import sqlite3
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from indexer.database import STORE_FILE
from indexer.embedded import Embedded
from indexer.errors import IndexFormatError
from indexer.records import Span, StoredPassage
from indexer.store import Reader
from service.citation import Citation, cite, cite_spans, cite_within, page_link, text_of
from tests.faults.damage import reseal
from tests.service.conftest import REPORTS, Library, make_library


def passage(reader: Reader, words: str) -> StoredPassage:
    """Find the passage that holds these words."""
    ids = [passage_id for document in reader.documents() for passage_id in reader.passage_ids(document.doc_id)]
    return next(stored for stored in reader.passages(ids).values() if words in stored.passage.text)


def change(library: Library, statement: str, *values: object) -> None:
    """Alter the index behind its back, so carefully that the hashes of its rows do not tell."""
    connection = sqlite3.connect(library.settings.index / STORE_FILE)
    with connection:
        assert connection.execute(statement, values).rowcount > 0
    connection.close()
    reseal(library.settings.index)


def test_a_citation_says_where_a_passage_stands(shelf: Library) -> None:
    """A passage over a page break has a span on each page, and its link marks those of the first."""
    with Embedded.open(shelf.settings.index).reading() as reader:
        stored = passage(reader, "Foster carers")
        found = cite([stored], reader)
    first, second = REPORTS["redbrook/2019.txt"].split("\f")
    start, end = first.index("Foster"), second.index("\n\nBridges")
    text = f"{first[start:]}\n{second[:end]}"
    doc_id = stored.document.doc_id
    assert found == Citation(
        doc_id=doc_id,
        title="Redbrook: first visit",
        publisher="Office of Visits",
        body="Redbrook Council",
        published=date(2019, 5, 22),
        kind="inspection",
        source="redbrook/2019.txt",
        page=1,
        page_end=2,
        spans=((1, start, len(first)), (2, 0, end)),
        text_sha256=sha256(text.encode()).hexdigest(),
        doc_sha256=sha256(REPORTS["redbrook/2019.txt"].encode()).hexdigest(),
        link=f"/v1/documents/{doc_id}/pages/1?spans={start}-{len(first)}",
    )


def test_neighbouring_passages_are_cited_as_one(shelf: Library) -> None:
    """The spans of all stand in order, the hash is that of the joined text, and the link marks those of one page."""
    with Embedded.open(shelf.settings.index).reading() as reader:
        parts = [passage(reader, words) for words in ("The school budget grew", "Foster carers", "Bridges")]
        found, alone = cite(parts, reader), cite(parts[:1], reader)
    pages = REPORTS["redbrook/2019.txt"].split("\f")
    cut = "\n".join(pages[page - 1][start:end] for page, start, end in found.spans)
    assert cut == text_of(parts) == "\n".join(part.passage.text for part in parts)
    assert found.text_sha256 == sha256(cut.encode()).hexdigest()
    assert (found.page, found.page_end, len(found.spans)) == (1, 2, 4)
    marked = ",".join(f"{start}-{end}" for page, start, end in found.spans if page == 1)
    assert found.link == f"/v1/documents/{found.doc_id}/pages/1?spans={marked}"
    assert alone.text_sha256 == parts[0].text_sha256


def test_one_altered_part_keeps_all_from_being_cited(library: Library) -> None:
    """A quote of several passages is checked in each of them."""
    change(library, "UPDATE passages SET text = replace(text, 'Bridges', 'Ridges')")
    with Embedded.open(library.settings.index).reading() as reader:
        parts = [passage(reader, words) for words in ("Foster carers", "Ridges")]
        with pytest.raises(IndexFormatError, match="is not what its pages say"):
            cite(parts, reader)


def test_a_document_without_a_title_goes_by_its_file_name(shelf: Library) -> None:
    """Unknown metadata stay unknown, but a citation always has something to call the document."""
    with Embedded.open(shelf.settings.index).reading() as reader:
        found = cite([passage(reader, "without a date")], reader)
    assert (found.title, found.publisher, found.body, found.published, found.kind) == ("loose.txt", *[None] * 4)


@pytest.mark.parametrize(
    ("statement", "values"),
    [
        ("UPDATE pages SET text = replace(text, 'five', 'nine')", ()),
        ("UPDATE pages SET text = replace(text, 'five', 'nine'), sha256 = ?", (sha256(b"other").hexdigest(),)),
        ("UPDATE passages SET text = replace(text, 'five', 'nine')", ()),
        ("UPDATE passages SET sha256 = ?", (sha256(b"other").hexdigest(),)),
        ("UPDATE passages SET spans = ?", (json.dumps([[1, 1, 20]]),)),
        ("UPDATE passages SET spans = ?", (json.dumps([[9, 0, 20]]),)),
        ("DELETE FROM pages", ()),
    ],
    ids=["page", "page and its hash", "passage", "hash", "span", "span on no page", "pages gone"],
)
def test_an_altered_passage_is_not_cited(library: Library, statement: str, values: tuple[str, ...]) -> None:
    """Whatever was altered in the store, the passage does not leave, and the error says what to do."""
    change(library, statement, *values)
    with (
        pytest.raises(IndexFormatError, match="damaged") as error,
        Embedded.open(library.settings.index).reading() as reader,
    ):
        cite([passage(reader, "The school budget")], reader)
    assert "run `citewell doctor --repair`" in str(error.value)


def test_altering_page_and_passage_alike_is_noticed(library: Library) -> None:
    """Even a change that is the same in all texts does not pass, since the hashes tell."""
    text = REPORTS["redbrook/2022.txt"].replace("two", "ten")
    change(library, "UPDATE passages SET text = replace(text, 'two', 'ten')")
    change(
        library,
        "UPDATE pages SET text = ?, sha256 = ? WHERE text LIKE '%shrank%'",
        text,
        sha256(text.encode()).hexdigest(),
    )
    with Embedded.open(library.settings.index).reading() as reader:
        with pytest.raises(IndexFormatError, match=r"`redbrook/2022\.txt` is not what its pages say"):
            cite([passage(reader, "ten per cent")], reader)
        whole = passage(reader, "The library")
        assert cite([whole], reader).text_sha256 == whole.text_sha256


def test_a_passage_that_is_not_of_the_store_is_not_cited(shelf: Library) -> None:
    """The text is compared with the pages, not with itself."""
    with Embedded.open(shelf.settings.index).reading() as reader:
        stored = passage(reader, "The library")
        forged = replace(stored, passage=replace(stored.passage, text="The library opened early."))
        with pytest.raises(IndexFormatError):
            cite([forged], reader)


def test_a_link_marks_every_span_of_its_page_and_no_other() -> None:
    """Spans of other pages have no place on this one."""
    spans = (Span(3, 5, 9), Span(3, 12, 20), Span(4, 0, 7))
    assert page_link("d0c", 3, spans) == "/v1/documents/d0c/pages/3?spans=5-9,12-20"
    assert page_link("d0c", 4, spans) == "/v1/documents/d0c/pages/4?spans=0-7"


# --- parts of passages


def cut(found: Citation, texts: Mapping[str, str]) -> str:
    """Cut a citation's spans out of the pages of its file."""
    pages = texts[found.source].split("\f")
    return "\n".join(pages[page - 1][start:end] for page, start, end in found.spans)


def test_a_part_of_a_passage_is_cited_by_its_own_characters(shelf: Library) -> None:
    """Its hash is of the part alone; all that is told of the document is as for the whole."""
    with Embedded.open(shelf.settings.index).reading() as reader:
        stored = passage(reader, "Foster carers")
        start, end = stored.passage.text.index("trained"), stored.passage.text.index(" arrived")
        found, whole = cite_within(stored, start, end, reader), cite([stored], reader)
    assert cut(found, REPORTS) == stored.passage.text[start:end] == "trained each of them before the\nfirst child"
    assert found.text_sha256 == sha256(cut(found, REPORTS).encode()).hexdigest()
    first, second = REPORTS["redbrook/2019.txt"].split("\f")
    place = first.index("trained")
    assert found.spans == ((1, place, len(first)), (2, 0, second.index(" arrived")))
    assert (found.page, found.page_end) == (1, 2)
    assert found.link == f"/v1/documents/{found.doc_id}/pages/1?spans={place}-{len(first)}"
    assert replace(found, spans=whole.spans, text_sha256=whole.text_sha256, link=whole.link) == whole


def test_a_part_on_the_second_page_is_cited_there(shelf: Library) -> None:
    """The page that a passage begins on plays no part."""
    with Embedded.open(shelf.settings.index).reading() as reader:
        stored = passage(reader, "Foster carers")
        start = stored.passage.text.index("first child")
        found = cite_within(stored, start, start + 5, reader)
    assert (found.page, found.page_end, found.spans) == (2, 2, ((2, 0, 5),))


def test_the_whole_of_a_passage_is_cited_as_the_passage_is(shelf: Library) -> None:
    """There is one way to cite it."""
    with Embedded.open(shelf.settings.index).reading() as reader:
        for words in ("Foster carers", "The library", "without a date"):
            stored = passage(reader, words)
            assert cite_within(stored, 0, len(stored.passage.text), reader) == cite([stored], reader)


PIECES = ["Gulls cry as", "eels sleep;", "é ‘crabs’.", "\n", "\n\n", "\f", "  "]
TEXTS = st.lists(st.sampled_from(PIECES), min_size=1, max_size=30).map(
    lambda pieces: " ".join(one if one.isspace() else f"{one} {number}" for number, one in enumerate(pieces))
)


@given(TEXTS.filter(lambda text: bool(text.strip())), st.data())
@hypothesis_settings(max_examples=30, deadline=None)
def test_any_part_of_any_passage_is_exactly_these_characters(
    tmp_path_factory: pytest.TempPathFactory, text: str, data: st.DataObject
) -> None:
    """Over page breaks too, wherever it begins and ends within the spans."""
    library = make_library(tmp_path_factory.mktemp("parts"), {"any.txt": text}, "path\n")
    with Embedded.open(library.settings.index).reading() as reader:
        ids = [passage_id for document in reader.documents() for passage_id in reader.passage_ids(document.doc_id)]
        for stored in reader.passages(ids).values():
            joints, at = set(), -1
            for span in stored.passage.spans[:-1]:
                at += span.end - span.start + 1
                joints.add(at)
            inside = [place for place in range(len(stored.passage.text)) if place not in joints]
            for _ in range(4):
                start, last = sorted(data.draw(st.tuples(st.sampled_from(inside), st.sampled_from(inside))))
                found = cite_within(stored, start, last + 1, reader)
                assert cut(found, {"any.txt": text}) == stored.passage.text[start : last + 1]
                assert found.text_sha256 == sha256(cut(found, {"any.txt": text}).encode()).hexdigest()


def test_a_part_that_begins_between_pages_is_not_cited(shelf: Library) -> None:
    """The line feed that joins them stands on neither; nor is nothing cited."""
    with Embedded.open(shelf.settings.index).reading() as reader:
        stored = passage(reader, "Foster carers")
        joint = stored.passage.text.index("\nfirst")
        for start, end in ((joint, joint + 6), (joint - 3, joint + 1), (joint, joint + 1), (5, 5)):
            with pytest.raises(IndexFormatError):
                cite_within(stored, start, end, reader)


def test_no_part_of_an_altered_passage_is_cited(library: Library) -> None:
    """Also where the part itself is as it was."""
    change(library, "UPDATE passages SET text = replace(text, 'Carers meet', 'Carers met')")
    with Embedded.open(library.settings.index).reading() as reader:
        stored = passage(reader, "Foster carers")
        with pytest.raises(IndexFormatError, match="is not what its pages say"):
            cite_within(stored, 0, 13, reader)


def test_any_places_of_a_document_may_be_cited(shelf: Library) -> None:
    """Whatever passages they are in, as long as they read as is said."""
    with Embedded.open(shelf.settings.index).reading() as reader:
        document = passage(reader, "Foster carers").document
        spans = (Span(1, 4, 10), Span(2, 0, 5))
        found = cite_spans(document, spans, "school\nfirst", reader)
        assert (found.spans, found.page, found.page_end) == (((1, 4, 10), (2, 0, 5)), 1, 2)
        assert found.text_sha256 == sha256(b"school\nfirst").hexdigest()
        for wrong, text in ((spans, "school first"), (spans[:1], "School"), ((), ""), ((Span(9, 0, 5),), "first")):
            with pytest.raises(IndexFormatError, match="damaged"):
                cite_spans(document, wrong, text, reader)
