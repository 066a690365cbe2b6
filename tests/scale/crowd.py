"""Invented passages by the hundred thousand, questions on them, and what is truly nearest.

They lie in three layers, as in real collections: passages crowd around matters (some 50 to each), which crowd in 40
of the 384 directions, and all share a direction. What a passage is about has nothing to do with who its document is
of or when that came out, which is the hardest case for a graph.
"""

from datetime import date, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from indexer.records import Document, Metadata
from indexer.where import EVERYTHING, All, Among, FactSheet, Field, Published, Where

DIM, TOP = 384, 10
BODIES, KINDS, FIRST_YEAR, YEARS = 200, 5, 2015, 10
A_DOCUMENT = 90  # passages, about as many as an inspection report has
A_MATTER, FEWEST_MATTERS = 50, 1000
# How far a passage is from the middle of its matter, as a length: two of one matter have a cosine of 0.75 or so. With
# these, questions at 100,000 passages need 137 of the embedded index's 1264 lists, about as many as real ones do.
DIRECTIONS, SHARED, NOISE = 40, 0.5, 0.6
QUESTIONS = 200
AT_ONCE = 50_000  # passages made or compared at once


def documents(count: int) -> list[Document]:
    """Make as many documents as so many passages have."""
    chance = np.random.default_rng(1)
    days = chance.integers(365 * YEARS, size=-(-count // A_DOCUMENT)).tolist()
    return [
        Document(
            *(f"d{number}", "/invented", f"{number}.txt", "", 0, "text", "", 1),
            Metadata(body=f"body {number % BODIES}", kind=f"kind {number // BODIES % KINDS}", published=_day(day)),
        )
        for number, day in enumerate(days)
    ]


def vectors(count: int, seed: int, of: int) -> NDArray[np.float16]:
    """Make vectors (count, DIM) of unit length, of the matters that a collection of `of` passages has."""
    chance, middles = np.random.default_rng(seed), _matters(of)
    made = np.empty((count, DIM), np.float16)
    for start in range(0, count, AT_ONCE):
        part = made[start : start + AT_ONCE]
        noise = chance.standard_normal(part.shape, np.float32) * np.float32(NOISE / DIM**0.5)
        part[:] = _unit(middles[chance.integers(len(middles), size=len(part))] + noise)
    return made


def questions(of: int) -> NDArray[np.float32]:
    """Make questions (QUESTIONS, DIM), as hard as real ones are to the embedded index.

    Each lies halfway between two passages that are not in the collection, and 1.4 times as far off; see
    `indexer.dense.nearest.sample`.
    """
    chance = np.random.default_rng(2)
    middles = vectors(2 * QUESTIONS, 3, of).astype(np.float32).reshape(QUESTIONS, 2, DIM).mean(axis=1)
    noise = chance.standard_normal(middles.shape, np.float32) / np.float32(DIM**0.5)
    return _unit(middles + np.float32(1.4) * np.linalg.norm(middles, axis=1, keepdims=True) * noise)


def conditions(number: int) -> dict[str, Where]:
    """Give what question `number` is asked under, by how many passages are let through."""
    year = FIRST_YEAR + number % YEARS
    body = Among(Field.BODY, frozenset([f"body {number % BODIES}"]))
    return {
        "all": EVERYTHING,
        "year, 1 in 10": Published(date(year, 1, 1), date(year, 12, 31)),
        "body, 1 in 200": body,
        "body and kind, 1 in 1000": All((body, Among(Field.KIND, frozenset([f"kind {number % KINDS}"])))),
    }


def exact(asked: NDArray[np.float32], held: NDArray[np.float16], facts: FactSheet) -> dict[str, list[set[int]]]:
    """Give the ids of the nearest TOP of each question under each of its conditions."""
    fitting = [{name: facts.fitting(one) for name, one in conditions(number).items()} for number in range(len(asked))]
    best: dict[str, list[list[tuple[float, int]]]] = {name: [[] for _ in asked] for name in conditions(0)}
    for start in range(0, len(held), AT_ONCE):
        part = held[start : start + AT_ONCE].astype(np.float32)
        owners = np.arange(start, start + len(part)) // A_DOCUMENT
        for number, scores in enumerate(asked @ part.T):
            for name, fits in fitting[number].items():
                inside = np.flatnonzero(fits[owners])
                few = _top(scores, inside) if len(inside) > TOP else inside
                found = [(-float(scores[place]), start + int(place)) for place in few]
                best[name][number] = sorted(best[name][number] + found)[:TOP]
    return {name: [{one for _, one in found} for found in rows] for name, rows in best.items()}


def _top(scores: NDArray[np.float32], inside: NDArray[np.int64]) -> NDArray[np.int64]:
    return inside[np.argpartition(-scores[inside], TOP)[:TOP]]


def _matters(of: int) -> NDArray[np.float32]:
    chance, count = np.random.default_rng(4), max(FEWEST_MATTERS, of // A_MATTER)
    directions = np.linalg.qr(chance.standard_normal((DIM, DIRECTIONS)))[0].T
    places = chance.standard_normal((count, DIRECTIONS)) @ directions / DIRECTIONS**0.5
    return _unit((places + SHARED * _unit(chance.standard_normal(DIM))).astype(np.float32))


def _unit(made: NDArray[Any]) -> NDArray[Any]:
    unit: NDArray[Any] = made / np.linalg.norm(made, axis=-1, keepdims=True)
    return unit


def _day(number: int) -> date:
    return date(FIRST_YEAR, 1, 1) + timedelta(days=number)
