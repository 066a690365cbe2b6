"""Measure how well the tone of a sentence, and a change that it tells of, are read.

    python -m tests.quality.tones [REPORTS] [--wrong]

`tones.jsonl` has 285 sentences of 48 reports of 2013 to 2025, by their places, as one person labelled them. Drawn by
chance: 75 of "any" sentences, 75 with words of a frequent "matter", 60 with words that often tell of a "change". The
rules were written with the "seen" ones in view; the "blind" ones were labelled before and looked at no more; those of
"later" (45 of any, 30 of change) were drawn and labelled when the rules stood. With `--wrong` it prints the seen
sentences that are read otherwise.
"""

import argparse
import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from indexer.extract import Readers
from indexer.furniture import find_furniture
from indexer.passages import cut
from indexer.records import Metadata, Page
from indexer.settings import Settings
from service.tone import Change, Tone, change_of, tone_of

GOLD = Path(__file__).with_suffix(".jsonl")
REPORTS = Path(__file__).resolve().parents[2].parent / "shared" / "reports"


@dataclass(frozen=True)
class Read:
    """A sentence of the gold file, and what is made of it."""

    text: str
    drawn: str
    part: str  # "seen", "blind" or "later"
    tone: Tone
    change: Change | None
    said_tone: Tone
    said_change: Change | None


@dataclass(frozen=True)
class Score:
    """How often it is right; shares are from 0 to 1."""

    count: int
    right: float  # share of tones
    macro_f1: float  # mean over the four tones
    changes: int
    change_precision: float
    change_recall: float


class Words:
    """Counts words in place of an encoder's tokens; headings do not depend on that."""

    room = 1000

    def count(self, texts: Sequence[str]) -> list[int]:
        return [len(text.split()) for text in texts]


def read_all(folder: Path = REPORTS) -> list[Read]:
    """Read every sentence of the gold file. Raises ValueError where a report has another text at its place."""
    rows = defaultdict(list)
    for line in GOLD.read_text("utf-8").splitlines():
        row = json.loads(line)
        rows[row["path"]].append(row)
    found = []
    with Readers(Settings(parse_workers=2)) as readers:
        files = ((path, (folder / path).read_bytes()) for path in rows)
        for path, extracted in readers.read_all(files):
            if isinstance(extracted, Exception):
                raise extracted
            headings = dict(_headings(extracted.pages))
            for row in rows[path]:
                text = extracted.pages[row["page"] - 1].text[row["start"] : row["end"]]
                if sha256(text.encode()).hexdigest()[:12] != row["sha256_12"]:
                    raise ValueError(
                        f"page {row['page']} of {path} has another text than the gold file was made from"
                    )
                above = headings.get((row["page"], row["start"]), ())
                change = Change(row["change"]) if row["change"] else None
                said = tone_of(text, above), change_of(text)
                found.append(Read(text, row["drawn"], row["set"], Tone(row["tone"]), change, *said))
    return found


def _headings(pages: Sequence[Page]) -> Iterator[tuple[tuple[int, int], tuple[str, ...]]]:
    """Give the headings above each place at which a sentence begins."""
    for passage in cut(pages, find_furniture(pages), Metadata(), Words(), aim=300):
        for start, _ in passage.sentences:
            at = 0
            for span in passage.spans:
                if at <= start < at + span.end - span.start:
                    yield (span.page, span.start + start - at), passage.headings
                at += span.end - span.start + 1


def score(reads: Sequence[Read]) -> Score:
    """Compare what is read with the labels."""
    pairs = [(one.tone, one.said_tone) for one in reads]
    each = []
    for tone in Tone:
        labelled, said = (sum(pair[side] is tone for pair in pairs) for side in (0, 1))
        each.append(2 * pairs.count((tone, tone)) / ((labelled + said) or 1))
    told = [one for one in reads if one.change]
    said_changes = [one for one in reads if one.said_change]
    right = sum(one.change is one.said_change for one in said_changes)
    return Score(
        len(reads),
        sum(a is b for a, b in pairs) / len(pairs),
        sum(each) / len(each),
        len(told),
        right / (len(said_changes) or 1),
        right / (len(told) or 1),
    )


def main(folder: Path, *, wrong: bool) -> None:
    """Print the figures of each part."""
    reads = read_all(folder)
    print("                 sentences  right  macro-F1  changes  precision  recall")
    for part, drawn in (("seen", ""), ("blind", "any matter"), ("blind", ""), ("later", ""), ("blind later", "")):
        some = [one for one in reads if one.part in part and (not drawn or one.drawn in drawn)]
        got = score(some)
        name = f"{part}{' but change' if drawn else ''}"
        print(
            f"{name:16} {got.count:9} {got.right:6.3f} {got.macro_f1:9.3f} {got.changes:8}"
            f" {got.change_precision:10.3f} {got.change_recall:7.3f}"
        )
    for one in reads if wrong else ():
        if one.part == "seen" and (one.tone, one.change) != (one.said_tone, one.said_change):
            print(
                f"{one.tone}, {one.change} read as {one.said_tone}, {one.said_change}: {' '.join(one.text.split())}"
            )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("reports", type=Path, nargs="?", default=REPORTS)
    parser.add_argument("--wrong", action="store_true")
    arguments = parser.parse_args()
    main(arguments.reports, wrong=arguments.wrong)
