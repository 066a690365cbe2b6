"""Whether a sentence of a report praises or blames its matter."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from service.tone import lexicon
from service.tone.changes import Change, change_of, plain
from service.tone.lexicon import found_by

REACH = 60  # characters after a "not" or a "reduce" that it may speak of


class Tone(StrEnum):
    """What a sentence makes of its matter."""

    STRENGTH = "strength"
    WEAKNESS = "weakness"
    MIXED = "mixed"
    NEUTRAL = "neutral"  # it describes, and judges nothing


@dataclass(frozen=True, slots=True)
class _Clause:
    """What part of a sentence says, as how many words that praise and blame stand in it."""

    good: int = 0
    serves: int = 0
    bad: int = 0


def tone_of(sentence: str, headings: Sequence[str] = ()) -> Tone:
    """Tell what a sentence makes of its matter; `headings` are those above it, outermost first.

    Under a heading such as "Areas for improvement" all is a weakness that does not say that it has become better.
    """
    text = plain(sentence)
    change = change_of(sentence)
    if is_wanting(headings) or lexicon.ORDERS.match(text):
        return Tone.STRENGTH if change is Change.IMPROVED else Tone.WEAKNESS
    joined = found_by(lexicon.NO_CONTRAST).sub(lambda match: match[0].replace(" ", "_"), text)
    clauses = [_judged(clause) for clause in _clauses(joined)]
    if found_by(lexicon.CONTRASTS).search(joined):  # what serves is set against what does not
        clauses = [replace(one, good=one.good + one.serves) for one in clauses]
    good = sum(one.good for one in clauses) + (change is Change.IMPROVED)
    bad = sum(one.bad for one in clauses) + (change is Change.DECLINED)
    if good and bad:
        return Tone.MIXED if _is_divided(clauses, change) else Tone.WEAKNESS
    if bad:
        return Tone.WEAKNESS
    return Tone.STRENGTH if good or any(one.serves for one in clauses) else Tone.NEUTRAL


def is_wanting(headings: Sequence[str]) -> bool:
    """Tell whether what stands under these headings is what is to become better."""
    telling = (heading for heading in reversed(headings) if not lexicon.DEADLINES.fullmatch(heading))
    return bool(lexicon.WANTING.search(plain(next(telling, ""))))


def _is_divided(clauses: Sequence[_Clause], change: Change | None) -> bool:
    """Tell whether praise and blame stand apart, rather than the one in what is said of the other."""
    return change is Change.IMPROVED or any(one.good and not one.bad for one in clauses)


_STOP = re.compile(r"[,;:]\s|\s[–—-]\s|[()]")


def _clauses(text: str) -> Iterator[str]:
    """Give the parts of a sentence between its signs and the words that set one against another."""
    for part in _STOP.split(text):
        at = 0
        for match in found_by(lexicon.CONTRASTS).finditer(part):
            yield part[at : match.start()].replace("_", " ")
            at = match.start()
        yield part[at:].replace("_", " ")


def _judged(clause: str) -> _Clause:
    """Judge a clause by what it says outright, or else by what it says after "where" and the like.

    What something is meant for is never judged, and neither is a clause that only says when something is so.
    """
    purpose = found_by(lexicon.PURPOSES).search(clause)
    clause = clause[: purpose.start()] if purpose else clause
    condition = found_by(lexicon.CONDITIONS).search(clause)
    if not condition:
        return _said(clause)
    head = clause[: condition.start()]
    outright = _said(head)
    return _said(clause) if head.strip() and outright == _Clause() else outright


def _said(clause: str) -> _Clause:
    """Count what praises and blames in a clause, with what turns it round."""
    clause = found_by(lexicon.NO_FEW).sub(lambda match: "_" * len(match[0]), clause)
    nots = [match.end() for match in found_by(lexicon.NOT).finditer(clause)]
    lacks = [match.end() for match in found_by(lexicon.LACKS).finditer(clause)]
    shields = [match.end() for match in found_by(lexicon.SHIELDS).finditer(clause)]
    good, serves, bad = 0, 0, 0
    turned = False
    for match in found_by(lexicon.GOOD).finditer(clause):
        if _is_near(clause, nots, match.start()):
            turned, bad = True, bad + 1
        else:
            good += not _is_after(lacks, match.start(), REACH)
    for match in found_by(lexicon.BLAME).finditer(clause):
        if _is_after(nots, match.start()):
            turned, good = True, good + 1
        else:
            bad += not _is_near(clause, shields, match.start())
    for match in found_by(lexicon.SERVES).finditer(clause):
        serves += not _is_after(nots, match.start()) and not _is_after(lacks, match.start(), REACH)
    return _Clause(good, serves, bad + bool(not turned and lexicon.DENIES.search(clause)))


def _is_after(ends: Sequence[int], at: int, reach: int | None = None) -> bool:
    return any(end <= at and (reach is None or at <= end + reach) for end in ends)


def _is_near(clause: str, ends: Sequence[int], at: int) -> bool:
    """Tell whether a word at `at` is in reach of one that ends before it: not far off, and before any verb."""
    return any(end <= at <= end + REACH and not _VERB.search(clause, end, at) for end in ends)


_VERB = re.compile(r"\s(?:is|are|was|were|has|have|had)\s")
