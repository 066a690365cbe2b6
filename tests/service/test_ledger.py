import csv
import io
import json
from collections.abc import Mapping
from datetime import date

import pytest

from indexer.errors import InputError
from indexer.records import Standing
from service.ledger import COLUMNS, Ledger, ledger, to_csv
from service.query import Query
from tests.service.conftest import Citewell, Library, client_of
from tests.service.inspected import make_inspected
from tests.service.test_schemas import valid


@pytest.fixture(scope="module")
def inspected(tmp_path_factory: pytest.TempPathFactory) -> Library:
    """Give a library of inspection reports that no test may change."""
    return make_inspected(tmp_path_factory.mktemp("inspected"))


def grades(library: Library, **filters: object) -> Ledger:
    """Give the ledger of a library."""
    with library.searcher().opened() as (reader, generation):
        return ledger(reader, generation, Query("grades", **filters))  # type: ignore[arg-type]


def told(found: Ledger) -> list[tuple[str, str, str]]:
    """Give file, area and grade or state."""
    return [
        (one.document.path, one.judgement.area, one.judgement.grade or one.judgement.state.name)
        for one in found.grades
    ]


def test_the_ledger_has_what_each_report_judges(inspected: Library) -> None:
    """By body whatever its spelling, the oldest first; with reasons where there is no grade."""
    assert told(grades(inspected, bodies=("Fairport",))) == [
        ("fairport/2019.txt", "overall_effectiveness", "inadequate"),
        ("fairport/2019.txt", "leadership", "inadequate"),
        ("fairport/2019.txt", "help_and_protection", "inadequate"),
        ("fairport/2019.txt", "children_in_care_and_care_leavers", "good"),
        ("fairport/2019.txt", "children_in_care", "NOT_BY_FRAMEWORK"),
        ("fairport/2019.txt", "care_leavers", "NOT_BY_FRAMEWORK"),
        ("fairport/2021.txt", "overall_effectiveness", "NOT_BY_KIND"),
        ("fairport/2021.txt", "leadership", "NOT_BY_KIND"),
        ("fairport/2021.txt", "help_and_protection", "NOT_BY_KIND"),
        ("fairport/2021.txt", "children_in_care_and_care_leavers", "NOT_BY_KIND"),
        ("fairport/2021.txt", "children_in_care", "NOT_BY_FRAMEWORK"),
        ("fairport/2021.txt", "care_leavers", "NOT_BY_FRAMEWORK"),
        ("fairport/2023.txt", "overall_effectiveness", "good"),
        ("fairport/2023.txt", "leadership", "good"),
        ("fairport/2023.txt", "help_and_protection", "requires_improvement"),
        ("fairport/2023.txt", "children_in_care", "good"),
        ("fairport/2023.txt", "care_leavers", "outstanding"),
    ]


def test_each_grade_is_quoted_where_it_stands(inspected: Library) -> None:
    """The quote is on its page to the letter, and says the grade."""
    found = [one for one in grades(inspected).grades if one.judgement.state is Standing.GRADED]
    assert len(found) == 13
    with inspected.searcher().opened() as (reader, _):
        for one in found:
            assert one.quote
            assert one.grade_label
            cut = [
                reader.page_text(one.document.doc_id, page)[start:end]
                for page, start, end in one.quote.citation.spans
            ]
            assert "\n".join(cut) == one.quote.text
            assert one.grade_label.casefold()[:4] in one.quote.text.casefold()


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        (
            {"grades": ("requires improvement",)},
            [("fairport/2023.txt", "help_and_protection", "requires_improvement")],
        ),
        (
            {"areas": ("care leavers",), "grades": ("outstanding",)},
            [("fairport/2023.txt", "care_leavers", "outstanding")],
        ),
        (
            {"areas": ("overall",), "published_from": date(2022, 1, 1)},
            [
                ("fairport/2023.txt", "overall_effectiveness", "good"),
                ("millbeck/2022.txt", "overall_effectiveness", "good"),
            ],
        ),
        ({"bodies": ("Fairport",), "kinds": ("news",)}, []),
    ],
)
def test_filters_leave_the_grades_that_fit(
    inspected: Library, filters: Mapping[str, object], expected: list[tuple[str, str, str]]
) -> None:
    """Grades and areas are of the rows, bodies and days of their reports."""
    assert told(grades(inspected, **filters)) == expected


def test_a_story_is_no_source_of_grades(inspected: Library) -> None:
    """What fits and is made under no framework is named."""
    assert [one.path for one in grades(inspected, bodies=("Fairport",)).without] == ["fairport/story.txt"]


def test_a_grade_that_nobody_gives_is_refused(inspected: Library) -> None:
    """With those that there are."""
    with pytest.raises(InputError, match="no document gives the grade `splendid`"):
        grades(inspected, grades=("splendid",))


def test_the_table_for_spreadsheets_says_the_same(inspected: Library) -> None:
    """One grade a row; what a spreadsheet would run as a formula is text."""
    rows = list(csv.DictReader(io.StringIO(to_csv(grades(inspected)))))
    assert tuple(rows[0]) == COLUMNS
    assert [(row["source"], row["area"], row["grade"]) for row in rows] == [
        (path, area, grade if grade.islower() else "") for path, area, grade in told(grades(inspected))
    ]
    inspected_days = {row["inspected_to"] for row in rows}
    assert {"2019-06-07", "2021-03-10", "2023-06-09", "2022-11-11"} == inspected_days


def test_the_command_and_the_service_give_the_ledger(inspected: Library, citewell: Citewell) -> None:
    """As JSON, as a table, and in plain lines; the service the same."""
    client, where = client_of(inspected.searcher()), ("--index", inspected.settings.index)
    given = client.get("/v1/grades", params={"body": "Fairport", "area": "leadership"})
    valid("grades", given.json())
    valid("grades", client.get("/v1/grades").json())
    ran = citewell("grades", "--body", "Fairport", "--area", "leadership", "--json", *where)
    assert ran.code == 0
    assert given.json() == json.loads(ran.out)
    assert [one["grade_label"] for one in given.json()["grades"]] == ["Inadequate", None, "Good"]
    text = client.get("/v1/grades.csv")
    assert text.headers["content-type"] == "text/csv; charset=utf-8"
    assert text.text == citewell("grades", "--csv", *where).out.replace("\n", "\r\n").replace("\r\r\n", "\r\n")
    plain = citewell("grades", "--body", "Millbeck", *where)
    assert "Overall effectiveness" in plain.out
    assert "not given under this framework" in plain.out
    nothing = citewell("grades", "--body", "Fairport", "--kind", "news", *where)
    assert (nothing.code, nothing.err[:13]) == (1, "nothing found")


def test_a_search_may_be_narrowed_by_grades(inspected: Library) -> None:
    """By options, or in the question; only reports that give the grade are found."""
    client = client_of(inspected.searcher())
    asked = [
        {"q": "caseloads or workloads of staff", "grade": "good"},
        {"q": "caseloads or workloads of staff grade:good"},
        {"q": 'caseloads or workloads of staff grade:good area:"overall effectiveness"'},
    ]
    answers = [client.get("/v1/search", params=one).json()["hits"] for one in asked]
    sources = [{hit["citation"]["source"] for hit in hits} for hits in answers]
    assert sources == [{"fairport/2023.txt", "millbeck/2022.txt"}] * 3
