"""Thousands of questions to one service while its index changes again and again: it must not grow.

The application and its client run in a process of their own, so that nothing else counts; the syncs do not.
"""

import gc
import os
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from tempfile import TemporaryDirectory

from fastapi.testclient import TestClient

from indexer.embedded import Embedded
from service.app import create_app
from service.search import Searcher
from tests.fakes import WordEncoder
from tests.faults.changing import Reports, queries
from tests.faults.table import Row
from tests.faults.traffic import started

GROWTH = 0.10  # of memory, at most
PAGE_SIZE = os.sysconf("SC_PAGE_SIZE")

MakeSearcher = Callable[[Embedded, WordEncoder], Searcher]


@dataclass(frozen=True)
class Soaked:
    """What a service took at first, and in the end."""

    answers: int
    generations: int
    errors: tuple[str, ...]
    first_mb: float  # resident memory after the first questions
    last_mb: float
    first_files: int  # descriptors
    last_files: int

    @property
    def growth(self) -> float:
        """Tell what memory has grown by, as a share."""
        return self.last_mb / self.first_mb - 1


def attempt(
    base: Path, seed: int, *, asked: int, first: int, swaps: int, make_searcher: MakeSearcher = Searcher
) -> Soaked:
    """Ask so many questions, with so many swaps spread over them; what is taken after the `first` is the measure."""
    reports = Reports(base, seed, documents=40)
    reports.sync()
    with started(_serve, reports, seed, asked, first, swaps, make_searcher) as server:
        while isinstance(said := server.recv(), str):  # it asks for the next generation
            reports.change()
            server.send(reports.sync().generation)
    assert isinstance(said, Soaked)
    return said


def rows(seed: int) -> list[Row]:
    """Ask 20,000 questions over 50 swaps."""
    with TemporaryDirectory() as base:
        found = attempt(Path(base), seed, asked=20_000, first=1_000, swaps=50)
    is_met = found.growth <= GROWTH and found.last_files <= found.first_files and not found.errors
    return [
        Row(
            f"questions to one service over {found.generations - 1} swaps",
            found.answers,
            f"memory grows by {GROWTH:.0%} at most after the first 1,000, descriptors not at all, no errors",
            f"{found.growth:+.1%} of {found.first_mb:.0f} MB, {found.last_files - found.first_files:+} descriptors, "
            f"{len(found.errors)} errors",
            is_met and found.generations > 50,
        )
    ]


def _serve(  # noqa: PLR0917 - a process takes them by place
    pipe: Connection, reports: Reports, seed: int, asked: int, first: int, swaps: int, make_searcher: MakeSearcher
) -> None:
    searcher = make_searcher(Embedded.open(reports.settings.index), WordEncoder())
    client = TestClient(
        create_app(searcher),
        base_url="http://localhost",
        client=("127.0.0.1", 50000),  # where nobody counts how often it asks
        raise_server_exceptions=False,
    )
    questions = queries(seed)
    every = (asked - first) // swaps
    errors: list[str] = []
    generations: set[int] = set()
    measured: list[tuple[float, int]] = []
    with client:  # one event loop for all questions, as a server has it
        for number in range(asked):
            if number in {first, asked}:
                measured.append(_taken())
            if number >= first and (number - first) % every == 0:
                pipe.send("next")
                pipe.recv()
            query = questions[number % len(questions)]
            answer = client.get("/v1/search", params={"q": query.text, "k": query.k, "mode": query.mode.value})
            if answer.status_code == 200:
                generations.add(answer.json()["generation"])
            else:
                errors.append(answer.text)
        measured.append(_taken())
    (first_mb, first_files), (last_mb, last_files) = measured
    pipe.send(Soaked(asked, len(generations), tuple(errors), first_mb, last_mb, first_files, last_files))


def _taken() -> tuple[float, int]:
    """Give the resident memory of this process in MB, and how many files it has open."""
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * PAGE_SIZE / 1e6, len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - without a descriptor of its own
