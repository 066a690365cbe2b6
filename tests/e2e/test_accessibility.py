"""What axe-core finds on the pages: nothing. It can find only a part of all barriers."""

from typing import Any, Literal

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Browser, Page

from tests.e2e.browsing import HEIGHT, STATES, WIDTHS, Site, open_state, unfold, visiting
from tests.e2e.conftest import Keyed

pytestmark = pytest.mark.e2e

SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
LEVEL_AA = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22a", "wcag22aa"]  # axe-core's names
OPTIONS = {"runOnly": LEVEL_AA, "resultTypes": ["violations"], "iframes": False, "preload": False}

TINY = "font-size: 4px; padding: 0; margin: 0; min-height: 0; width: 9px"
FAULTS = {  # what makes each of the first page
    "color-contrast": "document.querySelector('h1').style.color = '#cccccc'",
    "label": "document.querySelector('label[for=q]').remove()",
    "image-alt": "document.querySelector('h1').append(Object.assign(new Image(), {src: '/static/icon.svg'}))",
    "target-size": f"document.querySelectorAll('button').forEach((one) => {{ one.style = '{TINY}' }})",
    "html-has-lang": "document.documentElement.removeAttribute('lang')",
}


@pytest.mark.parametrize("state", STATES)
def test_no_page_has_barriers_that_can_be_found(browser: Browser, site: Site, state: str) -> None:
    """WCAG 2.2 A and AA, in three widths and two colour schemes, with everything opened that can be."""
    with visiting(browser, site, refused=True) as page:
        open_state(page, state)
        unfold(page)
        assert not barriers(page)


def test_signing_in_has_none(browser: Browser, keyed: Keyed) -> None:
    """Neither the page that asks for a key, nor what it says of a wrong one."""
    with visiting(browser, keyed.site, refused=True) as page:
        page.goto("/documents")
        assert not barriers(page)
        page.get_by_label("API key").fill("cw_wrong")
        page.get_by_role("button", name="Sign in").click()
        page.get_by_role("alert").wait_for()
        assert not barriers(page)


def test_the_menu_that_opens_has_none(page: Page) -> None:
    """On a telephone the menu is behind a button."""
    page.set_viewport_size({"width": WIDTHS[0], "height": HEIGHT})
    page.goto("/")
    page.get_by_role("button", name="Menu").click()
    page.get_by_role("link", name="Timeline", exact=True).wait_for()
    assert not violations(page)


@pytest.mark.parametrize("rule", FAULTS)
def test_faults_would_be_found(page: Page, rule: str) -> None:
    """So that it says something that none are."""
    page.goto("/")
    page.evaluate(FAULTS[rule])
    assert {one.split(":")[0] for one in violations(page)} == {rule}


def barriers(page: Page) -> list[str]:
    """Name what is wrong in any width and colour scheme."""
    found = []
    for width in WIDTHS:
        for scheme in SCHEMES:
            page.set_viewport_size({"width": width, "height": HEIGHT})
            page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            found += [f"{width} px, {scheme}: {one}" for one in violations(page)]
    return found


def violations(page: Page) -> list[str]:
    """Name what is wrong as it looks now: the rule, and where."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE_SCRIPT)
    response: dict[str, Any] = page.evaluate("(options) => axe.run(options)", OPTIONS)
    assert response["passes"], "nothing was looked at"
    return [
        f"{one['id']}: {node['target'][0]} ({node['failureSummary'].splitlines()[-1].strip()})"
        for one in response["violations"]
        for node in one["nodes"]
    ]
