"""How a quote differs from the stretch of a text that it is nearest to."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

from service.verification.alignment import align
from service.verification.kinds import Kind, kind_of
from service.verification.tokens import ELLIPSIS, Quote, Token, is_footnote_mark

_SHOWN = 60  # characters of a difference that a sentence about it repeats
_MOST_SHOWN = 3  # differences that are told in words


@dataclass(frozen=True, slots=True)
class Difference:
    """What the quote says at [start, end), and what its source says instead; either may be nothing."""

    kind: Kind
    quoted: str
    source: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Comparison:
    """The stretch [start, end) of a text that a quote is nearest to."""

    start: int
    end: int
    similarity: float  # share of the words and signs of both that are the same, 0 to 1
    differences: tuple[Difference, ...]


class _Stretch(NamedTuple):
    """Tokens [first, last) of the quote that stand for tokens [source_first, source_last) of the text."""

    first: int
    last: int
    source_first: int
    source_last: int


class _Gap(NamedTuple):
    """An ellipsis of the quote, and the tokens [first, last) of the text that it leaves out."""

    ellipsis: Token
    first: int
    last: int


def compare(quote: Quote, text: str, source: Sequence[Token]) -> Comparison | None:
    """Compare a quote with what is nearest to it in a text; None where not one word is the same."""
    quoted = quote.tokens
    same = _same(quote, quoted, source)
    if not any(quoted[one].is_word for one, _ in same):
        return None
    stretches: list[_Stretch] = []
    gaps: list[_Gap] = []
    source_first, source_last = same[0][1], 0  # of the source
    first = 0  # of the part
    for number, part in enumerate(quote.parts):
        last = first + len(part)
        own = [pair for pair in same if first <= pair[0] < last]
        found = _stretches(first, last, own, source, source_last)
        start = min(one.source_first for one in found) if found else own[0][1]
        if own and number and source_last:
            gaps.append(_Gap(quote.gaps[number - 1], source_last, min(start, own[0][1])))
        if own:
            source_first = min(source_first, start) if not source_last else source_first
            source_last = max([own[-1][1] + 1, *(one.source_last for one in found)])
        stretches += found
        first = last
    differences = [
        _difference(one, quote, quoted, text, source)
        for one in stretches
        if not _is_trivial(one, quote.text, quoted, text, source)
    ]
    differences += [_left_out(gap, quote, text, source) for gap in gaps if _has_words(source[gap.first : gap.last])]
    beside = len(same) + sum(one.source_last - one.source_first for one in stretches)
    return Comparison(
        start=source[source_first].start,
        end=source[source_last - 1].end,
        similarity=2 * len(same) / (len(quoted) + beside) if differences else 1.0,
        differences=tuple(sorted(differences, key=lambda one: (one.start, one.end))),
    )


def in_words(differences: Sequence[Difference]) -> str:
    """Say what differs: each changed number, negation and judgement, or else the first few other changes."""
    grave = [one for one in differences if one.kind is not Kind.OTHER]
    told = (grave or list(differences))[:_MOST_SHOWN]
    said = "; ".join(_in_words(one) for one in told)
    more = len(differences) - len(told)
    return f"{said}; and {more} more difference{'s' * (more > 1)}" if more else said


def _in_words(one: Difference) -> str:
    quoted, source = _short(one.quoted), _short(one.source)
    what = {
        Kind.NUMBER: "the number ",
        Kind.NEGATION: "a negation differs: ",
        Kind.GRADE: "the judgement ",
        Kind.OTHER: "",
    }[one.kind]
    if not one.source:
        return f"{what}“{quoted}” is not in the source"
    if not one.quoted:
        return f"{what}“{source}” of the source is left out"
    if one.quoted[0] in "[(…." and not any(map(str.isalpha, one.quoted)):
        return f"{what}“{quoted}” leaves out “{source}”"
    return f"{what}“{quoted}” stands as “{source}” in the source"


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _SHOWN else f"{line[:_SHOWN]}..."


def _same(quote: Quote, quoted: Sequence[Token], source: Sequence[Token]) -> list[tuple[int, int]]:
    """Pair the tokens of both sides that are the same, in the nearest stretch."""
    steps = align([[token.key for token in part] for part in quote.parts], [token.key for token in source])
    return [
        (one, other)
        for one, other in steps
        if one is not None and other is not None and quoted[one].key == source[other].key
    ]


def _stretches(
    first: int, last: int, same: Sequence[tuple[int, int]], source: Sequence[Token], least: int
) -> list[_Stretch]:
    """Give what differs between, before and after the pairs of one part, whose tokens are [first, last).

    Where it differs at its beginning or end, nothing tells which words of the source stand there: they are taken to
    be as many, up to where the source's sentence or clause ends.
    """
    if not same:
        return [_Stretch(first, last, least, least)]
    found = []
    quoted_at, source_at = same[0]
    if quoted_at > first:
        found.append(_Stretch(first, quoted_at, _before(source, source_at, quoted_at - first, least), source_at))
    for (quoted_at, source_at), (quoted_next, source_next) in pairwise(same):
        if (quoted_next - quoted_at, source_next - source_at) != (1, 1):
            found.append(_Stretch(quoted_at + 1, quoted_next, source_at + 1, source_next))
    quoted_at, source_at = same[-1][0] + 1, same[-1][1] + 1
    if quoted_at < last:
        found.append(_Stretch(quoted_at, last, source_at, _after(source, source_at, last - quoted_at)))
    return found


def _before(source: Sequence[Token], end: int, length: int, least: int) -> int:
    start = end
    while start > max(least, end - length) and source[start - 1].is_word:
        start -= 1
    return start


def _after(source: Sequence[Token], start: int, length: int) -> int:
    end = start
    while end < min(len(source), start + length) and source[end].is_word:
        end += 1
    return end


def _difference(
    stretch: _Stretch, quote: Quote, quoted: Sequence[Token], text: str, source: Sequence[Token]
) -> Difference:
    first, last = stretch.first, stretch.last
    if first < last:
        start, end = quoted[first].start, quoted[last - 1].end
    else:
        start = end = quoted[first - 1].end if first else quoted[first].start
    return Difference(
        kind=kind_of(
            [token.key for token in quoted[first:last]],
            [token.key for token in source[stretch.source_first : stretch.source_last]],
            (_key(quoted, first - 1), _key(source, stretch.source_first - 1)),
            (_key(quoted, last), _key(source, stretch.source_last)),
        ),
        quoted=quote.text[start:end],
        source=_slice(text, source, stretch.source_first, stretch.source_last),
        start=start,
        end=end,
    )


def _left_out(gap: _Gap, quote: Quote, text: str, source: Sequence[Token]) -> Difference:
    """Give what the quote itself says it leaves out; only a negation there is told apart from other words."""
    kind = kind_of([], [token.key for token in source[gap.first : gap.last]])
    return Difference(
        kind=kind if kind is Kind.NEGATION else Kind.OTHER,
        quoted=quote.text[gap.ellipsis.start : gap.ellipsis.end],
        source=_slice(text, source, gap.first, gap.last),
        start=gap.ellipsis.start,
        end=gap.ellipsis.end,
    )


def _has_words(some: Sequence[Token]) -> bool:
    return any(token.is_word for token in some)


def _is_trivial(stretch: _Stretch, quote: str, quoted: Sequence[Token], text: str, source: Sequence[Token]) -> bool:
    """Tell whether a stretch differs only in where a hyphen parts a word, or in a footnote's mark or an ellipsis."""
    ours, theirs = quoted[stretch.first : stretch.last], source[stretch.source_first : stretch.source_last]
    if not ours:
        return all(token.key == ELLIPSIS or is_footnote_mark(text, token) for token in theirs)
    if not theirs:
        return False
    raw = quote[ours[0].start : ours[-1].end] + text[theirs[0].start : theirs[-1].end]
    is_hyphenated = any(sign in raw for sign in "-‐‑−–—\u00ad")
    return is_hyphenated and _letters(ours) == _letters(theirs)


def _letters(tokens: Sequence[Token]) -> str:
    return "".join(token.key for token in tokens)


def _slice(text: str, source: Sequence[Token], first: int, last: int) -> str:
    return text[source[first].start : source[last - 1].end] if first < last else ""


def _key(tokens: Sequence[Token], place: int) -> str:
    return tokens[place].key if 0 <= place < len(tokens) else ""
