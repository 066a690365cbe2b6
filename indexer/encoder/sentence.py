"""The Encoder protocol, and any Sentence Transformers model behind it."""

import logging
from collections.abc import Sequence
from contextlib import suppress
from functools import cached_property
from threading import Lock
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from indexer.encoder.files import ModelFiles, locate_model
from indexer.encoder.fingerprint import Fingerprint
from indexer.encoder.network import Network
from indexer.encoder.openvino_network import OpenVinoNetwork
from indexer.encoder.tokens import Cutter, Part
from indexer.encoder.torch_network import TorchNetwork
from indexer.errors import ModelError
from indexer.settings import Settings

log = logging.getLogger(__name__)

RECENT = 1000  # queries whose vectors are kept, as many are asked again: 1.5 MB at 384 dimensions
LEAST_ROOM = 32  # tokens for a passage, as for the setting `passage_tokens`


class Encoder(Protocol):
    """Turns texts into unit vectors whose inner product is their likeness, -1 to 1, and counts tokens as it does."""

    @property
    def room(self) -> int:
        """Tokens a passage input may have beside prompt and special tokens."""
        ...

    def count(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text, special tokens not counted; never cuts."""
        ...

    @property
    def fingerprint(self) -> Fingerprint:
        """Identity of the vectors."""
        ...

    def encode_passages(self, texts: Sequence[str], parts: Sequence[Sequence[Part]]) -> list[NDArray[np.float32]]:
        """For each text (1 + its parts, dim), unit length: the whole text, then each part `[start, end)` within it.

        Texts longer than `room` tokens are refused, never cut.
        """
        ...

    def encode_queries(self, texts: Sequence[str], parts: Sequence[Sequence[Part]] = ()) -> NDArray[np.float32]:
        """Shape (texts + parts, dim), unit length: the whole texts, then the parts of each, if any are given.

        A query beyond the token limit is cut; its start says most.
        """
        ...


class SentenceEncoder:
    """Any Sentence Transformers model that lies on this machine; loaded at the first text."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._files = ModelFiles(settings.model, locate_model(settings.model))
        self._cutter = Cutter(self._files)
        self._recent: dict[tuple[str, tuple[Part, ...]], NDArray[np.float32]] = {}  # of queries, the oldest first
        self._lock = Lock()  # around `_recent`
        self._loading = Lock()  # so that threads that begin together load one network

    @cached_property
    def fingerprint(self) -> Fingerprint:
        """Identity of the vectors; hashes the weights and checks those of the default model.

        Raises ModelError where the default model's weights are not the published ones.
        """
        settings, files = self._settings, self._files
        weights = files.weights_sha256  # before anything is loaded, so that altered weights are never run
        dim = files.dim
        if dim is None:
            dim = self._run(["dimension"], "", [()], is_question=True).shape[1]
        return Fingerprint(
            model=settings.model,
            weights_sha256=weights,
            tokenizer_sha256=files.tokenizer_sha256,
            dim=dim,
            max_tokens=files.max_tokens,
            query_prompt=settings.query_prompt,
            passage_prompt=settings.passage_prompt,
            # What `auto` may choose besides differs so little that its vectors and those of float32 can be compared.
            precision="float32" if settings.precision == "auto" else settings.precision,
        )

    @cached_property
    def room(self) -> int:
        """Tokens a passage input may have beside prompt and special tokens. Raises ModelError where too few."""
        longest = self._files.max_tokens
        room = longest - self._cutter.special - self.count([self._settings.passage_prompt])[0]
        if room < LEAST_ROOM:
            raise ModelError(
                f"of the {longest} tokens model {self._settings.model} takes, the passage prompt leaves "
                f"{room} and passages need {LEAST_ROOM}: use a shorter prompt or another model"
            )
        return room

    def count(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text, special tokens not counted."""
        return self._cutter.count(texts)

    def encode_passages(self, texts: Sequence[str], parts: Sequence[Sequence[Part]]) -> list[NDArray[np.float32]]:
        """For each text (1 + its parts, dim), unit length: the whole text, then each part `[start, end)` within it.

        A part is pooled from its own tokens as the model read them within the whole text, so that it knows what it
        is about and costs no second reading ("late chunking", Guenther et al. 2024, arXiv 2409.04701).
        Raises ModelError where a text is longer than `room` or the model returns something that is no direction.
        """
        if not texts:
            return []
        for text, tokens in zip(texts, self.count(texts), strict=True):
            if tokens > self.room:
                raise ModelError(f"a passage of {tokens} tokens exceeds the model's {self.room}: {text[:80]!r}")
        vectors = self._encode(texts, self._settings.passage_prompt, parts, is_question=False)
        return _by_text(vectors, parts)

    def encode_queries(self, texts: Sequence[str], parts: Sequence[Sequence[Part]] = ()) -> NDArray[np.float32]:
        """Shape (texts + parts, dim), unit length; recent queries are remembered. Parts are read as in passages."""
        if not texts:
            return np.empty((0, self.fingerprint.dim), np.float32)
        queries = [(text, tuple(some)) for text, some in zip(texts, parts or [()] * len(texts), strict=True)]
        with self._lock:
            found = {query: self._recent[query] for query in queries if query in self._recent}
        if missing := [query for query in dict.fromkeys(queries) if query not in found]:
            some_texts, some_parts = zip(*missing, strict=True)
            vectors = self._encode(some_texts, self._settings.query_prompt, some_parts, is_question=True)
            new = dict(zip(missing, _by_text(vectors, some_parts), strict=True))
            found |= new
            with self._lock:
                self._recent |= new
                for query in list(self._recent)[: max(0, len(self._recent) - RECENT)]:
                    del self._recent[query]
        wholes, of_parts = zip(*((found[query][:1], found[query][1:]) for query in queries), strict=True)
        return np.concatenate([*wholes, *of_parts])

    def prepare(self) -> None:
        """Load the model, so that the first question need not wait; that question tells what is wrong with it."""
        with suppress(Exception):  # also of a program that ends meanwhile, where no thread can be started any more
            self.encode_queries(["ready"])

    def _encode(
        self, texts: Sequence[str], prompt: str, parts: Sequence[Sequence[Part]], *, is_question: bool
    ) -> NDArray[np.float32]:
        dim = self.fingerprint.dim  # before running, so that altered weights never are
        vectors = self._run(texts, prompt, parts, is_question=is_question)
        norms = np.linalg.norm(vectors, axis=1, keepdims=True)
        bad = ~(np.isfinite(norms) & (norms > 0)).ravel()
        if vectors.shape[1] != dim or bad.any():
            owners = [*range(len(texts)), *(row for row, some in enumerate(parts) for _ in some)]
            culprit = texts[owners[int(bad.argmax())]][:80]
            raise ModelError(f"model {self._settings.model} gave no usable vector of {dim} numbers for {culprit!r}")
        unit: NDArray[np.float32] = vectors / norms
        return unit

    def _run(
        self, texts: Sequence[str], prompt: str, parts: Sequence[Sequence[Part]], *, is_question: bool
    ) -> NDArray[np.float32]:
        with self._loading:
            network = self._network
        return network.vectors(texts, prompt, parts, is_question=is_question)

    @cached_property
    def _network(self) -> Network:
        settings = self._settings
        torch = TorchNetwork(self._files, self._cutter, settings)
        if settings.backend == "torch" or settings.device != "cpu":
            return torch
        try:
            return OpenVinoNetwork.of(self._files, self._cutter, settings, reference=torch)
        except ModelError as error:
            if settings.backend == "openvino":
                raise
            log.warning("%s; torch runs it instead, more slowly", error)
            return torch


def _by_text(vectors: NDArray[np.float32], parts: Sequence[Sequence[Part]]) -> list[NDArray[np.float32]]:
    """Put the vectors of texts, and of their parts, which come after, together: (1 + its parts, dim) for each."""
    of_parts = iter(vectors[len(parts) :])
    return [np.stack([vectors[row], *(next(of_parts) for _ in some)]) for row, some in enumerate(parts)]
