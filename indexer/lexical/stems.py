"""How the word index takes a text apart: words without their endings and accents."""

from functools import cache
from typing import Any

import tantivy

from indexer.words import take_apart


def stems_of(words: str) -> list[str]:
    """Give the stems of a text's words, each once."""
    return list(dict.fromkeys(stems_in(words)))


def stems_in(text: str) -> list[str]:
    """Give the stems of a text's words, each as often as it stands there; hyphenated ones apart, then joined."""
    apart, joined = take_apart(text)
    return [str(stem) for stem in analyzer(stems=True).analyze(" ".join(apart + joined))]


@cache
def analyzer(*, stems: bool) -> Any:
    """Give the analyzer of words that stand apart, in small letters; with or without their endings."""
    builder = tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.whitespace()).filter(tantivy.Filter.ascii_fold())
    return (builder.filter(tantivy.Filter.stemmer("english")) if stems else builder).build()
