"""Marks the words of a query in a text, as offsets, so that nobody has to trust markup."""

import re
from functools import lru_cache

_WORD = re.compile(r"\w+(?:[’']\w+)*")
_ENDINGS = re.compile(r"(?:['’]s|ies|ing|ed|es|(?<!s)s|y|e)$")
SHORTEST = 3  # letters; shorter words are in every sentence
# Words of questions, which say nothing about what is looked for.
_STOP = frozenset(
    "about after all and any are before been being but can did does for from had has have how into its many most much"
    " not off one our out over she should some such than that the their them then there these they this those was"
    " were what when where which while who whom whose why will with would you your".split()
)


def highlights(query: str, text: str) -> list[tuple[int, int]]:
    """Give the places `[start, end)` of the query's words in the text, whatever their ending, in order."""
    wanted = {stem(word) for word in words_of(query)} - {""}
    return [(match.start(), match.end()) for match in _WORD.finditer(text) if stem(match.group()) in wanted]


def words_of(text: str) -> list[str]:
    """Give the words of a text as they stand there."""
    return [match.group() for match in _WORD.finditer(text)]


@lru_cache(maxsize=100_000)  # the words of a few dozen reports; taking a word apart is most of the work here
def stem(word: str) -> str:
    """Give a word without its ending; nothing for one that is in every question."""
    word = word.casefold()
    if word in _STOP or (len(word) < SHORTEST and not word.isdigit()):
        return ""
    stem = _ENDINGS.sub("", word)
    return stem if len(stem) >= SHORTEST else word
