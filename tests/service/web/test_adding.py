import re
from collections.abc import Iterator
from pathlib import Path
from time import monotonic, sleep
from typing import NamedTuple

import httpx2
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st
from lxml import html
from starlette.requests import Request

from indexer.errors import NotFoundError
from indexer.settings import Limits
from service.access import WRONG_KEYS_PER_MINUTE, Access, ForbiddenError, TooManyError, UnauthorizedError
from service.keeper import Keeper
from service.keys import Keys, Role
from service.sessions import Sessions
from service.web import adding
from service.web.adding import local
from service.web.trouble import Trouble, trouble_page
from service.writes import NotOfferedError
from tests.fakes import WordEncoder
from tests.service.conftest import FakeReaders, Library, make_library

TEXT = b"The lighthouse was painted in autumn. Two keepers did the work."


class Site(NamedTuple):
    """The pages over a library, as a browser on this machine sees them."""

    client: TestClient
    library: Library
    keeper: Keeper
    keys: Keys


def make_site(tmp_path: Path, *, has_sources: bool = False) -> Site:
    library = make_library(tmp_path, {"a.txt": "Otters came back."}, "path\na.txt\n")
    sources = (library.sources,) if has_sources else ()
    settings = library.settings
    keeper = Keeper(settings, sources=sources, open_encoder=WordEncoder, open_readers=lambda: FakeReaders(settings))
    keys = Keys(settings.keys_file)
    app = FastAPI()
    app.state.searcher, app.state.keeper = library.searcher(), keeper
    app.include_router(adding.router)
    app.add_middleware(
        Access, keys=keys, limits=Limits(), open_reading=False, sessions=Sessions(b"0" * 32)
    )  # as the service has it
    client = TestClient(app, base_url="http://localhost", client=("127.0.0.1", 50000), follow_redirects=False)
    return Site(client, library, keeper, keys)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """Give pages over an index of one report, without keys."""
    made = make_site(tmp_path)
    yield made
    made.keeper.close()


def texts(page: html.HtmlElement, path: str) -> list[str]:
    return [" ".join(found.text_content().split()) for found in page.xpath(path)]


def read(answer: httpx2.Response) -> html.HtmlElement:
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/html")
    return html.fromstring(answer.text)


def job_page(site: Site, answer: httpx2.Response) -> html.HtmlElement:
    """Follow the answer to a form to the page of a job, and wait until that is done."""
    assert answer.status_code == 303
    assert re.fullmatch("/jobs/[0-9a-f-]+", answer.headers["location"])
    end = monotonic() + 20
    while monotonic() < end:
        page = read(site.client.get(answer.headers["location"]))
        if not page.xpath("//@data-open"):
            return page
        sleep(0.05)
    raise AssertionError("the job did not end")


# --- signing in


def test_nobody_has_to_sign_in_where_there_are_no_keys(site: Site) -> None:
    """The page says so and shows no field."""
    page = read(site.client.get("/sign-in", params={"next": "/upload"}))
    assert any("Nobody has to sign in here" in text for text in texts(page, "//p"))
    assert not page.xpath("//input")
    assert page.xpath("//main//a/@href") == ["/upload"]


def test_a_key_begins_a_session_and_signing_out_ends_it(site: Site) -> None:
    """With the right key the browser goes where it wanted, and sees it; afterwards it does not."""
    _, text = site.keys.add("Ann", Role.WRITE)
    with pytest.raises(UnauthorizedError):
        site.client.get("/upload")
    form = read(site.client.get("/sign-in", params={"next": "/upload?x=1"}))
    (field,) = form.xpath("//input[@type='password']")
    assert (field.get("name"), field.get("autocomplete")) == ("key", "current-password")
    assert form.xpath("//label/@for") == [field.get("id")]
    assert form.xpath("//input[@name='next']/@value") == ["/upload?x=1"]

    signed_in = site.client.post("/sign-in", data={"key": f" {text}\n", "next": "/upload?x=1"})
    assert (signed_in.status_code, signed_in.headers["location"]) == (303, "/upload?x=1")
    assert "HttpOnly" in signed_in.headers["set-cookie"]
    assert texts(read(site.client.get("/upload")), "//footer//button") == ["Sign out Ann"]
    assert "You are signed in as Ann." in texts(read(site.client.get("/sign-in")), "//main//div")

    signed_out = site.client.post("/sign-out")
    assert (signed_out.status_code, signed_out.headers["location"]) == (303, "/")
    with pytest.raises(UnauthorizedError):
        site.client.get("/upload")


@pytest.mark.parametrize(
    ("key", "problem"),
    [
        ("", "Enter your key"),
        ("  ", "Enter your key"),
        ("cw_0123456789abcdef_wrong", "This is not a key of this service"),
        ("x" * 10_000, "This is not a key of this service"),
        ("<script>\u202e", "This is not a key of this service"),
    ],
    ids=["empty", "blank", "wrong", "long", "markup"],
)
def test_a_wrong_key_is_told_and_not_repeated(site: Site, key: str, problem: str) -> None:
    """The page has the problem at its top, keeps where to go, sets no cookie and does not show the key."""
    site.keys.add("Ann", Role.READ)
    answer = site.client.post("/sign-in", data={"key": key, "next": "/upload"})
    page = read(answer)
    assert texts(page, "//*[contains(@class, 'govuk-error-summary')]//a") == [problem]
    assert texts(page, "//title")[0].startswith("Error: ")
    assert page.xpath("//input[@name='next']/@value") == ["/upload"]
    assert "set-cookie" not in answer.headers
    assert not key.strip() or key not in answer.text


def test_many_wrong_keys_are_too_many(site: Site) -> None:
    """They count as those do that come with a request."""
    site.keys.add("Ann", Role.READ)
    for _ in range(WRONG_KEYS_PER_MINUTE):
        read(site.client.post("/sign-in", data={"key": "wrong"}))
    with pytest.raises(TooManyError):
        site.client.post("/sign-in", data={"key": "wrong"})


@pytest.mark.parametrize("given_to", ["form", "address"])
@pytest.mark.parametrize(
    "elsewhere",
    [
        "//evil.example",
        "https://evil.example",
        "/\\evil.example",
        "/\t/evil.example",
        "javascript:alert(1)",
        "upload",
    ],
)
def test_signing_in_leads_nowhere_else(site: Site, elsewhere: str, given_to: str) -> None:
    """What is no address of this service is dropped."""
    _, text = site.keys.add("Ann", Role.READ)
    if given_to == "form":
        answer = site.client.post("/sign-in", data={"key": text, "next": elsewhere})
        assert answer.headers["location"] == "/"
    else:
        assert not read(site.client.get("/sign-in", params={"next": elsewhere})).xpath("//input[@name='next']")


@given(st.text(alphabet="/\\ab.:?#@\t\n \x00%é", max_size=12))
def test_a_local_address_is_one_in_every_browser(address: str) -> None:
    """As browsers read it (WHATWG URL): tabs and line ends go, and a backslash is a slash."""
    kept = local(address)
    assert kept in {"", address}
    if kept:
        as_read = re.sub(r"[\t\n\r]", "", kept.strip()).replace("\\", "/")
        assert as_read.startswith("/")
        assert not as_read.startswith("//")


def test_a_page_of_another_site_cannot_sign_in_or_upload(site: Site) -> None:
    """Forms of other sites are refused before they are read."""
    for path in ("/sign-in", "/sign-out", "/upload", "/sync"):
        with pytest.raises(ForbiddenError):
            site.client.post(path, headers={"origin": "https://evil.example"})


# --- uploading


def test_an_upload_becomes_a_document(site: Site) -> None:
    """The form leads to the job, whose page in the end links to the document."""
    form = read(site.client.get("/upload"))
    (field,) = form.xpath("//input[@type='file']")
    assert field.get("multiple") is not None
    assert ".pdf" in field.get("accept")
    stated = dict.fromkeys(form.xpath("//details//input/@name"), "") | {"title": "The lighthouse"}
    answer = site.client.post("/upload", files={"file": ("light.txt", TEXT)}, data=stated)
    page = job_page(site, answer)
    assert texts(page, "//h1") == ["The index is up to date"]
    (link,) = page.xpath("//a[text()='light.txt']/@href")
    with site.library.searcher().opened() as (reader, _):
        assert reader.document(link.rpartition("/")[2]).metadata.title == "The lighthouse"
    assert texts(read(site.client.get("/upload")), "//main//h2") == ["Latest changes"]


def test_several_files_are_uploaded_at_once(site: Site) -> None:
    """All of them are in the report, and one that cannot be read is there with the reason."""
    files = [("file", ("one.txt", TEXT)), ("file", ("two.txt", TEXT + b"!")), ("file", ("bad.txt", b"!"))]
    page = job_page(site, site.client.post("/upload", files=files))
    assert texts(page, "//main//h2") == ["Added", "Refused"]
    assert set(texts(page, "//ul[contains(@class, 'adding-files')]/li")) == {"one.txt", "two.txt"}
    assert texts(page, "//dl[contains(@class, 'adding-files')]/*") == [
        "bad.txt",
        "It starts with an exclamation mark",
    ]


@pytest.mark.parametrize(
    ("name", "content", "data", "problem"),
    [
        ("", b"", {}, "Choose one or more files"),
        ("a.exe", TEXT, {}, "`a.exe` is not of a kind that is read"),
        ("a.txt", b"", {}, "`a.txt` is empty"),
        ("a.txt", TEXT, {"published": "some day"}, "some day"),
        ("a.txt", TEXT, {"title": "x" * 2000}, "`title` is not one line of at most"),
        ("<script>\u202e.exe", TEXT, {}, "has signs that cannot be shown"),
    ],
    ids=["none", "kind", "empty", "date", "long", "markup"],
)
def test_what_cannot_be_kept_is_told(
    site: Site, name: str, content: bytes, data: dict[str, str], problem: str
) -> None:
    """The page has the problem at its top and keeps what was filled in; no job begins."""
    files = {"file": (name, content)} if name else {}
    answer = site.client.post("/upload", files=files, data={"kind": "<i>visit</i>", **data})
    page = read(answer)
    (link,) = page.xpath("//*[contains(@class, 'govuk-error-summary')]//a")
    assert problem in link.text
    assert link.get("href") == "#file"
    assert texts(page, "//title")[0].startswith("Error: ")
    assert page.xpath("//input[@name='kind']/@value") == ["<i>visit</i>"]
    assert page.xpath("//details/@open")
    assert "\u202e" not in answer.text
    assert "<script>" not in answer.text
    assert not page.xpath("//h2[text()='Latest changes']")


def test_another_file_of_the_name_is_kept_only_where_that_is_ticked(site: Site) -> None:
    """Without the tick the conflict is told."""
    job_page(site, site.client.post("/upload", files={"file": ("light.txt", TEXT)}))
    other = {"file": ("light.txt", TEXT + b" And more.")}
    page = read(site.client.post("/upload", files=other))
    told = texts(page, "//*[contains(@class, 'govuk-error-summary')]//a")[0]
    assert told.startswith("There is another `light.txt` already; tick")
    assert texts(
        job_page(site, site.client.post("/upload", files=other, data={"replace": "true"})), "//main//h2"
    ) == ["Updated"]


def test_metadata_of_several_files_is_refused(site: Site) -> None:
    """What is stated can be of one file alone."""
    files = [("file", ("one.txt", TEXT)), ("file", ("two.txt", TEXT))]
    page = read(site.client.post("/upload", files=files, data={"title": "One"}))
    assert "metadata goes with one file" in page.text_content().lower()


def test_folders_are_brought_up_to_date_by_a_button(tmp_path: Path) -> None:
    """It is there where the index is made of folders, and leads to the job."""
    site = make_site(tmp_path, has_sources=True)
    try:
        page = read(site.client.get("/upload"))
        assert str(site.library.sources) in texts(page, "//li")
        assert page.xpath("//form[@action='/sync']//button")
        site.library.write("b.txt", "The ferry was late.")
        page = job_page(site, site.client.post("/sync"))
        assert texts(page, "//ul[contains(@class, 'adding-files')]/li") == ["b.txt"]
    finally:
        site.keeper.close()


def test_without_folders_there_is_no_button(site: Site) -> None:
    """Uploads are synced by themselves."""
    assert not read(site.client.get("/upload")).xpath("//form[@action='/sync']")


def test_a_job_under_way_is_followed_with_and_without_scripts(site: Site) -> None:
    """The page tells of the job, can be looked at again, and does that by itself where no script runs."""
    job = site.keeper.jobs.new("sync")
    page = read(site.client.get(f"/jobs/{job.id}"))
    assert texts(page, "//h1") == ["Waiting to begin"]
    assert page.xpath("//progress/@aria-label")
    assert page.xpath("//a[text()='Look again']/@href") == [f"/jobs/{job.id}"]
    assert 'http-equiv="refresh"' in site.client.get(f"/jobs/{job.id}").text
    assert page.xpath("//*[@role='status']")


def test_a_job_that_there_is_not_is_not_found(site: Site) -> None:
    """Neither is what is no id of a job."""
    for name in ("0" * 12 + "-" + "0" * 16, "x", "%3Cscript%3E"):
        with pytest.raises(NotFoundError):
            site.client.get(f"/jobs/{name}")


def test_a_service_that_may_not_write_offers_none_of_this(site: Site) -> None:
    """Without a keeper each page says why it is not there."""
    site.client.app.state.keeper = None  # type: ignore[attr-defined]
    for method, path in (("GET", "/upload"), ("POST", "/upload"), ("POST", "/sync"), ("GET", "/jobs/x")):
        with pytest.raises(NotOfferedError, match="without the right to write"):
            site.client.request(method, path)


# --- troubles


def trouble(status: int, **more: str) -> html.HtmlElement:
    """Read the page of a problem of a request that was refused before anybody knew who asked."""
    request = Request({"type": "http", "method": "GET", "path": "/x", "headers": []})
    given = Trouble("Not in the index", "no document `<b>` in the index", "abc123", status, **more)
    answer = trouble_page(request, given)
    assert answer.status_code == status
    assert "content-security-policy" in answer.headers
    page: html.HtmlElement = html.fromstring(bytes(answer.body).decode())
    return page


def test_a_problem_is_told_with_the_number_of_the_request() -> None:
    """The page says what went wrong, and under which number the log tells more."""
    page = trouble(500)
    assert texts(page, "//h1") == ["Not in the index"]
    assert "No document `<b>` in the index." in texts(page, "//p")
    assert any("abc123" in text for text in texts(page, "//p"))
    assert texts(page, "//title")[0].startswith("Error: ")


def test_what_is_not_found_can_be_searched() -> None:
    """There is a box for it."""
    assert trouble(404).xpath("//form[@action='/']//input/@name") == ["q"]


def test_who_has_no_key_can_sign_in_at_once() -> None:
    """The form leads back to what was wanted."""
    page = trouble(401, next="/documents?year=2020")
    assert page.xpath("//form/@action") == ["/sign-in"]
    assert page.xpath("//input[@name='next']/@value") == ["/documents?year=2020"]


def test_who_came_too_early_can_try_again() -> None:
    """The same address is linked where there is one."""
    assert trouble(503, next="/timeline?q=a").xpath("//main//a/@href") == ["/timeline?q=a", "/"]
    for nowhere in ("", "//evil.example"):
        assert trouble(429, next=nowhere).xpath("//main//a/@href") == ["/"]
