"""How long a warm search takes, beside the usual recipe for search by meaning alone.

    python -m tests.benchmarks.search INDEX QUESTIONS [LIMIT]

The usual recipe encodes the question with Sentence Transformers' own `encode`, asks a FAISS index over all vectors
and fetches the texts of the hits; ours does all of that, and words, reading, sentences, arrangement and the check of
every hit against its pages. Both answer the same questions in turn, so what else the machine does falls on both.
QUESTIONS is a question file, or the folder of a public set that INDEX was made of; nDCG@10 is of the questions whose
documents the index holds.
"""

import sys
from pathlib import Path
from time import perf_counter

import numpy as np

from indexer.embedded import Embedded
from indexer.encoder import SentenceEncoder
from indexer.settings import Settings
from service.evaluation.run import Found
from service.query import Query
from service.search import Searcher
from tests.benchmarks.quality import answerable, found, mean_ndcg, read
from tests.benchmarks.usual import K, Usual

WARM = 10  # searches before the clock runs
DEEP = 100  # hits for nDCG@10, so that ten documents of a public set are among them


def main(folder: Path, file: Path, limit: int | None) -> None:
    settings = Settings.load(index=folder)
    store = Embedded.open(folder)
    ours = Searcher(store, SentenceEncoder(settings), recent=0)
    ours.warm_up()
    usual = Usual(folder)
    took: dict[str, list[float]] = {"usual": [], "ours": []}
    asked = read(file, limit)
    questions = [question.text for question in asked.all]
    others = [" ".join(reversed(question.split())) for question in questions[:WARM]]  # whose vectors are not kept
    for number, question in enumerate([*others, *questions]):
        started = perf_counter()
        usual.search(question)
        between = perf_counter()
        ours.search(Query(question, k=K))
        if number >= WARM:
            took["usual"].append(between - started)
            took["ours"].append(perf_counter() - between)

    def ranked_by_ours(question: str) -> list[Found]:
        hits = ours.search(Query(question, k=DEEP)).hits
        return [Found(one.citation.source, frozenset(page for page, _, _ in one.citation.spans), 0) for one in hits]

    def ranked_by_usual(question: str) -> list[Found]:
        return [found(one, 0) for one in usual.search(question, DEEP)]

    with store.reading() as reader:
        scored = answerable(asked, {document.path for document in reader.documents()})
    quality = {"usual": mean_ndcg(scored, ranked_by_usual), "ours": mean_ndcg(scored, ranked_by_ours)}
    print(f"{len(usual):,} passages, {len(questions)} questions, milliseconds; nDCG@10 of {len(scored)} questions")
    for name, times in took.items():
        median, late = 1000 * np.quantile(times, [0.5, 0.95])
        print(f"  {name:6} median {median:6.1f}  95 % {late:6.1f}  nDCG@10 {quality[name]:.3f}")
    ratio = np.median(np.array(took["ours"]) / np.array(took["usual"]))
    print(f"  ours takes {ratio:.2f} times the usual recipe, at the median of the questions")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]) if len(sys.argv) > 3 else None)
