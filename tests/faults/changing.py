"""A folder of invented reports that changes from step to step: by chance, and always the same for a seed."""

import csv
import json
from dataclasses import dataclass, field
from datetime import date
from hashlib import sha256
from pathlib import Path
from random import Random

from indexer.records import Mode
from indexer.settings import Settings
from indexer.sync import Report, sync
from service.query import Query
from service.schemas import SearchResponse
from service.search import Searcher
from tests.fakes import TextReaders, WordEncoder

BODIES = ("Redbrook Council", "Bluehill City Council", "Greenford Trust", "Whitewater Borough Council")
KINDS = ("inspection", "focused visit", "monitoring visit")
WORDS = (
    "school carer family visit budget library otter river garden bridge winter spring lantern orchard ferry harbour "
    "teacher nurse driver baker letter wagon market copper silver meadow valley tunnel engine kettle blanket basket "
    "window ladder hammer violin drummer painter weaver miller shepherd pilot sailor runner singer keeper warden "
    "slow quick early late bright quiet narrow wide steady hollow gentle sudden plain crooked hidden open"
).split()
VERBS = "repaired visited counted painted carried opened trained watched measured followed sold gathered".split()


@dataclass
class Reports:
    """The folder, its index, and the chance that decides what happens next."""

    base: Path
    seed: int
    documents: int = 24
    paragraphs: int = 4
    encoder: WordEncoder = field(default_factory=WordEncoder)

    def __post_init__(self) -> None:
        self._random = Random(self.seed)
        self._made = 0
        self._facts: dict[str, tuple[str, str, str]] = {}  # path -> body, day and kind
        self.folder = self.base / "reports"
        self.settings = Settings(index=self.base / "index", passage_tokens=32)
        for number in range(self.documents):
            body = BODIES[number % len(BODIES)]
            self._add(f"report-{number}.txt", body)
        self._write_manifest()

    def change(self, times: int = 3) -> None:
        """Add, change, rename, remove and date anew a few of the reports; the first of each body stays."""
        for _ in range(times):
            movable = sorted(self._facts)[len(BODIES) :]
            path = self._random.choice(movable) if movable else None
            match self._random.choice(("add", "change", "rename", "remove", "date")):
                case "change" if path:
                    self._write(path)
                case "rename" if path:
                    new = self._new_path()
                    (self.folder / path).rename(self.folder / new)
                    self._facts[new] = self._facts.pop(path)
                case "remove" if path and len(self._facts) > self.documents:
                    self.remove(path)
                case "date" if path:
                    self._facts[path] = self._fact(self._facts[path][0])
                case _:
                    self._add(self._new_path(), self._random.choice(BODIES))
        self._write_manifest()

    def remove(self, path: str) -> None:
        """Remove one report."""
        (self.folder / path).unlink()
        del self._facts[path]
        self._write_manifest()

    def sync(self) -> Report:
        """Make the index equal to the folder."""
        return sync([self.folder], self.settings, encoder=self.encoder, readers=TextReaders())

    def _new_path(self) -> str:
        self._made += 1
        return f"z{self._random.randrange(10**6):06}-{self._made}.txt"  # after the first ones

    def _add(self, path: str, body: str) -> None:
        self._facts[path] = self._fact(body)
        self._write(path)

    def _fact(self, body: str) -> tuple[str, str, str]:
        day = date(self._random.randint(2015, 2024), self._random.randint(1, 12), self._random.randint(1, 28))
        return body, day.isoformat(), self._random.choice(KINDS)

    def _write(self, path: str) -> None:
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        paragraphs = (" ".join(sentence(self._random) for _ in range(3)) for _ in range(self.paragraphs))
        file.write_text("\n\n".join(paragraphs), "utf-8")

    def _write_manifest(self) -> None:
        with (self.folder / "manifest.csv").open("w", encoding="utf-8", newline="") as file:
            rows = csv.writer(file)
            rows.writerow(("path", "body", "published", "kind"))
            rows.writerows((path, *fact) for path, fact in sorted(self._facts.items()))


def sentence(random: Random) -> str:
    """Make a sentence of invented facts."""
    one, two, three, four = (random.choice(WORDS) for _ in range(4))
    return f"The {one} {two} {random.choice(VERBS)} {random.randrange(2, 90)} times near the {three} {four}."


def queries(seed: int, times: int = 24) -> list[Query]:
    """Make questions of all kinds: with and without filters, bodies, times, phrases and exclusions, in all modes."""
    random = Random(seed)
    made = []
    for number in range(times):
        words = " ".join(random.sample(WORDS, 3))
        body, year = random.choice(BODIES), random.randint(2015, 2024)
        text = [
            words,
            f"What did {body} say of the {words}?",
            f"{words} in {year}",
            f'"the {random.choice(WORDS)}" {words}',
            f"{words} -{random.choice(WORDS)}",
            f"Which councils have the {words}?",
        ][number % 6]
        mode = (Mode.HYBRID, Mode.HYBRID, Mode.DENSE, Mode.LEXICAL)[number // 6 % 4]
        filters = random.random() < 0.3
        made.append(
            Query(
                text,
                k=random.choice((3, 5, 10)),
                mode=mode,
                bodies=(body,) if filters else (),
                published_from=date(year, 1, 1) if filters and random.random() < 0.5 else None,
            )
        )
    return made


def answer(searcher: Searcher, query: Query) -> tuple[int, str]:
    """Ask, and give the generation of the answer and a hash of all that the answer says but for how long it took."""
    found = SearchResponse.of(searcher.search(query), explain=True)
    said = found.model_dump(mode="json", by_alias=True, exclude={"took_ms"})
    return found.generation, sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()
