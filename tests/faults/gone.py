"""Documents with canaries are removed or changed; then nothing may find, show or hold them any more.

A canary is a word that stands in one document alone. It is looked for in all answers, of a service that was open
before and of a fresh one, and in the bytes of all files of the index.
"""

import json
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

from fastapi.testclient import TestClient

from indexer.embedded import Embedded
from indexer.lexical import Lexical
from indexer.records import Mode
from indexer.settings import Settings
from indexer.sync import sync
from indexer.words import Terms
from service.app import create_app
from service.schemas import StatusResponse
from service.search import Searcher
from tests.fakes import TextReaders, WordEncoder
from tests.faults.changing import sentence
from tests.faults.table import Row

DOCUMENTS = 8
ENDS = "and in the end was told of {}"  # how every sentence ends, for there is no other that could be quoted
LONGEST = 60  # sentences: enough for rows that SQLite lays out over several pages


@dataclass(frozen=True)
class Left:
    """Where a canary was seen after it should have been gone."""

    canary: str
    where: str


def attempt(base: Path, seed: int, *, rounds: int) -> tuple[int, list[Left]]:
    """Remove, change and rename documents round after round; give how many canaries went, and where any was left."""
    random = Random(seed)
    folder, index = base / "reports", base / "index"
    folder.mkdir()
    settings = Settings(index=index, passage_tokens=32)
    canaries = {f"d{number}.txt": _write(folder, f"d{number}.txt", random) for number in range(DOCUMENTS)}
    gone: list[str] = []
    left: list[Left] = []
    with ExitStack() as stack:
        open_before: Searcher | None = None
        for _ in range(rounds):
            _sync(folder, settings)
            if open_before is None:
                store = stack.enter_context(closing(Embedded.open(index)))
                open_before = Searcher(store, WordEncoder())
            left += _looked_for(gone, list(canaries.values()), index, open_before)
            for path in random.sample(sorted(canaries), random.randint(1, 4)):
                gone.append(canaries.pop(path))
                (folder / path).unlink()
                if random.random() < 0.6:  # changed, or put back with another text
                    canaries[path] = _write(folder, path, random)
            while len(canaries) < DOCUMENTS // 2:
                path = f"n{random.randrange(10**6)}.txt"
                canaries[path] = _write(folder, path, random)
    return len(gone), left


def rows(seed: int) -> list[Row]:
    """Take some hundreds of documents out."""
    with TemporaryDirectory() as base:
        gone, left = attempt(Path(base), seed, rounds=80)
    wanted = "in no answer, and in no file of the index"
    found = f"{len(left)} left" + (f", such as in {left[0].where}" if left else "")
    return [Row("documents removed or changed, and looked for", gone, wanted, found, not left)]


def _write(folder: Path, path: str, random: Random) -> str:
    """Write a document of any length with a canary all over it, and give the canary."""
    canary = "canary" + "".join(random.choices("bcdfghjklmnpqrstvwxz", k=10))
    sentences = [f"{sentence(random)[:-1]} {ENDS.format(canary)}." for _ in range(random.choice((1, 3, 10, LONGEST)))]
    title = f"---\ntitle: {canary}\n---\n" if random.random() < 0.3 else ""
    (folder / path).write_text(title + "\n\n".join(sentences))
    return canary


def _sync(folder: Path, settings: Settings) -> None:
    sync([folder], settings, encoder=WordEncoder(), readers=TextReaders())


def _looked_for(gone: list[str], there: list[str], index: Path, open_before: Searcher) -> Iterator[Left]:
    """Look for what is gone; what is there must be seen by the same looking, or it would prove nothing."""
    asked = [*gone[-2:], *there[-2:]]
    said = dict(_answers(open_before, asked))
    with closing(Embedded.open(index)) as store:
        fresh = Searcher(store, WordEncoder())
        said |= {f"fresh {where}": text for where, text in _answers(fresh, asked)}
        with store.reading() as reader:
            words = Lexical.open(index, reader)
            said |= {f"words for {one}": one for one in gone if words.search(Terms(one), 10)}
    said |= {str(path.relative_to(index)): path.read_bytes().decode("latin-1") for path in _files(index)}
    for canary in there[-2:]:
        for arm in ("search hybrid", "search lexical", "search phrase", "ask", "verify"):
            assert canary in said[f"{arm} {canary}"]
        assert any(canary in text for where, text in said.items() if where.startswith("originals"))
    for canary in gone:
        yield from (Left(canary, where) for where, text in said.items() if canary in text)


def _answers(searcher: Searcher, canaries: list[str]) -> Iterator[tuple[str, str]]:
    client = TestClient(create_app(searcher), base_url="http://localhost", client=("127.0.0.1", 50000))
    for canary in canaries:
        for arm, asked in (
            *((mode.value, {"q": canary, "mode": mode.value}) for mode in Mode),
            ("phrase", {"q": f'"{canary}"'}),
            ("without", {"q": f"report -{canary}"}),
            ("filter", {"q": canary, "from": "2000"}),
        ):
            answer = client.get("/v1/search", params={**asked, "k": "20"}).json()
            yield f"search {arm} {canary}", json.dumps(answer["hits"])  # all but what repeats the question
        answer = client.get("/v1/ask", params={"q": f"What was told of {canary}?", "k": "20"}).json()
        yield f"ask {canary}", json.dumps([answer["answer"], answer["quotes"], answer["searched"], answer["hits"]])
        found = client.post("/v1/verify", json={"quote": ENDS.format(canary)}).json()
        yield f"verify {canary}", json.dumps([[match["text"], match["citation"]] for match in found["matches"]])
    documents: list[dict[str, Any]] = client.get("/v1/documents").json()["documents"]
    yield "documents", json.dumps(documents)
    for document in documents:
        for page in range(1, document["pages"] + 1):
            address = f"/v1/documents/{document['doc_id']}/pages/{page}"
            yield address, client.get(address).text
    with searcher.store.reading() as reader:
        yield "status", StatusResponse.of(reader, searcher.store).model_dump_json()


def _files(index: Path) -> list[Path]:
    return [path for path in sorted(index.rglob("*")) if path.is_file()]
