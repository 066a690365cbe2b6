from dataclasses import replace
from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from service.catalogue import Catalogue
from service.query import Query
from service.superseding import Later
from tests.service.conftest import Library
from tests.service.made import catalogue, document

ALDER, BIRCH = "Alder Council", "Birch Council"
FIRST, LATER, LAST = date(2019, 1, 1), date(2021, 1, 1), date(2023, 1, 1)


def later(made: Catalogue) -> dict[str, str]:
    """Tell which documents have been superseded, and by which."""
    found = {one.doc_id: made.later_than(one.doc_id) for one in made.documents}
    return {doc_id: one.doc_id for doc_id, one in found.items() if one}


def test_the_latest_report_of_a_kind_takes_the_place_of_all_before_it() -> None:
    """Whatever the spelling of the body; reports on others and of other kinds take no place."""
    made = catalogue(
        [
            document("first", ALDER, FIRST, "inspection"),
            document("later", "Alder", LATER, "inspection"),
            document("last", "alder council", LAST, "inspection"),
            document("visit", ALDER, LATER, "focused visit"),
            document("other", BIRCH, LATER, "inspection"),
        ]
    )
    assert later(made) == {"first": "last", "later": "last"}
    assert made.later_than("first") == Later("last", "last.txt", LAST, LAST)


def test_what_is_unknown_and_the_press_take_no_place() -> None:
    """A story is not outdated by the next, and nothing is by a report of an unknown day, body or kind."""
    made = catalogue(
        [
            document("known", ALDER, FIRST, "inspection"),
            document("undated", ALDER, None, "inspection"),
            document("no body", None, LAST, "inspection"),
            document("no kind", ALDER, LAST, None),
            document("story", ALDER, FIRST, "News"),
            document("next story", ALDER, LAST, "News"),
        ]
    )
    assert later(made) == {}


DAYS = st.none() | st.dates(date(2019, 1, 1), date(2019, 1, 9))


@given(
    st.lists(st.tuples(st.sampled_from([ALDER, BIRCH]), DAYS), max_size=8),
    st.dates(date(2019, 1, 1), date(2019, 1, 9)),
)
def test_as_of_a_day_nothing_later_is_there(facts: list[tuple[str, date | None]], day: date) -> None:
    """A catalogue as of a day is that of the documents published by then, also in what supersedes what."""
    documents = [document(f"d{place}", body, its, "inspection") for place, (body, its) in enumerate(facts)]
    there = [one for one in documents if one.metadata.published and one.metadata.published <= day]
    seen = catalogue(documents).as_of(day)
    assert list(seen.documents) == there
    assert later(seen) == later(catalogue(there))
    assert set(seen.numbers) == {one.metadata.body for one in there}
    assert seen.numbers_of(seen.days[:, 1] > 0).tolist() == [documents.index(one) for one in there]


def test_a_day_is_asked_of_the_generation_there_is(library: Library) -> None:
    """What is kept of a day goes with its generation: a report that came since, or went, is there or not."""
    searcher, asked = library.searcher(), Query("school", as_of=date(2022, 12, 31))
    before = {hit.citation.source for hit in searcher.search(asked).hits}
    assert before == {hit.citation.source for hit in searcher.search(replace(asked, k=9)).hits}
    (library.sources / "redbrook/2019.txt").unlink()
    manifest = library.sources / "manifest.csv"
    rows = manifest.read_text().splitlines()
    manifest.write_text("\n".join(row for row in rows if "redbrook/2019" not in row) + "\n")
    library.sync()
    assert {hit.citation.source for hit in searcher.search(asked).hits} == before - {"redbrook/2019.txt"}
    assert "redbrook/2019.txt" in before


def test_a_hit_says_what_took_its_place(library: Library) -> None:
    """In the search's own answer; a report that is the latest of its kind says nothing."""
    library.write("redbrook/2024.txt", "The school budget was cut in half by the council.")
    manifest = library.sources / "manifest.csv"
    manifest.write_text(
        manifest.read_text() + "redbrook/2024.txt,Redbrook: third visit,,Redbrook,2024-05-01,inspection\n"
    )
    library.sync()
    found = {hit.citation.source: hit.superseded_by for hit in library.searcher().search(Query("school budget")).hits}
    later = found["redbrook/2019.txt"]
    assert later
    assert (later.title, later.published) == ("Redbrook: third visit", date(2024, 5, 1))
    assert found["redbrook/2024.txt"] is found["redbrook/2022.txt"] is None
