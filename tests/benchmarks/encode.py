"""How fast passages become vectors, beside Sentence Transformers' own `encode` and, where it is installed, txtai.

    python -m tests.benchmarks.encode INDEX [PASSAGES]

All encode the same passages of the index, a few dozen at a time and in turn, so what else the machine does falls on
all of them. Ours makes a vector of every sentence as well.
"""

import sys
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from time import perf_counter

import numpy as np
from numpy.typing import NDArray
from sentence_transformers import SentenceTransformer

from indexer.encoder import SentenceEncoder, locate_model
from indexer.settings import Settings
from indexer.store import Store

AT_ONCE = 64  # passages, as many as a sync gives to the encoder
MOST = 512


def main(folder: Path, most: int) -> None:
    settings = Settings.load(index=folder)
    texts, parts = _passages(folder, most)
    encoder = SentenceEncoder(settings)
    model_folder = str(locate_model(settings.model))
    model = SentenceTransformer(model_folder, device="cpu")
    model.max_seq_length = encoder.fingerprint.max_tokens
    peers: dict[str, Callable[[slice], NDArray[np.float32]]] = {
        "ours": lambda some: np.array([made[0] for made in encoder.encode_passages(texts[some], parts[some])]),
        "Sentence Transformers": lambda some: np.asarray(
            model.encode(texts[some], normalize_embeddings=True, show_progress_bar=False)
        ),
    }
    if find_spec("txtai"):
        from txtai.vectors import VectorsFactory

        vectors = VectorsFactory.create({"path": model_folder, "method": "sentence-transformers", "gpu": False}, None)
        peers["txtai"] = lambda some: np.asarray(vectors.encode(texts[some]))
    else:
        print("txtai is not installed, so it is left out")
    took = dict.fromkeys(peers, 0.0)
    least = 1.0
    for encode in peers.values():
        encode(slice(0, 8))
    for start in range(0, len(texts), AT_ONCE):
        some = slice(start, start + AT_ONCE)
        made = {}
        for name, encode in peers.items():
            started = perf_counter()
            made[name] = encode(some)
            took[name] += perf_counter() - started
        least = min(least, float((made["ours"] * made["Sentence Transformers"]).sum(axis=1).min()))
    print(
        f"{len(texts)} passages, {sum(map(len, parts))} sentences; least cosine to Sentence Transformers {least:.5f}"
    )
    for name, seconds in took.items():
        print(f"  {name:22} {len(texts) / seconds:6.1f} passages a second, ours {seconds / took['ours']:.2f} times")


def _passages(folder: Path, most: int) -> tuple[list[str], list[Sequence[tuple[int, int]]]]:
    """Take passages from all over an index, as they are encoded, with their sentences."""
    store = Store.open(folder)
    with store.reading() as reader:
        ids = [outline.passage_id for outline in reader.outlines()]
        chosen = sorted(np.random.default_rng(0).choice(ids, min(most, len(ids)), replace=False).tolist())
        passages = [one.passage for one in reader.passages(chosen).values()]
    texts = [passage.input for passage in passages]
    before = [len(passage.input) - len(passage.text) for passage in passages]
    parts: list[Sequence[tuple[int, int]]] = [
        [(ahead + start, ahead + end) for start, end in passage.sentences]
        for ahead, passage in zip(before, passages, strict=True)
    ]
    return texts, parts


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else MOST)
