"""A service with invented reports, the same one with API keys, and a browser."""

import json
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from playwright.sync_api import Browser, Page

from tests.e2e import browsing
from tests.e2e.browsing import DOCUMENTS, SETTINGS, Site, indexed, launched, serving, visiting
from tests.e2e.command import citewell


@dataclass(frozen=True)
class Keyed:
    """A service that asks for a key, and two of these."""

    site: Site
    read: str
    write: str


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Serve the invented reports. Who changes something puts it back."""
    folder = tmp_path_factory.mktemp("site")
    browsing.write_documents(folder / DOCUMENTS)
    with serving(indexed(folder, DOCUMENTS), DOCUMENTS) as site:
        yield site


@pytest.fixture(scope="session")
def keyed(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Keyed]:
    """Serve the same index to those with keys."""
    folder = tmp_path_factory.mktemp("keyed")
    (folder / SETTINGS).write_text(f'index = "{site.folder / ".citewell"}"\nkeys = "keys.json"\n')
    keys = [citewell("keys", "add", role, "--role", role, "--json", cwd=folder) for role in ("read", "write")]
    read, write = (json.loads(made.stdout)["key"] for made in keys)
    with serving(folder) as closed:
        yield Keyed(closed, read, write)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Run the browser for the tests of one file, since as long as it runs no other test can have an event loop."""
    with launched() as browser:
        yield browser


@pytest.fixture
def page(browser: Browser, site: Site) -> Iterator[Page]:
    """Open a window, in which nothing may go wrong."""
    with visiting(browser, site) as page:
        yield page
