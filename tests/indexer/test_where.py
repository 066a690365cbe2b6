"""Conditions, as one document at a time and as many at once are weighed by them."""

from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from indexer.records import Document, Filter, Metadata
from indexer.where import (
    EVERYTHING,
    All,
    Among,
    Either,
    Facts,
    FactSheet,
    Field,
    Not,
    Published,
    Where,
    both,
    documents,
    fits,
    where,
)

NAMES = st.sampled_from(["Alder Council", "Birch", "", 'x" or id > 0 or "'])
DAYS = st.dates(date(2019, 1, 1), date(2019, 1, 9))
CONDITIONS: st.SearchStrategy[Where] = st.recursive(
    st.builds(Among, st.sampled_from([Field.BODY, Field.KIND]), st.frozensets(NAMES, max_size=3))
    | st.frozensets(st.integers(0, 9), max_size=3).map(documents)
    | st.builds(Published, st.none() | DAYS, st.none() | DAYS),
    lambda parts: (
        st.builds(All, st.lists(parts, max_size=3).map(tuple))
        | st.builds(Either, st.lists(parts, max_size=3).map(tuple))
        | st.builds(Not, parts)
    ),
    max_leaves=6,
)
FACTS = st.lists(st.tuples(st.none() | NAMES, st.none() | NAMES, st.none() | DAYS), max_size=8).map(
    lambda rows: [Facts(number, *row) for number, row in enumerate(rows)]
)


def made(facts: Facts) -> Document:
    metadata = Metadata(body=facts.body, kind=facts.kind, published=facts.published)
    return Document(f"d{facts.document}", "/made", "x.txt", "0" * 64, 1, "text", "made", 1, metadata)


@given(FACTS, CONDITIONS)
def test_many_documents_are_weighed_as_each_by_itself(facts: list[Facts], condition: Where) -> None:
    """Whatever the condition, and whatever is unknown of them."""
    sheet = FactSheet.of([one.document for one in facts], map(made, facts))
    assert sheet.fitting(condition).tolist() == [fits(one, condition) for one in facts]


@given(st.frozensets(NAMES), DAYS, FACTS)
def test_a_filter_lets_through_what_fits_all_its_parts(bodies: frozenset[str], day: date, facts: list[Facts]) -> None:
    """What is unknown of a document fits no part that asks for it."""
    condition = where(Filter(bodies=bodies, published_from=day))
    for one in facts:
        expected = one.body in bodies and one.published is not None and one.published >= day
        assert fits(one, condition) == expected


@given(FACTS, CONDITIONS, CONDITIONS)
def test_conditions_joined_hold_together(facts: list[Facts], one: Where, other: Where) -> None:
    """Joining changes nothing but how deep they lie."""
    assert all(fits(each, both(one, other)) == (fits(each, one) and fits(each, other)) for each in facts)


def test_nothing_to_hold_lets_everything_through() -> None:
    """A filter that asks for nothing is no condition at all, and joining it adds nothing."""
    assert where(Filter()) == EVERYTHING
    assert both(EVERYTHING, documents([1])) == documents([1])
    assert not fits(Facts(1, None, None, None), Either(()))
