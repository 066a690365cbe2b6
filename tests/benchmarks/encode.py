"""How fast passages become vectors, beside Sentence Transformers' `encode` in float32 and whoever else is installed.

    python -m tests.benchmarks.encode INDEX [QUESTIONS] [--passages N] [--limit N] [--back-ends]

All encode the same passages of the index, a few dozen at a time and in turn, so what else the machine does falls on
all of them. Ours makes a vector of every sentence as well. With a question file, or the folder of a public set that
INDEX was made of, the passages on the pages of the questions' evidence are among them, and nDCG@10 is that of a plain
ranking of these passages by the vectors that were just made: what the arithmetic of a peer costs in quality.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter

import numpy as np
from numpy.typing import NDArray

from indexer.embedded import Embedded
from indexer.records import StoredPassage
from indexer.settings import Settings
from indexer.store import Reader
from service.evaluation.questions import Question
from service.evaluation.run import Found
from tests.benchmarks.peers import OURS, USUAL, Peer, peers
from tests.benchmarks.quality import answerable, found, mean_ndcg, read

AT_ONCE = 64  # passages, as many as a sync gives to the encoder
LEAST = 128  # passages that everybody encodes at least, again and again where the index holds fewer
DEEP = 100


def main(folder: Path, file: Path | None, most: int, limit: int | None, *, back_ends: bool) -> None:
    settings = Settings.load(index=folder)
    with Embedded.open(folder).reading() as reader:
        held = {document.path for document in reader.documents()}
        questions = answerable(read(file, limit), held) if file else []
        passages = _passages(reader, questions, most)
    texts = [one.passage.input for one in passages]
    parts = [_sentences(one) for one in passages]
    everybody = list(peers(settings, with_back_ends=back_ends))
    took = dict.fromkeys((peer.name for peer in everybody), 0.0)
    made: dict[str, list[NDArray[np.float32]]] = {peer.name: [] for peer in everybody}
    for peer in everybody:
        peer.passages(texts[:8], parts[:8])
    rounds = -(-LEAST // len(texts))
    for _ in range(rounds):
        for of_peer in made.values():
            of_peer.clear()
        for start in range(0, len(texts), AT_ONCE):
            some = slice(start, start + AT_ONCE)
            for peer in everybody:
                started = perf_counter()
                vectors = peer.passages(texts[some], parts[some])
                took[peer.name] += perf_counter() - started
                made[peer.name].append(vectors)
    every = {name: np.concatenate(of_peer) for name, of_peer in made.items()}
    of = f"; nDCG@10 of {len(questions)} questions among these" if questions else ""
    print(f"{len(texts)} passages, {sum(map(len, parts))} sentences, {rounds} times{of}")
    for peer in everybody:
        name = peer.name
        speed = f"{rounds * len(texts) / took[name]:6.1f} passages a second, ours {took[name] / took[OURS]:.2f} times"
        nearness = f"least cosine to float32 {(every[name] * every[USUAL]).sum(axis=1).min():.5f}"
        quality = f", nDCG@10 {_quality(peer, every[name], passages, questions):.3f}" if questions else ""
        print(f"  {name:22} {speed}, {nearness}{quality}")


def _passages(reader: Reader, questions: Sequence[Question], most: int) -> list[StoredPassage]:
    """Take passages on the pages that answer the questions, and others from all over the index, `most` together."""
    documents = reader.documents()
    pages = {(one.path, one.page) for question in questions for one in question.evidence}
    paths = {path for path, _ in pages}
    wanted = []
    for document in documents:
        if document.path in paths:
            for number, stored in reader.passages(reader.passage_ids(document.doc_id)).items():
                if any((document.path, span.page) in pages for span in stored.passage.spans):
                    wanted.append(number)
    rest = sorted({number for document in documents for number in reader.passage_ids(document.doc_id)} - {*wanted})
    count = min(max(0, most - len(wanted)), len(rest))
    chosen = np.random.default_rng(0).choice(rest, count, replace=False).tolist() if count else []
    return [stored for _, stored in sorted(reader.passages([*wanted, *chosen]).items())]


def _sentences(stored: StoredPassage) -> list[tuple[int, int]]:
    passage = stored.passage
    before = len(passage.input) - len(passage.text)
    return [(before + start, before + end) for start, end in passage.sentences]


def _quality(
    peer: Peer, vectors: NDArray[np.float32], passages: Sequence[StoredPassage], questions: Sequence[Question]
) -> float:
    def ranked(question: str) -> list[Found]:
        scores = vectors @ peer.question(question)
        best = np.argsort(-scores, kind="stable")[:DEEP]
        return [found(passages[row], float(scores[row])) for row in best]

    return mean_ndcg(questions, ranked)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.encode")
    parser.add_argument("index", type=Path)
    parser.add_argument("questions", type=Path, nargs="?")
    parser.add_argument("--passages", type=int, default=512)
    parser.add_argument("--limit", type=int, help="questions")
    parser.add_argument("--back-ends", action="store_true", help="ours with each back end and precision, too")
    given = parser.parse_args()
    main(given.index, given.questions, given.passages, given.limit, back_ends=given.back_ends)
