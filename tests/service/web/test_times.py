from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from lxml import html
from starlette.types import ASGIApp, Receive, Scope, Send

from service.access import CALLER, NOBODY
from service.search import Searcher
from service.watching import SEEN, Seen
from service.web import times
from tests.service.conftest import make_library

MANIFEST = """\
path,title,body,published,kind
a.txt,Redbrook: a visit,Redbrook Council,2019-05-22,inspection
b.txt,Redbrook: an early visit,Redbrook Council,2016-02-28,focused visit
c.txt,Redbrook: a late visit,Redbrook Council,2022-02-28,focused visit
d.txt,<b>Bluehill</b>,Bluehill City Council,2021-12-31,inspection
e.txt,Redbrook: a note,Redbrook Council,,inspection
"""
REPORTS = {
    "a.txt": "Otters came back to the river.\n\nBridges were painted in summer.",
    "b.txt": "The otters were gone from the river.\n\nNobody knew why.",
    "c.txt": "Buses run late on Sundays and drivers wait for the ferry at night.",
    "d.txt": "Otters were counted in the <i>river</i> by children of two schools.",
    "e.txt": "Otters slept under the bridge by the river.",
}


class Known:
    """Says of each request what the service says of it before a page is made."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._app({**scope, CALLER: NOBODY, SEEN: Seen.of()}, receive, send)


def site_of(searcher: Searcher) -> TestClient:
    app = FastAPI()
    app.state.searcher = searcher
    app.include_router(times.router)
    app.add_middleware(Known)
    return TestClient(app)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> TestClient:
    """Give a client of the timeline of invented reports."""
    return site_of(make_library(tmp_path_factory.mktemp("otters"), REPORTS, MANIFEST).searcher())


def seen(site: TestClient, **parameters: str) -> html.HtmlElement:
    """Read the page."""
    answer = site.get("/timeline", params=parameters)
    assert answer.headers["content-type"].startswith("text/html")
    assert len(answer.content) < 80_000
    return html.fromstring(answer.text)


def texts(page: html.HtmlElement, path: str) -> list[str]:
    return [" ".join(found.text_content().split()) for found in page.xpath(path)]


def rows(page: html.HtmlElement) -> Iterator[list[str]]:
    for row in page.xpath("//tbody/tr"):
        yield texts(row, "./th|./td")


def test_without_a_question_the_collection_is_counted_by_year_and_kind(site: TestClient) -> None:
    """A chart, and a table of the same numbers, newest year first, those without a day last."""
    page = seen(site)
    assert texts(page, "//h1") == ["Timeline"]
    assert texts(page, "//thead//th") == ["Year", "inspection", "focused visit", "All"]
    assert list(rows(page)) == [
        ["2022", "0", "1", "1"],
        ["2021", "1", "0", "1"],
        ["2019", "1", "0", "1"],
        ["2016", "0", "1", "1"],
        ["No date known", "1", "0", "1"],
    ]
    (chart,) = page.xpath("//svg[@role='img']")
    assert "2022, focused visit: 1" in texts(chart, ".//title")
    assert texts(page, "//ul[contains(@class, 'chart-key')]/li") == ["inspection", "focused visit"]
    assert page.xpath("//tbody//a/@href")[0] == "/documents?year=2022"


def test_a_body_alone_has_its_years(site: TestClient) -> None:
    """The same for the reports of one body, which stays chosen."""
    page = seen(site, body="bluehill")
    assert texts(page, "//h2")[0] == "Reports on bluehill"
    assert [row[0] for row in rows(page)] == ["2021"]
    assert texts(page, "//select/option[@selected]") == ["Bluehill City Council"]


def test_each_report_has_a_row_and_a_mark_that_lead_to_its_quote(site: TestClient) -> None:
    """Rows are in the order of the days; a mark has the number of its row and says the same."""
    page = seen(site, q="otters in the river", body="Redbrook Council")
    quoted = [row for row in rows(page) if len(row) == 4]
    assert [row[0].removeprefix("Mark ") for row in quoted][:2] == ["1 28 February 2016", "2 22 May 2019"]
    assert quoted[0][1] == "Redbrook: an early visit"
    assert quoted[0][2].startswith("“The otters were gone from the river.” See it on page 1")
    marks = page.xpath("//svg//a")
    assert marks[0].get("aria-label").startswith("1: Redbrook: an early visit, 28 February 2016, ")
    places = page.xpath("//a[starts-with(text(), 'See it on page')]/@href")
    assert [mark.get("href") for mark in marks] == places[: len(marks)]
    given = parse_qs(urlsplit(places[0]).query)
    assert given == {"spans": ["0-36"], "q": ["otters in the river"]}
    assert "no date known" in texts(page, "//table[2]//td")[0]
    assert texts(page, "//*[@role='status']")[0].startswith("3 reports say something of this")


def test_silent_reports_are_listed(site: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are under a heading of their own, and counted."""
    monkeypatch.setattr("service.answering.WITHIN_APART", 3.0)
    page = seen(site, q="otters in the river", body="Redbrook Council")
    (silent,) = page.xpath("//h3[text()='Nothing found on this']/following-sibling::ul[1]")
    assert texts(silent, "./li") == ["28 February 2022: Redbrook: a late visit"]
    assert "in 1 more report nothing was found" in texts(page, "//*[@role='status']")[0]


def test_without_a_body_those_with_something_are_offered(site: TestClient) -> None:
    """Each leads to the same question of that body alone."""
    page = seen(site, q="otters in the river")
    links = page.xpath("//ul[contains(@class, 'times-bodies')]//a")
    found = {link.text: parse_qs(urlsplit(link.get("href")).query) for link in links}
    assert found["Bluehill City Council"] == {"q": ["otters in the river"], "body": ["Bluehill City Council"]}


def test_a_body_that_is_read_can_be_left_out(site: TestClient) -> None:
    """The page says that it was read from the question, and links to all bodies."""
    page = seen(site, q="otters at Bluehill")
    assert texts(page, "//h2")[0] == "Bluehill City Council"
    (link,) = page.xpath("//a[text()='Look at all bodies instead']/@href")
    everywhere = html.fromstring(site.get(link).text)
    assert texts(everywhere, "//h2")[0] == "All bodies"


def test_what_is_not_answered_is_not_shown_as_found(site: TestClient) -> None:
    """The reason is told; what is nearest stands in a part that is closed."""
    page = seen(site, q="Who repaired the telescope in Atlantis?")
    assert texts(page, "//*[@role='status']") == ["No report was found to answer this."]
    assert page.xpath("//*[contains(@class, 'govuk-inset-text')]")
    assert not page.xpath("//table[not(ancestor::details)]")


@pytest.mark.parametrize(
    ("parameters", "problem"),
    [
        ({"q": "otters", "body": "Redbrok"}, "did you mean `Redbrook Council`?"),
        ({"body": "Nowhere"}, "the index has no document of body `Nowhere`"),
        ({"q": "x" * 10_000}, "the query has 10,000 characters"),
        ({"q": "-otters"}, "only says what to leave out"),
        ({"q": "otters", "body": "<script>" * 50}, "no body, kind, grade or area has a name of 400 characters"),
    ],
    ids=str,
)
def test_what_cannot_be_used_is_told_at_the_top(site: TestClient, parameters: dict[str, str], problem: str) -> None:
    """The title begins with the error, the message leads to the field, and the form keeps what was given."""
    page = seen(site, **parameters)
    assert texts(page, "//title")[0].startswith("Error: ")
    (link,) = page.xpath("//*[contains(@class, 'govuk-error-summary')]//a")
    assert problem in link.text
    assert page.xpath(f"//form//*[@id='{link.get('href')[1:]}']")
    assert page.xpath("//input[@name='q']/@value") == [parameters.get("q", "")[:1000]]


@pytest.mark.parametrize("q", ["", "   ", "<script>alert(1)</script> otters", "\u202eotters\u2066", "\x00otters"])
def test_odd_questions_are_shown_as_they_are_and_do_nothing(site: TestClient, q: str) -> None:
    """Markup is text, and signs that turn writing round are replaced."""
    answer = site.get("/timeline", params={"q": q})
    assert answer.status_code == 200
    assert "<script>alert" not in answer.text
    assert "\u202e" not in answer.text


def test_markup_of_documents_is_text(site: TestClient) -> None:
    """Titles and quotes are shown to the letter."""
    page = seen(site, q="otters counted", body="Bluehill")
    assert "<b>Bluehill</b>" in texts(page, "//td//a")
    assert "<i>river</i>" in next(rows(page))[2]


def test_many_bodies_are_written_instead_of_chosen(site: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """A list of thousands would be longer than the rest of the page."""
    monkeypatch.setattr(times, "MOST_LISTED", 1)
    page = seen(site, body="bluehill")
    assert page.xpath("//input[@name='body']/@value") == ["bluehill"]
    assert not page.xpath("//select")


def test_rare_kinds_share_a_colour(tmp_path: Path) -> None:
    """Of many kinds the rare ones are put together, and the numbers stay whole."""
    names = [f"kind {number}" for number in range(8)]
    lines = [f"{number}.txt,2020-01-0{number + 1},{name}" for number, name in enumerate(names)]
    reports = {f"{number}.txt": f"Report {number} tells of a river." for number in range(8)}
    library = make_library(tmp_path, reports | {"loose.txt": "A note."}, "\n".join(["path,published,kind", *lines]))
    page = seen(site_of(library.searcher()))
    assert texts(page, "//thead//th") == ["Year", *names[:4], "other kinds", "unknown kind", "All"]
    assert list(rows(page)) == [
        ["2020", "1", "1", "1", "1", "4", "0", "8"],
        ["No date known", "0", "0", "0", "0", "0", "1", "1"],
    ]


def test_an_empty_index_says_so(tmp_path: Path) -> None:
    """There is no chart and no table."""
    page = seen(site_of(make_library(tmp_path, {}, "path\n").searcher()))
    assert "There are no documents yet." in texts(page, "//p")
    assert not page.xpath("//table|//svg")
