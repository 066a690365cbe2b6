"""Grades that a sentence of the press says somebody was given.

Most words of grades are ordinary ones: a claim needs a verb or noun of judging, and the grade must not be a word of
something else, as in "good practice". What is hoped for or feared is no claim.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from service.press.areas import BODY, areas_of
from service.press.claims import At, GradeClaim, Tense, flat
from service.reading import Period, Role, find_times

LISTED = 60  # characters from a grade to the next one of a list
_QUOTED = r"['\"]?"
_GRADE = re.compile(
    rf"(?<![\w-]){_QUOTED}(?P<grade>requir(?:es?|ed|ing)\s+improvements?(?:\s+to\s+be\s+good)?"
    rf"|outstanding|good|adequate|inadequate)\b{_QUOTED}",
    re.IGNORECASE,
)
# A word of judging, from which on the grades of a sentence are grades.
_JUDGING = re.compile(
    r"\b(?:rat(?:ed|es?|ings?)|judged|judging|judge?ments?|graded?|grades|grading|labell?ed|branded"
    r"|deemed|classed|ranked|declared"
    r"|(?:up|down)graded|verdict|found\s+(?:[\w']+\s+){0,5}?to\s+(?:be|require))\b",
    re.IGNORECASE,
)
_NOUN = re.compile(r"\s*(?:rating|grade|judge?ment|verdict|status)s?\b", re.IGNORECASE)
# Words that make a grade of what follows only where it is of somebody's services and inspectors are about.
_WHO = (
    r"\b(?:children's\s+(?:social\s+care\s+)?services|social\s+services|services"
    r"|the\s+(?:\w+\s+)?(?:council|authority"
    rf"|county|city|borough|trust|department)|council|they|it|which|{BODY}+)(?:'s)?\b"
)
_BEING = re.compile(
    rf"(?P<who>{_WHO})(?P<gap>[^.;:]{{0,60}}?)"
    r"\b(?:is|are|was|were|be|being|been|remain(?:s|ed)?|still|now|no\s+longer|to|from|got|received"
    r"|awarded|given|told\s+they|found\s+to|as)\s+"
    r"(?:(?:now|still|again|no\s+longer|also|an?|the\s+lowest\s+grade\s*,|overall)\s+)*['\"]?\Z",
    re.IGNORECASE,
)
_REQUIRES = re.compile(rf"(?P<who>{_WHO})\s+(?:still\s+|again\s+|also\s+|now\s+)?\Z", re.IGNORECASE)
_TOLD = re.compile(rf"\btold\b[^.;]{{0,40}}?(?:{_WHO}|\bservices)\s+\Z", re.IGNORECASE)
_FROM_TO = re.compile(r"\bfrom\s+(?:an?\s+)?['\"]?\Z", re.IGNORECASE)
_TO = re.compile(
    r"\A['\"]?\s*(?:rating\s+|grade\s+)?(?:straight\s+|directly\s+)?to\s+(?:an?\s+|being\s+)?['\"]?\Z", re.IGNORECASE
)
_INSPECTORS = re.compile(r"\b(?:ofsted|inspect\w*|watchdog|regulator)\b", re.IGNORECASE)
_UNREAL = re.compile(
    r"\b(?:could|can|may|might|would|will|won't|should|must|hop(?:e[sd]?|ing)|aim(?:s|ed|ing)?|wants?"
    r"|wanted|plan(?:s|ned)?|expect\w*"
    r"|predict\w*|target|ambitions?|goal|if|whether|unless|until|seek\w*|striv\w*|fear\w*|risk\w*"
    r"|towards|journey|want\w*|on\s+track|in\s+order|needs?"
    r"|never|rather\s+than|instead\s+of|what\s+(?:an?\s+)?|looks?\s+like)\b",
    re.IGNORECASE,
)
_OR_BETTER = re.compile(r"\A['\"]?\s+or\s+(?:better|above|higher|outstanding|['\"])", re.IGNORECASE)
_STILL = re.compile(r"\b(?:now|no\s+longer|still)\s", re.IGNORECASE)
_NEGATED = re.compile(r"\b(?:no\s+longer|not|wasn't|isn't|aren't|weren't)\s+(?:\w+\s+){0,2}['\"]?\Z", re.IGNORECASE)
_THEN = re.compile(
    r"\b(?:previous(?:ly)?|earlier|former(?:ly)?|last\s+(?:time|(?:full\s+)?(?:inspection|inspected|report|visit)"
    r"|\w+\s+inspection)|at\s+the\s+time|had(?:\s+\w+)?\s+been|having\s+been|once|up\s+from"
    r"|down\s+from|originally|lost|from"
    r"|after\s+being|ago|before\s+that|shed|stripped)\b",
    re.IGNORECASE,
)
_PRESENT = re.compile(r"\b(?:is|are|has|have|now|still|remains?|requires?|latest|new)\b", re.IGNORECASE)
_BEEN = re.compile(r"\b(?:has|have)\s+been\b", re.IGNORECASE)
_NOW = re.compile(r"\b(?:now|currently|latest|this\s+time|today|since\s+then|new)\b", re.IGNORECASE)
_AFTER_THEN = re.compile(
    r"\A['\"]?[^,;.]{0,40}?\b(?:at|in|during|following|after)\s+(?:its|the|their|an?)\s+(?:previous"
    r"|last|earlier|first)\b",
    re.IGNORECASE,
)
_YEARS = re.compile(
    r"\b(?P<count>\d{1,2}|an?|one|two|three|four|five|six|seven|eight|nine|ten)\s+years?\s+"
    r"(?P<way>ago|earlier|previously|before|after|since|later|on)\b",
    re.IGNORECASE,
)
NOBODY = -1  # a time of something else than a grade
_TURN = re.compile(r"[;:]|\b(?:today|now|but)\b", re.IGNORECASE)
_AGO = frozenset({"ago", "earlier", "previously"})
_COUNTED = "zero one two three four five six seven eight nine ten".split()
# What may follow a grade; before anything else it is a word of something, such as "good practice".
_AFTER = re.compile(
    r"\A['\"]?(?:\s*(?:\Z|[.,;:!?)(\"'–—-])|\s+(?:in|for|by|overall|at|and|but|or|while|with|to|on"
    r"|when|since|last|this|after|following"
    r"|because|across|from|as|again|although|though|whereas|rating|ratings|grade|judge?ment|verdict"
    r"|status|have|has|is|was|are"
    r"|were|inspectors|ofsted|two|three|four|five|six|seven|eight|nine|ten|over|under|during|before"
    r"|despite|up|down)\b)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class _Mention:
    """A grade at [start, end); what is between it and its neighbours, `before` and `after`, is said of it."""

    start: int
    end: int
    grade: str
    before: str
    after: str


def gradings(text: str, start: int, end: int, day: date | None, before: str = "") -> Iterator[GradeClaim]:
    """Find the grades claimed in the sentence [start, end) of a text of a day, in order.

    Where the sentence `before` it speaks of a time before, what this one says without a time may be of that, too.
    """
    sentence = flat(text[start:end])
    found = _mentions(sentence)
    if not found:
        return
    times = _times(sentence, found, day)
    goes_on = bool(find_times(before) or _THEN.search(flat(before)))
    leading: tuple[Tense, tuple[Period, ...]] | None = None
    last_areas: tuple[str, ...] = ()
    used = 0  # words up to here name the area of an earlier grade
    for place, one in enumerate(found):
        tense = _tense(one, is_to=_is_to(sentence, found, place))
        periods, is_rough, is_unclear = times[place]
        if tense is Tense.THEN or periods:
            leading = (tense, periods) if place == 0 and not is_rough else None
        elif (
            leading
            and not _is_to(sentence, found, place)
            and not _NOW.search(one.before)
            and not _BEEN.search(one.before)
            and not re.search(r"\bbut\b", one.before)
        ):
            tense, periods = leading
        else:
            leading = None
        tense = Tense.UNCLEAR if is_unclear else tense
        negated = bool(_NEGATED.search(one.before))
        if negated:  # "no longer inadequate, as it was in 2015"
            tense, periods, is_rough = Tense.NOW, (), False
        own = sentence[max(used, one.start - len(one.before)) : one.start]
        graded = areas_of(own, one.after, last_areas, flat(before))
        used = one.end + graded.behind
        last_areas = graded.areas or last_areas
        claim = GradeClaim(
            At(start, end, start + one.start, start + one.end),
            one.grade,
            graded.areas,
            tense,
            None,
            is_rough or (goes_on and not periods and tense is Tense.NOW and not _PRESENT.search(sentence)),
            negated,
            graded.is_every,
        )
        yield from (replace(claim, period=period) for period in periods or (None,))


def is_grade(words: str) -> bool:
    """Tell whether words are a grade and nothing else."""
    return bool(_GRADE.fullmatch(words))


def _mentions(sentence: str) -> list[_Mention]:
    """Find the grades that are claimed, each with the words up to the next one."""
    places: list[re.Match[str]] = []
    for match in _GRADE.finditer(sentence):
        if _is_claimed(sentence, match, places[-1].end() if places else None):
            places.append(match)
    found = []
    for at, match in enumerate(places):
        first = places[at - 1].end() if at else 0
        last = places[at + 1].start() if at + 1 < len(places) else len(sentence)
        before, after = sentence[first : match.start("grade")], sentence[match.end("grade") : last]
        if _UNREAL.search(before) or _OR_BETTER.match(after):
            continue
        words = match["grade"].casefold()
        grade = "requires_improvement" if words.startswith("requir") else words
        found.append(_Mention(*match.span("grade"), grade, before, after))
    return found


def _is_claimed(sentence: str, match: re.Match[str], last: int | None) -> bool:
    """Tell whether a word is a grade that somebody was given; `last` is where the one before it ends."""
    before, after = sentence[: match.start()], sentence[match.end("grade") :]
    is_quoted = match.group()[0] in "'\"" and match.group()[-1] in "'\""
    if not is_quoted and not _AFTER.match(after):
        return False
    if _NOUN.match(sentence, match.end()) or _JUDGING.search(before):
        return True
    is_to_improve = match["grade"].casefold().startswith("requir")
    is_plain = is_to_improve or match["grade"].casefold() == "inadequate"
    is_step = bool(_FROM_TO.search(before)) or (last is not None and bool(_TO.match(sentence[last : match.start()])))
    if last is not None and len(before) - last < LISTED and (is_plain or is_step):
        return True
    if is_to_improve and _TOLD.search(before):
        return True
    if not _INSPECTORS.search(sentence):
        return is_plain and bool(_BEING.search(before)) and (is_quoted or bool(_STILL.search(before[-20:])))
    if is_to_improve and match["grade"].casefold().startswith("requires") and _REQUIRES.search(before):
        return True
    return (is_plain or is_quoted or is_step) and bool(is_step or _BEING.search(before))


def _is_to(sentence: str, found: Sequence[_Mention], place: int) -> bool:
    return place > 0 and bool(_TO.match(sentence[found[place - 1].end : found[place].start]))


def _tense(one: _Mention, *, is_to: bool) -> Tense:
    before = _YEARS.sub(lambda match: "" if match["way"].casefold() in _AGO else match[0], one.before)
    if is_to or _NOW.search(before):
        return Tense.NOW
    if _THEN.search(before) or _AFTER_THEN.search(one.after):
        return Tense.THEN
    return Tense.NOW


def _times(sentence: str, found: Sequence[_Mention], day: date | None) -> list[tuple[tuple[Period, ...], bool, bool]]:
    """Give for each grade the periods it is said to be of, whether these are rough, and whether they are unclear."""
    periods: list[list[Period]] = [[] for _ in found]
    rough, unclear = [False] * len(found), [False] * len(found)
    given = [(time.start, time.end, time.period, time.role in {Role.AT, Role.SINCE}) for time in find_times(sentence)]
    for start, end, period, is_point in given:
        place = _owner(sentence, found, start, end)
        if place == NOBODY:
            continue
        if place is None or not is_point:
            for near in range(len(found)) if place is None else (place,):
                unclear[near] = True
        elif period.start:
            periods[place].append(Period(period.start, period.end or date(period.start.year, 12, 31)))
    for match in _YEARS.finditer(sentence):
        way = match["way"].casefold()
        place = _before_or_after(found, match.start(), is_after=way in {"after", "since", "before"})
        if place is None and way in _AGO and not _TURN.search(sentence, match.end(), found[0].start):
            place = 0  # "four years ago it was ..."
        if place is None or way in {"later", "on"}:
            continue
        count = match["count"].casefold()
        years = int(count) if count.isdigit() else 1 if count in {"a", "an"} else _COUNTED.index(count)
        if day and not periods[place]:
            middle = day - timedelta(days=round(365.25 * years))
            periods[place].append(Period(middle - timedelta(days=300), middle + timedelta(days=200)))
            rough[place] = True
        elif not day:
            unclear[place] = True
    return [(tuple(its), rough[at], unclear[at]) for at, its in enumerate(periods)]


_CLOSE = re.compile(
    r"\A['\"]?\s*(?:(?:rating|grade|judge?ment|overall|again|back|and|services)\s+){0,3}(?:(?:,|in"
    r"|during|following|after|at|by|from|on|of|both|with|it|was|an?|the|its"
    r"|their|full|previous|last|inspection|report|visit|conducted|carried|out)\s*)*\Z",
    re.IGNORECASE,
)


def _owner(sentence: str, found: Sequence[_Mention], start: int, end: int) -> int | None:
    """Tell which grade a time belongs to; None where it may be either."""
    before = max((at for at, one in enumerate(found) if one.end <= start), default=None)
    after = min((at for at, one in enumerate(found) if one.start >= end), default=None)
    if before is None and after is not None:
        between = sentence[end : found[after].start].lstrip(" ,")
        if re.search(r"\b(?:has|have)\s+been\b|\bnow\b", between):
            return NOBODY
        return None if re.search(r"[,;]", between) else after
    if before is None or after is None:
        return before
    left, right = sentence[found[before].end : start], sentence[end : found[after].start]
    if _CLOSE.match(left) or re.fullmatch(r"['\"]?\s*(?:in\s+\S+\s*)?(?:,?\s*and\s+(?:again\s+)?)?(?:in\s+)?", left):
        return before
    if re.search(r"[,;]|\b(?:and|but|while)\b", left) and not re.search(r"[;]|\b(?:and|but|while)\b", right):
        return after
    if re.search(r"[,;]|\b(?:and|but|while)\b", right) and not re.search(r"[,;]|\b(?:and|but|while)\b", left):
        return before
    return None


def _before_or_after(found: Sequence[_Mention], at: int, *, is_after: bool) -> int | None:
    before = max((place for place, one in enumerate(found) if one.end <= at), default=None)
    after = min((place for place, one in enumerate(found) if one.start >= at), default=None)
    return after if is_after else before
