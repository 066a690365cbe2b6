"""The page of a matter through all inspections of a body, as somebody looks at it."""

import re
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest
from fastapi.testclient import TestClient

from tests.service.conftest import client_of, make_library
from tests.service.web.graded import MANIFEST, REPORTS
from tests.service.web.seen import Seen, look


@pytest.fixture(scope="module")
def graded(tmp_path_factory: pytest.TempPathFactory) -> TestClient:
    """Give a client of the service over reports that give grades."""
    return client_of(make_library(tmp_path_factory.mktemp("graded"), REPORTS, MANIFEST).searcher())


def stops(seen: Seen) -> list[str]:
    return seen.texts("//ol[@class='thread']/li")


def test_each_inspection_says_what_it_said_or_that_it_said_nothing(graded: TestClient) -> None:
    """In order, with the overall grade of the time, tone, change where the text tells one, and a quote."""
    seen = look(graded, "/thread", q="caseloads", body="Redbrook")
    first, second, visit, third = stops(seen)
    assert first.startswith(
        "25 June 2015: Redbrook: the first inspection inspection · Overall grade: Inadequate Weakness"
    )
    assert "“Caseloads are far too high and weak oversight leaves children at risk.”" in first
    assert "Overall grade: Good" in second
    assert "By its own words: improved" in second
    assert "Overall grade: not given by this kind of visit Not mentioned." in visit
    assert third.endswith("Overall grade: Outstanding Not mentioned.")
    assert seen.texts("//h2") == ["Redbrook Council", "About this service"]
    said = seen.text("//main//*[@role='status'][1]")
    assert said.startswith("Mentioned in 2 of 4 inspections: ")
    assert "1 × weakness" in said
    assert "1 more document on the same, such as news, reports no inspection" in said


def test_a_quote_leads_to_its_words(graded: TestClient) -> None:
    """The link names their characters; the matter is marked in them; they can be copied with the citation."""
    seen = look(graded, "/thread", q="caseloads", body="Redbrook Council")
    (place, *_) = seen.page.xpath("//blockquote//a/@href")
    ((start, end),) = re.findall(r"(\d+)-(\d+)", dict(parse_qsl(urlsplit(place).query))["spans"])
    (quote, *_) = seen.texts("//blockquote/p[1]")
    assert f"“{REPORTS['first.txt'][int(start) : int(end)]}”" == quote
    assert set(seen.texts("//blockquote//mark")) == {"Caseloads"}
    assert seen.page.xpath("//pre[@data-copy='plain text']")


def test_the_body_may_be_named_in_the_matter(graded: TestClient) -> None:
    """It is chosen in the form then, and what is looked for are the other words."""
    seen = look(graded, "/thread", q="caseloads in Redbrook")
    assert len(stops(seen)) == 4
    assert seen.texts("//select/option[@selected]") == ["Redbrook Council"]
    assert seen.texts("//h2")[0] == "Redbrook Council"


def test_of_several_bodies_each_inspection_says_whose_it_is(graded: TestClient) -> None:
    """They stand in one order of days."""
    found = stops(look(graded, "/thread", q="caseloads in Redbrook and Bluehill"))
    assert [re.findall(r"Redbrook Council|Redbrook ·|Bluehill City Council", one)[0] for one in found] == [
        "Redbrook Council",
        "Redbrook ·",
        "Bluehill City Council",
        "Redbrook Council",
        "Bluehill City Council",
        "Redbrook Council",
    ]


def test_a_matter_that_no_report_has_is_mentioned_in_none(graded: TestClient) -> None:
    """All inspections are listed all the same."""
    seen = look(graded, "/thread", q="otters", body="Redbrook")
    assert seen.text("//main//*[@role='status']").startswith("Not mentioned in any of 4 inspections.")
    assert len(stops(seen)) == 4


def test_as_of_a_day_later_inspections_are_not_there(graded: TestClient) -> None:
    """The links to the grades say the same day."""
    seen = look(graded, "/thread", q="caseloads", body="Redbrook", as_of="2019")
    assert len(stops(seen)) == 2
    assert ("as_of", "2019") in parse_qsl(urlsplit(seen.links()["See the grades"]).query)


def test_the_timeline_leads_here_and_this_page_there(graded: TestClient) -> None:
    """With the same matter and body."""
    there = look(graded, "/thread", q="caseloads", body="Redbrook")
    timeline = there.links()["See what is nearest to it in meaning, over the years"]
    assert urlsplit(timeline).path == "/timeline"
    back = look(graded, timeline).links()["Follow a matter through every inspection of a body"]
    assert stops(look(graded, back)) == stops(there)


def test_many_inspections_are_shown_in_parts(tmp_path: Path) -> None:
    """Each part is small, and the order goes on from one to the next."""
    reports, rows = {}, ["path,title,body,published,kind"]
    for number in range(20):
        reports[f"{number}.txt"] = f"Caseloads are high in visit {number} and remain too high for most staff there."
        rows.append(f"{number}.txt,Visit {number},Alder Council,{2001 + number}-05-01,inspection")
    client = client_of(make_library(tmp_path, reports, "\n".join(rows)).searcher())
    first = look(client, "/thread", q="caseloads", body="Alder")
    (following,) = first.page.xpath("//a[@rel='next']/@href")
    assert len(client.get("/thread?q=caseloads&body=Alder").content) < 80_000
    titles = first.texts("//ol//h3/a") + look(client, following).texts("//ol//h3/a")
    assert titles == [f"Visit {number}" for number in range(20)]


@pytest.mark.parametrize(
    ("fields", "problem", "field"),
    [
        ({"q": "caseloads"}, "Choose the body", "body"),
        ({"q": "caseloads", "body": "Redbrok"}, "did you mean ‘Redbrook Council’?", "body"),
        ({"q": "the", "body": "Redbrook"}, "names no matter to look for", "q"),
        ({"q": "x" * 10_000, "body": "Redbrook"}, "at most 1,000", "q"),
        ({"q": "caseloads", "body": "b" * 9000}, "has a name of", "body"),
        ({"q": "caseloads", "body": "Redbrook", "as_of": "soon"}, "‘soon’ is not a date", "as_of"),
        ({"q": "caseloads", "body": "Redbrook", "page": "7"}, "one page only", "q"),
        ({"q": "-caseloads", "body": "Redbrook"}, "only says what to leave out", "q"),
        ({"q": "<script>alert(1)</script>\u202e", "body": "<b>"}, "no document of body", "body"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_cannot_be_used_is_said_on_the_page(
    graded: TestClient, fields: dict[str, str], problem: str, field: str
) -> None:
    """In a summary that leads to the field; nothing is followed then."""
    seen = look(graded, "/thread", **fields)
    assert problem in seen.problem
    assert seen.page.xpath("//div[@role='alert']//a/@href") == [f"#{field}"]
    assert not stops(seen)
    assert not seen.page.xpath("//main//script | //main//b")


def test_without_a_matter_there_is_the_form_alone(graded: TestClient) -> None:
    """A body may be chosen already."""
    seen = look(graded, "/thread", body="Redbrook")
    assert seen.texts("//select/option[@selected]") == ["Redbrook Council"]
    assert not stops(seen)
