from datetime import date
from pathlib import Path

import pytest

from service.answering import Answerer, Searched
from service.answering.reasons import searched_by, why_none
from service.query import Query
from tests.service.answering.made import answerer_of, looked


@pytest.fixture(scope="module")
def asker(tmp_path_factory: pytest.TempPathFactory) -> Answerer:
    """Give an answerer of the library that nobody changes."""
    return answerer_of(tmp_path_factory.mktemp("harbour"))


def reason(asker: Answerer, query: Query, name: str | None = None) -> str:
    """Say why a question has no answer, whether it has one or not."""
    found, generation = looked(asker, query)
    return why_none(found.asked, found.topic, generation, name)


@pytest.mark.parametrize(
    ("question", "gives"),
    [
        ("How many gulls cry?", "gives a number"),
        ("How much did gulls cost?", "gives a sum of money"),
        ("What share of gulls cry?", "gives a share"),
        ("When did gulls cry?", "gives a date"),
        ("How long did gulls cry?", "says how long"),
        ("What grade did gulls get?", "gives a grade"),
        ("Who feeds gulls?", "gives a name"),
        ("Why do gulls cry?", "answers this"),
    ],
)
def test_what_no_report_gives_is_told_with_how_many_were_searched(asker: Answerer, question: str, gives: str) -> None:
    """In words that say what kind of answer is missing."""
    told = reason(asker, Query(question))
    assert told == f"not mentioned in the 5 documents that were searched: none {gives}"


def test_the_reports_of_a_body_are_counted_by_themselves(asker: Answerer) -> None:
    """Whether the question names it or a filter does."""
    told = "not mentioned in the 2 documents on Kentwood Council that were searched: none gives a number"
    assert reason(asker, Query("How many gulls are in Kentwood?")) == told
    assert reason(asker, Query("How many gulls?", bodies=("kentwood",))) == told
    both = reason(asker, Query("How many gulls are in Kentwood and Ashmere?"))
    assert both.startswith("not mentioned in the 3 documents on Kentwood Council and Ashmere Council that")


def test_a_single_report_is_not_counted(asker: Answerer) -> None:
    """One document is told in the singular."""
    told = reason(asker, Query("How many gulls are in Ashmere?"))
    one = "the one report on Ashmere Council that was searched does not say"
    assert told == f"{one}; nothing in it gives a number for that"


def test_a_time_without_a_report_is_told_with_those_that_there_are(asker: Answerer) -> None:
    """Of the body that is named, or of the whole collection; a year beside a report's own is not too far."""
    between = "those here were published between 2018-05-22 and 2021-02-28"
    told = reason(asker, Query("How many pilots were in Kentwood in 2011?"))
    assert told == f"no report on Kentwood Council is of that time; {between}"
    told = reason(asker, Query("How many pilots were in Ashmere in 2011?"))
    assert told == "no report on Ashmere Council is of that time; those here were published on 2020-10-01"
    told = reason(asker, Query("How many pilots were there in 2011?"))
    assert told == f"no report is of that time; {between}"
    assert reason(asker, Query("How many gulls in Kentwood in 2018?")).startswith("not mentioned")
    for query in (Query("How many gulls in Ashmere in 2018?"), Query("How many in 2018?", bodies=("Ashmere",))):
        assert reason(asker, query).startswith("no report on Ashmere Council is of that time")


def test_reports_without_any_date_are_not_said_to_have_one(tmp_path: Path) -> None:
    """None is of the time, and when they were published nobody knows."""
    asker = answerer_of(tmp_path, {"gulls.txt": "Gulls cry.", "crabs.txt": "Crabs walk."}, "path\n")
    told = reason(asker, Query("How many gulls cried in 2011?"))
    assert told == "no report is of that time; those here say no date of publication"


def test_a_stranger_is_named(asker: Answerer) -> None:
    """Whether it is named nowhere, or elsewhere."""
    told = reason(asker, Query("How many pilots has Zedhaven?"), "Zedhaven")
    assert told == "nothing here is about Zedhaven, nor does any of the 5 documents name it"
    told = reason(asker, Query("How many pilots has Thorne?"), "Thorne")
    assert told == "nothing here is about Thorne; it is named elsewhere, but not by what is nearest to the question"


def test_filters_that_leave_nothing_are_the_reason(asker: Answerer) -> None:
    """Together with the body that the question names."""
    none = "no document here fits the filters and the bodies that are named"
    assert reason(asker, Query("How many pilots?", published_from=date(2030, 1, 1))) == none
    assert reason(asker, Query("How many pilots has Kentwood?", bodies=("Ashmere",))) == none


def test_an_index_without_documents_is_the_reason(tmp_path: Path) -> None:
    """Nothing else is said of it."""
    assert reason(answerer_of(tmp_path, {}, "path\n"), Query("How many pilots?")) == "the index holds no documents"


def test_reasons_differ(asker: Answerer) -> None:
    """A body that is not here, a time without a report and a matter that nobody mentions."""
    told = {
        reason(asker, Query("How many pilots has Zedhaven?"), "Zedhaven"),
        reason(asker, Query("How many pilots were in Kentwood in 2011?")),
        reason(asker, Query("How many gulls are in Kentwood?")),
        reason(asker, Query("How many pilots?", published_from=date(2030, 1, 1))),
    }
    assert len(told) == 4


SEARCHED = {
    "all": (Query("gulls"), Searched(5, (), date(2018, 5, 22), date(2021, 2, 28))),
    "named": (Query("gulls in Kentwood"), Searched(2, ("Kentwood Council",), date(2018, 5, 22), date(2021, 2, 28))),
    "bodies": (
        Query("gulls", bodies=("tarn", "ashmere")),
        Searched(2, ("Ashmere Council", "Tarn Council"), date(2020, 10, 1), date(2020, 12, 31)),
    ),
    "kind": (Query("gulls", kinds=("survey",)), Searched(1, (), date(2020, 12, 31), date(2020, 12, 31))),
    "named and from": (
        Query("gulls in Kentwood", published_from=date(2020, 1, 1)),
        Searched(1, ("Kentwood Council",), date(2021, 2, 28), date(2021, 2, 28)),
    ),
    "unread": (Query("gulls in Kentwood", infer=False), Searched(5, (), date(2018, 5, 22), date(2021, 2, 28))),
    "nothing": (Query("gulls", published_from=date(2030, 1, 1)), Searched(0, (), None, None)),
}


@pytest.mark.parametrize("name", SEARCHED)
def test_what_was_searched_is_told(asker: Answerer, name: str) -> None:
    """The documents that filters and the named bodies leave, with the days of the first and the last."""
    query, searched = SEARCHED[name]
    found, generation = looked(asker, query)
    assert searched_by(found.asked, generation.catalogue) == searched
