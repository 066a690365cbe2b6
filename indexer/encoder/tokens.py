"""Texts cut into a model's tokens, and which of these belong to a part of a text."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from indexer.encoder.files import ModelFiles

if TYPE_CHECKING:
    from tokenizers import Tokenizer

# Texts are filled up to a multiple of so many tokens: OpenVINO compiles for each shape that it has not met, which
# takes longer than these few tokens do.
STEP = 8
Part = tuple[int, ...]  # start and end of each of its pieces, in characters of a text


@dataclass(frozen=True)
class Tokens:
    """Texts as numbers, filled up on the right to the longest: each array of shape (n, tokens)."""

    ids: NDArray[np.int64]
    attention: NDArray[np.int64]  # 1 where there is a token
    types: NDArray[np.int64]


class Cutter:
    """Cuts texts into tokens; threads may share it."""

    def __init__(self, files: ModelFiles) -> None:
        self._files = files
        self._lock = Lock()  # tokenizers raise "Already borrowed" when two threads share one

    @cached_property
    def special(self) -> int:
        """How many special tokens are put around a text."""
        return int(self._whole.num_special_tokens_to_add(is_pair=False))

    def count(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text, special tokens not counted; never cut."""
        with self._lock:
            encodings = self._whole.encode_batch_fast(list(texts), add_special_tokens=False)
        return [len(encoding) for encoding in encodings]

    def cut(self, texts: Sequence[str]) -> Tokens:
        """Give the tokens of texts; those beyond the model's limit are left out."""
        with self._lock:
            encodings = self._limited.encode_batch_fast(list(texts))
        longest = max(map(len, encodings), default=0)
        shape = len(texts), max(longest, min(-(-longest // STEP) * STEP, self._files.max_tokens))
        ids, attention, types = (np.full(shape, fill, np.int64) for fill in (self._files.pad_token, 0, 0))
        for row, encoding in enumerate(encodings):
            ids[row, : len(encoding)] = encoding.ids
            attention[row, : len(encoding)] = 1
            types[row, : len(encoding)] = encoding.type_ids
        return Tokens(ids, attention, types)

    def masks(
        self, texts: Sequence[str], prompt: str, parts: Sequence[Sequence[Part]], attention: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Tell for each part the row of its text, and mark its tokens in that: shapes (n,) and (n, tokens).

        `attention` marks the tokens of each text with its prompt, (texts, tokens), padded on either side.
        """
        owners = np.array([row for row, some in enumerate(parts) for _ in some], np.int64)
        masks = np.zeros((len(owners), attention.shape[1]), np.int64)
        at = 0
        for row, some in enumerate(parts):
            if not some:
                continue
            with self._lock:
                offsets = np.array(self._limited.encode(prompt + texts[row]).offsets) - len(prompt)
            columns = np.flatnonzero(attention[row])
            for part in some:
                starts, ends = np.reshape(part, (-1, 2)).T
                last = offsets[:, 1:]  # a token belongs to the piece in which it ends
                inside = ((last > starts) & (last <= ends)).any(axis=1) & (offsets[:, 1] > offsets[:, 0])
                # What has no token of its own, such as a lone accent or what was cut off, goes by the whole text.
                masks[at, columns[inside] if inside.any() else columns] = 1
                at += 1
        return owners, masks

    @cached_property
    def _whole(self) -> "Tokenizer":
        from tokenizers import Tokenizer  # noqa: PLC0415 - only commands that cut or encode need it

        tokenizer = Tokenizer.from_file(str(self._files.tokenizer))
        tokenizer.no_truncation()  # the file of all-MiniLM-L6-v2 asks for a cut at 128 tokens
        tokenizer.no_padding()
        return tokenizer

    @cached_property
    def _limited(self) -> "Tokenizer":
        from tokenizers import Tokenizer  # noqa: PLC0415

        tokenizer = Tokenizer.from_str(self._whole.to_str())
        tokenizer.enable_truncation(self._files.max_tokens)
        return tokenizer
