"""The usual recipe for search by meaning alone: Sentence Transformers, a FAISS index over all vectors, the texts.

As a process of its own it answers questions and says what memory it then holds, in MB:

    python -m tests.benchmarks.usual INDEX QUESTIONS.jsonl [ASKED]
"""

import os
import sys
from itertools import cycle, islice
from pathlib import Path

import faiss
import numpy as np

from indexer.embedded import Embedded
from indexer.records import StoredPassage
from indexer.settings import Settings
from tests.benchmarks.peers import sentence_transformer
from tests.benchmarks.processes import memory_mb
from tests.benchmarks.quality import read

K = 10


class Usual:
    """Searches the vectors and passages of one of our indexes in the usual way."""

    def __init__(self, folder: Path) -> None:
        self._store = Embedded.open(folder)
        self._model = sentence_transformer(Settings.load(index=folder))
        dim = self._model.get_embedding_dimension() or 0
        with self._store.reading() as reader:
            self._ids, vectors = reader.vectors_since(0, dim)
        self._flat = faiss.IndexFlatIP(dim)
        self._flat.add(vectors.astype(np.float32))

    def __len__(self) -> int:
        return len(self._ids)

    def search(self, question: str, k: int = K) -> list[StoredPassage]:
        """Give the k nearest passages, best first."""
        vector = self._model.encode([question], normalize_embeddings=True)
        ids = [int(self._ids[row]) for row in self._flat.search(vector, min(k, len(self)))[1][0]]
        with self._store.reading() as reader:
            stored = reader.passages(ids)
        return [stored[one] for one in ids]


def main(folder: Path, file: Path, asked: int) -> None:
    usual = Usual(folder)
    for question in islice(cycle(read(file).all), asked):
        usual.search(question.text)
    print(memory_mb(os.getpid()))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]) if len(sys.argv) > 3 else 200)
