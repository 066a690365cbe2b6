"""A Sentence Transformers model run by torch: the reference for every other way to run it."""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from indexer.encoder.files import ModelFiles
from indexer.encoder.tokens import Cutter, Part
from indexer.settings import Settings

BATCH_SIZE = 32
PARTS_AT_ONCE = 128  # each holds a copy of its text's tokens while it is pooled


class TorchNetwork:
    """Any Sentence Transformers model, on any device; loaded at the first text."""

    def __init__(self, files: ModelFiles, cutter: Cutter, settings: Settings) -> None:
        self._files = files
        self._cutter = cutter
        self._settings = settings
        self._lock = Lock()  # its tokenizer raises "Already borrowed" when two threads share one

    def vectors(
        self, texts: Sequence[str], prompt: str, parts: Sequence[Sequence[Part]], *, is_question: bool
    ) -> NDArray[np.float32]:
        """Shape (texts + parts, dim), see `Network`."""
        import torch  # noqa: PLC0415 - seconds of import, only where something is encoded

        threads = torch.get_num_threads()
        if is_question:
            # Between two questions, threads that wait for the next one would keep all processors busy; measured on
            # two cores, a question among searches takes 24 ms with one thread and 31 to 50 with two.
            torch.set_num_threads(1)
        try:
            some = [
                self._batch(texts[start : start + BATCH_SIZE], prompt, parts[start : start + BATCH_SIZE])
                for start in range(0, len(texts), BATCH_SIZE)
            ]
        finally:
            torch.set_num_threads(threads)
        return np.concatenate([of_texts for of_texts, _ in some] + [of_parts for _, of_parts in some])

    def _batch(
        self, texts: Sequence[str], prompt: str, parts: Sequence[Sequence[Part]]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        import torch  # noqa: PLC0415

        model = self._model
        with self._lock, torch.inference_mode():
            # The prompt is given also where it is empty, else the model's own default would come in uncounted.
            features = _on_device(model.preprocess(list(texts), prompt=prompt), model.device)
            features = model(features)
            of_texts = features["sentence_embedding"].float().cpu().numpy()
            owners, masks = self._cutter.masks(texts, prompt, parts, features["attention_mask"].cpu().numpy())
            found = [np.empty((0, of_texts.shape[1]), np.float32)]
            for start in range(0, len(owners), PARTS_AT_ONCE):
                some = slice(start, start + PARTS_AT_ONCE)
                of_parts = {
                    "token_embeddings": features["token_embeddings"][torch.from_numpy(owners[some]).to(model.device)],
                    "attention_mask": torch.from_numpy(masks[some]).to(model.device),
                }
                for module in list(model)[1:]:  # what turns tokens into one vector
                    of_parts = module(of_parts)
                found.append(of_parts["sentence_embedding"].float().cpu().numpy())
        return of_texts, np.concatenate(found)

    @cached_property
    def _model(self) -> Any:
        settings = self._settings
        precision = "float32" if settings.precision == "auto" else settings.precision
        model = load_model(self._files.folder, settings.device, precision)
        model.max_seq_length = self._files.max_tokens
        return model


def load_model(folder: Path, device: str, precision: str, attention: str | None = None) -> Any:
    """Load a SentenceTransformer; `attention` names the implementation, None takes the fastest."""
    import torch  # noqa: PLC0415
    from sentence_transformers import SentenceTransformer  # noqa: PLC0415
    from transformers.utils import logging as transformers_logging  # noqa: PLC0415

    transformers_logging.set_verbosity_error()  # type: ignore[no-untyped-call]  # of details of saved configurations
    transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]  # ours is the only one, and only on a terminal
    options = {"dtype": getattr(torch, precision)} | ({"attn_implementation": attention} if attention else {})
    model = SentenceTransformer(
        str(folder), device=device, local_files_only=True, trust_remote_code=False, model_kwargs=options
    )
    return model.eval()


def _on_device(features: dict[str, Any], device: Any) -> dict[str, Any]:
    return {name: value.to(device) if hasattr(value, "to") else value for name, value in features.items()}
