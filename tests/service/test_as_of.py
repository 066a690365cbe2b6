"""Nothing published after the day that a question is asked as of is seen, in any way of asking."""

import re
from collections.abc import Callable
from datetime import date, timedelta

import pytest
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from tests.service.conftest import Library, client_of, make_library

FIRST = date(2015, 1, 1)
DAYS = {f"mark{number:02d}": FIRST + timedelta(days=100 * number) for number in range(14)}
BODIES = ("Alder Council", "Birch Council", "Cedar Council")
MATTERS = ("caseloads", "school budget", "staff", "Elmquay", "mark07")


@pytest.fixture(scope="module")
def years(tmp_path_factory: pytest.TempPathFactory) -> Library:
    """Give a library of reports of fourteen days, each of which says its mark in all that is shown of it."""
    reports, rows = {}, ["path,title,body,published,kind"]
    for number, (mark, day) in enumerate(DAYS.items()):
        reports[f"{mark}.txt"] = (
            f"{mark}: caseloads of staff have {'improved' if number % 2 else 'declined'}.\n\n"
            f"The school budget of {mark} grew by {number} per cent. {'Elmquay staff.' if number == 9 else ''}\n\n"
            "Caseloads of all staff were looked into with care, as every report on a body here says in these words."
        )
        rows.append(f"{mark}.txt,{mark} visit,{BODIES[number % 3]},{day},{'inspection' if number % 4 else 'news'}")
    reports["undated.txt"] = "undated: caseloads of staff and the school budget are told of without a day."
    rows.append("undated.txt,undated visit,Alder Council,,inspection")
    return make_library(tmp_path_factory.mktemp("years"), reports, "\n".join(rows) + "\n")


@pytest.fixture(scope="module")
def asking(years: Library) -> TestClient:
    """Give a client of the service over it."""
    return client_of(years.searcher())


WAYS: dict[str, Callable[[str, str], tuple[str, dict[str, str]]]] = {
    "search": lambda matter, day: ("/v1/search", {"q": matter, "as_of": day, "k": "100"}),
    "ask": lambda matter, day: ("/v1/ask", {"q": f"What is said of {matter} in Alder?", "as_of": day}),
    "ask of nobody": lambda matter, day: ("/v1/ask", {"q": f"Did {matter} help in Elmquay?", "as_of": day}),
    "count": lambda matter, day: ("/v1/count", {"q": matter, "as_of": day}),
    "count the latest": lambda matter, day: ("/v1/count", {"q": matter, "as_of": day, "latest": "true"}),
    "thread": lambda matter, day: ("/v1/thread", {"q": matter, "as_of": day, "body": "Alder"}),
    "grades": lambda _, day: ("/v1/grades", {"as_of": day}),
}


@pytest.mark.parametrize("way", WAYS)
@given(st.sampled_from(MATTERS), st.dates(FIRST - timedelta(days=9), max(DAYS.values()) + timedelta(days=9)))
@hypothesis_settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_nothing_later_is_seen(asking: TestClient, way: str, matter: str, day: date) -> None:
    """No text, title, count or name of a report that came later, or on an unknown day, is in any answer."""
    address, values = WAYS[way](matter, day.isoformat())
    answer = asking.get(address, params=values)
    echoed = answer.text.replace(values.get("q", ""), "")  # the question may name anything
    for mark in re_marks(echoed):
        assert DAYS.get(mark, date.max) <= day, (mark, day, answer.text)
    if answer.status_code == 200:
        there = sum(its <= day for its in DAYS.values())
        found = answer.json()
        assert found.get("reports", 0) <= there
        assert found.get("searched", {}).get("documents", 0) <= there


def re_marks(text: str) -> set[str]:
    """Give the marks of reports in a text."""
    return set(re.findall(r"mark\d\d|undated", text))


@pytest.mark.parametrize("way", WAYS)
def test_each_way_sees_what_there_was(asking: TestClient, way: str) -> None:
    """So that the test above could find something: one of the last reports, of Alder the last but a story."""
    address, values = WAYS[way]("caseloads", "2030-01-01")
    seen = re_marks(asking.get(address, params=values).text.replace(values.get("q", ""), ""))
    assert seen & {"mark09", "mark10", "mark11", "mark12", "mark13"}


def test_as_of_the_last_day_everything_dated_is_seen(asking: TestClient) -> None:
    """Also what only a list of all shows."""
    found = asking.get("/v1/search", params={"q": "caseloads", "as_of": "2030", "k": "100"})
    assert re_marks(found.text) == set(DAYS)
    assert (
        asking.get("/v1/count", params={"q": "caseloads", "as_of": "2030"}).json()["count"] == 10
    )  # the rest are news


def test_a_name_that_only_a_later_report_has_is_not_told_of(asking: TestClient) -> None:
    """The reason for no answer does not say that it is named elsewhere."""
    asked = {"q": "Was Elmquay repaired by Grimwold?"}
    before = asking.get("/v1/ask", params={**asked, "as_of": "2016-01-01"}).json()
    assert before["status"] == "unanswerable"
    assert "elsewhere" not in before["reason"]
