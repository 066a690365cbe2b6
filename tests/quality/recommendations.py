"""Measure how well the items of recommendations are found, against those of 20 reports that were checked by eye.

    python -m tests.quality.recommendations ../shared/reports

The reports were drawn at random, some of each year, before the first rule was written; `recommendations.jsonl` has
for each the place of every item. An item is right where its text is that of the gold item, white space aside. The
same is measured with the lines of the reader and without, as texts without a layout come.
"""

import json
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from indexer.extract import Readers
from indexer.furniture import find_furniture
from indexer.hashes import text_sha256
from indexer.recommendations import find_recommendations
from indexer.records import Page, Removal, Span
from indexer.settings import Settings

GOLD = Path(__file__).with_suffix(".jsonl")


@dataclass(frozen=True)
class Report:
    """A report as it was read, and the places of its items as they were checked."""

    path: str
    pages: tuple[Page, ...]
    removals: tuple[Removal, ...]
    items: tuple[tuple[Span, ...], ...]


@dataclass(frozen=True)
class Score:
    """How many items there are, were found, and are the same."""

    gold: int = 0
    found: int = 0
    right: int = 0

    @property
    def precision(self) -> float:
        return self.right / self.found if self.found else 0.0

    @property
    def recall(self) -> float:
        return self.right / self.gold if self.gold else 0.0

    @property
    def f1(self) -> float:
        return 2 * self.right / (self.gold + self.found) if self.gold + self.found else 0.0


def reports(folder: Path) -> Iterator[Report]:
    """Read the reports of the gold file. Raises ValueError where one is not the file that was checked."""
    rows = [json.loads(line) for line in GOLD.read_text("utf-8").splitlines()]
    with Readers(Settings(index=folder / "none")) as readers:
        for row in rows:
            pages = readers.read((folder / row["path"]).read_bytes(), row["path"]).pages
            texts = {page.number: page.text for page in pages}
            items = []
            for places in row["items"]:
                for page, start, end, sha256 in places:
                    if not text_sha256(texts[page][start:end]).startswith(sha256):
                        raise ValueError(f"{row['path']}, page {page}, is not what was checked")
                items.append(tuple(Span(page, start, end) for page, start, end, _ in places))
            yield Report(row["path"], pages, find_furniture(pages), tuple(items))


def score(report: Report, *, with_lines: bool = True) -> Score:
    """Find the items of a report and compare them with the gold."""
    pages = report.pages if with_lines else [replace(page, lines=()) for page in report.pages]
    found = [item.spans for item in find_recommendations(pages, report.removals)]
    ours, gold = Counter(_texts(report, found)), Counter(_texts(report, report.items))
    return Score(gold.total(), ours.total(), (ours & gold).total())


def summed(scores: Sequence[Score]) -> Score:
    """Add scores up."""
    return Score(sum(one.gold for one in scores), sum(one.found for one in scores), sum(one.right for one in scores))


def _texts(report: Report, items: Sequence[Sequence[Span]]) -> Iterator[str]:
    texts = {page.number: page.text for page in report.pages}
    for spans in items:
        yield " ".join(" ".join(texts[span.page][span.start : span.end] for span in spans).split())


if __name__ == "__main__":
    read = list(reports(Path(sys.argv[1])))
    for with_lines in (True, False):
        scores = [score(report, with_lines=with_lines) for report in read]
        for report, one in zip(read, scores, strict=True):
            if one.f1 < 1:
                print(f"{report.path}: {one.right} right of {one.found} found and {one.gold} there are")
        total = summed(scores)
        print(
            f"{'with lines' if with_lines else 'text alone'}: precision {total.precision:.3f}, recall "
            f"{total.recall:.3f}, F1 {total.f1:.3f} over {total.gold} items of {len(read)} reports"
        )
