"""What people do on the pages, in a real browser, with the real model."""

import json
import re
from pathlib import Path
from urllib.parse import quote, urlencode

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.e2e import documents
from tests.e2e.browsing import (
    BODY,
    CARERS,
    HEIGHT,
    MATTER,
    NOT_TOLD,
    PATIENCE_MS,
    QUESTION,
    STATES,
    WIDTHS,
    Site,
    goes_sideways,
    open_state,
    press_tab,
    small_targets,
    unfold,
    visiting,
)
from tests.e2e.conftest import Keyed

pytestmark = pytest.mark.e2e

expect.set_options(timeout=PATIENCE_MS)

OTTERS = "Otters came back to the canal at Pellow Bridge in the autumn of 2019."
OTTER_QUESTION = "When did otters come back to the canal at Pellow Bridge?"
MOST_TABS = 60
WALKED = ("home", "search", "error", "documents", "document", "page", "timeline", "altered", "upload", "help")


def ask(page: Page, question: str) -> None:
    """Ask on the first page."""
    page.goto("/")
    page.get_by_label("Your question").fill(question)
    page.get_by_role("button", name="Ask", exact=True).click()


def answer(page: Page) -> Locator:
    return page.get_by_role("region", name="Answer")


def one_line(text: str) -> str:
    return " ".join(text.split())


def is_drawn(picture: Locator) -> bool:
    return bool(picture.evaluate("async (one) => { await one.decode(); return one.naturalWidth > 0; }"))


# --- asking


def test_an_answer_is_followed_to_the_printed_page(page: Page) -> None:
    """Each quote leads to the picture of its page, beside which the same words are marked."""
    ask(page, MATTER)
    quoted = answer(page).locator("blockquote").first
    assert documents.FOSTER in one_line(quoted.inner_text())
    quoted.get_by_role("link").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text(f"Page {documents.FOSTER_PAGE} of {documents.PAGES}")
    assert is_drawn(page.get_by_role("region", name="As printed").get_by_role("img"))
    marked = page.get_by_role("region", name="Its text").locator("mark")
    assert one_line(" ".join(marked.all_inner_texts())) == documents.FOSTER
    assert documents.FOSTER in page.get_by_role("region", name="Quoted text").inner_text()


def test_the_quote_is_marked_on_the_picture(page: Page, site: Site) -> None:
    """The picture with the quote differs from the one without, and at the place of the quote only."""
    ask(page, MATTER)
    answer(page).locator("blockquote").first.get_by_role("link").click()
    source = page.get_by_role("region", name="As printed").get_by_role("img").get_attribute("src") or ""
    changed: list[float] = page.evaluate(
        """async ([marked, plain]) => {
          const pixels = async (source) => {
            const image = await createImageBitmap(await (await fetch(source)).blob());
            const canvas = new OffscreenCanvas(image.width, image.height).getContext("2d");
            canvas.drawImage(image, 0, 0);
            return canvas.getImageData(0, 0, image.width, image.height);
          };
          const [a, b] = [await pixels(marked), await pixels(plain)];
          const rows = new Set();
          for (let at = 0; at < a.data.length; at += 4)
            if (Math.abs(a.data[at + 2] - b.data[at + 2]) > 60) rows.add(Math.floor(at / 4 / a.width));
          return [Math.min(...rows) / a.height, Math.max(...rows) / a.height];
        }""",
        [source, source.partition("?")[0]],
    )
    top, bottom = changed
    # Below the paragraph that is not quoted, and above the lower half of the page, which is empty.
    assert 0.15 < top < bottom < 0.4


def test_a_newer_report_is_named(page: Page) -> None:
    """Where the answer is of an old report, the page says that there is a newer one, and leads there."""
    ask(page, "How many approved foster carers were there in Harrowmere in 2018?")
    assert CARERS["2018"] in one_line(answer(page).locator("blockquote").first.inner_text())
    newer = page.locator(".note").first
    expect(newer).to_contain_text("20 February 2024")
    newer.get_by_role("link").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Harrowmere: second inspection")


def test_filters_are_chosen_and_taken_off(page: Page) -> None:
    """What is chosen stays in the address and on the page as chips, and without them more is found."""
    page.goto("/?q=foster+carers&do=search")
    everything = page.locator("article.hit").count()
    filters = page.get_by_role("region", name="Filters", exact=True)
    filters.get_by_label(re.compile(f"^{BODY}")).check()
    filters.get_by_label("From").fill("2020")
    filters.get_by_role("button", name="Apply filters").click()
    expect(page).to_have_url(re.compile("body=Harrowmere.*from=2020|from=2020.*body=Harrowmere"))
    facts = page.locator("article.hit .facts-line").all_inner_texts()
    assert 0 < len(facts) < everything
    assert all(BODY in fact and "2018" not in fact for fact in facts)
    page.get_by_role("link", name="Remove filter: published from 2020").click()
    expect(page.locator("article.hit .facts-line").filter(has_text="2018").first).to_be_visible()
    page.get_by_role("link", name=f"Remove filter: {BODY}").click()
    expect(page.get_by_role("link", name="Remove filter")).to_have_count(0)
    assert page.locator("article.hit").count() == everything


def test_what_is_not_told_is_not_answered(page: Page) -> None:
    """The page says that there is no answer and what was searched, and offers the nearest passages."""
    ask(page, NOT_TOLD)
    none = page.get_by_role("region", name="The reports do not answer this")
    expect(none).to_contain_text("Searched: 8 documents")
    assert not page.locator("blockquote").count()
    assert page.locator("article.hit").count()


def test_a_citation_is_copied(browser: Browser, site: Site) -> None:
    """The clipboard has the quote and where it stands, and the page says so."""
    with visiting(browser, site, permissions=["clipboard-read", "clipboard-write"]) as page:
        ask(page, MATTER)
        item = answer(page).get_by_role("listitem").first
        item.get_by_text("Copy citation").click()
        item.get_by_role("button", name="Copy plain text").click()
        expect(item.get_by_role("status").first).to_have_text("Copied")
        copied: str = page.evaluate("navigator.clipboard.readText()")
        assert documents.FOSTER in one_line(copied)
        assert f"page {documents.FOSTER_PAGE}" in copied


def test_a_receipt_is_downloaded_and_checked(page: Page, tmp_path: Path) -> None:
    """The file that comes with a quote holds; changed by a digit, it does not."""
    ask(page, MATTER)
    item = answer(page).get_by_role("listitem").first
    item.get_by_text("Copy citation").click()
    with page.expect_download() as coming:
        item.get_by_role("link", name="Download a receipt").click()
    coming.value.save_as(tmp_path / "receipt.json")
    receipt = (tmp_path / "receipt.json").read_text()
    assert documents.FOSTER in one_line(json.dumps(json.loads(receipt)).replace("\\n", " "))
    for text, outcome in ((receipt, "Holds"), (receipt.replace("Forty-one", "Forty-two"), "Receipt altered")):
        page.goto("/verify")
        page.get_by_label("The text of the receipt").fill(text)
        page.get_by_role("button", name="Check the receipt").click()
        expect(page.locator("#outcome")).to_have_text(outcome)


# --- looking


def test_marks_and_rows_of_the_timeline_lead_to_the_same_places(page: Page) -> None:
    """The chart has a mark for each row of the table, in order, with the same address."""
    page.goto(f"/timeline?q={quote(QUESTION)}")
    marks = page.locator("svg a")
    rows = page.get_by_role("table", name="What they say").locator("tbody tr")
    assert marks.count() == rows.count() == len(CARERS)
    for mark, row, carers in zip(marks.all(), rows.all(), CARERS.values(), strict=True):
        assert carers in one_line(row.inner_text())
        place = row.get_by_role("link", name="See it on page").get_attribute("href")
        assert place == mark.get_attribute("href")
    marks.first.click()
    expect(page.locator(".view-words mark")).to_have_text(CARERS["2018"])


def test_words_are_found_inside_a_document(page: Page) -> None:
    """From the list to the document, and from what was found inside to the page with these words marked."""
    page.goto("/documents")
    page.get_by_role("link", name="Inspection of Ambleford").click()
    page.get_by_label("Search inside this document").fill("school taxis")
    page.get_by_role("button", name="Search inside").click()
    expect(page.get_by_role("status").first).to_contain_text("of 7 pages")
    page.get_by_role("region", name="Found inside").get_by_role("link", name="Page 6").click()
    marked = page.locator(".view-words mark").all_inner_texts()
    assert {"school", "taxis"} <= {word for text in marked for word in text.split()}
    assert is_drawn(page.get_by_role("img").first)
    page.get_by_label("Go to page").fill("3")
    page.get_by_role("button", name="Go", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Page 3 of 7")


def test_an_altered_quote_is_told_from_the_report(page: Page) -> None:
    """The number that was changed is marked on both sides."""
    page.goto("/verify")
    page.get_by_label("A quote").fill(CARERS["2018"].replace("112", "121"))
    page.get_by_role("button", name="Check the quote").click()
    expect(page.locator("#verdict")).to_have_text("Altered")
    expect(page.locator("del")).to_contain_text("121")
    expect(page.locator("ins").first).to_contain_text("112")


# --- adding


def test_a_document_is_added_asked_about_and_deleted(page: Page, tmp_path: Path) -> None:
    """The page of the job ends by itself; then the file is quoted, until it is deleted."""
    upload(page, tmp_path)
    heading = page.get_by_role("heading", level=1)
    expect(heading).to_be_focused()
    added = page.get_by_role("link", name="otters.txt").get_attribute("href") or ""

    ask(page, OTTER_QUESTION)
    quoted = answer(page).locator("blockquote").first
    assert OTTERS in one_line(quoted.inner_text())
    asked = page.url

    page.goto(added)
    delete(page)
    page.goto(asked)
    assert OTTERS not in one_line(page.get_by_role("main").inner_text())


def upload(page: Page, folder: Path) -> None:
    """Upload a file, and see that the index has it."""
    (folder / "otters.txt").write_text(f"Canal news\n\n{OTTERS}\n")
    page.goto("/upload")
    page.locator("input[type=file]").set_input_files(folder / "otters.txt")
    page.get_by_role("button", name="Upload", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("The index is up to date")
    expect(page.get_by_role("heading", name="Added")).to_be_visible()


def delete(page: Page) -> None:
    """Delete the document whose page is open."""
    page.get_by_role("link", name="Delete this document").click()
    page.get_by_role("button", name="Delete the document").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("The index is up to date")
    expect(page.get_by_role("heading", name="Removed")).to_be_visible()


def test_a_file_of_no_known_kind_is_named(page: Page) -> None:
    """It is refused at once; the summary has the focus and says which file it is."""
    page.goto("/upload")
    page.locator("input[type=file]").set_input_files({"name": "notes.exe", "mimeType": "text/plain", "buffer": b"MZ"})
    page.get_by_role("button", name="Upload", exact=True).click()
    summary = page.get_by_role("alert")
    expect(summary).to_contain_text("notes.exe")
    expect(page.locator(".govuk-error-summary")).to_be_focused()
    expect(page).to_have_title(re.compile("^Error: "))


# --- signing in


def test_who_signs_in_comes_to_where_they_wanted(browser: Browser, keyed: Keyed) -> None:
    """Without a key there is only the form; a wrong key is refused; with one that may read there is no uploading."""
    wanted = f"/?{urlencode({'q': MATTER, 'do': 'search'})}"
    with visiting(browser, keyed.site, refused=True) as page:
        page.goto(wanted)
        expect(page.get_by_role("heading", level=1)).to_have_text("Sign in to go on")
        assert not page.get_by_text("Ambleford").count()
        page.get_by_label("API key").fill("cw_wrong")
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_role("alert")).to_contain_text("not a key of this service")
        page.get_by_label("API key").fill(keyed.read)
        page.get_by_role("button", name="Sign in").click()
        expect(page.locator("article.hit").first).to_contain_text("Ambleford")
        assert page.url == f"{keyed.site.address}{wanted}"
        expect(page.get_by_role("link", name="Add documents")).to_have_count(0)

        page.goto("/upload")
        expect(page.get_by_role("heading", level=1)).to_have_text("Not allowed")
        page.get_by_role("link", name="Sign in with another key").click()
        page.get_by_label("API key").fill(keyed.write)
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Add documents")

        page.get_by_role("button", name="Sign out").click()
        page.goto("/documents")
        expect(page.get_by_role("heading", level=1)).to_have_text("Sign in to go on")


# --- without a mouse, without scripts, in a narrow window


def test_all_of_it_works_without_javascript(browser: Browser, site: Site, tmp_path: Path) -> None:
    """Asking, following a quote, narrowing, and adding a document are forms and links."""
    with visiting(browser, site, java_script_enabled=False) as page:
        ask(page, MATTER)
        quoted = answer(page).locator("blockquote").first
        assert documents.FOSTER in one_line(quoted.inner_text())
        quoted.get_by_role("link").click()
        assert one_line(" ".join(page.locator(".view-words mark").all_inner_texts())) == documents.FOSTER

        page.goto("/?q=foster+carers&do=search")
        filters = page.get_by_role("region", name="Filters", exact=True)
        filters.get_by_label(re.compile(f"^{BODY}")).check()
        filters.get_by_role("button", name="Apply filters").click()
        expect(page.get_by_role("link", name=f"Remove filter: {BODY}")).to_be_visible()

        upload(page, tmp_path)
        page.get_by_role("link", name="otters.txt").click()
        delete(page)


def test_a_question_is_asked_with_the_keyboard_alone(page: Page) -> None:
    """From the top of the page by Tab and Enter; what has the focus is always to be seen."""
    page.goto("/")
    press_until(page, "Skip to main content")
    page.keyboard.press("Enter")
    press_until(page, "Your question, or words to search for")
    page.keyboard.type(MATTER)
    press_until(page, "Ask")
    page.keyboard.press("Enter")
    expect(page.get_by_role("region", name="Answer")).to_be_visible()
    press_until(page, "Skip to results")
    page.keyboard.press("Enter")
    press_until(page, "[1] Inspection of Ambleford")
    page.keyboard.press("Enter")
    expect(page.locator(".view-words mark").first).to_be_visible()


@pytest.mark.parametrize("state", STATES)
def test_nothing_is_too_wide_or_too_small(browser: Browser, site: Site, state: str) -> None:
    """At 320 px nobody scrolls sideways, and what is to be hit is 24 px high; nor in any other width."""
    with visiting(browser, site, refused=True) as page:
        open_state(page, state)
        unfold(page)
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": HEIGHT})
            assert not goes_sideways(page)
            assert not small_targets(page)


@pytest.mark.parametrize("state", WALKED)
def test_the_focus_goes_through_the_page_and_is_always_seen(browser: Browser, site: Site, state: str) -> None:
    """Tab leads to one thing after another, each with an outline and covered by nothing."""
    with visiting(browser, site, refused=True) as page:
        open_state(page, state)
        seen = [press_tab(page) for _ in range(MOST_TABS)]
        assert len({*seen}) > 5


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("/?q=foster&from=soon", "From"),
        ("/?q=&do=ask", "Your question"),
        ("/timeline?q=foster&body=Nowhere", "Body that the reports are about"),
        ("/documents?year=soon", "Year"),
        ("/verify?quote=one", "A quote"),
    ],
)
def test_what_is_wrong_is_said_first(page: Page, path: str, field: str) -> None:
    """The title begins with Error, the summary has the focus, and its link leads to the field."""
    page.goto(path)
    expect(page).to_have_title(re.compile("^Error: "))
    expect(page.locator(".govuk-error-summary")).to_be_focused()
    page.get_by_role("alert").get_by_role("link").click()
    expect(page.get_by_label(field, exact=False).first).to_be_focused()


def press_until(page: Page, name: str) -> None:
    """Press Tab until what has the focus is called so."""
    for _ in range(MOST_TABS):
        if press_tab(page).startswith(name):
            return
    raise AssertionError(f"Tab does not lead to {name!r} from {page.url}")
