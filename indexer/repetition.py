"""What is said again and again: passages by samples of their runs of words.

Reports of many bodies repeat whole paragraphs, and two of them may tell of the same visit. A sketch is a sample of a
passage's runs of words, the same runs wherever they occur (fingerprints that are 0 modulo a number: Broder 1997, "On
the resemblance and containment of documents").
"""

import zlib
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from indexer.words import take_apart

RUN = 4  # words; fewer are the common coin of any two reports
SAMPLE = 4  # of so many runs one is kept
# Up to so many passages repetition is counted over all of them with each change, which takes half a second. Beyond, a
# tenth must have changed, and until then what is new is compared with what was there at the last count.
EXACT_BELOW = 50_000
STALE_SHARE = 0.1
AT_ONCE = 1 << 22  # runs looked at together: some 200 MB


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


def is_due(passages: int, changed: int) -> bool:
    """Tell whether to count anew, so many passages having come or gone since the last time."""
    return changed > (0 if passages <= EXACT_BELOW else STALE_SHARE * passages)


@dataclass(frozen=True)
class Repeated:
    """How many owners have each run of words."""

    runs: NDArray[np.uint32]  # ascending
    owners: NDArray[np.uint32]  # of each


def count_owners(runs: NDArray[np.uint32], starts: NDArray[np.int64], owners: NDArray[np.int64]) -> Repeated:
    """Count for each run of words how many owners have it.

    `runs` are the sketches of n passages one after the other, `starts` (n + 1,) where each begins and the last ends;
    `owners` (n,) numbers the body, or else the document, that each passage is of.
    """
    # A share of all hashes at a time, so that memory stays small.
    edges = np.linspace(0, 2**32, len(runs) // AT_ONCE + 2).astype(np.uint64)
    found, counts = [np.empty(0, np.uint32)], [np.empty(0, np.uint32)]
    for low, high in pairwise(edges):
        places = np.flatnonzero((runs >= low) & (runs < high))
        of_rows = owners[np.searchsorted(starts, places, "right") - 1]
        # Of each pair of run and owner one, ascending, so each that is left counts once for its run.
        pairs = np.unique(runs[places].astype(np.uint64) << np.uint64(32) | of_rows.astype(np.uint64))
        some, how_many = np.unique((pairs >> np.uint64(32)).astype(np.uint32), return_counts=True)
        found.append(some)
        counts.append(how_many.astype(np.uint32))
    return Repeated(np.concatenate(found), np.concatenate(counts))


def spread(runs: NDArray[np.uint32], starts: NDArray[np.int64], repeated: Repeated) -> NDArray[np.float32]:
    """Tell how widely each passage's words are repeated: shape (n,); runs and starts are as for `count_owners`.

    The value is the mean logarithm of how many owners have each run: 0 for words of its own, the logarithm of n for
    words that n bodies share. A run that was not counted is its own.
    """
    lengths = np.diff(starts)
    made = np.zeros(len(lengths), np.float32)
    for first in range(0, len(lengths), AT_ONCE // 64):
        part = slice(first, first + AT_ONCE // 64)
        some = runs[starts[first] : starts[min(part.stop, len(lengths))]]
        logs = np.zeros(len(some))
        if len(repeated.runs):
            places = np.minimum(np.searchsorted(repeated.runs, some), len(repeated.runs) - 1)
            is_known = repeated.runs[places] == some
            logs[is_known] = np.log(repeated.owners[places[is_known]])
        rows = np.repeat(np.arange(len(lengths[part])), lengths[part])
        made[part] = np.bincount(rows, logs, len(lengths[part])) / np.maximum(lengths[part], 1)
    return made
