"""Scripts in what is indexed and in what is asked: browsers show them as text and run none."""

import csv
import io
from collections.abc import Iterator, Sequence
from itertools import count
from pathlib import Path
from urllib.parse import quote

import pytest
from playwright.sync_api import Browser, Page

from tests.e2e.browsing import DOCUMENTS, Site, indexed, serving, visiting
from tests.faults.markup import SCRIPTS, scripts

pytestmark = pytest.mark.e2e

STORED = 500  # payloads that are indexed
IN_TEXT, IN_FIELDS = 5, 5  # of each document
FIELDS = ("title", "publisher", "body", "kind", "source")
ROUNDS = len(SCRIPTS)  # so that each shape stands in each place

# Addresses that take payloads; each {} is another one.
REFLECTING = (
    "/?q={}&do=search&body={}&body={}&kind={}&kind={}",
    "/?q={}&do=ask&from={}&to={}&k={}&infer={}&as_of={}&grade={}&area={}",
    "/timeline?q={}&body={}",
    "/thread?q={}&body={}&as_of={}",
    "/grades?body={}&area={}&as_of={}",
    "/documents?body={}&body={}&kind={}&year={}&sort={}&page={}",
    "/documents/{report}?q={}&page={}",
    "/documents/{report}/pages/1?q={}&spans={}",
    "/documents/{report}/pages?number={}&seen={}&q={}",
    "/verify?quote=A+good+quote+of+gardens+{}&document={}",
    "/documents/{}/pages/{}",
    "/sign-in?next={}",
    "/{}?{}={}",
)
REPEATING = ("/?q={}", "/timeline?q={}", "/thread?q={}", "/documents/{report}?q={}")  # in the form, as it was given


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Serve documents whose titles, names, metadata and texts are payloads."""
    folder = tmp_path_factory.mktemp("hostile")
    write_hostile(folder / DOCUMENTS, scripts(STORED))
    with serving(indexed(folder, DOCUMENTS), DOCUMENTS) as site:
        yield site


def write_hostile(folder: Path, payloads: Sequence[str]) -> None:
    """Put payloads into as few documents as hold them; every second one is also in a file name."""
    folder.mkdir()
    rows = io.StringIO()
    manifest = csv.DictWriter(rows, ["path", "published", *FIELDS])
    manifest.writeheader()
    for n, own in enumerate(grouped(payloads, IN_TEXT + IN_FIELDS)):
        in_name = own[0].replace("/", "∕").replace("\u2028", "") if n % 2 else ""
        name = f"{n} {in_name}.txt"
        told = [f"Report {n} says {payload} of gardens and of bees." for payload in own[:IN_TEXT]]
        (folder / name).write_text("\n\n".join(told))
        values = dict(zip(FIELDS, own[IN_TEXT:], strict=True))
        values["source"] = f"javascript:alert({n})//{values['source']}"
        manifest.writerow({"path": name, "published": f"20{10 + n % 10}-05-0{1 + n % 9}", **values})
    (folder / "manifest.csv").write_text(rows.getvalue(), newline="")


def grouped(payloads: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    return (payloads[at : at + size] for at in range(0, len(payloads), size))


def test_what_is_stored_is_shown_as_text(browser: Browser, hostile: Site) -> None:
    """All 500 payloads are on the pages of the documents, and none of them runs."""
    payloads = scripts(STORED)
    seen = ""
    with visiting(browser, hostile) as page:
        ids = [one["doc_id"] for one in page.request.get("/v1/documents?limit=100").json()["documents"]]
        for doc_id in ids:
            for path in (f"/documents/{doc_id}", f"/documents/{doc_id}/pages/1?q=gardens"):
                page.goto(path)
                seen += shown(page)
        assert 'href="javascript:' not in page.content()
    assert len(ids) == STORED // (IN_TEXT + IN_FIELDS)
    assert not [payload for payload in payloads if letters(payload) not in seen]


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/documents",
        "/documents?sort=body",
        "/?q=gardens+and+bees&do=search&k=100",
        "/?q=What+does+report+12+say+of+gardens&do=ask&k=100",
        "/timeline?q=What+do+the+reports+say+of+gardens",
        "/timeline",
        "/thread?q=gardens",
        "/verify?quote=of+gardens+and+of+bees.",
        "/verify?quote=Report+12+says+nothing+of+gardens+and+of+bees",
        "/status?check=1",
        "/upload",
    ],
)
def test_what_is_stored_runs_on_no_other_page(browser: Browser, hostile: Site, path: str) -> None:
    """The lists, what is found, charts, forms that offer what there is: payloads are on all of these."""
    with visiting(browser, hostile) as page:
        page.goto(path)
        page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
        if path != "/upload":
            assert "alert(" in shown(page)


def test_what_is_asked_is_shown_as_text(browser: Browser, hostile: Site) -> None:
    """Each shape of payload in each parameter, and where a page repeats it, as it was given."""
    numbers = count()
    with visiting(browser, hostile, refused=True) as page:
        report = page.request.get("/v1/documents").json()["documents"][0]["doc_id"]
        for start in range(ROUNDS):
            for address in REFLECTING:
                parts = address.replace("{report}", report).split("{}")
                own = [
                    SCRIPTS[(start + place) % len(SCRIPTS)].format(n=next(numbers)) for place in range(len(parts) - 1)
                ]
                page.goto(
                    parts[0] + "".join(quote(one, safe="") + part for one, part in zip(own, parts[1:], strict=True))
                )
                if address.startswith(REPEATING):
                    assert letters(own[0]) in shown(page), page.url
    assert next(numbers) >= STORED


def test_what_is_sent_is_shown_as_text(browser: Browser, hostile: Site) -> None:
    """Receipts, names of files and keys that are payloads."""
    with visiting(browser, hostile, refused=True) as page:
        for n, payload in enumerate(scripts(ROUNDS)):
            page.goto("/verify")
            page.get_by_label("The text of the receipt").fill(payload)
            page.get_by_role("button", name="Check the receipt").click()
            page.get_by_role("alert").wait_for()
            assert letters(payload) in shown(page)
            if n % 4 == 0:
                page.goto("/upload")
                name = f"{payload}.exe".replace("/", "∕")
                page.locator("input[type=file]").set_input_files(
                    {"name": name, "mimeType": "text/html", "buffer": payload.encode()}
                )
                page.get_by_role("button", name="Upload", exact=True).click()
                page.get_by_role("alert").wait_for()


@pytest.mark.parametrize("policy", ["", "default-src 'self'; script-src 'self'"])
def test_a_script_that_got_in_would_be_seen(browser: Browser, hostile: Site, policy: str) -> None:
    """Whether the page's policy stops it or not."""

    def look() -> None:
        with visiting(browser, hostile) as page:
            headers = {"content-security-policy": policy} if policy else {}
            body = f"<!doctype html><title>A page</title>{SCRIPTS[2].format(n=1)}"
            page.route("**/help", lambda route: route.fulfill(body=body, headers=headers, content_type="text/html"))
            page.goto("/help")
            page.wait_for_timeout(200)

    with pytest.raises(AssertionError, match="policy: script-src" if policy else "a dialog: 1"):
        look()


def shown(page: Page) -> str:
    """Give what can be read on a page, and in its fields."""
    text: str = page.evaluate(
        "[document.title, document.body.textContent, ...[...document.querySelectorAll('input, textarea')]"
        ".map((one) => one.value)].join(' ')"
    )
    return letters(text)


def letters(text: str) -> str:
    """Leave out spaces, which pages may set otherwise, and what is no ASCII, which they may replace."""
    return "".join(char for char in text if char.isascii() and not char.isspace())
