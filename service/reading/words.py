"""The words of a question or name, in the spelling in which they are compared."""

import re
import unicodedata
from dataclasses import dataclass

# Points of the compass and comparisons of size: a part of a place, or a place named after another one.
DIRECTIONS = frozenset(
    "north south east west northern southern eastern western northeast northwest southeast southwest"
    " ne nw se sw central mid inner outer upper lower greater great new".split()
)
# Words of local government, which say that a name stands beside them. `indexer.metadata.body_key` takes them off.
RANKS = frozenset("borough city council corporation county district london metropolitan royal unitary".split())

_WORD = re.compile(r"&|(?:[^\W_]|[\u0300-\u036f])+(?:['’‘`](?:[^\W_]|[\u0300-\u036f])+)*")
_JOINING = frozenset({"and", "with", "the"})  # "Telford & Wrekin", "Telford Wrekin": the same name with or without
_SAME = {"saint": "st", "on": "upon", "n": "north", "s": "south", "e": "east", "w": "west"}
_STOP = re.compile(r"[.?!;:()\[\]\n\"“”]|\s[-–—]\s")  # no name runs on over these
_SENTENCE = re.compile(r"(?:^|[.?!:]\s|\n)[\s\"'“‘(\[]*$|[-–—\"“‘(]\s?$")


@dataclass(frozen=True, slots=True)
class Word:
    """A word at `question[start:end]`. `plain` is without case, accents and apostrophes, `stem` without "'s" too."""

    plain: str
    stem: str
    start: int
    end: int
    title: bool  # a capital, then small letters
    upper: bool  # capitals alone, at least two
    opens: bool  # first word of a sentence, whose capital says nothing
    cut: bool  # punctuation that ends a phrase stands before it

    @property
    def possessive(self) -> bool:
        """Whether it ends in "'s"."""
        return self.stem != self.plain


def read_words(text: str) -> list[Word]:
    """Give the words of a text in order, without those that only join the parts of a name."""
    found: list[Word] = []
    before = 0
    for match in _WORD.finditer(text):
        written = match[0]
        plain = fold(written)
        gap = text[before : match.start()]
        abbreviated = gap == ". " and bool(found) and before - found[-1].start <= 2  # "St. Lyne", "N. Lyne"
        before = match.end()
        if not plain or plain == "&" or plain in _JOINING:
            continue
        stem = fold(re.sub(r"['’‘`][sS]$", "", written))
        found.append(
            Word(
                plain=_SAME.get(plain, plain),
                stem=_SAME.get(stem, stem),
                start=match.start(),
                end=match.end(),
                title=written[:1].isupper() and not written.isupper(),
                upper=len(plain) > 1 and written.isupper(),
                opens=written[0].isupper()
                and not abbreviated
                and bool(_SENTENCE.search(text[max(0, match.start() - 6) : match.start()])),
                cut=not abbreviated and bool(_STOP.search(gap)),
            )
        )
    return found


def phrase(name: str) -> tuple[str, ...]:
    """Give the words of a name as they are compared: "Stoke-on-Trent" and "stoke upon Trent" are the same."""
    return tuple(word.plain for word in read_words(name))


def fold(word: str) -> str:
    """Return a word in small letters, without accents and apostrophes."""
    if word.isascii():
        return word.casefold().replace("'", "").replace("`", "")
    letters = unicodedata.normalize("NFKD", word.casefold())
    return "".join(char for char in letters if char not in "'’‘`" and not unicodedata.combining(char))
