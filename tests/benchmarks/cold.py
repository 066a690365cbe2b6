"""How long commands take from nothing, beside what any program pays that loads Sentence Transformers.

    python -m tests.benchmarks.cold INDEX [QUESTION] [--rounds N]

All are real processes and take turns; the first turn, which fills the caches of the disk and of models, does not
count. `citewell serve` is timed until /readyz answers 200.
"""

import argparse
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from indexer.embedded import Embedded
from indexer.encoder import locate_model
from indexer.settings import Settings
from tests.benchmarks.peers import is_installed
from tests.benchmarks.processes import CITEWELL, run, serving

QUESTION = "How many children had no social worker?"
SEARCH = "citewell search"
FEW = 200  # passages in a peer's index, which is made for this alone: so its search is the easier one

IMPORTS = "import sentence_transformers"
ENCODES = """
import sys
from sentence_transformers import SentenceTransformer
SentenceTransformer(sys.argv[1], device="cpu").encode([sys.argv[2]])
"""
TXTAI = """
import sys
from txtai import Embeddings
embeddings = Embeddings()
embeddings.load(sys.argv[1])
embeddings.search(sys.argv[2], 10)
"""


def main(folder: Path, question: str, rounds: int) -> None:
    model = str(locate_model(Settings.load(index=folder).model))
    with TemporaryDirectory() as scratch:
        commands: dict[str, Callable[[], float]] = {
            "python -c pass": _seconds("-c", "pass"),
            "citewell --help": _seconds("-m", "service.cli", "--help"),
            SEARCH: _seconds("-m", "service.cli", "search", "--index", str(folder), question),
            "citewell serve": partial(_until_ready, folder),
            "import sentence_transformers": _seconds("-c", IMPORTS),
            "the same, one question encoded": _seconds("-c", ENCODES, model, question),
        }
        if is_installed("txtai"):
            made = _txtai_index(folder, model, Path(scratch))
            commands[f"txtai's search, of {FEW} passages"] = _seconds("-c", TXTAI, made, question)
        took: dict[str, list[float]] = {name: [] for name in commands}
        for turn in range(rounds + 1):
            for name, timed in commands.items():
                seconds = timed()
                if turn:
                    took[name].append(seconds)
        searched = run([*CITEWELL, "search", "--index", str(folder), question], is_watched=True)
    medians = {name: float(np.median(times)) for name, times in took.items()}
    print(f"seconds, median of {rounds} in turn (least to most)")
    for name, times in took.items():
        ratio = medians[name] / medians[SEARCH]
        print(f"  {name:32} {medians[name]:6.2f}  ({min(times):.2f} to {max(times):.2f})  {ratio:5.2f} times ours")
    print(f"  `{SEARCH}` held {searched.peak_mb:.0f} MB at most")


def _seconds(*arguments: str) -> Callable[[], float]:
    return lambda: run([sys.executable, *arguments]).seconds


def _until_ready(folder: Path) -> float:
    with serving(folder) as service:
        return service.ready_s


def _txtai_index(folder: Path, model: str, scratch: Path) -> str:
    from txtai import Embeddings

    with Embedded.open(folder).reading() as reader:
        ids = [number for document in reader.documents() for number in reader.passage_ids(document.doc_id)]
        texts = [one.passage.input for one in reader.passages(ids[:FEW]).values()]
    embeddings = Embeddings({"path": model, "method": "sentence-transformers", "gpu": False, "content": True})
    embeddings.index(texts)
    embeddings.save(str(scratch / "txtai"))
    return str(scratch / "txtai")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.cold")
    parser.add_argument("index", type=Path)
    parser.add_argument("question", nargs="?", default=QUESTION)
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    main(given.index, given.question, given.rounds)
