"""Quotes and texts as words and signs that compare equal where they differ in typography alone."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple
from unicodedata import normalize

from indexer.errors import InputError

LONGEST_QUOTE = 5000  # characters; a page or two
MOST_GAPS = 8  # ellipses; each costs another comparison
FEWEST_WORDS = 3  # two words stand together in nearly every report

ELLIPSIS = "…"
# Letters and digits, but not the raised digits of footnotes.
_LETTER = r"[^\W_¹²³⁰⁴⁵⁶⁷⁸⁹]"
_SILENT = r"[\u00ad\u200b-\u200d\u2060\ufeff\u0300-\u036f]"  # soft hyphens, signs without width, combining accents
_APOSTROPHE = r"['‘’ʼ′`´＇]"
_LINE_END = r"(?:[ \t\r]{0,20}\n[ \t]{0,20})?"
# What joins letters to one word: hyphens, also at the end of a line; apostrophes; the point, comma or dash inside a
# number; an editor's bracket, as in "[T]he" and "inspect[ed]".
_JOINED = (
    rf"{_SILENT}++{_LINE_END}{_LETTER}*+"
    rf"|(?:{_APOSTROPHE}|[-‐‑−]{_LINE_END}|[.,–](?<=\d.)(?=\d)){_LETTER}++"
    rf"|\[{_LETTER}++\]"
)
_TOKEN = re.compile(
    r"(?P<ellipsis>\[\s{0,3}(?:…|\.\s?\.\s?\.)\s{0,3}\]|\(\s{0,3}(?:…|\.\s?\.\s?\.)\s{0,3}\)|…|\.\s?\.\s?\.(?:\s?\.)?)"
    rf"|(?P<percent>%|％|(?i:per[\s-]{{0,9}}cent)(?!{_LETTER}))"
    r"|(?P<sign>[.,;:!?()&/+=<>£$€¥@#])"
    r"|(?P<letter>[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff])"  # scripts without spaces: each sign is a word
    rf"|(?P<word>(?:\[{_LETTER}++\](?={_LETTER}))?+{_LETTER}++(?:{_JOINED})*+)"
)
_CURRENCY = frozenset("£$€¥")
_DROPPED = re.compile(r"[\s\[\]\u00ad\u200b-\u200d\u2060\ufeff]")
_APOSTROPHES = re.compile(_APOSTROPHE)
_DASH = re.compile(r"[‐‑−–]")
_HYPHEN = re.compile(r"(?<!\d)-(?!\d)")  # in a number it stays: 2016-17 is not 201617
_THOUSANDS = re.compile(r",(?<=\d,)(?=\d{3}(?!\d))")
_AROUND = " \t\r\n\f\v\u00a0\"'“”„‟‘’‚«»"  # a quote, and no part of it
_HALF = re.compile(r"[\ud800-\udfff]")  # half of a UTF-16 pair, which is no character and has no UTF-8


class Token(NamedTuple):
    """A word or a sign at [start, end) of a text; those that are the same have the same key."""

    key: str
    start: int
    end: int
    is_word: bool


@dataclass(frozen=True, slots=True)
class Quote:
    """A quote that can be looked for, in its parts: between two of them it says that words are left out."""

    text: str
    parts: tuple[tuple[Token, ...], ...]
    gaps: tuple[Token, ...]  # the ellipsis after each part but the last

    @property
    def tokens(self) -> list[Token]:
        """The words and signs of all parts."""
        return [token for part in self.parts for token in part]

    @property
    def bounds(self) -> tuple[int, int]:
        """Where its own characters begin and end, without white space and quotation marks around them."""
        start = len(self.text) - len(self.text.lstrip(_AROUND))
        return start, len(self.text.rstrip(_AROUND))


def read_quote(text: str) -> Quote:
    """Take a quote apart. Raises InputError for one that is too long, too short or no text."""
    if not text.strip():
        raise InputError("the quote is empty; give the words that the reports should hold")
    if len(text) > LONGEST_QUOTE:
        raise InputError(
            f"the quote has {len(text):,} characters; at most {LONGEST_QUOTE:,} are looked for, so verify it in parts"
        )
    if _HALF.search(text):
        raise InputError("the quote is not valid Unicode text")
    parts: list[list[Token]] = [[]]
    gaps = []
    for token in tokens(text):
        if token.key != ELLIPSIS:
            parts[-1].append(token)
        else:
            gaps.append(token)
            parts.append([])
    trimmed = [_trimmed(part) for part in parts]
    inner = [gap for number, gap in enumerate(gaps) if any(trimmed[: number + 1]) and trimmed[number + 1]]
    if len(inner) > MOST_GAPS:
        raise InputError(
            f"the quote leaves words out in {len(inner)} places; at most {MOST_GAPS} are allowed: verify it in parts"
        )
    quote = Quote(text, tuple(part for part in trimmed if part), tuple(inner))
    words = sum(token.is_word for token in quote.tokens)
    if words < FEWEST_WORDS:
        raise InputError(
            f"the quote has {words or 'no'} word{'s' * (words != 1)}, too few to verify; "
            f"give at least {FEWEST_WORDS}, better the whole sentence"
        )
    return quote


def tokens(text: str) -> Iterator[Token]:
    """Give the words and signs of a text in their order; quotation marks, dashes and bullets are neither."""
    for match in _TOKEN.finditer(text):
        kind = match.lastgroup
        key = ELLIPSIS if kind == "ellipsis" else "percent" if kind == "percent" else _key(match[0])
        yield Token(key, match.start(), match.end(), kind not in {"ellipsis", "sign"})


def is_footnote_mark(text: str, token: Token) -> bool:
    """Tell whether a token is a digit or two behind the stop of a word, as the raised mark of a footnote is."""
    before = text[max(0, token.start - 2) : token.start]
    return (
        token.key.isdecimal()
        and len(token.key) <= 2
        and len(before) == 2
        and before[0].isalpha()
        and before[1] in ".,;:!?)”’'\""
        and not text[token.end : token.end + 1].strip()
    )


def _trimmed(part: list[Token]) -> tuple[Token, ...]:
    """Leave out the signs around a part: a quote often ends in a stop where its source goes on."""
    first, last = 0, len(part)
    while first < last and not part[first].is_word and part[first].key not in _CURRENCY:
        first += 1
    while first < last and not part[last - 1].is_word:
        last -= 1
    return tuple(part[first:last])


@lru_cache(maxsize=50_000)  # the words of a few dozen reports
def _key(word: str) -> str:
    if word.isascii() and word.isalnum():
        return word.lower()
    folded = _DROPPED.sub("", normalize("NFKC", word).casefold())
    return _THOUSANDS.sub("", _HYPHEN.sub("", _DASH.sub("-", _APOSTROPHES.sub("'", folded))))
