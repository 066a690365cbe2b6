from collections.abc import Sequence
from datetime import date
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from indexer.records import Event, Filter
from indexer.where import where
from indexer.words import Terms
from service.catalogue import OPENING, SPEAKS_OF, Catalogue
from service.reading import read
from service.search import Searcher
from tests.fakes import DIM
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
WANTED_BODIES = st.frozensets(BODIES | st.just(ALDER.casefold()))
FILTERS = st.builds(Filter, st.none() | WANTED_BODIES, st.none() | st.frozensets(KINDS), DAYS, DAYS)


def of_facts(facts: Sequence[tuple[str | None, date | None, str | None]]) -> Catalogue:
    """Make a catalogue of documents of which this is known, named by their places."""
    return catalogue([document(f"d{place}", *fact) for place, fact in enumerate(facts)])


@given(FACTS, FILTERS)
def test_every_part_of_a_filter_holds(
    facts: list[tuple[str | None, date | None, str | None]], wanted: Filter
) -> None:
    """Its days are included, bodies are as stored, and what is unknown fits none that asks for it."""
    dated = wanted.published_from is not None or wanted.published_to is not None
    fitting = []
    for body, day, kind in facts:
        within = day and (wanted.published_from or date.min) <= day <= (wanted.published_to or date.max)
        fitting.append(
            body in (wanted.bodies if wanted.bodies is not None else {body})
            and kind in (wanted.kinds if wanted.kinds is not None else {kind})
            and bool(within or not dated)
        )
    found = of_facts(facts).fitting(wanted)
    assert found.dtype == bool
    assert found.tolist() == fitting


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
def test_catalogue_and_words_let_the_same_through(searcher: Searcher, wanted: Filter) -> None:
    """Neither way of searching sees more than the other, whatever the filter."""
    with searcher.opened() as (reader, generation):
        made = generation.catalogue
        by_words = generation.arms.holding(Terms("", excluded=("unheard-of",)), where(wanted))
        by_meaning = [one for one, _ in generation.arms.nearest(np.zeros(DIM, np.float32), 100, where(wanted))]
        fitting = [one.doc_id for one, fits in zip(made.documents, made.fitting(wanted), strict=True) if fits]
        ids = sorted(passage_id for doc_id in fitting for passage_id in reader.passage_ids(doc_id))
    assert by_words is not None
    assert by_words.tolist() == sorted(by_meaning) == ids


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
    filler = "x" * OPENING
    texts = {
        "opening": ["Yesterday Alder Council opened a library."],
        "short beginning": ["Good news.", "Yesterday Alder Council opened a library."],
        "later": [f"{filler} Alder Council"],
        "far later": [filler, "Yesterday Alder Council opened a library."],
        "other": ["Yesterday Alder Council opened a library."],
    }
    loose = [document(name) for name in texts if name != "other"]
    made = catalogue(
        [
            document("own", ALDER),
            document("other", BIRCH),
            document("title", title="Alder Council opens a library"),
            document("silent", title="A library opens"),
            *loose,
        ],
        texts=texts,
    )
    about, _ = asked(made, "What did Alder Council open?")
    assert set(about) == {"own", "title", "opening", "short beginning"}
    assert about["title"] == about["opening"] == about["short beginning"] == pytest.approx(SPEAKS_OF * about["own"])
    assert 0 < about["title"] < about["own"]
    assert asked(made, "What did they open?")[0] == {}


def test_a_collection_without_any_body_is_about_none() -> None:
    """There is nothing to name, and documents are still told apart."""
    made = catalogue([document("one", title="Alder Council"), document("other")])
    assert asked(made, "What did Alder Council do?") == ({}, {})
    assert len(set(made.owners.tolist())) == 2


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


def test_a_document_of_no_known_day_goes_by_the_last_year_that_it_names() -> None:
    """It counts less than a document of that year would, wherever in its passages the year stands."""
    made = catalogue(
        [
            document("known", ALDER, events=[Event(date(2016, 1, 1), date(2016, 12, 31))]),
            document("named", ALDER),
            document("bodiless"),
            document("silent", ALDER),
        ],
        texts={"named": ["x" * OPENING + " 2012, then 2016.", "Nobody came in 2014."], "bodiless": ["Since 2016."]},
    )
    for question in ("What was said in 2016?", "What was done by 2015?", "What was wrong in 2017?"):
        _, timely = asked(made, question)
        assert timely["named"] == timely["bodiless"] == pytest.approx(SPEAKS_OF * timely["known"]), question
        assert 0 < timely["named"] < timely["known"], question
        assert "silent" not in timely, question
    assert asked(made, "What was said in 2012?")[1] == {}
    assert asked(made, "What was said?")[1] == {}


def test_a_document_of_a_known_day_goes_by_no_year_that_its_text_names() -> None:
    """Publication, events or a title date it, so what it looks forward to does not."""
    made = catalogue(
        [
            document("published", ALDER, date(2012, 6, 1)),
            document("reported", ALDER, events=[Event(date(2012, 6, 1), date(2012, 6, 2))]),
            document("titled", title="Review of 2012"),
        ],
        texts={name: ["By 2018 all shall be well."] for name in ("published", "reported", "titled")},
    )
    assert asked(made, "What was said in 2018?")[1] == {}
    assert set(asked(made, "What was said in 2012?")[1].values()) == {1.0}


@pytest.mark.parametrize(
    "text", ["£2016", "$2016", "12016", "20165", "2016.5", "2016,000", "1,2016", "0.2016", "1816", "2116", "none"]
)
def test_a_number_that_is_no_year_dates_nothing(text: str) -> None:
    """Sums of money, parts of longer numbers and what lies far off are no years."""
    documents = [document("number", ALDER), document("year", ALDER)]
    made = catalogue(documents, texts={"number": [f"There were {text} of them"], "year": ["In 2016 they were some"]})
    assert set(asked(made, "What was said since 1990?")[1]) == {"year"}


@pytest.mark.parametrize(
    "text", ["in 2016.", "in 2016, when", "(2016)", "2015/2016", "2015-2016", "2016", "May 2016;"]
)
def test_a_year_is_told_from_what_stands_beside_it(text: str) -> None:
    """A sentence's end, a comma or a range after it makes it no other number."""
    made = catalogue([document("d", ALDER)], texts={"d": [text]})
    assert set(asked(made, "What was said in 2016?")[1]) == {"d"}


def everything(made: Catalogue) -> NDArray[np.bool_]:
    """Leave out no document."""
    return made.fitting(Filter())


def test_the_newest_is_the_last_of_its_body() -> None:
    """Titles date a document as well; two of one day are both the newest, and one without a date never is.

    A document of no known body is the newest of nothing, and years that a text only names make none the newest.
    """
    made = catalogue(
        [
            document("old", ALDER, date(2014, 6, 1)),
            document("new", ALDER, date(2021, 6, 1)),
            document("twin", ALDER, date(2021, 6, 1)),
            document("speaking", ALDER),
            document("published", BIRCH, date(2016, 6, 1)),
            document("titled", BIRCH, title="Review of 2019"),
            document("undated", "Cedar Council"),
            document("bodiless", None, date(2022, 6, 1), title="Alder Council"),
        ],
        texts={"speaking": ["By 2030 all shall be well."]},
    )
    assert set(told(made, made.newest(everything(made)))) == {"new", "twin", "titled"}
    assert set(told(made, made.newest(everything(made), oldest=True))) == {"old", "published"}


def test_the_newest_is_sought_among_what_the_filter_lets_through() -> None:
    """Whoever asks for the last visit wants it, also where an inspection came after it."""
    made = catalogue(
        [
            document("first visit", ALDER, date(2014, 6, 1), "visit"),
            document("last visit", ALDER, date(2018, 6, 1), "visit"),
            document("inspection", ALDER, date(2021, 6, 1), "inspection"),
            document("other", BIRCH, date(2016, 6, 1), "inspection"),
        ]
    )
    newest = {
        kind: set(told(made, made.newest(made.fitting(Filter(kinds=frozenset({kind}))))))
        for kind in ("visit", "inspection", "unheard-of")
    }
    assert newest == {"visit": {"last visit"}, "inspection": {"inspection", "other"}, "unheard-of": set()}


@given(FACTS, FILTERS)
def test_newest_among_any(facts: list[tuple[str | None, date | None, str | None]], wanted: Filter) -> None:
    """Of each body they are the documents of the last known day, among those that fit the filter."""
    made = of_facts(facts)
    fitting = made.fitting(wanted)
    days: dict[str, list[date]] = {}
    for (body, day, _), fits in zip(facts, fitting.tolist(), strict=True):
        if body and day and fits:
            days.setdefault(body, []).append(day)
    assert made.newest(fitting).tolist() == [
        bool(fits and body and day and day == max(days[body]))
        for (body, day, _), fits in zip(facts, fitting.tolist(), strict=True)
    ]


# --- as the index changes


def test_outlines_lead_to_the_documents_and_pages_that_passages_are_of(library: Library) -> None:
    """After documents came and went, each passage still stands with its own document, and the page it begins on."""
    searcher = library.searcher()
    searcher.generation()
    (library.sources / "loose.txt").unlink()
    library.write("aspen.txt", "Aspens were planted along the road.")
    library.write("redbrook/2019.txt", "Bridges were painted.\f" + "Roads were swept by hand.\n\n" * 20)
    library.sync()
    with searcher.opened() as (reader, generation):
        made = generation.catalogue
        found = [
            (one.path, passage_id) for one in reader.documents() for passage_id in reader.passage_ids(one.doc_id)
        ]
        ids = [passage_id for _, passage_id in found]
        outlined = generation.arms.outlined(np.array(ids, np.int64))
        stored = reader.passages(ids)
        places = made.places(outlined.documents)
        assert [made.documents[place].path for place in places] == [path for path, _ in found]
        assert outlined.pages.tolist() == [stored[one].passage.spans[0].page for one in ids]
        assert set(outlined.pages.tolist()) == {1, 2}
