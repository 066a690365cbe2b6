"""How long a warm search takes, beside the usual recipe for search by meaning alone.

    python -m tests.benchmarks.search INDEX QUESTIONS.jsonl

The usual recipe encodes the question with Sentence Transformers' own `encode`, asks a FAISS index over all vectors
and fetches the texts of the hits; ours does all of that, and words, reading, sentences, arrangement and the check of
every hit against its pages. Both answer the same questions in turn, so what else the machine does falls on both.
"""

import sys
from pathlib import Path
from time import perf_counter

import faiss
import numpy as np
from sentence_transformers import SentenceTransformer

from indexer.encoder import SentenceEncoder, locate_model
from indexer.settings import Settings
from indexer.store import Store
from service.evaluation.questions import read_questions
from service.query import Query
from service.search import Searcher

K = 10
WARM = 10  # searches before the clock runs


def main(folder: Path, file: Path) -> None:
    settings = Settings.load(index=folder)
    store = Store.open(folder)
    ours = Searcher(store, SentenceEncoder(settings))
    ours.warm_up()
    model = SentenceTransformer(str(locate_model(settings.model)), device="cpu")
    with store.reading() as reader:
        ids, vectors = reader.vectors_since(0, dim := model.get_embedding_dimension() or 0)
    flat = faiss.IndexFlatIP(dim)
    flat.add(vectors.astype(np.float32))

    def usual(question: str) -> None:
        found = flat.search(model.encode([question], normalize_embeddings=True), K)[1][0]
        with store.reading() as reader:
            reader.passages([int(ids[row]) for row in found])

    took: dict[str, list[float]] = {"usual": [], "ours": []}
    questions = [question.text for question in read_questions(file).all]
    for number, question in enumerate([*questions[:WARM], *questions]):
        started = perf_counter()
        usual(question)
        between = perf_counter()
        ours.search(Query(question, k=K))
        if number >= WARM:
            took["usual"].append(between - started)
            took["ours"].append(perf_counter() - between)
    print(f"{len(ids):,} passages, {len(questions)} questions, milliseconds")
    for name, times in took.items():
        median, late = 1000 * np.quantile(times, [0.5, 0.95])
        print(f"  {name:6} median {median:6.1f}  95 % {late:6.1f}")
    ratio = np.median(np.array(took["ours"]) / np.array(took["usual"]))
    print(f"  ours takes {ratio:.2f} times the usual recipe, at the median of the questions")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
