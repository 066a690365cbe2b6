from collections.abc import Sequence
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.errors import InputError
from indexer.records import Event
from service import timeline as module
from service.query import Query
from service.search import Searcher
from service.timeline import Entry, Timeline, timeline, when, years_of
from tests.service.conftest import Library, make_library
from tests.service.made import document

MANIFEST = """\
path,body,published,kind
a.txt,Redbrook Council,2019-05-22,inspection
b.txt,Redbrook Council,2016-02-28,focused visit
c.txt,Redbrook Council,2022-02-28,focused visit
d.txt,Bluehill City Council,2021-12-31,inspection
e.txt,Redbrook Council,,inspection
"""
REPORTS = {
    "a.txt": "Otters came back to the river.\n\nBridges were painted in summer.",
    "b.txt": "The otters were gone from the river.\n\nNobody knew why.",
    "c.txt": "Buses run late on Sundays and drivers wait for the ferry at night.",
    "d.txt": "Otters were counted in the river by children of two schools.",
    "e.txt": "Otters slept under the bridge by the river.",
}


@pytest.fixture(scope="module")
def otters(tmp_path_factory: pytest.TempPathFactory) -> Library:
    """Give a library in which reports of two bodies speak of otters."""
    return make_library(tmp_path_factory.mktemp("otters"), REPORTS, MANIFEST)


@pytest.fixture(scope="module")
def found(otters: Library) -> Searcher:
    """Give a searcher of it."""
    return otters.searcher()


def laid_out(searcher: Searcher, query: Query) -> Timeline:
    """Make a timeline of what the index holds now."""
    with searcher.opened() as (reader, generation):
        return timeline(searcher, reader, generation, query)


def paths(entries: Sequence[Entry]) -> list[str]:
    return [entry.document.path for entry in entries]


def test_reports_come_in_the_order_of_their_days_with_one_quote_each(found: Searcher) -> None:
    """The best sentence of each report of the body is quoted; reports without a day have a group of their own."""
    line = laid_out(found, Query("otters in the river", bodies=("redbrook",)))
    assert paths(line.dated) == ["b.txt", "a.txt"]
    assert paths(line.undated) == ["e.txt"]
    quotes = [entry.told.quote.text for entry in (*line.dated, *line.undated) if entry.told]
    assert quotes == [REPORTS["b.txt"].split("\n")[0], REPORTS["a.txt"].split("\n")[0], REPORTS["e.txt"]]
    assert line.bodies == ("Redbrook Council",)
    assert not line.is_read


def test_every_quote_stands_on_the_page_that_is_cited(found: Searcher) -> None:
    """The characters that a citation names are those of the quote."""
    line = laid_out(found, Query("otters"))
    with found.opened() as (reader, _):
        for entry in (*line.dated, *line.undated):
            assert entry.told
            ((page, start, end),) = entry.told.quote.citation.spans
            assert reader.page_text(entry.document.doc_id, page)[start:end] == entry.told.quote.text


def test_reports_that_say_nothing_are_named(found: Searcher, monkeypatch: pytest.MonkeyPatch) -> None:
    """A report of the body whose best sentence is far from the question is listed, without a quote."""
    monkeypatch.setattr("service.answering.WITHIN_APART", 3.0)
    line = laid_out(found, Query("otters in the river", bodies=("redbrook",)))
    assert paths(line.silent) == ["c.txt"]
    assert all(entry.told is None for entry in line.silent)
    assert laid_out(found, Query("otters in the river")).silent == ()


def test_the_body_is_read_from_the_question(found: Searcher) -> None:
    """A question that names a body is about its reports alone, unless nothing shall be read from it."""
    line = laid_out(found, Query("otters at Bluehill"))
    assert (paths(line.dated), line.bodies, line.is_read) == (["d.txt"], ("Bluehill City Council",), True)
    everywhere = laid_out(found, Query("otters at Bluehill", infer=False))
    assert {"a.txt", "d.txt"} <= set(paths(everywhere.dated))
    assert (everywhere.bodies, everywhere.is_read) == ((), False)


def test_without_a_body_those_are_counted_that_something_was_found_on(found: Searcher) -> None:
    """The bodies of the reports that are quoted, with the number of these."""
    line = laid_out(found, Query("otters in the river"))
    assert line.on["Bluehill City Council"] == 1
    assert line.on["Redbrook Council"] >= 3


def test_a_question_that_nothing_answers_says_so(found: Searcher) -> None:
    """A question on what no report speaks of has a reason, and one that is answered has none."""
    assert laid_out(found, Query("Who repaired the telescope in Atlantis?")).reason
    assert laid_out(found, Query("otters in the river", bodies=("Redbrook",))).reason is None


def test_only_the_nearest_reports_are_laid_out(found: Searcher, monkeypatch: pytest.MonkeyPatch) -> None:
    """How many were left out is told, and they do not count as silent."""
    monkeypatch.setattr(module, "MOST_QUOTED", 1)
    whole = laid_out(found, Query("otters", bodies=("redbrook",)))
    assert len(whole.dated) + len(whole.undated) == 1
    assert whole.left_out >= 2
    assert len(whole.silent) + whole.left_out + 1 == 4


def test_filters_hold(found: Searcher) -> None:
    """Reports that the filters keep out are neither quoted nor called silent."""
    line = laid_out(found, Query("otters", bodies=("redbrook",), published_from=date(2018, 1, 1)))
    assert set(paths(line.dated) + paths(line.silent)) == {"a.txt", "c.txt"}
    with pytest.raises(InputError, match="no document of body"):
        laid_out(found, Query("otters", bodies=("Nowhere",)))


def test_an_empty_index_has_no_timeline(tmp_path: Path) -> None:
    """Nothing is found, and why is told."""
    line = laid_out(make_library(tmp_path, {}, "path\n").searcher(), Query("otters"))
    assert (line.dated, line.undated, line.silent) == ((), (), ())
    assert line.reason == "the index holds no documents"


def test_the_day_is_that_of_the_publication_else_the_last_that_is_known() -> None:
    """A year in the title alone is no exact day."""
    visit = Event(date(2018, 5, 1), date(2018, 5, 4))
    found = [
        when(document("a", published=date(2018, 7, 2), events=[visit])),
        when(document("b", events=[visit])),
        when(document("c", title="Review of 2017")),
        when(document("d", title="Review")),
    ]
    assert [one and (one.day, one.is_exact) for one in found] == [
        (date(2018, 7, 2), True),
        (date(2018, 5, 4), True),
        (date(2017, 12, 31), False),
        None,
    ]


def test_years_without_reports_are_counted_too() -> None:
    """Years follow on one another; unknown kinds come last, and reports without a day stand apart."""
    made = [
        document("a", published=date(2017, 1, 1), kind="visit"),
        document("b", published=date(2019, 1, 1), kind="visit"),
        document("c", published=date(2019, 1, 1)),
        document("d", kind="letter"),
    ]
    years = years_of(made)
    assert years.kinds == ("visit", "letter", None)
    assert dict(years.counts) == {2017: (1, 0, 0), 2018: (0, 0, 0), 2019: (1, 0, 1)}
    assert years.undated == (0, 1, 0)


@given(
    st.lists(
        st.tuples(
            st.none() | st.dates(date(1990, 1, 1), date(2030, 1, 1)), st.sampled_from(["visit", "letter", None])
        ),
        max_size=30,
    )
)
def test_every_document_is_counted_once(made: list[tuple[date | None, str | None]]) -> None:
    """All numbers together are as many as there are documents."""
    years = years_of([document(str(i), published=day, kind=kind) for i, (day, kind) in enumerate(made)])
    assert sum(map(sum, years.counts.values())) + sum(years.undated) == len(made)
    assert list(years.counts) == sorted(years.counts)
