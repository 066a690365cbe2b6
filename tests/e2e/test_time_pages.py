"""What people do on the pages of time and grades, in a real browser, with the real model."""

import re
from collections.abc import Iterator
from urllib.parse import quote

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.browsing import (
    DOCUMENTS,
    HEIGHT,
    PATIENCE_MS,
    WIDTHS,
    Site,
    goes_sideways,
    indexed,
    press_tab,
    serving,
    small_targets,
    unfold,
    visiting,
)
from tests.e2e.test_accessibility import barriers
from tests.service.web.graded import MANIFEST, REPORTS

pytestmark = pytest.mark.e2e

expect.set_options(timeout=PATIENCE_MS)

PAGES = {
    "bodies": "/grades",
    "grades": "/grades?body=Redbrook&body=Bluehill&area=leadership&area=overall",
    "wrong grades": "/grades?as_of=soon",
    "thread": "/thread?q=caseloads&body=Redbrook",
    "wrong thread": "/thread?q=caseloads",
    "superseded": "/?q=caseloads&do=search&grade=inadequate&area=leadership&as_of=2024",
}
MOST_TABS = 25


@pytest.fixture(scope="module")
def timely(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Serve reports that give grades."""
    folder = tmp_path_factory.mktemp("timely")
    (folder / DOCUMENTS).mkdir()
    for name, text in REPORTS.items():
        (folder / DOCUMENTS / name).write_text(text)
    (folder / DOCUMENTS / "manifest.csv").write_text(MANIFEST)
    with serving(indexed(folder, DOCUMENTS)) as site:
        yield site


def test_grades_are_looked_up_and_followed_to_their_words(browser: Browser, timely: Site) -> None:
    """A body is chosen, another is added, and a grade leads to the marked words of its page; without any script."""
    with visiting(browser, timely, java_script_enabled=False) as page:
        page.goto("/")
        page.get_by_role("link", name="Grades", exact=True).click()
        page.get_by_label("Body", exact=True).select_option("Redbrook Council")
        page.get_by_role("button", name="Show the grades").click()
        expect(page.get_by_role("img", name=re.compile("^Grades of Redbrook Council by year"))).to_be_visible()
        page.get_by_label("Another body").select_option("Bluehill City Council")
        page.get_by_role("button", name="Show the grades").click()
        tables = page.get_by_role("table")
        expect(tables).to_have_count(2)
        row = tables.filter(has_text="Redbrook").get_by_role("row", name="Adoption")
        expect(row).to_contain_text("Outstanding")
        row.get_by_role("link", name="Page 1").click()
        expect(page.locator(".view-words mark")).to_contain_text("Adoption performance")


def test_a_matter_is_followed_through_the_inspections(browser: Browser, timely: Site) -> None:
    """From the timeline; where it is not mentioned, the inspection is there all the same."""
    with visiting(browser, timely) as page:
        page.goto("/timeline")
        page.get_by_role("link", name="Follow a matter").click()
        page.get_by_label("Matter").fill("caseloads")
        page.get_by_label("Body that is inspected").select_option("Redbrook Council")
        page.get_by_role("button", name="Follow it").click()
        stops = page.locator(".thread article")
        expect(stops).to_have_count(4)
        expect(stops.nth(0)).to_contain_text("Weakness")
        expect(stops.nth(1)).to_contain_text("By its own words: improved")
        expect(stops.nth(3)).to_contain_text("Not mentioned")
        stops.nth(0).get_by_role("link", name="See it on page 1").click()
        expect(page.locator(".view-words mark")).to_contain_text("Caseloads are far too high")


def test_as_of_a_day_an_old_report_is_the_newest(browser: Browser, timely: Site) -> None:
    """It is chosen with the other filters, kept in the address, and taken off by its chip."""
    with visiting(browser, timely) as page:
        page.goto(f"/?q={quote('caseloads of Redbrook')}&do=search")
        later = page.locator(".note", has_text="A later inspection")
        expect(later.first).to_contain_text("30 June 2022")
        filters = page.get_by_role("region", name="Filters", exact=True)
        filters.get_by_label("As of").fill("2018-12")
        filters.get_by_role("button", name="Apply filters").click()
        expect(page).to_have_url(re.compile("as_of=2018-12"))
        expect(page.locator("main")).not_to_contain_text("2022")
        page.get_by_role("link", name="Remove filter: as of 2018-12").click()
        expect(later.first).to_be_visible()


@pytest.mark.parametrize("path", PAGES.values(), ids=PAGES)
def test_these_pages_have_no_barriers_that_can_be_found(browser: Browser, timely: Site, path: str) -> None:
    """Those of axe-core, nothing too wide or too small, and a focus that is always seen."""
    with visiting(browser, timely) as page:
        page.goto(path)
        assert len({press_tab(page) for _ in range(MOST_TABS)}) > 5
        unfold(page)
        assert not barriers(page)
        assert_it_fits(page)


def assert_it_fits(page: Page) -> None:
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": HEIGHT})
        assert not goes_sideways(page)
        assert not small_targets(page)
