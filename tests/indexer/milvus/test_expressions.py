"""Conditions on Milvus Lite, against `indexer.where.fits`."""

from collections.abc import Iterator
from datetime import date

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from indexer.address import MilvusAddress
from indexer.milvus.expressions import LONGEST_LIST, NOTHING, among, both, expression, literal, visible
from indexer.milvus.server import Row, Server, Table
from indexer.where import EVERYTHING, All, Among, Either, Facts, Field, Not, Published, Where, fits

NASTY = [
    'a" or id >= 0 or "',
    "') or (id >= 0",
    "back\\slash",
    "\\",
    '\\"',
    "\\n",
    "two\nlines",
    "cr\rtab\t",
    "it's",
    "50 %",
    "{body}",
    "\\u0041",
    "A",
    "Ünïtée 😀",
    "漢字\\u6f22",
    "nul\x00",
    "\u2028",
]
DAYS = [date(2020, 2, 29), date(2021, 1, 1), date(2021, 1, 2), date(1, 1, 1)]
# Every field as every document may have it, unknown included.
DOCUMENTS = [
    Facts(2**24 + number, body, kind, published)
    for number, (body, kind, published) in enumerate(
        (body, NASTY[number % 3] if number % 2 else None, ([*DAYS, None] * 9)[number])
        for number, body in enumerate([*NASTY, None, "plain"])
    )
]

texts = st.one_of(st.sampled_from([*NASTY, "", "plain", "\ud800"]), st.text(max_size=5))
numbers = st.one_of(st.sampled_from([one.document for one in DOCUMENTS]), st.integers())
days = st.one_of(st.none(), st.sampled_from(DAYS), st.dates())
leaves: st.SearchStrategy[Where] = st.one_of(
    st.builds(Among, st.sampled_from([Field.BODY, Field.KIND]), st.frozensets(texts, max_size=4)),
    st.builds(Among, st.just(Field.DOCUMENT), st.frozensets(numbers, max_size=4)),
    st.builds(Published, days, days),
)
trees = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.builds(All, st.lists(inner, max_size=3).map(tuple)),
        st.builds(Either, st.lists(inner, max_size=3).map(tuple)),
        st.builds(Not, inner),
    ),
    max_leaves=6,
)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Give a file with one passage of each document."""
    made = Server(MilvusAddress(str(tmp_path_factory.mktemp("lite") / "index.db"), "citewell", lite=True))
    made.ensure(2)
    made.upsert(Table.PASSAGES, [passage(number, facts) for number, facts in enumerate(DOCUMENTS, 1)])
    yield made
    made.close()


def passage(number: int, facts: Facts, *, added: int = 1) -> Row:
    """Write the row of a passage."""
    return {
        "id": number,
        "vector": [1.0, 0.0],
        "document": facts.document,
        "added": added,
        "body": facts.body or "",
        "kind": facts.kind or "",
        "published": facts.published.toordinal() if facts.published else -1,
        "page": 1,
        "sketch": "",
        "input": 0,
        "words": "",
    }


def found(server: Server, written: str) -> list[int]:
    return sorted(int(str(row["document"])) for row in server.query(Table.PASSAGES, written, ["document"], 0))


@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.too_slow])
@given(trees)
def test_an_expression_lets_through_what_fits(server: Server, condition: Where) -> None:
    """Whatever the condition and its values, the rows that come back are those of the documents that fit."""
    wanted = [facts.document for facts in DOCUMENTS if fits(facts, condition)]
    assert found(server, expression(condition)) == wanted


@pytest.mark.parametrize("value", NASTY)
def test_a_value_is_only_a_value(server: Server, value: str) -> None:
    """A text full of quotes and backslashes finds the one document that has it, and nothing else."""
    wanted = [facts.document for facts in DOCUMENTS if facts.body == value]
    assert len(wanted) == 1
    assert found(server, expression(Among(Field.BODY, frozenset({value})))) == wanted


def test_everything_and_nothing_have_an_expression_each(server: Server) -> None:
    """All without a part lets everything through, Either without one nothing, also inside of others."""
    assert expression(EVERYTHING) == ""
    assert expression(Either((EVERYTHING, Among(Field.BODY, frozenset({"A"}))))) == ""
    assert expression(Either(())) == expression(Not(EVERYTHING)) == NOTHING
    assert found(server, NOTHING) == []
    assert len(found(server, expression(Not(Either(()))))) == len(DOCUMENTS)


def test_long_lists_are_cut() -> None:
    """No single list is longer than Milvus takes quickly, and no value is lost."""
    written = among("document", range(2 * LONGEST_LIST + 1))
    lists = [part.split("[")[1].split("]")[0].split(", ") for part in written.split(" or ")]
    assert [len(one) for one in lists] == [LONGEST_LIST, LONGEST_LIST, 1]
    assert {int(value) for one in lists for value in one} == set(range(2 * LONGEST_LIST + 1))


def test_values_that_no_row_can_have_are_left_out() -> None:
    """What is unknown is stored as an empty text, which no value of a condition may find."""
    assert [literal(value) for value in ("", "\ud800", -1, 2**63)] == [""] * 4
    assert among("body", [""]) == among("document", [-1]) == NOTHING


def test_a_generation_sees_what_counts(server: Server) -> None:
    """Rows of later and of aborted attempts, and of documents that are gone, are not seen."""
    rows = [passage(100 + added, Facts(added, "of attempts", None, None), added=added) for added in range(2, 8)]
    server.upsert(Table.PASSAGES, rows)
    mine = expression(Among(Field.BODY, frozenset({"of attempts"})))
    try:
        assert found(server, both(mine, visible(5, [], []))) == [2, 3, 4, 5]
        assert found(server, both(mine, visible(6, [3, 5, 7], []))) == [2, 4, 6]
        assert found(server, both(mine, visible(6, [3], [4, 6]))) == [2, 5]
    finally:
        server.delete(Table.PASSAGES, mine)


def test_expressions_are_joined_without_more_brackets_than_they_need() -> None:
    """What lets everything through adds nothing."""
    assert both("", "a > 1", "") == "a > 1"
    assert both("a > 1", "b > 1 or c > 1") == "(a > 1) and (b > 1 or c > 1)"
    assert both("", "") == ""
