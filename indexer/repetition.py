"""What is said again and again: passages by samples of their runs of words.

Reports of many bodies repeat whole paragraphs, and two of them may tell of the same visit. A sketch is a sample of a
passage's runs of words, the same runs wherever they occur (fingerprints that are 0 modulo a number: Broder 1997, "On
the resemblance and containment of documents").
"""

import zlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from indexer.words import take_apart

RUN = 4  # words; fewer are the common coin of any two reports
SAMPLE = 4  # of so many runs one is kept


def sketch(text: str, body: str | None) -> NDArray[np.uint32]:
    """Sample the runs of words of a text, without the name of its body: hashes, ascending, shape (n,)."""
    own = set(take_apart(body or "")[0])
    words = [word for word in take_apart(text)[0] if word not in own]
    runs = (" ".join(words[at : at + RUN]) for at in range(len(words) - RUN + 1))
    return np.unique(np.fromiter((h for run in runs if not (h := zlib.crc32(run.encode())) % SAMPLE), np.uint32))


def likeness(one: NDArray[np.uint32], other: NDArray[np.uint32]) -> float:
    """Share of the runs of two passages that both have (Jaccard), 0 to 1; two without any run are not alike."""
    both = len(np.intersect1d(one, other, assume_unique=True))
    either = len(one) + len(other) - both
    return both / either if either else 0.0


def spread(sketches: Sequence[NDArray[np.uint32]], owners: NDArray[np.int64]) -> NDArray[np.float32]:
    """Tell how widely each passage's words are repeated: shape (n,).

    `owners` (n,) numbers the body, or else the document, that each passage is of. The value is the mean logarithm of
    how many owners have each run: 0 for words of its own, the logarithm of n for words that n bodies share.
    """
    lengths = np.array([len(one) for one in sketches], np.int64)
    runs = np.concatenate(sketches) if len(sketches) else np.empty(0, np.uint32)
    rows = np.repeat(np.arange(len(sketches)), lengths)
    # Sorted by run and owner, each change of the pair within a run is one more owner of it.
    pairs = runs.astype(np.uint64) << np.uint64(32) | owners[rows].astype(np.uint64)
    order = np.argsort(pairs)
    pairs = pairs[order]
    is_new_owner = np.diff(pairs, prepend=pairs[:1]) != 0
    run_numbers = np.cumsum(np.diff(pairs >> np.uint64(32), prepend=(pairs >> np.uint64(32))[:1]) != 0)
    is_first = np.diff(run_numbers, prepend=-1) != 0
    owners_of = np.bincount(run_numbers, is_new_owner | is_first)
    logs = np.log(owners_of)[run_numbers]
    return (np.bincount(rows[order], logs, len(sketches)) / np.maximum(lengths, 1)).astype(np.float32)
