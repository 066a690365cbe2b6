from collections.abc import Sequence
from datetime import date

from indexer.records import Document, Event
from service.citation import Citation
from service.newer import newer
from tests.service.made import document

OLD, MIDDLE, NEW = (
    document(name, "Redbrook Council", date(year, 3, 1))
    for name, year in (("old", 2015), ("mid", 2018), ("new", 2021))
)


def cited(one: Document) -> Citation:
    """Cite the first page of a document."""
    metadata = one.metadata
    about = metadata.publisher, metadata.body, metadata.published, metadata.kind
    return Citation(one.doc_id, one.doc_id, *about, one.path, 1, 1, ((1, 0, 5),), "0" * 64, one.sha256, "")


def told(
    quoted: Sequence[Document], found: Sequence[Document], documents: Sequence[Document]
) -> list[tuple[str, str]]:
    notes = newer([cited(one) for one in quoted], [cited(one) for one in found], documents)
    return [(note.body, note.document.doc_id) for note in notes]


def test_the_latest_report_is_told_of() -> None:
    """Of several that are later than the one cited, the latest counts."""
    assert told([OLD], [OLD], [OLD, MIDDLE, NEW]) == [("Redbrook Council", "new")]


def test_nothing_is_told_of_the_latest_report_itself() -> None:
    """Where the latest report is cited, an older one beside it needs no note."""
    assert told([NEW, OLD], [], [OLD, MIDDLE, NEW]) == []


def test_a_report_that_was_found_is_told_of_first() -> None:
    """Its place is known, so that one is shown rather than a still later one of which nothing was found."""
    (note,) = newer([cited(OLD)], [cited(OLD), cited(MIDDLE)], [OLD, MIDDLE, NEW])
    assert (note.document, note.found, note.day) == (MIDDLE, cited(MIDDLE), date(2018, 3, 1))


def test_a_body_has_one_note() -> None:
    """However often and under whatever name it is cited, a body's later report is told of once."""
    renamed = document("renamed", "redbrook", date(2016, 1, 1))
    assert told([OLD, renamed, OLD], [], [OLD, renamed, NEW]) == [("redbrook", "new")]


def test_other_bodies_are_not_newer() -> None:
    """A later report on another body says nothing about this one."""
    assert told([OLD], [], [OLD, document("other", "Bluehill", date(2022, 1, 1))]) == []


def test_an_inspection_counts_where_its_publication_is_unknown() -> None:
    """The days that a report is on tell how new it is."""
    visited = document("visited", "Redbrook", events=[Event(date(2023, 5, 2), date(2023, 5, 4))])
    (note,) = newer([cited(NEW)], [], [NEW, visited])
    assert (note.document, note.day) == (visited, date(2023, 5, 4))


def test_what_is_of_no_known_body_or_day_is_left_out() -> None:
    """Neither as cited nor as later."""
    nameless, undated = document("nameless", None, date(2023, 1, 1)), document("undated", "Redbrook Council")
    assert told([OLD], [], [OLD, nameless, undated]) == []
    assert told([nameless, undated], [], [OLD, nameless, undated, NEW]) == []
    assert told([cited_elsewhere := document("gone", "Redbrook", date(2000, 1, 1))], [], [NEW]) == [], cited_elsewhere
