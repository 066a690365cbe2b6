"""How many passages have each stem, and the stems as an engine keeps them: both go by hashes of stems.

The engine's own analyzers take words apart in other ways than ours, and differ from version to version. So what it
is given are tokens that stand for our stems, which all of them keep whole.
"""

import io
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from math import log

import numpy as np
from numpy.typing import NDArray

from indexer.errors import IndexFormatError

# BM25 as Tantivy has it: how soon a repeated word counts no more, and how much the length of a passage matters.
K1 = 1.2
B = 0.75
_DIGITS = 12  # of the hash that a token has: with a million stems, one in 500 collections has two that are the same


def token(stem: str) -> str:
    """Give the token that stands for a stem: a letter and hex digits, so that no analyzer divides or changes it."""
    return f"w{_hash(stem):016x}"[: 1 + _DIGITS]


def tokens(stems: Iterable[str]) -> str:
    """Write the stems of a text, in order and with repetitions, as the engine indexes them."""
    return " ".join(map(token, stems))


@dataclass(frozen=True)
class Vocabulary:
    """How many passages have each stem."""

    hashes: NDArray[np.uint64]  # of stems, ascending
    counts: NDArray[np.int64]  # passages that have each, never 0
    passages: int = 0  # all of them
    tokens: int = 0  # in all of them, with repetitions

    @classmethod
    def of(cls, texts: Iterable[Sequence[str]]) -> "Vocabulary":
        """Count passages, each given by its stems in order and with repetitions."""
        holding: Counter[str] = Counter()
        passages = length = 0
        for stems in texts:
            holding.update(set(stems))
            passages, length = passages + 1, length + len(stems)
        hashes = np.fromiter(map(_hash, holding), np.uint64, len(holding))
        return cls._made(hashes, np.fromiter(holding.values(), np.int64, len(holding)), passages, length)

    def plus(self, other: "Vocabulary") -> "Vocabulary":
        """Give the counts of the passages of both."""
        return self._joined(other, 1)

    def minus(self, other: "Vocabulary") -> "Vocabulary":
        """Give the counts without some of the passages. Raises IndexFormatError where these were not counted."""
        return self._joined(other, -1)

    def _joined(self, other: "Vocabulary", sign: int) -> "Vocabulary":
        hashes = np.concatenate([self.hashes, other.hashes])
        counts = np.concatenate([self.counts, sign * other.counts])
        passages, length = self.passages + sign * other.passages, self.tokens + sign * other.tokens
        return self._made(hashes, counts, passages, length)

    @classmethod
    def _made(cls, hashes: NDArray[np.uint64], counts: NDArray[np.int64], passages: int, length: int) -> "Vocabulary":
        """Sum up what has the same hash."""
        unique, places = np.unique(hashes, return_inverse=True)
        summed = np.zeros(len(unique), np.int64)
        np.add.at(summed, places, counts)
        if min(summed.min(initial=0), passages, length) < 0:
            raise IndexFormatError(
                "the counts of words are not those of the passages; run `citewell index --reencode SOURCE`"
            )
        return cls(unique[summed > 0], summed[summed > 0], passages, length)

    def holding(self, stem: str) -> int:
        """Tell how many passages have a stem."""
        wanted = np.uint64(_hash(stem))
        place = int(np.searchsorted(self.hashes, wanted))
        return int(self.counts[place]) if place < len(self.hashes) and self.hashes[place] == wanted else 0

    def rarity(self, stem: str) -> float:
        """Tell how rare a stem is: BM25's inverse document frequency."""
        return self._rarity(self.holding(stem))

    @cached_property
    def rarest(self) -> float:
        """How rare a stem is that stands nowhere."""
        return self._rarity(0)

    def _rarity(self, having: int) -> float:
        return log(1 + (self.passages - having + 0.5) / (having + 0.5))

    def to_bytes(self) -> bytes:
        """Write it, for `from_bytes`."""
        file = io.BytesIO()
        totals = np.array([self.passages, self.tokens], "<i8")
        np.savez_compressed(file, hashes=self.hashes.astype("<u8"), counts=self.counts.astype("<i8"), totals=totals)
        return file.getvalue()

    @classmethod
    def from_bytes(cls, data: bytes) -> "Vocabulary":
        """Read what `to_bytes` wrote, which is known to be unaltered."""
        with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
            passages, length = arrays["totals"].tolist()
            return cls(arrays["hashes"].astype(np.uint64), arrays["counts"].astype(np.int64), passages, length)


def shares(query: Sequence[str], passages: Sequence[Sequence[str]], vocabulary: Vocabulary) -> NDArray[np.float32]:
    """Give the BM25 score of each passage (n,), as a share of the most that the stems of a query can score at all.

    Passages are given by their stems, in order and with repetitions.
    """
    made = np.zeros(len(passages), np.float32)
    rarities = {stem: vocabulary.rarity(stem) for stem in dict.fromkeys(query) if vocabulary.holding(stem)}
    if not rarities:
        return made
    average = vocabulary.tokens / vocabulary.passages
    for row, stems in enumerate(passages):
        counts = Counter(stems)
        norm = K1 * (1 - B + B * _rounded(len(stems)) / average)
        made[row] = sum(rarity * (1 + K1) * counts[s] / (counts[s] + norm) for s, rarity in rarities.items())
    made /= most(query, vocabulary)
    return made.clip(0, 1)


def most(query: Iterable[str], vocabulary: Vocabulary) -> float:
    """Give the most that the stems of a query can score, which a passage nears that repeats them again and again."""
    return (1 + K1) * sum(vocabulary.rarity(stem) for stem in dict.fromkeys(query) if vocabulary.holding(stem))


def _rounded(length: int) -> int:
    """Round a length as the embedded word index does, so that both give the same scores.

    Tantivy keeps lengths in a byte, as Lucene does (`SmallFloat.intToByte4`): exactly up to 24 and a little beyond,
    then by the four leading bits of what is over.
    """
    over = length - 24
    dropped = max(0, over.bit_length() - 4) if over > 0 else 0
    return length - over % (1 << dropped)


def _hash(stem: str) -> int:
    return int.from_bytes(sha256(stem.encode()).digest()[:8], "big")
