from contextlib import suppress
from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from indexer.errors import InputError
from indexer.records import Document, Filter
from service.facets import Choice, Facets, facets
from service.query import Query, resolve
from tests.service.made import catalogue, document

DOCUMENTS = [
    document("a", "Redbrook Council", date(2018, 5, 22), "inspection"),
    document("b", "Redbrook Council", date(2020, 1, 1), "inspection"),
    document("c", "Redbrook", date(2020, 12, 31), "focused visit"),
    document("d", "Bluehill", date(2020, 6, 1), "inspection"),
    document("e", "Bluehill", None, "inspection"),
    document("f"),
]


def counts(choices: tuple[Choice, ...]) -> dict[str, int]:
    return {choice.value: choice.count for choice in choices}


def chosen(choices: tuple[Choice, ...]) -> list[str]:
    return [choice.value for choice in choices if choice.is_chosen]


def test_without_filters_everything_is_counted() -> None:
    """Names of one body are one choice, under the name that most documents have; years come newest first."""
    found = facets(DOCUMENTS)
    assert found == Facets(
        bodies=(Choice("Redbrook Council", 3, False), Choice("Bluehill", 2, False)),
        kinds=(Choice("inspection", 4, False), Choice("focused visit", 1, False)),
        years=(Choice("2020", 3, False), Choice("2018", 1, False)),
        undated=2,
        fitting=6,
    )


def test_a_filter_does_not_narrow_its_own_choices() -> None:
    """Other bodies can still be chosen beside one, while kinds and years are of that one."""
    found = facets(DOCUMENTS, bodies=["bluehill council"])
    assert counts(found.bodies) == {"Bluehill": 2, "Redbrook Council": 3}
    assert chosen(found.bodies) == ["Bluehill"]
    assert (counts(found.kinds), counts(found.years), found.undated) == ({"inspection": 2}, {"2020": 1}, 1)


def test_dates_narrow_bodies_and_kinds() -> None:
    """What has no known date fits no filter on dates; a year is chosen where the dates are just it."""
    found = facets(DOCUMENTS, published_from=date(2020, 1, 1), published_to=date(2020, 12, 31))
    assert counts(found.bodies) == {"Redbrook Council": 2, "Bluehill": 1}
    assert (chosen(found.years), found.fitting) == (["2020"], 3)
    assert chosen(facets(DOCUMENTS, published_from=date(2020, 1, 1)).years) == []


def test_what_is_chosen_is_listed_even_where_there_is_none() -> None:
    """So that it can be taken off again."""
    found = facets(DOCUMENTS, bodies=["Nowhere"], kinds=["letter"])
    assert found.bodies[0] == Choice("Nowhere", 0, True)
    assert found.kinds[0] == Choice("letter", 0, True)
    assert found.fitting == 0


def test_bodies_that_were_found_come_first() -> None:
    """In their order, under whatever name of theirs."""
    found = facets(DOCUMENTS, first=["Bluehill Council", "Bluehill", "Redbrook"])
    assert [choice.value for choice in found.bodies] == ["Bluehill", "Redbrook Council"]


DAYS = st.none() | st.dates(date(2018, 1, 1), date(2021, 1, 1))
BODIES = st.sampled_from(["Redbrook", "Redbrook Council", "Bluehill"])
KINDS = st.sampled_from(["inspection", "Inspection", "visit"])
MADE = st.lists(st.tuples(st.none() | BODIES, DAYS, st.none() | KINDS), min_size=1, max_size=12)


@given(MADE, st.lists(BODIES, max_size=2), st.lists(KINDS, max_size=2), DAYS, DAYS)
def test_each_count_is_what_a_search_would_look_through(
    made: list[tuple[str | None, date | None, str | None]],
    bodies: list[str],
    kinds: list[str],
    first: date | None,
    last: date | None,
) -> None:
    """Whoever chooses a body and nothing else of its kind has as many documents as stand beside it."""
    documents = [document(str(number), *fields) for number, fields in enumerate(made)]
    found = facets(documents, bodies=bodies, kinds=kinds, published_from=first, published_to=last)

    for choice in found.bodies:
        if choice.count:
            assert choice.count == fitting(documents, [choice.value], kinds, first, last)
    for choice in found.kinds:
        if choice.count:
            assert choice.count == fitting(documents, bodies, [choice.value], first, last)
    for choice in found.years:
        year = int(choice.value)
        assert choice.count == fitting(documents, bodies, kinds, date(year, 1, 1), date(year, 12, 31))
    assert found.fitting == fitting(documents, bodies, kinds, first, last)


def fitting(
    documents: list[Document], bodies: list[str], kinds: list[str], first: date | None, last: date | None
) -> int:
    """Count what a search with these filters looks through; names that the documents do not have fit nothing."""
    known_bodies = {one.metadata.body for one in documents if one.metadata.body}
    known_kinds = {one.metadata.kind for one in documents if one.metadata.kind}
    wanted = Filter(
        bodies=resolved([Query("x", bodies=(body,)) for body in bodies], known_bodies, known_kinds),
        kinds=resolved([Query("x", kinds=(kind,)) for kind in kinds], known_bodies, known_kinds),
        published_from=first,
        published_to=last,
    )
    return int(catalogue(documents).fitting(wanted).sum())


def resolved(queries: list[Query], bodies: set[str], kinds: set[str]) -> frozenset[str] | None:
    if not queries:
        return None
    found: set[str] = set()
    for query in queries:
        with suppress(InputError):
            wanted = resolve(query, bodies, kinds)
            found |= (wanted.bodies or frozenset()) | (wanted.kinds or frozenset())
    return frozenset(found)
