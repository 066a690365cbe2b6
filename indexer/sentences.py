"""Text -> sentences, as exact spans; this module imports nothing of ours.

Made for reports: numbered paragraphs, bullets, names with titles and initials, quotations. The input is one block of
text, such as a paragraph; a single line end inside a sentence is white space.
"""

import re
from collections.abc import Iterable, Iterator

Offsets = tuple[int, int]

LONGEST_WORD = 100  # characters; nothing longer is a word of any language, and word-piece encoders give up there too

# Always followed by what they belong to: a name, a number or an example.
_LEADING = frozenset("mr mrs ms mx dr prof rev hon cllr messrs eg e.g ie i.e cf viz vs approx incl esp".split())
# Before or after a name: "St. Helens", "High St."
_IN_NAMES = frozenset("st jr sr".split())
# Abbreviations only in front of a number; "no." and "art." also end sentences.
_NUMBERED = frozenset(
    "no nos p pp para paras fig figs sec sect ch chap vol vols ed eds art reg regs ref refs tel ext app"
    " jan feb mar apr jun jul aug sep sept oct nov dec c ca".split()
)
# Words that begin a sentence but no name, so a stop before them ends one even after an initial or "U.K.".
_STARTERS = frozenset(
    "a all also although an and as at but each for from he her his how however if in it its many more most no on once"
    " one our she since so some such that the their there these they this those to we what when where which while who"
    " with you".split()
)
# A line that ends in one of these goes on, so "14." at the start of the next line is a figure of the same sentence.
_GOES_ON = re.compile(
    r"(?:[,(\-–—/£$]|\b(?:a|about|above|all|an|and|are|as|at|below|between|beyond|by|figure|for|from|in|is|nearly|no|of"
    r"|on|or|over|page|paragraph|section|since|table|than|that|the|to|under|until|was|were|with|within))\s*$",
    re.IGNORECASE,
)

_CLOSERS = "\"'”’»)\\]}"
_BREAK = re.compile(
    rf"(?P<stop>(?<![.!?…])[.!?…]++[{_CLOSERS}]*+\d{{0,2}}+)(?=\s|$)"  # up to two digits: the mark of a footnote
    r"|(?P<blank>\n[^\S\n]*\n)"
    r"|\n[^\S\n]*(?:(?P<bullet>[•‣▪◦●■○⁃∙])|(?P<dash>[-–—*o])(?=\s)|(?P<number>\d{1,3}[.)])(?=\s*[\"'“‘(]*[A-Z]))"
)
_ENUMERATOR = re.compile(r"\W*(?:\d{1,3}(?:\.\d{1,3})*|[a-zA-Z]|[ivxIVX]{1,5})[.)]\W*")
_INITIALS = re.compile(r"(?:[A-Za-z]\.)*[A-Za-z]")
_DASH_LIST = re.compile(r"\s*[-–—*o]\s")
_WORD_BEFORE = re.compile(r"[^\s(\[\"'“‘/]*$")
_NEXT = re.compile(r"\s*([\"'“‘«(\[]*)(\w?)")
_NEXT_WORD = re.compile(r"\W*(\w+(?:[’']\w+)?)")
_CLAUSE = re.compile(rf"(?:[;:,][{_CLOSERS}]*|\s[–—-])(?=\s)")
_NONSPACE = re.compile(r"\S+")


def split(text: str) -> list[Offsets]:
    """Return the sentences of one block of text as `[start, end)` offsets.

    They are in order, do not overlap, begin and end without white space and together hold every other character.
    A bullet or a numbered paragraph begins a sentence and keeps its sign. Takes time linear in the text.
    """
    return list(_trimmed(text, 0, len(text), _boundaries(text)))


def break_long(text: str, start: int, end: int) -> list[Offsets]:
    """Break `text[start:end]`, a sentence too long to use whole, into spans that hold all of it but white space.

    They are its clauses (after `;` `:` `,` and dashes); its words where it has one clause only; pieces of
    LONGEST_WORD characters where it is a single longer word. A shorter single word comes back as it is.
    """
    cuts: Iterable[int] = (m.end() for m in _CLAUSE.finditer(text, start, end))
    if len(pieces := list(_trimmed(text, start, end, cuts))) > 1:
        return pieces
    cuts = (m.end() for m in _NONSPACE.finditer(text, start, end))
    if len(pieces := list(_trimmed(text, start, end, cuts))) > 1:
        return pieces
    return [(at, min(at + LONGEST_WORD, last)) for first, last in pieces for at in range(first, last, LONGEST_WORD)]


def _trimmed(text: str, start: int, end: int, cuts: Iterable[int]) -> Iterator[Offsets]:
    """Return the pieces of `text[start:end]` between ascending cuts, stripped of white space; none is empty."""
    for cut in (*cuts, end):
        piece = text[start:cut]
        if stripped := piece.strip():
            first = start + len(piece) - len(piece.lstrip())
            yield first, first + len(stripped)
        start = cut


def _boundaries(text: str) -> Iterator[int]:
    """Ascending offsets at which a new sentence may begin, white space before it included or not."""
    begin = 0
    dash_list = bool(_DASH_LIST.match(text))
    for m in _BREAK.finditer(text):
        before = text[max(0, m.start() - 40) : m.start()].rstrip()
        if m["stop"] is not None:
            if not _ends_sentence(text, begin, m):
                continue
            begin = m.end()
        elif m["dash"] is not None:
            # A dash also stands in the middle of sentences, so it needs a list around it: opened, or begun before.
            if not (dash_list or before.endswith((".", "!", "?", ";", ":"))):
                continue
            dash_list = True
            begin = m.start("dash")
        elif m["number"] is not None:
            if not _GOES_ON.search(before):
                begin = m.start("number")
            elif m["number"].endswith(".") and text[m.end()].isspace():
                begin = m.end()  # a figure that ends a sentence
            else:
                continue
        else:
            begin = m.end("blank") if m["blank"] is not None else m.start("bullet")
        yield begin


def _ends_sentence(text: str, begin: int, m: re.Match[str]) -> bool:
    """Whether the stop `m` ends the sentence that began at `begin`."""
    stop = m["stop"]
    openers, first = _NEXT.match(text, m.end()).groups()  # type: ignore[union-attr]  # it matches everywhere
    if first.islower():
        return False  # “... good practice.” said the director; also e.g. and etc. in running text
    word = _WORD_BEFORE.search(text, max(begin, m.start() - 40), m.start()).group()  # type: ignore[union-attr]
    if stop[-1].isdigit() and (len(word) < 4 or word[-1].isdigit()):
        return False  # "no.2" and "1,003.2" are numbers; "practice.2" has a footnote
    if m.end() - begin < 20 and _ENUMERATOR.fullmatch(text, begin, m.end()):
        return False  # "14." or "(b)." on its own numbers the sentence after it
    if stop[0] == "…" or stop.startswith(".."):
        # Free-standing dots leave something out; dots on a word end it if a capital follows.
        return bool(word) and not openers.startswith("(")
    if stop != ".":
        return True  # ! ? and any stop with a closing sign
    if word.lower() in _LEADING:
        return False
    if word.lower() in _NUMBERED:
        return not first.isdigit()
    if word.lower() in _IN_NAMES or _INITIALS.fullmatch(word):
        following = _NEXT_WORD.match(text, m.end())  # "J. Smith", "U.K. Government", but "in the U.K. The team"
        return following is None or (following[1].lower() in _STARTERS and following[1] != "A")
    return True
