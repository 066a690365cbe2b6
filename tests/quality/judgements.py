"""Measure how well the judgements of reports are read, against a sample that was read by people.

    python -m tests.quality.judgements INDEX_OR_FOLDER ...

Each is an index, or a folder whose files are read anew. The sample, `judgements.jsonl`, has 60 reports of
`../shared/reports`, drawn at random from each year and form of title before the rules were written, and the five
texts of `../shared/seeds`: what each area is graded, or why it is not, and the page that says so. A grade that is
found where there is none, or another one, is silently wrong; one that is told as unreadable is missed. It ends with
status 1 where anything is wrong, or less than 99 in 100 right.
"""

import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from indexer.embedded import Embedded
from indexer.extract import Readers
from indexer.judgements import find_judgements
from indexer.metadata import found_in_text
from indexer.records import Extracted, Judgement, Standing
from indexer.settings import Settings

SAMPLE = Path(__file__).with_name("judgements.jsonl")
FLOOR = 0.99

Found = tuple[str | None, tuple[Judgement, ...]]


@dataclass(frozen=True)
class Score:
    """Areas whose grade or state is as people read it, and a line for each of those where it is not."""

    right: int
    missed: tuple[str, ...]  # told as unreadable
    wrong: tuple[str, ...]

    @property
    def share(self) -> float:
        """Return how many of all areas are right."""
        return self.right / (self.right + len(self.missed) + len(self.wrong))


def sample() -> dict[str, dict[str, Any]]:
    """Return the rows of the sample by path."""
    return {row["path"]: row for row in map(json.loads, SAMPLE.read_text("utf-8").splitlines())}


def score(gold: Mapping[str, Mapping[str, Any]], found: Mapping[str, Found]) -> Score:
    """Compare what was found in documents with the sample; documents of one alone do not count."""
    right, missed, wrong = 0, [], []
    for path in sorted(gold.keys() & found.keys()):
        row, (framework, judgements) = gold[path], found[path]
        if framework != row["framework"]:
            wrong.append(f"{path}: framework {framework}, not {row['framework']}")
        told = {judgement.area: judgement for judgement in judgements}
        for area in sorted(row["judgements"].keys() | told.keys()):
            wanted, judgement = row["judgements"].get(area), told.get(area)
            page = row.get("pages", {}).get(area, row["page"])
            got = judgement and (judgement.grade or judgement.state.value)
            if judgement and got == wanted and (not judgement.grade or page in {at.page for at in judgement.spans}):
                right += 1
            elif judgement and judgement.state is Standing.UNREADABLE:
                missed.append(f"{path}: {area} is {wanted}")
            else:
                wrong.append(f"{path}: {area} is {wanted} on page {page}, not {got}")
    return Score(right, tuple(missed), tuple(wrong))


def in_index(folder: Path) -> Iterator[tuple[str, Found]]:
    """Read the judgements of every document of an index."""
    with Embedded.open(folder).reading() as reader:
        for document in reader.documents():
            pages = [reader.page(document.doc_id, number + 1)[0] for number in range(document.pages)]
            yield document.path, find_judgements(pages, document.metadata)


def in_files(folder: Path, paths: Iterable[str]) -> Iterator[tuple[str, Found]]:
    """Read the judgements of those of the files that are in the folder."""
    settings = Settings()
    held = ((path, (folder / path).read_bytes()) for path in paths if (folder / path).is_file())
    with Readers(settings) as readers:
        for path, extracted in readers.read_all(held):
            if isinstance(extracted, Extracted):
                yield path, find_judgements(extracted.pages, found_in_text(extracted, settings.kinds))


def main(folders: Iterable[Path]) -> bool:
    gold, found = sample(), dict[str, Found]()
    for folder in folders:
        held = in_index(folder) if (folder / "store.sqlite").exists() else in_files(folder, gold)
        found.update(held)
    done = score(gold, found)
    print(f"of the sample: {len(gold.keys() & found.keys())} of {len(gold)} documents")
    print(f"right {done.right}, unreadable {len(done.missed)}, wrong {len(done.wrong)}: share {done.share:.4f}")
    print(*done.missed, *done.wrong, sep="\n")
    unread = [
        f"{path}: {judgement.area}"
        for path, (_, judgements) in sorted(found.items())
        for judgement in judgements
        if judgement.state is Standing.UNREADABLE
    ]
    unknown = [path for path, (framework, _) in sorted(found.items()) if framework is None]
    graded = sum(judgement.grade is not None for _, judgements in found.values() for judgement in judgements)
    print(f"of all {len(found)} documents: {graded} grades, {len(unread)} unreadable, {len(unknown)} of no framework")
    print(*unread, *unknown, sep="\n")
    return not done.wrong and done.share >= FLOOR


if __name__ == "__main__":
    sys.exit(not main(map(Path, sys.argv[1:])))
