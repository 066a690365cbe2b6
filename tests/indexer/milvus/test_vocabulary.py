"""Counted hashes of stems, against the embedded word index."""

import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.errors import IndexFormatError
from indexer.lexical.stems import analyzer
from indexer.milvus.vocabulary import Vocabulary, shares, token, tokens
from indexer.records import IndexedText
from indexer.words import take_apart
from tests.indexer import test_lexical

STEMS = [f"{first}{vowel}{last}" for first in "bdfgklmnp" for vowel in "aeiou" for last in ("nd", "rt", "l", "ss")]

passages = st.lists(st.lists(st.sampled_from(["a", "b", "c", "é", ""]), max_size=6), max_size=6)


def stems(text: str) -> list[str]:
    """Give every stem of a text as the embedded index has them."""
    words, joined = take_apart(text)
    found: list[str] = analyzer(stems=True).analyze(" ".join(words + joined))
    return found


@pytest.fixture(scope="module")
def texts() -> list[IndexedText]:
    """Invent passages of 20 to 180 words, of which few are common and many rare."""
    chance = random.Random(5)
    weights = [1 / (rank + 1) for rank in range(len(STEMS))]
    lengths = [chance.choice([20, 60, 100, 150, 180]) for _ in range(400)]
    return [
        IndexedText(number, "Inspection of Northvale", " ".join(chance.choices(STEMS, weights, k=length)))
        for number, length in enumerate(lengths, 1)
    ]


def test_rarities_and_shares_are_those_of_the_embedded_index(texts: list[IndexedText]) -> None:
    """Words are as rare, and passages say as much of a query, also where they are long."""
    embedded = test_lexical.of(*texts)
    of_passages = [stems(one.context) + stems(one.text) for one in texts]
    vocabulary = Vocabulary.of(of_passages)
    ids = np.array([one.passage_id for one in texts])
    chance = random.Random(6)
    for _ in range(50):
        query = " ".join([*chance.sample(STEMS, chance.choice([1, 2, 5])), "northvale", "unheard"])
        assert {one: vocabulary.rarity(one) for one in stems(query)} == embedded.rarities(query)
        assert vocabulary.rarest == embedded.rarest
        own, its = shares(stems(query), of_passages, vocabulary), embedded.shares(query, ids)
        assert own.dtype == np.float32
        assert np.abs(own - its).max() < 1e-5
    assert not shares(stems("unheard"), of_passages, vocabulary).any()


@given(passages, passages)
def test_what_is_added_can_be_taken_away(some: list[list[str]], more: list[list[str]]) -> None:
    """The counts of two lots are those of both together, and without one lot those of the other."""
    one, other = Vocabulary.of(some), Vocabulary.of(more)
    both = one.plus(other)
    assert both.to_bytes() == Vocabulary.of(some + more).to_bytes()
    assert both.minus(other).to_bytes() == one.to_bytes()
    assert both.passages == len(some) + len(more)
    assert both.tokens == sum(map(len, some + more))


@given(passages)
def test_it_counts_the_passages_that_have_a_stem(some: list[list[str]]) -> None:
    """Repetitions within a passage count once."""
    vocabulary = Vocabulary.of(some)
    for stem in ("a", "é", "", "never"):
        assert vocabulary.holding(stem) == sum(stem in one for one in some)


@given(passages)
def test_it_comes_back_as_it_was_written(some: list[list[str]]) -> None:
    """Bytes hold all there is."""
    vocabulary = Vocabulary.of(some)
    read = Vocabulary.from_bytes(vocabulary.to_bytes())
    assert np.array_equal(read.hashes, vocabulary.hashes)
    assert np.array_equal(read.counts, vocabulary.counts)
    assert (read.passages, read.tokens) == (vocabulary.passages, vocabulary.tokens)


def test_what_was_never_counted_cannot_be_taken_away() -> None:
    """Counts that would fall below nothing are those of other passages."""
    with pytest.raises(IndexFormatError, match="counts of words"):
        Vocabulary.of([["a"]]).minus(Vocabulary.of([["b"]]))


def test_an_empty_vocabulary_finds_nothing() -> None:
    """Before the first passage no word stands anywhere."""
    assert Vocabulary.of([]).holding("a") == 0
    assert shares(["a"], [["a"], []], Vocabulary.of([])).tolist() == [0, 0]


def test_a_longer_passage_says_less_with_the_same_words() -> None:
    """Worked by hand: BM25 of one word in a passage of average length is its rarity, so its share is 1 / 2.2."""
    vocabulary = Vocabulary.of([["a", "b"], ["c", "d"], ["e"], ["e", "e", "e"]])
    own = shares(["a", "nowhere"], [["a", "b"], ["a", "b", "b", "b"], ["b"]], vocabulary)
    assert own[0] == pytest.approx(1 / 2.2)
    assert 0 < own[1] < own[0]
    assert own[2] == 0


def test_tokens_are_whole_words_to_every_analyzer() -> None:
    """A stem of any script becomes a small letter and twelve hex digits, always the same."""
    assert token("school") == "wd64debd942d7"
    assert tokens(["école", "学校", "école"]).split() == [token("école"), token("学校"), token("école")]
    assert all(one.isascii() and one.isalnum() and one == one.lower() for one in tokens(STEMS).split())
    assert len(set(tokens(STEMS).split())) == len(STEMS)
