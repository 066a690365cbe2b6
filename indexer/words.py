"""The words of texts and queries, in the form in which they are compared."""

import re
from dataclasses import dataclass
from unicodedata import normalize

from indexer.errors import InputError

_QUOTES = str.maketrans(dict.fromkeys("“”„‟«»＂", '"'))
# A phrase in quotation marks, which may be excluded; or an excluded word. An opening mark does not follow a word.
_QUOTED = re.compile(r'(?P<dash>(?<!\S)-)?(?<!\w)"(?P<phrase>[^"]*)"|(?<!\S)-(?P<word>\w[^\s"]*)')
# What words are made of: letters and digits, but not the raised digits of footnotes.
_LETTER = r"[^\W_¹²³⁰⁴⁵⁶⁷⁸⁹]"
_APOSTROPHE = r"['‘’ʼ′`´]"
_HYPHEN = r"[-‐‑−]"
_SOFT_HYPHEN = "\u00ad"
# These begin with what is rare in a text, which makes them five times as fast as with what stands before it.
_PER_CENT = re.compile(r"%|p(?<!\wp)er[\s-]+cent\b")
_SILENT = re.compile(rf"{_APOSTROPHE}(?<=\w.)(?:s\b|(?=\w))|,(?<=\d,)(?=\d{{3}}(?!\d))")  # children's, don't, 1,300
_WORD = re.compile(rf"\d+(?:\.\d+)+{_LETTER}*|{_LETTER}+")  # 3.5m, words
_JOINT = re.compile(rf"{_HYPHEN}\s*")
_HYPHENATED = re.compile(rf"\b{_LETTER}++(?:{_HYPHEN}(?:[ \t]*\n[ \t]*)?{_LETTER}++)++")  # also at the end of a line
_RANGE = re.compile(rf"\d{_HYPHEN}\s*\d")


@dataclass(frozen=True, slots=True)
class Terms:
    """What a query asks for, word by word."""

    words: str  # the query without exclusions and quotation marks: to be encoded, and scored by its words
    phrases: tuple[str, ...] = ()  # must occur in a passage's text word for word
    excluded: tuple[str, ...] = ()  # words and phrases that must not occur in a passage or its context


def split_query(text: str) -> Terms:
    """Find the phrases in quotation marks and what is excluded by a dash: `-word`, `-"a phrase"`.

    A dash excludes only at the start of a word after white space, and a quotation mark without its second is an
    ordinary character. Raises InputError for a query that only excludes.
    """
    phrases, excluded, rest, end = [], [], [], 0
    for match in _QUOTED.finditer(text.translate(_QUOTES)):
        group = "word" if match["word"] else "phrase"
        found = text[slice(*match.span(group))].strip()
        rest.append(text[end : match.start()])
        end = match.end()
        if match["word"] or match["dash"]:
            excluded.append(found)
        else:
            phrases.append(found)
            rest.append(found)
    words = " ".join(" ".join([*rest, text[end:]]).split())
    phrases, excluded = ([one for one in found if take_apart(one)[0]] for found in (phrases, excluded))
    if excluded and not take_apart(words)[0]:
        raise InputError(f"the query `{text.strip()}` only says what to leave out; add what to look for")
    return Terms(words, tuple(phrases), tuple(excluded))


def take_apart(text: str) -> tuple[list[str], list[str]]:
    """Give the words in their order, hyphenated ones apart, and these once more joined: wellbeing for well-being.

    Words are in small letters, without apostrophes and the possessive s; 1,300 is 1300, and "%" is "percent".
    Ranges of numbers are not joined.
    """
    folded = _folded(text)
    hyphenated = (one for one in _HYPHENATED.findall(folded) if not _RANGE.search(one))
    return _WORD.findall(folded), [_JOINT.sub("", one) for one in hyphenated]


def readings(phrase: str) -> list[list[str]]:
    """Give the words of a phrase with hyphenated ones apart, and where there are any, with these joined."""
    folded = _folded(phrase)
    return [_WORD.findall(text) for text in dict.fromkeys((folded, _HYPHENATED.sub(_joined, folded)))]


def _folded(text: str) -> str:
    text = normalize("NFC", text).lower().replace(_SOFT_HYPHEN, "")
    return _SILENT.sub("", _PER_CENT.sub(" percent ", text))


def _joined(hyphenated: re.Match[str]) -> str:
    return hyphenated[0] if _RANGE.search(hyphenated[0]) else _JOINT.sub("", hyphenated[0])
