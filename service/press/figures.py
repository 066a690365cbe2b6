"""Numbers and shares, what they count, and whether two of them count the same."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import takewhile

from indexer.lexical import stems_of
from service.answering.kinds import Kind
from service.answering.sentences import EASY
from service.answering.things import find
from service.press.claims import At, CountClaim, flat
from service.reading import find_times

HEADS = 3  # words behind a number that may say what is counted
NEAR = 0.1  # part by which "about" may be off
_UNITS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen"
    " eighteen nineteen"
).split()
_ELLIPTIC = frozenset("live lives are were is was had have has who of attend attended received receive".split())
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split()
_MANY = {"hundred": 100.0, "thousand": 1000.0, "million": 1e6, "billion": 1e9}
# A quick test that no text with a number of two and more fails.
MAY_COUNT = re.compile(
    rf"\d|\b(?:{'|'.join(_UNITS[2:])}|twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety)", re.IGNORECASE
)
_DIGITS = re.compile(r"\d[\d,]*(?:\.\d+)?")
_WORDS = re.compile(r"[a-z]+|\d[\d,]*(?:\.\d+)?", re.IGNORECASE)
_SHARE = re.compile(r"%|\bper\s?cent\b", re.IGNORECASE)
_BRACKETED = re.compile(r"\(((?:or )?\d[\d.,]*\s?(?:%|per cent)?)\)")
_NOTE = re.compile(r"\d{1,2}\s+[A-Z]")  # the number of a footnote or paragraph
_MONTH = re.compile(
    r"\b(?:january|february|march|april|may|june|july|august|september|october|november|december)\s*\Z", re.IGNORECASE
)
_SOFT = re.compile(
    r"\b(?P<word>about|around|some|nearly|almost|roughly|approximately|more\s+than|over|at\s+least"
    r"|less\s+than|fewer\s+than"
    r"|under|up\s+to|as\s+many\s+as|just\s+over|just\s+under)\s+\Z",
    re.IGNORECASE,
)
_NO_COUNT = re.compile(r"0\d|\d{3}\s\d{4}\b")  # numbers of telephones
_NUMBERED = re.compile(
    r"\b(?:section|regulation|page|paragraph|phase|years?|stage|level|channel|tier|article|part|chapter|aged?|s"
    r"|(?:people|children|those|adults|leavers|girls|boys|all)\s+(?:over|under))\s*\Z",
    re.IGNORECASE,
)
# What stories say of reports, whatever these are about.
_TELLING = (
    "ofsted inspector inspectors inspection report reports reported watchdog found said says council county city"
    " borough authority local total number numbers time people also just only there were being their its now year"
    " month months recent recently according who which that about around some over under more less than with from"
    " and for"
)


@dataclass(frozen=True, slots=True)
class Figure:
    """A number or share at [start, end) of a sentence; stems of its clause, and of the words right behind it."""

    start: int
    end: int
    values: tuple[float, ...]
    is_share: bool
    words: frozenset[str]
    heads: frozenset[str]
    softness: str

    def has_values_of(self, other: "Figure | CountClaim") -> bool:
        """Tell whether two say the same, as far as words such as "about" let them."""
        if self.is_share is not other.is_share or len(self.values) != len(other.values):
            return False
        pairs = list(zip(self.values, other.values, strict=True))
        if all(one == another for one, another in pairs):
            return True
        (mine, theirs) = pairs[0]
        soft = {
            "more than",
            "over",
            "at least",
            "just over",
            "less than",
            "fewer than",
            "under",
            "nearly",
            "almost",
            "just under",
        }
        soft |= {"about", "around", "some", "roughly", "approximately"}
        return len(pairs) == 1 and other.softness in soft and abs(mine - theirs) <= NEAR * max(mine, theirs)


def figures(sentence: str) -> Iterator[Figure]:
    """Find the numbers and shares of a sentence."""
    text = _BRACKETED.sub(lambda match: f" {match[1]} ", flat(sentence))  # "most of them (96%) live"
    times = [(one.start, one.end) for one in find_times(text)]
    found = [(*span, True) for span in find(Kind.SHARE, text) if _SHARE.search(text[slice(*span)])]
    found += [
        (*span, False)
        for span in find(Kind.NUMBER, text)
        if not any(a < span[1] and span[0] < b for a, b, _ in found)
    ]
    found = [one for place in found for one in _apart(text, *place)]
    for start, end, is_share in sorted(found):
        values = _values(text[start:end])
        if (
            not values
            or text[start:end].casefold() == "one"
            or (start == 0 and _NOTE.match(text))
            or _NO_COUNT.match(text, start)
            or _MONTH.search(text[:start])
            or any(a < end and start < b for a, b in times)
            or _NUMBERED.search(text[:start])
        ):
            continue
        soft = _SOFT.search(text[:start]) or re.match(
            r"(?P<word>about|around|over|under|almost|nearly|up to|at least|(?:more|less|fewer) than)\s",
            text[start:end],
            re.IGNORECASE,
        )
        first, last = _clause(text, start, end)
        around = f"{text[first:start]} {text[end:last]}"
        behind = re.findall(r"[^\W\d]+(?:['-][^\W\d]+)*", re.split(r"[,;:.]", text[end:last])[0])[:HEADS]
        heads = list(takewhile(lambda word: word.casefold() not in _ELLIPTIC, behind))
        yield Figure(
            start,
            end,
            values,
            is_share,
            _stems(around),
            _stems(" ".join(heads)),
            " ".join(soft["word"].casefold().split()) if soft else "",
        )


def _apart(text: str, start: int, end: int, is_share: bool) -> list[tuple[int, int, bool]]:
    """Take "from 49 to 330" apart, which is no range."""
    parted = re.search(r"\s+to\s+", text[start:end])
    if parted and re.search(r"\bfrom\s+\Z", text[:start]) and not is_share:
        return [(start, start + parted.start(), False), (start + parted.end(), end, False)]
    return [(start, end, is_share)]


def counts(text: str, start: int, end: int) -> Iterator[CountClaim]:
    """Find the counts claimed in the sentence [start, end) of a text."""
    for one in figures(text[start:end]):
        if one.words:
            at = At(start, end, start + one.start, start + one.end)
            yield CountClaim(at, one.values, one.is_share, one.words, one.heads, one.softness)


def bears_out(claim: CountClaim, figure: Figure, others: frozenset[str]) -> bool:
    """Tell whether a figure of a report is the claimed one; `others` are words of names, which tell nothing."""
    if not figure.has_values_of(claim):
        return False
    mine, shared = _shared(claim, figure, others)
    if not shared:
        return False
    is_telling = claim.values[0] >= 100 or any(value % 1 for value in claim.values)
    least = 1 if is_telling and (claim.heads & figure.heads or claim.is_share) else 2
    return len(shared) >= least and len(shared) >= (0.34 if is_telling else 0.5) * len(mine)


def contradicts(claim: CountClaim, figure: Figure, others: frozenset[str]) -> bool:
    """Tell whether a figure of a report is plainly of the same, and another number."""
    if (
        figure.is_share is not claim.is_share
        or len(figure.values) != len(claim.values)
        or figure.has_values_of(claim)
    ):
        return False
    mine, shared = _shared(claim, figure, others)
    if not claim.is_share and not (claim.heads - others) & figure.heads:
        return False
    return len(shared) >= 3 and len(shared) >= 0.75 * len(mine)


def _shared(claim: CountClaim, figure: Figure, others: frozenset[str]) -> tuple[frozenset[str], frozenset[str]]:
    mine = claim.words - others
    return mine, mine & figure.words


def _stems(words: str) -> frozenset[str]:
    found = (one for one in stems_of(words) if len(one) > 2 and not one[0].isdigit())
    return frozenset(found) - _telling() - EASY


@cache
def _telling() -> frozenset[str]:
    return frozenset(stems_of(_TELLING))


def _clause(text: str, start: int, end: int) -> tuple[int, int]:
    """Give the part of a sentence that a number belongs to: up to the next number of it, or a stronger stop."""
    before = max((match.end() for match in _STOP.finditer(text, 0, start)), default=0)
    after = next((match.start() for match in _STOP.finditer(text, end)), len(text))
    return before, after


_STOP = re.compile(
    r"[;:]|,\s+(?:of\s+(?:whom|which|these)|while|with|and|but|compared|although)\b|\s\(|\)\s"
    r"|\bcompared\s+with\b|\bwhile\b|\bof\s+whom\b|\bfrom\s+(?=\d)"
)


def _values(words: str) -> tuple[float, ...]:
    """Read the numbers of a number or range."""
    found: list[float] = []
    open_ten = False
    for word in _WORDS.findall(words.casefold()):
        if _DIGITS.fullmatch(word):
            found.append(float(word.replace(",", "")))
        elif word in _UNITS:
            unit = float(_UNITS.index(word))
            if open_ten:
                found[-1] += unit
            else:
                found.append(unit)
        elif word in _TENS:
            found.append(20.0 + 10 * _TENS.index(word))
            open_ten = True
            continue
        elif word in _MANY and found:
            found[-1] *= _MANY[word]
        open_ten = False
    return tuple(found)
