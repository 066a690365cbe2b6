from pathlib import Path

import pytest

from service.answering import Answerer
from service.answering.choice import sums_of
from service.answering.strangers import is_named, is_untimely, stranger
from service.query import Query
from tests.service.answering.made import answerer_of, looked


@pytest.fixture(scope="module")
def asker(tmp_path_factory: pytest.TempPathFactory) -> Answerer:
    """Give an answerer of the library that nobody changes."""
    return answerer_of(tmp_path_factory.mktemp("harbour"))


def strange(asker: Answerer, question: str) -> str | None:
    """Give the stranger of a question, beside its best sentence."""
    found, generation = looked(asker, Query(question))
    best = found.sentences[int(sums_of(found.sentences).argmax())]
    return stranger(found.asked, best, generation)


def untimely(asker: Answerer, question: str) -> bool:
    """Tell whether the times of a question are strange to its best sentence."""
    found, generation = looked(asker, Query(question))
    best = found.sentences[int(sums_of(found.sentences).argmax())]
    return is_untimely(found.asked, best, generation.catalogue)


@pytest.mark.parametrize(
    ("question", "name"),
    [
        ("How many pilots has Zedhaven?", "Zedhaven"),
        ("What was Zedhaven's lighthouse judged?", "Zedhaven"),
        ("How many pilots has Port Zed?", "Port Zed"),
        ("Was the ferry led by Anna Thorne?", None),  # whom the passage names
        ("How many pilots has Kentwood?", None),  # a body of the collection
        ("What do Kentish pilots carry?", None),  # people of such a place
        ("How many pilots has the harbour office?", None),
        ("Zedhaven: how many pilots?", None),  # at its start any word has a capital
        ("How many NGOs are there?", None),  # abbreviations are people's own
    ],
)
def test_a_name_that_neither_bodies_nor_the_passage_know_is_a_stranger(
    asker: Answerer, question: str, name: str | None
) -> None:
    """Whoever asks about somebody else is not to be answered with those who are here."""
    assert strange(asker, question) == name


@pytest.mark.parametrize(
    ("question", "is_strange"),
    [
        ("How many pilots were in Kentwood in 2011?", True),
        ("How many pilots were there in 2011?", False),  # of which the notes without a day may be
        ("How many pilots were in Kentwood in 2021?", False),
        ("How many pilots were in Kentwood?", False),
        ("When was the new pier of Ashmere opened on 4 June 2019?", False),  # the passage says it
    ],
)
def test_a_time_that_no_report_is_of_must_stand_in_the_passage(
    asker: Answerer, question: str, *, is_strange: bool
) -> None:
    """A report tells of earlier years, too."""
    assert untimely(asker, question) is is_strange


def test_a_report_without_a_day_may_be_of_any_time(tmp_path: Path) -> None:
    """So a time is not strange to it."""
    assert not untimely(answerer_of(tmp_path, {"gulls.txt": "Gulls cry all day long."}, "path\n"), "Gulls in 2011?")


def test_whether_a_name_stands_anywhere_is_known(asker: Answerer) -> None:
    """All of its words must."""
    _, generation = looked(asker, Query("pilots"))
    assert is_named("Anna Thorne", generation)
    assert not is_named("Anna Zed", generation)
