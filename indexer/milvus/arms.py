"""Searching one generation of an index in Milvus, by meaning and by words."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from indexer.collection import Outlined
from indexer.errors import InputError
from indexer.milvus.expressions import among, both, chunks, expression
from indexer.milvus.phrases import Stems, Written, may_have
from indexer.milvus.repeated import sketch_of
from indexer.milvus.server import MOST_ROWS, Server, Table
from indexer.milvus.tables import gone
from indexer.milvus.vocabulary import Vocabulary, most, shares, tokens
from indexer.records import Approximation, Version
from indexer.repetition import Repeated, spread
from indexer.where import EVERYTHING, Where
from indexer.words import Terms

Texts = Callable[[Sequence[int]], Mapping[int, tuple[str, str]]]  # context and text of passages that are there

MORE = 10  # asked for beyond what is wanted, so that those that tie with the last are mostly among them
# Scores that differ by less are equal: their last digits depend on the segment that a passage happens to lie in.
SAME = 1e-6
# Passages found by words that are put in order here, for each that is wanted, and at least. Engines weigh a word by
# how rare it is in a segment, so that scores from two do not compare; Milvus Lite makes a segment of each change.
WIDER, LEAST = 2, 100
READ_AT_ONCE = 1000  # passages whose texts are in memory while phrases are looked for
KEPT = 8  # answers of `holding`, which a search asks for several times


class MilvusArms:
    """The passages of one generation; never changes, so threads may share it."""

    def __init__(  # noqa: PLR0917 - each has a type of its own
        self,
        server: Server,
        version: Version,
        bounds: str,
        at: int,
        vocabulary: Vocabulary,
        repeated: Repeated,
        stems: Stems,
        texts: Texts,
    ) -> None:
        """Search what lies within `bounds` (see `expressions.visible`) of what was written up to `at`."""
        self.version = version
        self._server = server
        self._bounds = bounds
        self._at = at
        self._vocabulary = vocabulary
        self._repeated = repeated
        self._stems = stems
        self._texts = texts
        self._held = lru_cache(KEPT)(self._holding)

    @property
    def approximation(self) -> Approximation | None:
        """Tell nothing: the server looks through a graph, of which it gives no figures."""
        return None

    def nearest(
        self, query: NDArray[np.float32], k: int, condition: Where, holding: NDArray[np.int64] | None = None
    ) -> list[tuple[int, float]]:
        """Give up to k passage ids with their inner product to the query (dim,), best first, ties by id.

        `holding` (ascending) lets through only these passages.
        """
        narrow = condition != EVERYTHING or holding is not None

        def ask(limit: int, within: str) -> list[tuple[int, float]]:
            return self._server.nearest(query, limit, within, self._at, narrow=narrow)

        return self._best(ask, k, condition, holding)

    def by_words(self, terms: Terms, k: int, condition: Where) -> list[tuple[int, float]]:
        """Give up to k passage ids with their BM25 score, best first, ties by id; none where there are no words."""
        stems = dict.fromkeys(self._stems(terms.words))
        if not k or not stems or not self._server.has_words:
            return []
        wanted = tokens(stems)

        def ask(limit: int, within: str) -> list[tuple[int, float]]:
            return self._server.by_words(wanted, limit, within, self._at)

        found = self._best(ask, max(WIDER * k, LEAST), condition, self.holding(terms, condition))
        ids = [passage_id for passage_id, _ in found]
        scores = most(stems, self._vocabulary) * self.shares(terms.words, np.array(ids, np.int64))
        scored = zip(ids, (float(f"{score:.5g}") for score in scores.tolist()), strict=True)
        return sorted(scored, key=lambda hit: (-hit[1], hit[0]))[:k]

    def holding(self, terms: Terms, condition: Where) -> NDArray[np.int64] | None:
        """Give the ids, ascending, of all passages with the phrases and without what is excluded.

        None where the query names neither. Raises InputError where the server has no words.
        """
        if not terms.phrases and not terms.excluded:
            return None
        if not self._server.has_words:
            raise InputError(
                f"phrases in quotation marks and words excluded with a dash need an index of words, which "
                f"{self._server.engine.name} does not have: leave them out, or make the index anew with Milvus 2.5 "
                "or later"
            )
        return self._held(terms.phrases, terms.excluded, condition)

    def shares(self, words: str, passage_ids: NDArray[np.int64]) -> NDArray[np.float32]:
        """Give the BM25 score of each of these passages (n,), as a share of the most that the words can score."""
        query, ids = self._stems(words), passage_ids.tolist()
        texts = self._texts(ids) if query and ids else {}
        return shares(query, [self._stems_of(texts.get(one, ("", ""))) for one in ids], self._vocabulary)

    def rarities(self, words: str) -> dict[str, float]:
        """Give how rare each of these words is, by its stem: BM25's inverse document frequency."""
        return {stem: self._vocabulary.rarity(stem) for stem in self._stems(words)}

    @property
    def rarest(self) -> float:
        """How rare a word is that stands nowhere."""
        return self._vocabulary.rarest

    def outlined(self, passage_ids: NDArray[np.int64]) -> Outlined:
        """Give what ranking needs of some passages of this generation.

        Raises GenerationGoneError where one of them is not there any more.
        """
        rows = {
            row["id"]: row
            for some in chunks(passage_ids.tolist())
            for row in self._server.query(
                Table.PASSAGES, among("id", some), ["id", "document", "page", "sketch"], self._at
            )
        }
        # A search has just found them, so whatever is missing was removed in between.
        if not rows.keys() >= set(passage_ids.tolist()):
            raise gone(self._server.address.shown)
        found = [rows[one] for one in passage_ids.tolist()]
        sketches = tuple(sketch_of(str(row["sketch"])) for row in found)
        starts = np.cumsum([0, *map(len, sketches)], dtype=np.int64)
        runs = np.concatenate(sketches) if sketches else np.empty(0, np.uint32)
        return Outlined(
            np.array([row["document"] for row in found], np.int64),
            np.array([row["page"] for row in found], np.int64),
            spread(runs, starts, self._repeated),
            sketches,
        )

    # --- helpers

    def _stems_of(self, text: tuple[str, str]) -> list[str]:
        return [stem for part in text for stem in self._stems(part)]

    def _within(self, condition: Where, *more: str) -> str:
        return both(self._bounds, expression(condition), *more)

    def _best(
        self,
        ask: Callable[[int, str], list[tuple[int, float]]],
        k: int,
        condition: Where,
        holding: NDArray[np.int64] | None,
    ) -> list[tuple[int, float]]:
        """Give the best k, ties by id, of what the server gives within each of some expressions."""
        if not k:
            return []
        lists = [""] if holding is None else [among("id", some) for some in chunks(holding.tolist())]
        found = [hit for one in lists for hit in _with_ties(ask, k, self._within(condition, one))]
        return sorted(_level(found), key=lambda hit: (-hit[1], hit[0]))[:k]

    def _holding(self, phrases: Collection[str], excluded: Collection[str], condition: Where) -> NDArray[np.int64]:
        """Find what `holding` gives, whose candidates have the stems of each phrase, or of anything excluded."""
        if phrases:
            candidates = self._within(condition, *(may_have(one, self._stems) for one in phrases))
            found = [
                passage_id
                for passage_id, context, text in self._written(candidates)
                if all(text.has(one) for one in phrases)
                and not any(part.has(one) for one in excluded for part in (text, context))
            ]
        else:
            any_of = " or ".join(f"({may_have(one, self._stems)})" for one in excluded)
            having = {
                passage_id
                for passage_id, context, text in self._written(self._within(condition, any_of))
                if any(part.has(one) for one in excluded for part in (text, context))
            }
            found = [one for ids in self._ids(self._within(condition)) for one in ids if one not in having]
        made = np.array(sorted(found), np.int64)
        made.flags.writeable = False  # it is given to everyone who asks
        return made

    def _ids(self, within: str) -> Iterator[list[int]]:
        for rows in self._server.scan(Table.PASSAGES, within, ["id"], self._at):
            yield [int(str(row["id"])) for row in rows]

    def _written(self, within: str) -> Iterator[tuple[int, Written, Written]]:
        """Give the id, the context and the text of each passage that an expression fits."""
        for ids in self._ids(within):
            for some in chunks(ids, READ_AT_ONCE):
                for passage_id, (context, text) in self._texts(some).items():
                    yield passage_id, Written.of(context), Written.of(text)


def _with_ties(ask: Callable[[int, str], list[tuple[int, float]]], k: int, within: str) -> list[tuple[int, float]]:
    """Ask for the best k and all that tie with the last."""
    limit = k
    while True:
        limit = min(limit + MORE, MOST_ROWS)
        hits = ask(limit, within)
        if len(hits) < limit or limit == MOST_ROWS or hits[-1][1] < hits[k - 1][1] - SAME:
            return hits
        limit *= 4


def _level(hits: Sequence[tuple[int, float]]) -> list[tuple[int, float]]:
    """Give what ties the same score, that of the first of it."""
    made: list[tuple[int, float]] = []
    for passage_id, score in sorted(hits, key=lambda hit: -hit[1]):
        ties = made and made[-1][1] - score <= SAME
        made.append((passage_id, made[-1][1] if ties else score))
    return made
