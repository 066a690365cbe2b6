import pytest

from service.counting import Count, count, matter_of
from service.query import Query
from tests.service.conftest import Library
from tests.service.test_scanning import brute_force


def counted(library: Library, text: str, *, latest: bool = False, **filters: object) -> Count:
    """Count in a library."""
    searcher = library.searcher()
    with searcher.opened() as (reader, generation):
        return count(searcher, reader, generation, Query(text, **filters), latest=latest)  # type: ignore[arg-type]


@pytest.mark.parametrize("matter", ["school", "budget", "visited families", "rain or rivers", "zebra"])
def test_each_report_that_says_the_words_is_counted_once(shelf: Library, matter: str) -> None:
    """The count is that of taking everything apart; each comes with a quote that has the words."""
    found = counted(shelf, matter)
    sentences = brute_force(shelf, matter)
    assert {one.document.path: one.sentences for one in found.raised} == {
        path: len(its) for path, its in sentences.items()
    }
    assert found.of == len({"redbrook/2019.txt", "redbrook/2022.txt", "bluehill/2021.txt", "loose.txt"})
    assert all(one.quote.text in sentences[one.document.path] for one in found.raised)


def test_what_is_near_is_listed_and_not_counted(shelf: Library) -> None:
    """Each report is either counted or may be near, with the sentence that is nearest."""
    found = counted(shelf, "budget grew")
    assert [one.document.path for one in found.raised] == ["redbrook/2019.txt"]
    near = {one.document.path: one.quote.text for one in found.near}
    assert near["redbrook/2022.txt"] == "The school budget shrank by two per cent."
    assert "redbrook/2019.txt" not in near
    assert [one.likeness for one in found.near] == sorted((one.likeness for one in found.near), reverse=True)


def test_of_each_body_the_latest_report_may_count_alone(shelf: Library) -> None:
    """What an earlier report said is then no matter, nor is a document of no known body."""
    found = counted(shelf, "school budget", latest=True)
    assert (found.of, [one.document.path for one in found.raised]) == (2, ["redbrook/2022.txt"])
    assert counted(shelf, "foster carers", latest=True).raised == ()
    assert len(counted(shelf, "foster carers").raised) == 1


def test_filters_and_bodies_named_narrow_what_is_looked_through(shelf: Library) -> None:
    """The denominator says how many reports that leaves."""
    assert counted(shelf, "budget", bodies=("Redbrook",)).of == 2
    found = counted(shelf, "school budget in Redbrook")
    assert (found.of, len(found.raised), found.matter) == (2, 2, "school budget")


@pytest.mark.parametrize(
    ("question", "matter", "latest"),
    [
        ("How many of the latest reports raise caseloads?", "caseloads", True),
        ("how many reports mention private fostering", "private fostering", False),
        ("How many councils were told of damp walls?", "How many councils were told of damp walls", False),
        ("How many of the most recent inspection reports speak of damp?", "damp", True),
        ("caseloads or workloads", "caseloads or workloads", False),
    ],
)
def test_a_question_is_asked_for_its_matter(question: str, matter: str, latest: bool) -> None:
    """The words that only ask to count are not looked for."""
    assert matter_of(question) == (matter, latest)
