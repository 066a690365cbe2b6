"""Whether two wordings say the same, as far as words tell: for answers and quotes beside what was expected."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from string import punctuation
from unicodedata import category

from indexer.words import take_apart

# Measured on the gold pages of the development questions: of 355 sentences that hold a gold quote or the most of one,
# 353 share as much with it, and of the 8,221 others there 5. At 0.5 it is all of the former and 31 of the latter.
OVERLAP = 0.6

_ARTICLE = re.compile(r"\b(?:a|an|the)\b")


def exact_match(text: str, golds: Iterable[str]) -> bool:
    """Tell whether the text is one of the gold answers, but for case, punctuation, articles and white space.

    That and `f1` are the measures of SQuAD 1.1 (Rajpurkar et al. 2016, arXiv 1606.05250). Punctuation is what ASCII
    and what Unicode calls so, since reports hold curly quotes. A gold answer of nothing else matches nothing.
    """
    tokens = _tokens(text)
    return any(tokens == expected for expected in map(_tokens, golds) if expected)


def f1(text: str, golds: Iterable[str]) -> float:
    """Give the harmonic mean of precision and recall of the tokens, in any order; of the gold answer it fits best."""
    tokens = _tokens(text)
    return max((_f1(tokens, expected) for expected in map(_tokens, golds) if expected), default=0.0)


def contains(text: str, golds: Iterable[str]) -> bool:
    """Tell whether the words of a gold answer stand in the text, one after the other.

    Words are compared as search compares them: 1,834 is 1834, 80% is 80 per cent, cyber-attack is cyber attack.
    """
    words = _words(text)
    return any(_holds(words, gold) for gold in map(_words, golds) if gold)


def overlaps(text: str, golds: Iterable[str]) -> bool:
    """Tell whether the text is a gold quote, a part of one, or holds one, for the most part.

    At least `OVERLAP` of the shorter one's words must stand in both in the same order.
    """
    words = _words(text)
    return any(common_share(words, gold) >= OVERLAP for gold in map(_words, golds))


def common_share(words: Sequence[str], others: Sequence[str]) -> float:
    """Give the longest common subsequence as a share of the shorter sequence; 0 where that is empty."""
    lengths = [0] * (len(others) + 1)  # of the words so far with the first n of the others
    for word in words:
        diagonal = 0
        for place, other in enumerate(others, start=1):
            above = lengths[place]
            lengths[place] = diagonal + 1 if word == other else max(above, lengths[place - 1])
            diagonal = above
    return lengths[-1] / max(1, min(len(words), len(others)))


def _tokens(text: str) -> list[str]:
    kept = "".join(char for char in text.lower() if char not in punctuation and not category(char).startswith("P"))
    return _ARTICLE.sub(" ", kept).split()


def _f1(tokens: Sequence[str], expected: Sequence[str]) -> float:
    common = (Counter(tokens) & Counter(expected)).total()
    return 2 * common / (len(tokens) + len(expected))


def _words(text: str) -> list[str]:
    return take_apart(text)[0]


def _holds(words: Sequence[str], gold: Sequence[str]) -> bool:
    return any(words[start : start + len(gold)] == gold for start in range(len(words) - len(gold) + 1))
