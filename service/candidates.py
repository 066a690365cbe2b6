"""Gathers the passages that may answer a question from both arms, and measures what speaks for each."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from indexer.collection import Arms, Outlined, Reader
from indexer.dense import widened
from indexer.encoder import Encoder
from indexer.records import Filter, Mode, Version
from indexer.where import both, documents, where
from indexer.words import Terms
from service.catalogue import Catalogue
from service.laps import Laps
from service.ranking import DENSE, SIGNALS, Signal
from service.reading import Reading

DEPTH = 60  # passages that each arm gives for each way of asking


@dataclass(frozen=True)
class Generation:
    """One generation of an index, open for searching; never changes, so threads may share it."""

    version: Version
    arms: Arms
    catalogue: Catalogue


@dataclass(frozen=True)
class Candidates:
    """Passages and their signals, (n, 8), in the order of `ranking.SIGNALS`."""

    ids: NDArray[np.int64]  # ascending
    places: NDArray[np.int64]  # of their documents in the catalogue
    outlined: Outlined
    signals: NDArray[np.float32]

    def column(self, signal: Signal) -> NDArray[np.float32]:
        """Give one signal of every passage: shape (n,)."""
        return self.signals[:, SIGNALS.index(signal)]


@dataclass(frozen=True)
class Asked:
    """A question as it is put to the arms."""

    terms: Terms
    reading: Reading
    wanted: Filter
    mode: Mode
    depth: int


def gather(
    asked: Asked, generation: Generation, reader: Reader, encoder: Encoder, laps: Laps | None = None
) -> Candidates:
    """Give the best passages of each arm: of all that the filter lets through, and of the bodies that are named.

    A body is looked into by itself because a collection says much the same of every body, so that its passages would
    not always come among the best of all.
    """
    catalogue = generation.catalogue
    about, fitting = catalogue.about(asked.reading), catalogue.fitting(asked.wanted)
    vectors = vectors_of(asked, encoder) if asked.mode is not Mode.LEXICAL else None  # takes all processors
    if laps and vectors is not None:
        laps.end("encode")
    with ThreadPoolExecutor(1) as beside:  # both arms let other threads go on
        by_words = beside.submit(_by_words, asked, generation)
        named = catalogue.numbers_of(fitting & (about > 0))
        by_meaning = _by_meaning(asked, generation, vectors, named) if vectors is not None else []
        found = by_meaning + by_words.result()
        ids = np.unique(np.array([passage_id for passage_id, _ in found], np.int64))
        shares = beside.submit(_shares, ids, asked, generation)
        outlined = generation.arms.outlined(ids)
        places = catalogue.places(outlined.documents)
        signals = _signals(asked, catalogue, places, outlined, about, fitting)
        if vectors is not None:
            for signal, values in zip(DENSE, _cosines(ids, vectors, reader), strict=True):
                signals[:, SIGNALS.index(signal)] = values
        signals[:, SIGNALS.index(Signal.WORDS)] = shares.result()
    return Candidates(ids, places, outlined, signals)


def vectors_of(asked: Asked, encoder: Encoder) -> NDArray[np.float32]:
    """Give the vectors of the question and of its topic, which the model reads within it; one where they are one."""
    topic_at = asked.reading.topic_at
    return encoder.encode_queries([asked.terms.words], [[topic_at] if topic_at else []])


def _by_meaning(
    asked: Asked, generation: Generation, vectors: NDArray[np.float32], named: NDArray[np.int64]
) -> list[tuple[int, float]]:
    """Give the nearest passages of all, and those of the documents that are `named`, by number."""
    arms, condition = generation.arms, where(asked.wanted)
    holding = arms.holding(asked.terms, condition)  # None: without phrases and exclusions
    if not len(named):
        return arms.nearest(vectors[-1], asked.depth, condition, holding)
    within = both(condition, documents(named.tolist()))
    return arms.nearest(vectors[-1], asked.depth, within, holding) + arms.nearest(
        vectors[0], asked.depth, condition, holding
    )


def _by_words(asked: Asked, generation: Generation) -> list[tuple[int, float]]:
    wanted, arms = asked.wanted, generation.arms
    if asked.mode is Mode.DENSE:
        return []
    topic, question = replace(asked.terms, words=asked.reading.topic), asked.terms
    bodies = frozenset(named.body for named in asked.reading.named)
    if not bodies:
        return arms.by_words(topic, asked.depth, where(wanted))
    within = replace(wanted, bodies=bodies if wanted.bodies is None else bodies & wanted.bodies)
    return arms.by_words(topic, asked.depth, where(within)) + arms.by_words(question, asked.depth, where(wanted))


def _shares(ids: NDArray[np.int64], asked: Asked, generation: Generation) -> NDArray[np.float32]:
    if asked.mode is Mode.DENSE:
        return np.zeros(len(ids), np.float32)
    return generation.arms.shares(asked.terms.words, ids)


def _signals(  # noqa: PLR0917 - all that is known at this point
    asked: Asked,
    catalogue: Catalogue,
    places: NDArray[np.int64],
    outlined: Outlined,
    about: NDArray[np.float32],
    fitting: NDArray[np.bool_],
) -> NDArray[np.float32]:
    """Give what speaks for each passage by its document and its outline; other signals are 0."""
    signals = np.zeros((len(places), len(SIGNALS)), np.float32)
    newest = catalogue.newest(fitting, oldest=asked.reading.earliest) & (about > 0)
    own = catalogue.about(asked.reading.without_kin()) > 0
    # Kin does not come before the body that is named just because that has no report of a known day.
    if own.any() and not (newest & own).any():
        newest &= own
    for signal, values in (
        (Signal.SPREAD, outlined.spread),
        (Signal.BODY, about[places]),
        (Signal.TIME, catalogue.timely(asked.reading)[places]),
        (Signal.NEWEST, newest[places]),
    ):
        signals[:, SIGNALS.index(signal)] = values
    return signals


def _cosines(ids: NDArray[np.int64], vectors: NDArray[np.float32], reader: Reader) -> Sequence[NDArray[np.float32]]:
    """Compare the question with each passage, it and the topic with the nearest sentence: the columns of `DENSE`."""
    if not len(ids):
        return [np.empty(0, np.float32)] * len(DENSE)
    stored = reader.vectors(ids.tolist(), vectors.shape[1])
    blocks = [stored[passage_id] for passage_id in ids.tolist()]
    starts = np.cumsum([0, *(len(block) for block in blocks)])
    cosines = widened(np.concatenate(blocks)) @ vectors.T
    whole = cosines[starts[:-1]]
    # Without its first row a block is sentences; one without any goes by the whole passage.
    cosines[starts[:-1][np.diff(starts) > 1]] = -1
    nearest = np.maximum.reduceat(cosines, starts[:-1])
    return [whole[:, 0], nearest[:, 0], nearest[:, -1]]
