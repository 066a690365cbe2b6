"""Any succession of changes and syncs leaves the index that a first sync would make."""

import os
import shutil
from collections.abc import Mapping
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory, mkdtemp
from typing import Any

from hypothesis import HealthCheck, Phase, seed
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from indexer.embedded import Embedded
from indexer.records import Mode
from indexer.settings import Settings
from indexer.sync import sync
from service.query import Query
from service.search import Searcher
from tests.fakes import DIM, TextReaders, WordEncoder
from tests.faults.changing import Reports, answer, queries
from tests.faults.table import Row

PATHS = ("a.txt", "b.txt", "more/c.txt", "more/d.txt")
BODIES = ("Redbrook Council", "Bluehill City Council")
SENTENCES = (
    "The ferry crosses the bay twice a day.",
    "Old oaks stand along the northern road in Redbrook.",
    "The bakery opens before the sun comes up.",
    "A keeper counted nine otters by the river in 2019.",
    "School budgets grew while the library closed early.",
    "Foresters and sailors share one old harbour house.",
)
PATH = st.sampled_from(PATHS)
TEXT = st.lists(st.sampled_from(SENTENCES), min_size=1, max_size=6)
QUERIES = (
    Query("Where do otters cross the river?", k=5),
    Query("ferry harbour", k=3, mode=Mode.LEXICAL),
    Query("bread in the morning", k=10, mode=Mode.DENSE),
    Query('"the bakery" sun -school', k=10),
    Query("What changed for oaks in Redbrook since 2018?", k=10),
)
# Thousands of small syncs would wait for the disk most of their time, which is of no account here.
IN_MEMORY = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
STEPS = 8  # of a sequence, at most
ALMOST = 1e-6  # by which cosines and shares may differ
SCORE = 1.1e-4  # by which scores may, since they are rounded to four digits


class Sequences(RuleBasedStateMachine):
    """Changes a few small files in all ways there are, and compares after each sync."""

    syncs = 0  # of all sequences together

    def __init__(self) -> None:
        super().__init__()
        self.base = Path(mkdtemp(dir=IN_MEMORY))
        self.folder = self.base / "reports"
        self.folder.mkdir()
        self.bodies: dict[str, str] = {}
        self.following: Searcher | None = None  # as a service has it that runs all the time

    def teardown(self) -> None:
        """Remove the folder."""
        if self.following:
            self.following.store.close()
        shutil.rmtree(self.base)

    @initialize(texts=st.lists(TEXT, min_size=len(PATHS), max_size=len(PATHS)))
    def begin(self, texts: list[list[str]]) -> None:
        """Start from an index of all files."""
        for path, text in zip(PATHS, texts, strict=True):
            self.write(path, text, then=path == PATHS[-1])

    @rule(path=PATH, text=TEXT, then=st.booleans())
    def write(self, path: str, text: list[str], *, then: bool) -> None:
        """Add a file or change it."""
        file = self.folder / path
        file.parent.mkdir(exist_ok=True)
        file.write_text("\n\n".join(text))
        self.compare_if(then)

    @rule(path=PATH, then=st.booleans())
    def refuse(self, path: str, *, then: bool) -> None:
        """Make a file that cannot be read as a document."""
        self.write(path, ["!"], then=then)

    @rule(path=PATH, to=PATH, then=st.booleans())
    def rename(self, path: str, to: str, *, then: bool) -> None:
        """Give a file another name, perhaps that of another one."""
        if (self.folder / path).exists():
            (self.folder / to).parent.mkdir(exist_ok=True)
            (self.folder / path).rename(self.folder / to)
        self.compare_if(then)

    @rule(path=PATH, then=st.booleans())
    def delete(self, path: str, *, then: bool) -> None:
        """Remove a file."""
        (self.folder / path).unlink(missing_ok=True)
        self.compare_if(then)

    @rule(path=PATH)
    def touch(self, path: str) -> None:
        """Write the same again."""
        if (self.folder / path).exists():
            (self.folder / path).write_bytes((self.folder / path).read_bytes())

    @rule(path=PATH, body=st.sampled_from(["", *BODIES]), then=st.booleans())
    def state(self, path: str, body: str, *, then: bool) -> None:
        """State in the manifest which body a file is about."""
        self.bodies[path] = body
        self.compare_if(then)

    def compare_if(self, wanted: bool) -> None:
        """Compare where that is wanted."""
        if wanted:
            self.compare()

    @rule()
    def compare(self) -> None:
        """Sync, and make an index of the same files from scratch; both must say the same."""
        Sequences.syncs += 1
        lines = [f"{path},{body}" for path, body in self.bodies.items() if (self.folder / path).exists()]
        (self.folder / "manifest.csv").write_text("\n".join(["path,body", *lines]))
        index, anew = self.base / "index", self.base / "anew"
        synced(self.folder, index)
        shutil.rmtree(anew, ignore_errors=True)
        synced(self.folder, anew)
        expected = contents(anew)
        if differs := difference(contents(index), expected):
            raise AssertionError(differs)
        self.following = self.following or Searcher(Embedded.open(index), WordEncoder())
        if differs := difference(hits(self.following), expected["hits"]):
            raise AssertionError(f"to who searched before: {differs}")


def attempt(number: int, *, sequences: int, shrink: bool = True) -> int:
    """Run some sequences and give how many syncs were compared. Raises at a difference, made short where asked."""
    Sequences.syncs = 0
    run_state_machine_as_test(
        seed(number)(Sequences),
        settings=hypothesis_settings(
            max_examples=sequences,
            stateful_step_count=STEPS,
            deadline=None,
            database=None,
            phases=(Phase.generate, Phase.shrink) if shrink else (Phase.generate,),
            suppress_health_check=list(HealthCheck),
            print_blob=False,
        ),
    )
    return Sequences.syncs


def built_twice(base: Path, number: int) -> str | None:
    """Make two indexes of the same reports, and say where they differ, passage ids and all."""
    reports = Reports(base, number)
    made = []
    for name in ("one", "other"):
        synced(reports.folder, base / name)
        with closing(Embedded.open(base / name)) as store, store.reading() as reader:
            ids = [reader.passage_ids(document.doc_id) for document in reader.documents()]
            searcher = Searcher(store, WordEncoder())
            answers = [answer(searcher, query) for query in queries(number)]
        made.append({**contents(base / name), "ids": ids, "answers": answers})
    return difference(made[0], made[1])


def rows(number: int) -> list[Row]:
    """Run 500 sequences, and build twice."""
    wanted = "the same documents, passages, refusals and search results"
    try:
        found, is_met = f"the same after {attempt(number, sequences=500):,} syncs", True
    except AssertionError as error:
        found, is_met = str(error).splitlines()[0], False
    with TemporaryDirectory() as base:
        other = built_twice(Path(base), number)
    return [
        Row("random changes and syncs against an index from scratch", 500, wanted, found, is_met),
        Row("the same reports indexed twice", 2, f"{wanted}, and ids", other or "the same", other is None),
    ]


def synced(folder: Path, index: Path) -> None:
    """Make an index equal to the folder."""
    settings = Settings(index=index, passage_tokens=32)
    sync([folder], settings, encoder=WordEncoder(), readers=TextReaders())


def contents(index: Path) -> dict[str, Any]:
    """Give all that an index says, but for what depends on its history."""
    with closing(Embedded.open(index)) as store:
        with store.reading() as reader:
            documents = reader.documents()
            pages = [
                reader.page(document.doc_id, number)
                for document in documents
                for number in range(1, document.pages + 1)
            ]
            passages, vectors = [], []
            for document in documents:
                ids = reader.passage_ids(document.doc_id)
                stored, its = reader.passages(ids), reader.vectors(ids, DIM)
                passages.append([asdict(stored[one].passage) for one in ids])
                vectors.append([its[one].tobytes() for one in ids])
            places = {number: place for place, number in enumerate(reader.owners())}
            outlines = sorted((places[one.document], one.page, one.sketch.tobytes()) for one in reader.outlines())
            said = {
                "documents": [asdict(document) for document in documents],
                "pages": pages,
                "passages": passages,
                "vectors": vectors,
                "outlines": outlines,
                "refusals": reader.refusals(),
                "counts": (asdict(reader.counts()), reader.bodies(), reader.kinds()),
            }
        return {**said, "hits": hits(Searcher(store, WordEncoder()))}


def hits(searcher: Searcher) -> list[Any]:
    """Ask all questions; give what each hit says but for passage ids."""
    found = [[asdict(hit) for hit in searcher.search(query).hits] for query in QUERIES]
    told_otherwise = {"passage_id", "passage_ids", "twin_ids", "parts"}
    return [[{key: hit[key] for key in hit if key not in told_otherwise} for hit in some] for some in found]


def difference(one: Any, other: Any, where: str = "") -> str | None:
    """Say where two nested values differ first; numbers may by very little."""
    if isinstance(one, Mapping) and isinstance(other, Mapping) and one.keys() == other.keys():
        pairs = [(f"{where}/{key}", one[key], other[key]) for key in one]
    elif isinstance(one, list | tuple) and isinstance(other, list | tuple) and len(one) == len(other):
        pairs = [(f"{where}/{row}", *pair) for row, pair in enumerate(zip(one, other, strict=True))]
    elif isinstance(one, float) and isinstance(other, float):
        almost = SCORE if where.endswith("/score") else ALMOST
        return None if abs(one - other) <= almost else f"{where}: {one} and {other}"
    else:
        return None if one == other else f"{where}: {str(one)[:200]} and {str(other)[:200]}"
    return next((found for pair in pairs if (found := difference(pair[1], pair[2], pair[0]))), None)
