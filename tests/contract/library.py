"""A folder of invented reports, indexed in the store under test and in a folder, which is the yardstick.

What is indexed is made as odd as reports are: running headers, pages without text, sentences that run over a page,
words that are hyphenated at the end of a line, the same text in several documents, names in quotation marks.
"""

import csv
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TypeVar

import pytest

from indexer.collection import Arms, Collection, Reader
from indexer.contents import to_bytes
from indexer.errors import DocumentRefusedError
from indexer.opening import collection_of
from indexer.records import Document, Extracted, Page, Prune, Version
from indexer.settings import Settings
from indexer.sync import Report, sync
from indexer.where import Facts
from tests.fakes import DIM, TextReaders, WordEncoder

T = TypeVar("T")
Key = tuple[str, int]  # a passage, by its document and its place in it: numbers differ from store to store

SAME = "Children said that they felt safe at home. Leaders know their services well."
REPORTS = {
    "alder/2019.txt": (
        "Alder Council in brief\n\n# Money\n\n"
        "The school budget grew by five per cent. Every school received a share.\n\n"
        "Foster carers were hired in spring. The team trained each of them before the\n\n1"
        "\fAlder Council in brief\n\nfirst child arrived. Carers meet every month and talk about what went well.\n\n"
        "# Health\n\nThe well-being of carers was looked after: 1,300 of them, or 40%, saw a doctor.\n\n2"
        f"\fAlder Council in brief\n\n{SAME}\n\nBridges and roads were repaired in summer.\n\n3"
    ),
    "alder/2022.txt": (
        f"The school budget shrank by two per cent.\n\n{SAME}\n\n"
        "Social workers visited 40 families each week and wrote down what the families said. They speak of wellbeing "
        "as their aim."
    ),
    "birch/2020.txt": (
        f"The library opened late. Readers waited in the rain until the doors were un-\nlocked.\n\n{SAME}\n\n"
        "Rivers were cleaned by volunteers and the otters came back. Nobody asked the children's families."
    ),
    "birch/deep/2022.txt": "Otters were counted again: there are twelve of them now. A café opened by the river.",
    "cedar/2021.txt": (
        f"The share of new money that a school got was small.\n\n{SAME}\n\nThe budget of Alder was named as a model. "
        "Well - being, as they write it, is taught."
    ),
    "copy.txt": "A note without a date tells of school gardens, budget cuts and bees.",
    "ærø/2020.txt": f"Straße, naïve and Ærø are words with marks.\n\n{SAME}\n\nThe cafe by the river is closed.",
    "loose.txt": "A note without a date tells of school gardens, budget cuts and bees.",
    "scan.txt": "The first page can be read.\f\fThe third page can be read as well, unlike the second.",
    # These are refused.
    "broken.txt": "!This file is damaged.",
    "empty.txt": " \n ",
}
STATED = {
    "alder/2019.txt": ("Alder: first visit", "Alder Council", "2019-05-22", "inspection"),
    "alder/2022.txt": ("Alder: second visit", "Alder Council", "2022-02-28", "focused visit"),
    "birch/2020.txt": ("Birch: a visit", "Birch City Council", "2020-12-31", "inspection"),
    "birch/deep/2022.txt": ("Birch: otters", "Birch City Council", "2022-02-28", ""),
    "cedar/2021.txt": ("Cedar: a visit", 'Cedar "upon" Dale\\', "2021-07-01", "focused visit"),
    "ærø/2020.txt": ("Ærø: a visit", "Ærø Council", "", "news"),
    "scan.txt": ("A scan", "", "1999-01-01", "news"),
}


class Readers(TextReaders):
    """Reads texts; lines with `# ` are headings, a page without text is a picture, and each has characters moved."""

    def read_all(
        self, items: Iterable[tuple[T, bytes]], name: Callable[[T], str]
    ) -> Iterator[tuple[T, Extracted | DocumentRefusedError]]:
        for key, result in super().read_all(items, name):
            if isinstance(result, DocumentRefusedError):
                yield key, result
            else:
                notes = (f"read as {len(result.pages)} pages",)
                yield key, replace(result, pages=tuple(map(_laid_out, result.pages)), notes=notes)


def _laid_out(page: Page) -> Page:
    lines = tuple(
        replace(one, heading=int(page.text.startswith("# ", one.start)), bold=len(page.text) % 2 == 0)
        for one in page.lines
    )
    raw_map = ((0, 0), (5, 7), (9, 20)) if len(page.text) > 9 else ()
    return replace(page, lines=lines, raw_map=raw_map, needs_ocr=not page.text.strip())


@dataclass(frozen=True)
class Side:
    """One generation of one store, open."""

    collection: Collection
    reader: Reader
    arms: Arms

    @cached_property
    def keys(self) -> dict[int, Key]:
        """What each passage is, by its id."""
        return {number: key for key, number in self.ids.items()}

    @cached_property
    def ids(self) -> dict[Key, int]:
        """The id of each passage."""
        of_documents = {one.doc_id: self.reader.passage_ids(one.doc_id) for one in self.reader.documents()}
        return {(doc_id, place): one for doc_id, ids in of_documents.items() for place, one in enumerate(ids)}

    @cached_property
    def numbers(self) -> dict[str, int]:
        """The number of each document, by `doc_id` and in the order of `documents`."""
        return {one.doc_id: number for one, number in zip(self.reader.documents(), self.reader.owners(), strict=True)}

    def contents(self) -> list[bytes]:
        """Give all documents with everything that was made of them."""
        return [to_bytes(self.reader.contents(one.doc_id)) for one in self.reader.documents()]

    def facts(self, document: Document) -> Facts:
        """Give what conditions go by."""
        metadata = document.metadata
        return Facts(self.numbers[document.doc_id], metadata.body, metadata.kind, metadata.published)


@contextmanager
def opened(collection: Collection) -> Iterator[Side]:
    """Open what a collection holds now; it is closed at the end."""
    with ExitStack() as stack:
        stack.callback(collection.close)
        reader = stack.enter_context(collection.reading())
        yield Side(collection, reader, collection.arms(reader, DIM))


@dataclass
class Library:
    """The reports and their two indexes, which change together."""

    sources: Path
    settings: Settings  # of the store under test
    plain: Settings  # of the yardstick
    model: str = "words"  # of the encoder that made the indexes
    is_filled: bool = False
    encoded: list[str] = field(default_factory=list)  # in the last sync
    read: list[str] = field(default_factory=list)  # files, likewise

    @classmethod
    def at(cls, folder: Path, settings: Settings) -> "Library":
        """Name the places below a folder, where nothing is yet."""
        return cls(folder / "reports", settings, Settings(index=folder / "plain", passage_tokens=32))

    def write(self, texts: Mapping[str, str]) -> None:
        """Make the folder hold these files, and what is stated about them."""
        for file in [one for one in self.sources.rglob("*") if one.is_file()]:
            file.unlink()
        for path, text in texts.items():
            file = self.sources / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, "utf-8")
        with (self.sources / "manifest.csv").open("w", encoding="utf-8", newline="") as manifest:
            rows = csv.writer(manifest)
            rows.writerow(["path", "title", "publisher", "body", "published", "kind"])
            for path, (title, body, day, kind) in STATED.items():
                if path in texts:
                    rows.writerow([path, title, "Office of Visits", body, day, kind])

    def sync(
        self,
        *named: str,
        encoder: type[WordEncoder] = WordEncoder,
        model: str = "",
        prune: Prune = Prune.ALL,
        reencode: bool = False,
    ) -> Report:
        """Make both indexes equal to the folder, or folders in it; what it says, reads and encodes must be alike."""
        folders = [self.sources / one for one in named] or [self.sources]

        def synced(settings: Settings) -> tuple[Report, list[str], list[str]]:
            made, readers = encoder(model=model or self.model), Readers()
            report = sync(folders, settings, encoder=made, readers=readers, prune=prune, reencode=reencode)
            return report, sorted(made.encoded), readers.read

        try:
            report, self.encoded, self.read = synced(self.settings)
        except Exception as error:
            with pytest.raises(type(error)):
                synced(self.plain)
            raise
        expected, *others = synced(self.plain)
        assert replace(report, generation=0, took_s=0.0) == replace(expected, generation=0, took_s=0.0)
        assert [self.encoded, self.read] == others
        self.model, self.is_filled = model or self.model, True
        return report

    def fill(self, texts: Mapping[str, str] = REPORTS) -> Report:
        """Make the folder, and both indexes, hold these reports."""
        self.write(texts)
        return self.sync()

    def fill_once(self) -> None:
        """Make sure that there is something in both indexes, whatever it is."""
        if not self.is_filled:
            self.fill()

    def opened(self) -> Collection:
        """Open the index of the store under test once more."""
        return collection_of(self.settings)

    @contextmanager
    def both(self) -> Iterator[tuple[Side, Side]]:
        """Open what both indexes hold now, the one under test first."""
        with opened(self.opened()) as tested, opened(collection_of(self.plain)) as expected:
            yield tested, expected

    def version(self) -> Version:
        """Tell which generation somebody finds who opens the store under test."""
        with closing(self.opened()) as collection, collection.reading() as reader:
            return reader.version
