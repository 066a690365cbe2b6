"""The page of grades, as somebody looks at it."""

import re
from urllib.parse import parse_qsl, urlsplit

import pytest
from fastapi.testclient import TestClient

from tests.service.conftest import client_of, make_library
from tests.service.web.graded import MANIFEST, REPORTS, later
from tests.service.web.seen import Seen, look


@pytest.fixture(scope="module")
def graded(tmp_path_factory: pytest.TempPathFactory) -> TestClient:
    """Give a client of the service over reports that give grades."""
    return client_of(make_library(tmp_path_factory.mktemp("graded"), REPORTS, MANIFEST).searcher())


def rows(seen: Seen) -> list[tuple[str, ...]]:
    """Give the rows of the table below the heading of each report."""
    return [
        tuple(" ".join(cell.text_content().split()) for cell in row.xpath("./th|./td"))
        for row in seen.page.xpath("//tbody/tr")
    ]


def test_without_a_body_the_page_asks_for_one(graded: TestClient) -> None:
    """It names those whose reports give grades, with a link each, and nobody else."""
    seen = look(graded, "/grades")
    links = seen.links("//main//ul")
    assert list(links) == ["Bluehill City Council", "Redbrook Council"]
    assert "Redbrook Council (3 reports)" in seen.texts("//main//li")
    assert seen.texts("//select[@id='body']/option") == ["Choose a body", *links]
    assert not seen.page.xpath("//table | //svg")
    assert look(graded, links["Redbrook Council"]).texts("//h2")[0] == "Redbrook Council"


def test_every_grade_and_every_reason_is_in_the_table(graded: TestClient) -> None:
    """The oldest report first, with its day, framework and kind; what says the same without words is one row."""
    seen = look(graded, "/grades", body="redbrook")
    found = rows(seen)
    headings = [row[0] for row in found if len(row) == 1]
    assert headings == [
        "25 June 2015: Redbrook: the first inspection SIF 2013 · inspection",
        "15 June 2018: Redbrook: the second inspection ILACS 2018 · inspection",
        "12 February 2020: Redbrook: a short visit ILACS 2018 · focused visit",
        "17 June 2022: Redbrook: the third inspection ILACS 2018 · inspection",
    ]
    assert ("Overall effectiveness", "Inadequate", "Page 1") in found
    assert ("Local Safeguarding Children Board", "Not given by this kind of visit", "") in found
    assert ("Children in care, Care leavers", "Not given under this framework", "") in found
    visit = found[found.index((headings[2],)) + 1]
    assert visit[0].startswith("Overall effectiveness, Leadership, Children who need help")
    assert visit[1] == "Not given by this kind of visit"
    assert "1 more document was made under no framework" in seen.text()
    assert seen.facts["Not given under this framework"]


def test_a_grade_leads_to_its_words(graded: TestClient) -> None:
    """The characters that the link names are those of the row of the report's own table."""
    seen = look(graded, "/grades", body="Bluehill", area="overall")
    (first, *_) = seen.page.xpath("//tbody//td/a/@href")
    ((start, end),) = re.findall(r"(\d+)-(\d+)", dict(parse_qsl(urlsplit(first).query))["spans"])
    assert " ".join(REPORTS["hill.txt"][int(start) : int(end)].split()) == "Overall effectiveness Good"
    assert look(graded, first).texts("//mark") == ["Overall effectiveness Good"]


def test_the_chart_says_what_the_table_says(graded: TestClient) -> None:
    """In words, for whoever does not see it; a mark has a letter and a shape, and the frameworks have names."""
    seen = look(graded, "/grades", body="Redbrook Council")
    (about,) = seen.texts("//svg/desc")
    assert "Overall effectiveness: Inadequate, 25 June 2015; Good, 15 June 2018; Outstanding, 17 June 2022." in about
    assert "Adoption: Outstanding, 25 June 2015." in about
    assert "visit" not in about
    (svg,) = seen.page.xpath("//svg[@role='img']")
    assert {one.get("id") for one in svg.xpath("./title | ./desc")} == set(svg.get("aria-labelledby").split())
    shapes = {
        (" ".join(one.xpath("./text/text()")), one.xpath("name(./*[2])")) for one in svg.xpath(".//g[@transform]")
    }
    assert shapes == {("O", "circle"), ("G", "rect"), ("I", "path")}
    assert {"SIF 2013", "ILACS 2018"} <= set(seen.texts("//svg/text"))
    assert len(svg.xpath("./line[@class='chart__break']")) == 1
    # Overall, leadership and help: two inspections of one framework; the others have one in each.
    assert len(svg.xpath("./polyline")) == 4


def test_an_area_that_cannot_be_read_is_no_gap(graded: TestClient) -> None:
    """It has a mark of its own, apart from all grades, and the page says what that means."""
    seen = look(graded, "/grades", body="Bluehill City Council")
    assert "Leadership: Unreadable, 12 April 2019; Good, 17 September 2021." in seen.text("//svg/desc")
    assert "?" in seen.texts("//svg//g/text")
    assert any(row[:2] == ("Leadership", "Unreadable") for row in rows(seen))
    assert "cannot be told for sure" in seen.facts["Unreadable"]


def test_only_some_areas_can_be_looked_at(graded: TestClient) -> None:
    """They stay chosen, are carried to the table for downloading, and names may have blanks."""
    seen = look(graded, "/grades?body=Redbrook&area=leadership&area=children+in+care")
    assert {row[0] for row in rows(seen) if len(row) > 1} == {"Leadership", "Children in care"}
    assert seen.texts("//input[@name='area'][@checked]/following-sibling::span") == ["Leadership", "Children in care"]
    csv = graded.get(seen.links()["Download all of it as a table (CSV)"])
    assert csv.headers["content-type"].startswith("text/csv")
    assert len(csv.text.splitlines()) == 1 + 4 * 2


def test_several_bodies_stand_one_after_the_other(graded: TestClient) -> None:
    """Each has a chart; one that is chosen can be taken off, and others can be added."""
    seen = look(graded, "/grades?body=Redbrook&body=Bluehill")
    assert seen.texts("//section/h2") == ["Bluehill City Council", "Redbrook Council"]
    assert len(seen.page.xpath("//svg[@role='img']")) == 2
    assert seen.page.xpath("//input[@name='body'][@checked]/@value") == ["Redbrook Council", "Bluehill City Council"]
    assert seen.texts("//select[@id='body']/option") == ["No other"]


def test_as_of_a_day_later_reports_are_not_there(graded: TestClient) -> None:
    """Neither among the grades nor among the bodies to choose from."""
    assert "2022" not in look(graded, "/grades", body="Redbrook", as_of="2020").text("//table")
    assert list(look(graded, "/grades", as_of="2016").links("//main//ul")) == ["Redbrook Council"]


def test_many_reports_are_shown_in_parts_that_are_small(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Of a body the latest twenty, and few bodies on a page; the page says so, and stays below its weight."""
    reports, manifest = {}, ["path,title,body,published,kind"]
    for body, count in (("Alder", 25), ("Birch", 8), ("Cedar", 1)):
        for number in range(count):
            day = f"{1 + number:02d} June 2021 to {2 + number:02d} June 2021"
            reports[f"{body}{number}.txt"] = later(body, day, "Good", "Inadequate", "Good", "Good")
            manifest.append(f"{body}{number}.txt,{body}: inspection {number},{body} Council,2021-08-01,inspection")
    client = client_of(make_library(tmp_path_factory.mktemp("many"), reports, "\n".join(manifest)).searcher())
    address = "/grades?body=Alder&body=Birch&body=Cedar"
    assert len(client.get(address).content) < 80_000
    seen = look(client, address)
    assert seen.texts("//section/h2") == ["Alder Council"]
    assert "5 older reports are in the table for downloading only." in seen.text()
    (following,) = seen.page.xpath("//a[@rel='next']/@href")
    assert look(client, following).texts("//section/h2") == ["Birch Council", "Cedar Council"]


@pytest.mark.parametrize(
    ("address", "problem"),
    [
        ("/grades?body=Redbrok", "did you mean ‘Redbrook Council’?"),
        ("/grades?body=Redbrook&area=weather", "No document gives the area ‘weather’"),
        ("/grades?body=Redbrook&as_of=soon", "‘soon’ is not a date"),
        ("/grades?as_of=2020-02-30", "is not a date"),
        ("/grades?body=Redbrook&page=9", "There is one page only"),
        ("/grades?body=" + "x" * 9000, "has a name of"),
        ("/grades?" + "&".join(f"body=b{number}" for number in range(30)), "at most 20"),
        ("/grades?body=%3Cscript%3E%E2%80%AE", "no document of body"),
    ],
    ids=lambda value: value[:40],
)
def test_what_cannot_be_used_is_said_on_the_page(graded: TestClient, address: str, problem: str) -> None:
    """In a summary that leads to the form; there is no table then."""
    seen = look(graded, address)
    assert problem.casefold() in seen.problem.casefold()
    assert not seen.page.xpath("//table | //main//script")


def test_where_nothing_is_graded_the_page_says_so(client: TestClient) -> None:
    """There is nobody to choose, and a body that is named has no grades."""
    assert "No report gives a grade." in look(client, "/grades").text()
    seen = look(client, "/grades", body="Redbrook")
    assert "No grades were found." in seen.text()
    assert "2 more documents were made under no framework" in seen.text()
