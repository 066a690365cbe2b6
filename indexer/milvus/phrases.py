"""Phrases word for word: which passages may have one, and whether a text has it.

The engine knows passages by their stems alone, without order. So it names candidates, and their own texts decide.
"""

from collections.abc import Callable
from dataclasses import dataclass
from unicodedata import combining, normalize

from indexer.milvus.expressions import both, literal
from indexer.milvus.schema import WORDS
from indexer.milvus.vocabulary import token
from indexer.words import readings, take_apart

Stems = Callable[[str], list[str]]  # every stem of a text, in order and with repetitions

# The letters of European languages that are no other letter with a mark, as Tantivy writes them.
_LETTERS = str.maketrans({pair[0]: pair[1:] for pair in "æae œoe ßss þth ðd øo đd ħh ıi ĸq ŀl łl ŉn ŋn ŧt".split()})


@dataclass(frozen=True)
class Written:
    """The words of a text, ready to be compared with phrases."""

    words: str  # one after the other, each between two spaces
    joined: frozenset[str]  # hyphenated ones, without their hyphens

    @classmethod
    def of(cls, text: str) -> "Written":
        """Take a text apart."""
        words, joined = take_apart(text)
        return cls(_row(words), frozenset(map(_folded, joined)))

    def has(self, phrase: str) -> bool:
        """Tell whether a phrase stands in it word for word, its hyphenated words either apart or joined."""
        return any(
            _row(reading) in self.words or (len(reading) == 1 and _folded(reading[0]) in self.joined)
            for reading in readings(phrase)
            if reading
        )


def may_have(phrase: str, stems: Stems) -> str:
    """Write that a passage has all the stems of a phrase, in one of its readings."""
    # Word by word, as two words of a phrase may look like one without what stood between them. Milvus takes several
    # tokens in one match as alternatives.
    made = [
        both(*(f"text_match({WORDS}, {literal(token(stem))})" for word in reading for stem in stems(word)))
        for reading in readings(phrase)
    ]
    return " or ".join(f"({one})" for one in made if one)


def _row(words: list[str]) -> str:
    return f" {' '.join(map(_folded, words))} "


def _folded(word: str) -> str:
    """Write a word without the marks of its letters, as the word index has it."""
    return word if word.isascii() else "".join(map(_plain, word))


def _plain(letter: str) -> str:
    made = "".join(one for one in normalize("NFKD", letter.translate(_LETTERS)) if not combining(one))
    made = made.translate(_LETTERS)  # once more, as for what was below a mark
    return made if made.isascii() else letter
