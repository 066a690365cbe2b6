"""How many receipts resolve in another index of the same files, and how many fail where the text was altered.

    python -m tests.quality.receipts INDEX OTHER_INDEX [--quotes 1000] [--seed 7]

Receipts are issued for random sentences of the passages of INDEX, written as JSON and read again. They should pass in
OTHER_INDEX, made of the same files with other passage sizes or another model. Then each receipt meets a document in
which one character was altered, of the quote or elsewhere on its page: with another hash, as of a file that was
edited, and with the old one, as of a store that was edited together with all its own hashes. None of the first may
pass. Of the second those may whose quote is whole: altered elsewhere, or standing in the document a second time.
"""

import argparse
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from time import perf_counter
from typing import cast

from indexer.embedded import Embedded
from indexer.records import Document, Page, Removal
from indexer.store import Reader
from service.answering.answer import Quote
from service.citation import cite_within
from service.receipts import Receipt, Resolution, issue, parse_receipt, resolve, to_json

EDITED = "0" * 64


class Altered:
    """A reader of an index in which one page of one document has another text."""

    def __init__(self, reader: Reader, doc_id: str, page: int, text: str, *, sha256: str | None) -> None:
        self.version, self.fingerprint, self.has_version = reader.version, reader.fingerprint, reader.has_version
        self._reader = reader
        self._place = doc_id, page
        self._text = text
        self._sha256 = sha256  # None leaves the document's as it is

    def document(self, doc_id: str) -> Document:
        return self._edited(self._reader.document(doc_id))

    def documents(self) -> list[Document]:
        return [self._edited(document) for document in self._reader.documents()]

    def page_text(self, doc_id: str, number: int) -> str:
        return self._text if (doc_id, number) == self._place else self._reader.page_text(doc_id, number)

    def page(self, doc_id: str, number: int) -> tuple[Page, tuple[Removal, ...]]:
        page, removals = self._reader.page(doc_id, number)
        return replace(page, text=self.page_text(doc_id, number)), removals

    def _edited(self, document: Document) -> Document:
        is_edited = self._sha256 and document.doc_id == self._place[0]
        return replace(document, sha256=self._sha256) if is_edited and self._sha256 else document


def main(folder: Path, other: Path, quotes: int, seed: int) -> None:
    random = Random(seed)
    with Embedded.open(folder).reading() as reader:
        receipts = _issued(reader, quotes, random)
    size = sum(len(to_json(receipt)) for receipt in receipts) / len(receipts)
    print(f"{len(receipts)} receipts, {size:,.0f} bytes on average")
    with Embedded.open(other).reading() as reader:
        started = perf_counter()
        found = [resolve(receipt, reader) for receipt in receipts]
        took = (perf_counter() - started) / len(receipts) * 1000
        _tell(f"in `{other.name}`, {took:.1f} ms each", found)
        for note, count in Counter(note for one in found for note in one.notes).most_common(5):
            print(f"    {count:5}  {note}")
        for name, alter in (("in the quote", _in_quote), ("elsewhere on its page", _beside_quote)):
            altered = list(_altered(receipts, reader, alter, random, sha256=EDITED))
            _tell(f"file edited {name}", altered)
            assert not any(one.passed for one in altered)
            _tell(f"store edited {name}", list(_altered(receipts, reader, alter, random, sha256=None)))
    forged = [replace(one, text=_changed(one.text, random.randrange(len(one.text)))) for one in receipts]
    with Embedded.open(other).reading() as reader:
        found = [resolve(one, reader) for one in forged]
        _tell("receipt edited in the quote", found)
        assert not any(one.passed for one in found)


def _issued(reader: Reader, quotes: int, random: Random) -> list[Receipt]:
    ids = [passage for document in reader.documents() for passage in reader.passage_ids(document.doc_id)]
    stored = reader.passages(random.sample(ids, min(quotes, len(ids))))
    receipts = []
    for passage in stored.values():
        start, end = random.choice(passage.passage.sentences)
        quote = Quote(passage.passage.text[start:end], cite_within(passage, start, end, reader))
        receipt = issue("What do the reports say?", quote, reader, datetime.now(UTC))
        receipts.append(parse_receipt(to_json(receipt)))
        assert receipts[-1] == receipt
    return receipts


def _altered(
    receipts: Sequence[Receipt],
    reader: Reader,
    alter: Callable[[Receipt, str, Random], str],
    random: Random,
    *,
    sha256: str | None,
) -> Iterator[Resolution]:
    for receipt in receipts:
        doc_id, page = receipt.document.doc_id, receipt.spans[0][0]
        text = alter(receipt, reader.page_text(doc_id, page), random)
        yield resolve(receipt, cast("Reader", Altered(reader, doc_id, page, text, sha256=sha256)))


def _in_quote(receipt: Receipt, page: str, random: Random) -> str:
    _, start, end = receipt.spans[0]
    return _changed(page, random.choice([at for at in range(start, end) if not page[at].isspace()]))


def _beside_quote(receipt: Receipt, page: str, random: Random) -> str:
    _, start, end = receipt.spans[0]
    beside = [at for at in range(len(page)) if not start <= at < end] or [start]
    return _changed(page, random.choice(beside))


def _changed(text: str, at: int) -> str:
    return f"{text[:at]}{'0' if text[at] != '0' else '1'}{text[at + 1 :]}"


def _tell(what: str, found: Sequence[Resolution]) -> None:
    outcomes = ", ".join(
        f"{count} {outcome}" for outcome, count in Counter(one.outcome for one in found).most_common()
    )
    print(f"{what}: {sum(one.passed for one in found) / len(found):.1%} pass ({outcomes})")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("index", type=Path)
    parser.add_argument("other", type=Path)
    parser.add_argument("--quotes", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=7)
    options = parser.parse_args()
    main(options.index, options.other, options.quotes, options.seed)
