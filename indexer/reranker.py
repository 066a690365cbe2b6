"""Hits weighed once more, by a model that reads question and text together: the Reranker protocol, and CrossEncoders.

An encoder makes a vector of a text before it knows the question; a CrossEncoder reads both at once, which tells more
and costs one pass of the model for each text, so only the first hits are given to it (Nogueira and Cho 2019, arXiv
1901.04085).
"""

import json
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from indexer.errors import ModelError
from indexer.settings import Settings


class Reranker(Protocol):
    """Says how well texts answer a question."""

    def scores(self, question: str, texts: Sequence[str]) -> NDArray[np.float32]:
        """Shape (len(texts),), higher is better; the scale is the reranker's own."""
        ...


class CrossEncoderReranker:
    """Any Sentence Transformers CrossEncoder of one score that lies in a folder; loaded at the first text.

    Question and text together may be longer than the model reads; it then cuts the end of the longer one, as nothing
    but the order of hits depends on it.
    """

    def __init__(self, folder: Path, settings: Settings) -> None:
        """Raise ModelError where the folder holds no CrossEncoder."""
        self._folder = folder
        self._settings = settings
        self._lock = Lock()  # tokenizers raise "Already borrowed" when two threads share one
        self._check_kind()

    def scores(self, question: str, texts: Sequence[str]) -> NDArray[np.float32]:
        """Shape (len(texts),), higher is better. Raises ModelError where the model gives no usable scores."""
        if not texts:
            return np.empty(0, np.float32)
        with self._lock:
            found = self._model.predict([(question, text) for text in texts], show_progress_bar=False)
        scores = np.asarray(found, np.float32)
        if scores.shape != (len(texts),) or not np.isfinite(scores).all():
            raise ModelError(f"reranker {self._settings.rerank} gave no usable scores for {question[:80]!r}")
        return scores

    def _check_kind(self) -> None:
        """Refuse other models: Sentence Transformers would load them with a last layer of random numbers."""
        folder = self._folder
        kind = _json(folder / "config_sentence_transformers.json").get("model_type")
        if kind is None and (folder / "modules.json").is_file():
            kind = "SentenceTransformer"  # as Sentence Transformers itself takes it
        elif kind is None:  # older CrossEncoders are plain classifiers
            kind = (_json(folder / "config.json").get("architectures") or [""])[0]
            kind = "CrossEncoder" if kind.endswith("ForSequenceClassification") else kind
        if kind != "CrossEncoder":
            raise ModelError(
                f"the setting `rerank` names {self._settings.rerank}, which is no CrossEncoder"
                f"{f' but a {kind}' if kind else ''}; give the folder of one, or leave the setting empty"
            )

    @cached_property
    def _model(self) -> Any:
        from sentence_transformers import CrossEncoder  # noqa: PLC0415 - seconds of import, only where it is used
        from transformers.utils import logging as transformers_logging  # noqa: PLC0415

        precision = self._settings.precision
        transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]
        try:
            model = CrossEncoder(
                str(self._folder),
                device=self._settings.device,
                local_files_only=True,
                trust_remote_code=False,
                model_kwargs={"dtype": "float32" if precision == "auto" else precision},
            )
        except Exception as error:  # each format of weights has errors of its own, without a common base
            raise ModelError(
                f"reranker {self._settings.rerank} in {self._folder} cannot be loaded: {error}"
            ) from error
        if model.num_labels != 1:
            raise ModelError(
                f"reranker {self._settings.rerank} gives {model.num_labels} scores for each text; "
                "the order of hits needs a CrossEncoder that gives one (`num_labels=1`)"
            )
        return model


def _json(path: Path) -> Any:
    return json.loads(path.read_text("utf-8")) if path.is_file() else {}
