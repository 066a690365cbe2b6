"""What turns text into vectors: ours with each back end, and others with the same model, where they are installed."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec

import numpy as np
from numpy.typing import NDArray
from sentence_transformers import SentenceTransformer

from indexer.encoder import SentenceEncoder, locate_model
from indexer.settings import Settings

Parts = Sequence[Sequence[tuple[int, int]]]
OURS, USUAL = "ours", "Sentence Transformers"


@dataclass(frozen=True, slots=True)
class Peer:
    """Encodes; all vectors are of unit length."""

    name: str
    passages: Callable[[Sequence[str], Parts], NDArray[np.float32]]  # texts, with their sentences -> (n, dim)
    question: Callable[[str], NDArray[np.float32]]  # (dim,)


def peers(settings: Settings, *, with_back_ends: bool = False) -> Iterator[Peer]:
    """Give ours first; whoever is not installed is left out, with a word."""
    yield _ours(OURS, settings)
    if with_back_ends:
        for backend, precision in (("openvino", "float32"), ("torch", "auto"), ("torch", "float32")):
            update = {"backend": backend, "precision": precision}
            yield _ours(f"ours, {backend} {precision}", settings.model_copy(update=update))
    model = sentence_transformer(settings)
    yield Peer(USUAL, lambda texts, _: _plain(model, list(texts)), lambda text: _plain(model, [text])[0])
    folder = str(locate_model(settings.model))
    if is_installed("txtai"):
        from txtai import Embeddings

        made = Embeddings({"path": folder, "method": "sentence-transformers", "gpu": False})
        yield Peer(
            "txtai",
            lambda texts, _: np.asarray(made.batchtransform(list(texts)), np.float32),
            lambda text: np.asarray(made.transform(text), np.float32),
        )
    if is_installed("llama_index.embeddings.huggingface"):
        library = import_module("llama_index.embeddings.huggingface")
        index = library.HuggingFaceEmbedding(model_name=folder, device="cpu", max_length=model.max_seq_length)
        yield Peer(
            "LlamaIndex",
            lambda texts, _: np.asarray(index.get_text_embedding_batch(list(texts)), np.float32),
            lambda text: np.asarray(index.get_query_embedding(text), np.float32),
        )


def sentence_transformer(settings: Settings) -> SentenceTransformer:
    """Load the model of the settings in Sentence Transformers' own way, in float32, cutting texts where ours does."""
    model = SentenceTransformer(str(locate_model(settings.model)), device="cpu")
    model.max_seq_length = SentenceEncoder(settings).fingerprint.max_tokens
    return model


def is_installed(module: str) -> bool:
    """Tell whether a library is there, and say so where it is not."""
    try:
        is_there = find_spec(module) is not None
    except ModuleNotFoundError:  # the package that it is in
        is_there = False
    if not is_there:
        print(f"{module} is not installed, so it is left out")
    return is_there


def _ours(name: str, settings: Settings) -> Peer:
    encoder = SentenceEncoder(settings)
    return Peer(
        name,
        lambda texts, parts: np.array([made[0] for made in encoder.encode_passages(texts, parts)]),
        lambda text: encoder.encode_queries([text])[0],
    )


def _plain(model: SentenceTransformer, texts: list[str]) -> NDArray[np.float32]:
    return np.asarray(model.encode(texts, normalize_embeddings=True, show_progress_bar=False), np.float32)
