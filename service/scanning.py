"""Every sentence of some documents that says some words; nothing is ranked and nothing left out.

Likeness of meaning cannot tell whether a report raises a matter: on 95 questions the best sentence of the report that
answers had a cosine of 0.56 at the median, and that of another report, drawn at random, 0.51. The words can.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from indexer.collection import Reader
from indexer.dense import widened
from indexer.errors import InputError
from indexer.lexical import stems_of
from indexer.records import Document
from service.answering.sentences import EASY, Sentence
from service.highlight import SHORTEST

Words: TypeAlias = tuple[tuple[str, ...], ...]  # stems that one sentence must have all of; of each alternative


def words_of_matter(matter: str) -> Words:
    """Give the stems of a matter's words, and of each alternative where there is an "or".

    Raises InputError where one has no words.
    """
    found = []
    for part in re.split(r"\s+or\s+|\s*\|\s*", matter, flags=re.IGNORECASE):
        stems = tuple(one for one in stems_of(part) if one not in EASY and (len(one) >= SHORTEST or one.isdigit()))
        if not stems:
            raise InputError(f"`{part}` names no matter to look for; write the words that a report would use")
        found.append(stems)
    return tuple(found)


def has_all(sentence: str, words: Words) -> bool:
    """Tell whether a sentence has all words of an alternative, in any inflection."""
    stems = set(stems_of(sentence))
    return any(stems.issuperset(one) for one in words)


def sentences_with(
    words: Words, documents: Sequence[Document], reader: Reader
) -> Iterator[tuple[Document, tuple[Sentence, ...]]]:
    """Look through all sentences of documents; give those with the words, of each document that has any."""
    may, by_id = _may_have(words), {document.doc_id: document for document in documents}
    for doc_id, texts in groupby(reader.texts_of(list(by_id)), key=lambda one: one[0]):
        places = [place for place, (_, text) in enumerate(texts) if may(text)]
        if not places:
            continue
        all_ids = reader.passage_ids(doc_id)
        ids = [all_ids[place] for place in places]
        stored = reader.passages(ids)
        each = (Sentence(stored[one], place) for one in ids for place in range(len(stored[one].passage.sentences)))
        if found := tuple(one for one in each if may(one.text) and has_all(one.text, words)):
            yield by_id[doc_id], found


def nearest(sentences: Sequence[Sentence], vector: NDArray[np.float32], reader: Reader) -> Sentence:
    """Give the sentence that is nearest to a vector (dim,), of one or more."""
    vectors = reader.vectors([one.stored.passage_id for one in sentences], len(vector))
    rows = np.stack([vectors[one.stored.passage_id][1 + one.place] for one in sentences])
    return sentences[int((widened(rows) @ vector).argmax())]


def _may_have(words: Words) -> Callable[[str], bool]:
    """Make a quick test that no text with the words fails: their first letters, which no ending changes, are there.

    The English stemmer puts `i` for a last `y`, and `ie` for the `y` of dying, so the last two letters do not count.
    Other signs that `take_apart` drops or writes otherwise are dropped, or make the test pass.
    """
    beginnings = [[stem[: max(1, len(stem) - 2)] for stem in one if stem != _PER_CENT] for one in words]

    def may(text: str) -> bool:
        folded = text.lower()
        if _UNUSUAL.search(folded):
            return True
        joined = _JOINTS.sub("", folded)
        return any(all(one in folded or one in joined for one in some) for some in beginnings)

    return may


_PER_CENT = "percent"  # which may be written as a sign, or as two words
_UNUSUAL = re.compile(r"\xad|(?=[^\x00-\x7f])\w")  # soft hyphens, and letters that the word index writes in others
_JOINTS = re.compile(r"[-‐‑−]\s*|[,'‘’ʼ′`´]")
