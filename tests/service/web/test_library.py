"""The list of documents and the page of one, as people see them."""

from pathlib import Path

import pytest
from fastapi import FastAPI, Request, Response
from fastapi.testclient import TestClient

from service.access import CALLER, NOBODY
from service.search import Searcher
from service.web.library import PART
from service.web.paging import paging
from service.web.site import page
from tests.service.conftest import Library, client_of, make_library
from tests.service.web.seen import Seen, look, reader_of, searcher_of

TITLES = ["Redbrook: second visit", "Bluehill: a visit", "Redbrook: first visit", "loose.txt"]


def titles(seen: Seen) -> list[str]:
    return seen.texts("//main//ol/li//h2")


def the_page_of(client: TestClient, title: str) -> str:
    """Give the address of a document's page, as the list tells it."""
    return look(client, "/documents").links()[title]


# --- the list


def test_documents_are_listed_newest_first(client: TestClient) -> None:
    """Each with what is known of it; what has no date comes last, and says so."""
    seen = look(client, "/documents")
    assert titles(seen) == TITLES
    assert seen.text("//*[@role='status']") == "4 documents"
    assert "Redbrook Council 28 February 2022 focused visit 1 page" in seen.text("//main//ol/li[1]")
    assert "Body not known Date not known" in seen.text("//main//ol/li[4]")


@pytest.mark.parametrize(
    ("sort", "order"), [("newest", [0, 1, 2, 3]), ("title", [1, 3, 2, 0]), ("body", [1, 0, 2, 3])]
)
def test_the_list_can_be_put_in_another_order(client: TestClient, sort: str, order: list[int]) -> None:
    """By title and body without case; of those alike the newest first, and what is unknown last."""
    seen = look(client, "/documents", sort=sort)
    assert titles(seen) == [TITLES[place] for place in order]
    assert seen.page.xpath("//select[@id='sort']/option[@selected]/@value") == [sort]


def test_filters_narrow_the_list_and_can_be_taken_away(client: TestClient) -> None:
    """The form keeps them, and each has a link that leaves the others in force."""
    seen = look(client, "/documents", body="Redbrook Council", kind="inspection", sort="title")
    assert titles(seen) == ["Redbrook: first visit"]
    assert seen.text("//*[@role='status']") == "1 of 4 documents"
    assert seen.page.xpath("//select[@id='body']/option[@selected]/@value") == ["Redbrook Council"]
    without = seen.links()["Remove the filter Redbrook Council ×"]
    assert titles(look(client, without)) == ["Bluehill: a visit", "Redbrook: first visit"]
    assert "sort=title" in without


def test_a_body_is_known_by_its_short_name(client: TestClient) -> None:
    """As in a search."""
    assert len(titles(look(client, "/documents", body="redbrook"))) == 2


def test_choices_tell_how_many_documents_they_leave(client: TestClient) -> None:
    """Counted among what the other filters let through."""
    seen = look(client, "/documents", kind="inspection")
    assert seen.texts("//select[@id='body']/option")[1:] == ["Bluehill City Council (1)", "Redbrook Council (1)"]
    assert seen.texts("//select[@id='year']/option")[1:] == ["2021 (1)", "2019 (1)"]


def test_a_year_lets_through_what_was_published_in_it(client: TestClient) -> None:
    """From its first to its last day."""
    assert titles(look(client, "/documents", year="2021")) == ["Bluehill: a visit"]


def test_filters_that_nothing_fits_say_how_to_go_on(client: TestClient) -> None:
    """It is no error: such documents may come."""
    seen = look(client, "/documents", body="Bluehill", year="2019")
    assert not titles(seen)
    assert not seen.problem
    assert seen.links()["show all documents"] == "/documents"


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"body": "Nowhere"}, "no document of body ‘Nowhere’"),
        ({"body": "Redbroke"}, "did you mean ‘Redbrook Council’"),
        ({"kind": "<b>dance\u202e</b>"}, "no document of kind ‘<b>dance\ufffd</b>’"),
        ({"body": "x" * 10_000}, "No body, kind, grade or area has a name of 10,000 characters"),
        ({"year": "last"}, "Enter a year as four digits"),
        ({"year": "0000"}, "is not a date"),
        ({"sort": "colour"}, "Choose one of the orders"),
        ({"page": "2"}, "There is one page only"),
        ({"page": "-1"}, "There is one page only"),
    ],
)
def test_what_cannot_be_used_is_named(client: TestClient, fields: dict[str, str], problem: str) -> None:
    """The form stays, so that it can be put right."""
    seen = look(client, "/documents", **fields)
    assert problem in seen.problem
    assert seen.page.xpath("//form//select[@id='body']")


def test_a_long_list_is_cut_into_parts(tmp_path: Path) -> None:
    """Every document is in one of them, and the links between them keep the filters."""
    reports = {f"{number:03}.txt": f"Report {number} tells of otters and bees." for number in range(PART + 3)}
    client = client_of(make_library(tmp_path, reports, "path\n").searcher())
    first = look(client, "/documents", sort="title")
    assert f"1 to {PART} shown" in first.text("//*[@role='status']")
    second = look(client, first.links()["Next page"])
    assert len(titles(first)) == PART
    assert sorted(titles(first) + titles(second)) == sorted(reports)
    assert "sort=title" in second.links()["Previous page"]
    assert second.page.xpath("//main//ol/@start") == [str(PART + 1)]


def test_an_empty_index_says_so(tmp_path: Path) -> None:
    """And nothing of filters that could be loosened."""
    library = make_library(tmp_path, {}, "path\n")
    assert "no documents yet" in look(client_of(library.searcher()), "/documents").text()


@pytest.mark.parametrize(
    ("current", "last", "shown"),
    [
        (1, 2, [1, 2]),
        (5, 9, [1, None, 4, 5, 6, None, 9]),
        (3, 5, [1, 2, 3, 4, 5]),
        (9, 9, [1, None, 8, 9]),
    ],
)
def test_links_between_parts_leave_out_what_is_far(current: int, last: int, shown: list[int | None]) -> None:
    """A gap stands for two parts or more."""
    made = paging("/documents", [], current, last)
    assert made
    assert [one and one.number for one in made.links] == shown
    assert [one.number for one in made.links if one and one.is_current] == [current]


# --- one document


def test_a_document_tells_what_is_known_and_how(client: TestClient) -> None:
    """Facts that nobody knows are named too."""
    seen = look(client, the_page_of(client, "Redbrook: first visit"))
    facts = seen.facts
    assert facts["About"].startswith("Redbrook Council")
    assert facts["About"].endswith("stated with the file by whoever added it")
    assert facts["Published on"].startswith("22 May 2019")
    assert facts["Licence"] == "Not known"
    assert "redbrook/2019.txt" in seen.text()
    assert seen.text("//h1") == "Redbrook: first visit"


def test_a_fact_found_in_the_text_leads_to_its_place(tmp_path: Path) -> None:
    """The page opens with just those words marked."""
    reports = {"a.txt": "Visit to Elm Lodge\n\nThe roof was mended."}
    client = client_of(searcher_of(tmp_path, reports))
    seen = look(client, the_page_of(client, "Visit to Elm Lodge"))
    place = look(client, seen.links()["see where it says so: Title"])
    assert place.texts("//mark") == ["Visit to Elm Lodge"]


def test_the_source_is_a_link_only_where_it_is_a_web_address(tmp_path: Path) -> None:
    """A manifest can state anything, also a script."""
    manifest = "path,title,source\na.txt,One,https://reports.example/a\nb.txt,Two,javascript:alert(1)\n"
    library = make_library(tmp_path, {"a.txt": "Otters came back.", "b.txt": "Bees came back."}, manifest)
    client = client_of(library.searcher())
    one, two = (look(client, the_page_of(client, title)) for title in ("One", "Two"))
    assert one.links()["https://reports.example/a"] == "https://reports.example/a"
    assert one.page.xpath("//a[@href='https://reports.example/a']/@rel") == ["noreferrer noopener"]
    assert "javascript:alert(1)" in two.text()
    assert not [href for href in two.links().values() if href.startswith("javascript")]


def test_other_documents_of_the_body_are_named(client: TestClient) -> None:
    """Not the document itself, and none of another body."""
    seen = look(client, the_page_of(client, "Redbrook: first visit"))
    assert "Redbrook: second visit" in seen.links()
    assert "Bluehill: a visit" not in seen.links()


def test_all_pages_are_listed_with_their_first_words(client: TestClient) -> None:
    """Each leads to the page."""
    seen = look(client, the_page_of(client, "Redbrook: first visit"))
    assert seen.links()["Page 2"].endswith("/pages/2")
    assert "Page 2 first child arrived. Carers meet" in seen.text()


def test_pages_without_text_are_named(tmp_path: Path) -> None:
    """They can hold what nobody finds."""
    client = client_of(searcher_of(tmp_path, {"a.txt": "Otters came back.\f\fThe end of it."}))
    seen = look(client, the_page_of(client, "a.txt"))
    assert "1 of its pages is a picture without text" in seen.text()
    assert seen.links()["page 2"].endswith("/pages/2")


def test_a_kept_copy_can_be_downloaded(library: Library) -> None:
    """Where none is kept, none is offered."""
    client = client_of(library.searcher())
    place = the_page_of(client, "loose.txt")
    assert look(client, place).links()["Download the file"] == f"/v1{place}/file"
    for copy in (library.settings.index / "originals").iterdir():
        copy.unlink()
    assert "Download the file" not in look(client, place).links()


def test_only_who_may_write_is_offered_to_delete(searcher: Searcher, client: TestClient, tmp_path: Path) -> None:
    """Others would be refused."""
    place = the_page_of(client, "loose.txt")
    assert look(client, place).links()["Delete this document"] == f"{place}/delete"
    assert "Delete this document" not in look(reader_of(searcher, tmp_path), place).links()


@pytest.mark.parametrize(("is_upload", "can_be_deleted"), [(True, True), (False, False)])
def test_deletion_is_asked_for_first(searcher: Searcher, *, is_upload: bool, can_be_deleted: bool) -> None:
    """What comes from a folder would come back, so that there is no button for it."""
    app = FastAPI()
    with searcher.store.reading() as reader:
        content = {"document": reader.documents()[0], "is_upload": is_upload}

    @app.get("/")
    def asked(request: Request) -> Response:
        request.scope[CALLER] = NOBODY
        return page(request, "delete.html", content, "Delete")

    seen = look(TestClient(app), "/")
    assert bool(seen.page.xpath("//form[@method='post']//button")) == can_be_deleted


# --- inside a document


def test_a_search_inside_leads_to_the_pages(client: TestClient) -> None:
    """Words are marked in what is shown, and on the page that it leads to."""
    seen = look(client, the_page_of(client, "Redbrook: first visit"), q="carers")
    assert seen.text("//*[@role='status']") == "2 places on 2 of 2 pages"
    assert seen.texts("//main//article//mark") == ["carers", "Carers"]
    found = look(client, seen.page.xpath("//main//article//a/@href")[1])
    assert found.texts("//mark") == ["Carers"]


def test_a_search_inside_that_finds_nothing_offers_all_documents(client: TestClient) -> None:
    """With the same words."""
    seen = look(client, the_page_of(client, "loose.txt"), q="zebras & <i>")
    assert "No page of this document holds “zebras & <i>”." in seen.text("//*[@role='status']")
    assert seen.links()["ask all documents"] == "/?q=zebras+%26+%3Ci%3E"


@pytest.mark.parametrize("question", ["-school", "x" * 10_000])
def test_a_search_inside_that_cannot_be_made_says_why(client: TestClient, question: str) -> None:
    """The document is shown all the same."""
    seen = look(client, the_page_of(client, "Redbrook: first visit"), q=question)
    assert "query" in seen.problem.lower()
    assert "Redbrook Council" in seen.text()


def test_a_document_that_is_not_there_is_not_found(client: TestClient) -> None:
    """The answer is a page for who looks at pages."""
    answer = client.get("/documents/none", headers={"accept": "text/html"})
    assert answer.status_code == 404
    assert "No document `none`" in answer.text
