from datetime import date
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from indexer.records import Event, Filter
from indexer.words import Terms
from service.catalogue import SPEAKS_OF, Catalogue
from service.reading import read
from service.search import Searcher
from tests.service.conftest import Library
from tests.service.made import catalogue, document

ALDER, BIRCH = "Alder Council", "Birch Council"


def told(made: Catalogue, values: NDArray[Any]) -> dict[str, float]:
    """Give the values of documents by their names, where they are not 0."""
    return {one.doc_id: float(value) for one, value in zip(made.documents, values, strict=True) if value}


def asked(made: Catalogue, question: str) -> tuple[dict[str, float], dict[str, float]]:
    """Tell which documents a question is about, and which go with its times."""
    reading = read(question, made.names)
    return told(made, made.about(reading)), told(made, made.timely(reading))


# --- filters

DAYS = st.none() | st.dates(date(2018, 1, 1), date(2018, 1, 9))
BODIES, KINDS = st.sampled_from([ALDER, BIRCH]), st.sampled_from(["inspection", "visit"])
FACTS = st.lists(st.tuples(st.none() | BODIES, DAYS, st.none() | KINDS), max_size=6)
FILTERS = st.builds(Filter, st.none() | st.frozensets(BODIES), st.none() | st.frozensets(KINDS), DAYS, DAYS)


@given(FACTS, st.lists(st.integers(0, 5), max_size=9), FILTERS)
def test_allowed_are_the_passages_whose_document_fits(
    facts: list[tuple[str | None, date | None, str | None]], places: list[int], wanted: Filter
) -> None:
    """Every part of a filter holds, its days included, and what is unknown fits none that asks for it."""
    places = [place for place in places if place < len(facts)]
    made = catalogue([document(f"d{place}", *fact) for place, fact in enumerate(facts)], [(p, ()) for p in places])
    dated = wanted.published_from is not None or wanted.published_to is not None
    fitting = []
    for passage_id, place in zip(made.ids.tolist(), places, strict=True):
        body, day, kind = facts[place]
        within = day and (wanted.published_from or date.min) <= day <= (wanted.published_to or date.max)
        if (
            body in (wanted.bodies if wanted.bodies is not None else {body})
            and kind in (wanted.kinds if wanted.kinds is not None else {kind})
            and (within or not dated)
        ):
            fitting.append(passage_id)
    allowed = made.allowed(wanted)
    assert (allowed is None) == (wanted == Filter())
    assert allowed is None or allowed.tolist() == fitting


STORED_BODIES = st.sampled_from(["Redbrook Council", "Bluehill City Council", "Nobody's Council"])
STORED_KINDS = st.sampled_from(["inspection", "focused visit"])
STORED_DAYS = st.none() | st.sampled_from(
    [date(2019, 5, 22), date(2019, 5, 23), date(2021, 12, 31), date(2023, 1, 1)]
)


@given(
    st.builds(
        Filter, st.none() | st.frozensets(STORED_BODIES), st.none() | st.frozensets(STORED_KINDS), *[STORED_DAYS] * 2
    )
)
def test_catalogue_store_and_words_let_the_same_through(searcher: Searcher, wanted: Filter) -> None:
    """Neither way of searching sees more than the other, whatever the filter."""
    with searcher.opened() as (reader, generation):
        everything = generation.catalogue.ids
        ways = [
            generation.catalogue.allowed(wanted),
            reader.allowed(wanted),
            generation.lexical.matching(Terms("", excluded=("unheard-of",)), wanted),
        ]
    one, other, third = ((everything if way is None else way).tolist() for way in ways)
    assert one == other == third


# --- whom a document is of


def test_a_document_is_about_the_body_it_is_of() -> None:
    """Each body counts as surely as the question names it, and documents of other bodies not at all."""
    made = catalogue([document("a1", ALDER), document("a2", ALDER), document("b", BIRCH), document("none")])
    assert asked(made, "What did Alder Council do?")[0] == {"a1": 1.0, "a2": 1.0}
    assert asked(made, "What did the council do?")[0] == {}
    both, _ = asked(made, "Is Alder Council better than Birch Council?")
    assert both == {"a1": 1.0, "a2": 1.0, "b": 1.0}


def test_a_document_without_a_body_is_about_those_it_speaks_of() -> None:
    """Its title and opening name them; it counts less than a document of the body, and the rest of it is not read."""
    made = catalogue(
        [
            document("own", ALDER),
            document("title", title="Alder Council opens a library"),
            document("opening"),
            document("later"),
            document("silent", title="A library opens"),
        ],
        openings={"opening": "Yesterday Alder Council opened a library.", "later": "x" * 1000 + " Alder Council"},
    )
    about, _ = asked(made, "What did Alder Council open?")
    assert set(about) == {"own", "title", "opening"}
    assert about["title"] == about["opening"] == pytest.approx(SPEAKS_OF * about["own"])
    assert asked(made, "What did they open?")[0] == {}


def test_a_collection_without_any_body_is_about_none() -> None:
    """There is nothing to name, and documents are still told apart."""
    made = catalogue([document("one", title="Alder Council"), document("other")], [(0, (1, 2)), (1, (1, 2))])
    assert asked(made, "What did Alder Council do?") == ({}, {})
    assert len(set(made.owners.tolist())) == 2
    assert made.spread.tolist() == pytest.approx([np.log(2)] * 2)


@given(st.lists(st.none() | BODIES, max_size=6), st.text("alder birch council ?", max_size=30))
def test_about_is_a_share_whatever_is_asked(bodies: list[str | None], question: str) -> None:
    """Every document has a value from 0 to 1, and all documents of a body have the same."""
    made = catalogue([document(f"d{place}", body) for place, body in enumerate(bodies)])
    about = made.about(read(question, made.names))
    assert about.shape == (len(bodies),)
    assert ((about >= 0) & (about <= 1)).all()
    for body in (ALDER, BIRCH):
        assert len({value for value, its in zip(about.tolist(), bodies, strict=True) if its == body}) <= 1


def test_documents_are_of_one_owner_where_their_body_is_one() -> None:
    """Each document of an unknown body is on its own."""
    made = catalogue([document("a", ALDER), document("x"), document("b", BIRCH), document("c", ALDER), document("y")])
    first, loose, other, again, single = made.owners.tolist()
    assert first == again
    assert len({first, loose, other, single}) == 4


# --- when it is of


SPRING = Event(date(2018, 3, 5), date(2018, 3, 9))
REPORTS = [
    document("2014", ALDER, date(2014, 6, 1)),
    document("spring", ALDER, date(2018, 5, 1), events=[SPRING]),
    document("2021", ALDER, date(2021, 6, 1)),
    document("titled", title="Review of 2015"),
    document("undated", ALDER, title="A review"),
]


@pytest.mark.parametrize(
    ("question", "surest", "others"),
    [
        ("What was said in 2018?", {"spring"}, set()),
        ("What was seen in March 2018?", {"spring"}, set()),
        ("What was said in 2015?", {"titled"}, {"2014"}),
        ("What was said since 2018?", {"spring", "2021"}, set()),
        ("What was said before 2016?", {"2014", "titled"}, set()),
        ("What was said between 2013 and 2017?", {"2014", "titled"}, {"spring"}),
        ("What was wrong in 2017?", set(), {"spring"}),
        ("What was wrong in 2020?", set(), {"2021"}),
        ("What was said?", set(), set()),
    ],
)
def test_a_document_goes_with_the_times_it_is_of(question: str, surest: set[str], others: set[str]) -> None:
    """Events, publication, or else the title date it; those of the years beside a time go with it less.

    Nothing is known of a document without any date, so no time speaks for it.
    """
    _, timely = asked(catalogue(REPORTS), question)
    assert {name for name, value in timely.items() if value == 1} == surest
    assert set(timely) == surest | others


def test_the_report_after_a_time_tells_more_of_it_than_the_one_before() -> None:
    """Most of all where something was to be done by then."""
    documents = [document("before", ALDER, date(2016, 10, 1)), document("after", ALDER, date(2018, 2, 1))]
    made = catalogue(documents)
    _, at = asked(made, "What was planned in 2017?")
    _, by = asked(made, "What was to be done by December 2017?")
    assert 0 < at["before"] < at["after"] < 1
    assert at["after"] < by["after"] <= 1


def test_the_newest_is_the_last_of_its_body() -> None:
    """Titles date a document as well; two of one day are both the newest, and one without a date never is."""
    made = catalogue(
        [
            document("old", ALDER, date(2014, 6, 1)),
            document("new", ALDER, date(2021, 6, 1)),
            document("twin", ALDER, date(2021, 6, 1)),
            document("published", BIRCH, date(2016, 6, 1)),
            document("titled", BIRCH, title="Review of 2019"),
            document("undated", "Cedar Council"),
        ]
    )
    assert set(told(made, made.newest)) == {"new", "twin", "titled"}


# --- as the index changes


def test_rows_lead_to_the_documents_that_passages_are_of(library: Library) -> None:
    """After documents came and went, each passage still stands with its own document."""
    searcher = library.searcher()
    searcher.generation()
    (library.sources / "loose.txt").unlink()
    library.write("aspen.txt", "Aspens were planted along the road.")
    library.write("redbrook/2019.txt", "Bridges were painted.\fRoads were swept.")
    library.sync()
    with searcher.opened() as (reader, generation):
        made = generation.catalogue
        found = [
            (one.path, passage_id) for one in reader.documents() for passage_id in reader.passage_ids(one.doc_id)
        ]
        rows = made.rows(np.array([passage_id for _, passage_id in found], np.int64))
        assert [made.documents[place].path for place in made.places[rows]] == [path for path, _ in found]
        assert sorted(rows.tolist()) == list(range(len(made.ids)))
