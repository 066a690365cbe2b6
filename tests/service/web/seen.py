"""Pages as somebody looks at them."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

import httpx2
from fastapi.testclient import TestClient
from lxml import html

from indexer.errors import DocumentRefusedError
from indexer.records import Extracted
from indexer.settings import Settings
from indexer.sync import sync
from service.app import create_app
from service.keys import Keys, Role
from service.search import Searcher
from tests.fakes import TextReaders, WordEncoder
from tests.service.conftest import Library

T = TypeVar("T")


@dataclass(frozen=True)
class Seen:
    """A page, and questions to it; a path is of XPath."""

    page: html.HtmlElement

    def texts(self, path: str) -> list[str]:
        """Give the words of each such element."""
        return [" ".join(one.text_content().split()) for one in self.page.xpath(path)]

    def text(self, path: str = "//main") -> str:
        """Give the words of all such elements."""
        return " ".join(self.texts(path))

    def links(self, path: str = "//main") -> dict[str, str]:
        """Give where the links lead, by their words."""
        found = self.page.xpath(f"{path}//a[@href]")
        return {" ".join(one.text_content().split()): one.get("href") for one in found}

    @property
    def facts(self) -> dict[str, str]:
        """What lists of keys and values say."""
        return dict(zip(self.texts("//main//dl//dt"), self.texts("//main//dl//dd"), strict=True))

    @property
    def problem(self) -> str:
        """What the summary of errors says; empty without one."""
        return self.text("//*[@role='alert']//li")


def look(client: TestClient, address: str, **fields: str) -> Seen:
    """Open a page."""
    return _sound(client.get(address, params=fields or None))


def send(client: TestClient, address: str, **fields: str) -> Seen:
    """Send a form."""
    return _sound(client.post(address, data=fields))


def _sound(answer: httpx2.Response) -> Seen:
    """Check what holds for every page."""
    assert answer.status_code == 200, answer.text
    seen = Seen(html.fromstring(answer.text))
    assert len(seen.page.xpath("//h1")) == 1
    ids = seen.page.xpath("//@id")
    assert len(ids) == len(set(ids))
    assert not seen.page.xpath("//*[@style or @onclick] | //script[not(@src)]")
    assert bool(seen.problem) == seen.text("//title").startswith("Error: ")
    for target in seen.page.xpath("//*[@role='alert']//a/@href"):
        assert target.removeprefix("#") in ids
    for field in seen.page.xpath("//main//*[self::input or self::select or self::textarea][not(@type='hidden')]"):
        assert seen.text(f"//label[@for='{field.get('id')}']")
    return seen


def reader_of(searcher: Searcher, folder: Path) -> TestClient:
    """Make a client of a service that everybody may read, and only who has a key may write."""
    keys = Keys(folder / "keys.json")
    keys.add("somebody else", Role.WRITE)
    return TestClient(create_app(searcher, keys=keys, open_reading=True), base_url="http://localhost")


class MadeReaders(TextReaders):
    """Reads bytes as `TextReaders` does, as what the test says was read; pages without words are pictures."""

    def __init__(self, file_format: str, reader: str) -> None:
        super().__init__()
        self._format, self._reader = file_format, reader

    def read_all(
        self, items: Iterable[tuple[T, bytes]], name: Callable[[T], str]
    ) -> Iterator[tuple[T, Extracted | DocumentRefusedError]]:
        """Read, and say how."""
        for key, found in super().read_all(items, name):
            if isinstance(found, Extracted):
                pages = tuple(replace(page, needs_ocr=not page.text.strip()) for page in found.pages)
                yield key, replace(found, format=self._format, reader=self._reader, pages=pages)
            else:
                yield key, found


def searcher_of(
    folder: Path, reports: Mapping[str, str], file_format: str = "text", reader: str = "fake 1"
) -> Searcher:
    """Index reports that were read in that way."""
    library = Library(folder / "reports", Settings(index=folder / "index", passage_tokens=32))
    library.sources.mkdir()
    for path, text in reports.items():
        library.write(path, text)
    readers = MadeReaders(file_format, reader)
    sync([library.sources], library.settings, encoder=WordEncoder(), readers=readers)
    return library.searcher()
