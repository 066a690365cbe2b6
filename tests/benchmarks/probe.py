"""What `growth` measures in processes of their own; each prints its figures as JSON.

python -m tests.benchmarks.probe derive INDEX
python -m tests.benchmarks.probe ask INDEX QUESTIONS.jsonl
"""

import json
import os
import sys
from collections.abc import Callable
from itertools import cycle, islice
from pathlib import Path
from time import perf_counter

import numpy as np

from indexer.embedded import Embedded
from indexer.store import Reader
from tests.benchmarks.processes import memory_mb

ASKED = 60  # questions
WARM = 5  # questions before the clock runs


def derive(folder: Path) -> None:
    """Make what is derived from the store, and print the seconds that each took."""
    from indexer.dense import write_snapshot
    from indexer.encoder import Fingerprint
    from indexer.lexical import write_generation
    from indexer.outlines import publish_outlines

    def timed(make: Callable[[Reader], object]) -> float:
        started = perf_counter()
        with Embedded.open(folder).reading() as reader:
            make(reader)
        return perf_counter() - started

    with Embedded.open(folder).reading() as reader:
        fingerprint = reader.fingerprint or ""
    dim = Fingerprint.from_json(fingerprint).dim
    took = {
        "words": timed(lambda reader: write_generation(folder, reader, reader.version)),
        "vectors": timed(lambda reader: write_snapshot(folder, reader, fingerprint=fingerprint, dim=dim)),
        "outlines": timed(lambda reader: publish_outlines(folder, reader)),
    }
    print(json.dumps(took))


def ask(folder: Path, file: Path) -> None:
    """Search, and print when the first result was there, how long warm searches take, and the memory then held.

    When is by `perf_counter`, which on Linux is the same clock in all processes.
    """
    from indexer.encoder import SentenceEncoder
    from indexer.settings import Settings
    from service.evaluation.questions import read_questions
    from service.query import Query
    from service.search import Searcher

    texts = [question.text for question in read_questions(file).all]
    searcher = Searcher(Embedded.open(folder), SentenceEncoder(Settings.load(index=folder)), recent=0)
    searcher.search(Query(texts[-1]))
    first_at = perf_counter()
    took = []
    for text in islice(cycle(texts), WARM + ASKED):
        started = perf_counter()
        searcher.search(Query(text))
        took.append(1000 * (perf_counter() - started))
    median, late = np.quantile(took[WARM:], [0.5, 0.95])
    figures = {"first_at": first_at, "median_ms": median, "late_ms": late, "search_mb": memory_mb(os.getpid())}
    print(json.dumps(figures))


if __name__ == "__main__":
    if sys.argv[1] == "derive":
        derive(Path(sys.argv[2]))
    else:
        ask(Path(sys.argv[2]), Path(sys.argv[3]))
