"""Grades that a sentence of the press says somebody was given.

Most words of grades are ordinary ones: a claim needs a verb or noun of judging, and the grade must not be a word of
something else, as in "good practice". What is hoped for or feared is no claim.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from service.press.claims import At, GradeClaim, Tense, flat
from service.reading import Period, Role, find_times

_FLAGS = re.IGNORECASE | re.VERBOSE
_QUOTED = r"['\"]?"
_GRADE = re.compile(
    rf"(?<![\w-]){_QUOTED}(?P<grade>requir(?:es?|ed|ing)\s+improvement(?:\s+to\s+be\s+good)?|outstanding|good|adequate|inadequate)\b{_QUOTED}",
    re.IGNORECASE,
)
# A word of judging, from which on the grades of a sentence are grades.
_JUDGING = re.compile(
    r"\b(?:rat(?:ed|es?|ings?)|judged|judge?ments?|graded?|grades|grading|labell?ed|branded|deemed|classed|ranked|declared"
    r"|(?:up|down)graded|verdict)\b",
    re.IGNORECASE,
)
_NOUN = re.compile(r"\s*(?:rating|grade|judge?ment|verdict|status)s?\b", re.IGNORECASE)
# Words that make a grade of what follows only where it is of somebody's services and inspectors are about.
_WHO = (
    r"\b(?:children's\s+(?:social\s+care\s+)?services|social\s+services|services|the\s+(?:\w+\s+)?(?:council|authority"
    r"|county|city|borough|trust|department)|council|they|it|which)(?:'s)?\b"
)
_BEING = re.compile(
    rf"(?P<who>{_WHO})(?P<gap>[^.;:]{{0,60}}?)"
    r"\b(?:is|are|was|were|be|being|been|remain(?:s|ed)?|still|now|no\s+longer|to|from|got|received|awarded|given|told\s+they|found\s+to|as)\s+"
    r"(?:(?:now|still|again|no\s+longer|also|an?|the\s+lowest\s+grade\s*,|overall)\s+)*['\"]?\Z",
    re.IGNORECASE,
)
_REQUIRES = re.compile(rf"(?P<who>{_WHO})\s+(?:still\s+|again\s+|also\s+|now\s+)?\Z", re.IGNORECASE)
_FROM_TO = re.compile(r"\bfrom\s+(?:an?\s+)?['\"]?\Z", re.IGNORECASE)
_TO = re.compile(r"\A['\"]?\s*(?:rating\s+|grade\s+)?(?:straight\s+|directly\s+)?to\s+(?:an?\s+|being\s+)?['\"]?\Z", re.IGNORECASE)
_INSPECTORS = re.compile(r"\b(?:ofsted|inspect\w*|watchdog|regulator)\b", re.IGNORECASE)
_UNREAL = re.compile(
    r"\b(?:could|can|may|might|would|will|won't|should|must|hop(?:e[sd]?|ing)|aim(?:s|ed|ing)?|wants?|wanted|plan(?:s|ned)?|expect\w*"
    r"|predict\w*|target|ambitions?|goal|if|whether|unless|until|seek\w*|striv\w*|fear\w*|risk\w*|towards|journey|want\w*|on\s+track"
    r"|never|rather\s+than|instead\s+of|what\s+(?:an?\s+)?|looks?\s+like)\b",
    re.IGNORECASE,
)
_NEGATED = re.compile(r"\b(?:no\s+longer|not|wasn't|isn't|aren't|weren't)\s+(?:\w+\s+){0,2}['\"]?\Z", re.IGNORECASE)
_THEN = re.compile(
    r"\b(?:previous(?:ly)?|earlier|former(?:ly)?|last\s+(?:time|(?:full\s+)?(?:inspection|inspected|report|visit)"
    r"|\w+\s+inspection)|at\s+the\s+time|had(?:\s+\w+)?\s+been|having\s+been|once|up\s+from|down\s+from|originally|lost|from"
    r"|first|after\s+being|ago|before\s+that|shed|stripped)\b",
    re.IGNORECASE,
)
_NOW = re.compile(r"\b(?:now|currently|latest|this\s+time|today|since\s+then|new)\b", re.IGNORECASE)
_AFTER_THEN = re.compile(
    r"\A['\"]?[^,;.]{0,40}?\b(?:at|in|during|following|after)\s+(?:its|the|their|an?)\s+(?:previous|last|earlier|first)\b", re.IGNORECASE
)
_YEARS = re.compile(
    r"\b(?P<count>\d{1,2}|an?|one|two|three|four|five|six|seven|eight|nine|ten)\s+years?\s+"
    r"(?P<way>ago|earlier|previously|before|after|since|later|on)\b",
    re.IGNORECASE,
)
_COUNTED = "zero one two three four five six seven eight nine ten".split()
# What may follow a grade; before anything else it is a word of something, such as "good practice".
_AFTER = re.compile(
    r"\A['\"]?(?:\s*(?:\Z|[.,;:!?)(\"'–—-])|\s+(?:in|for|by|overall|at|and|but|or|while|with|to|on|when|since|last|this|after|following"
    r"|because|across|from|as|again|although|though|whereas|rating|ratings|grade|judge?ment|verdict|status|have|has|is|was|are"
    r"|were|inspectors|ofsted|two|three|four|five|six|seven|eight|nine|ten|over|under|during|before|despite|up|down)\b)",
    re.IGNORECASE,
)
_FOR = re.compile(r"\A['\"]?\s*(?:(?:rating|grade|judge?ment)s?\s+)?(?:overall\s+)?(?:for|in|on|when\s+it\s+came\s+to)\s", re.IGNORECASE)

_AREAS = (
    ("lscb", r"safeguarding\s+(?:children\s+)?board|\blscb\b|board\s+for\s+safeguarding"),
    ("help_and_protection", r"\bhelp\s+and\s+protection\b|\bneed(?:ing)?\s+(?:of\s+)?help\b"),
    ("protection", r"\bchild\s+protection\b|\bprotect(?:ing|ion\s+of)\s+children\b|\bsafeguarding\b(?!\s+(?:children\s+)?board)"),
    ("care_leavers", r"\bcare\s+leavers?\b|\bleaving\s+care\b|\bcare[\s-]experienced\b|\bleavers\b"),
    ("children_in_care", r"\bchildren\s+in\s+(?:its\s+|the\s+council's\s+)?care\b|\blooked[\s-]after\b|\bchildren\s+looked\s+after\b"),
    ("adoption", r"\badoptions?\b"),
    ("leadership", r"\bleadership\b|\bimpact\s+of\s+leaders\b|\bmanagement\s+and\s+governance\b"),
    ("overall_effectiveness", r"\boverall\b"),
)
_PARTS = re.compile(r"[;]|\b(?:while|whilst|whereas|but|although|though|with)\b", re.IGNORECASE)
_AREA = re.compile("|".join(f"(?P<{name}>{pattern})" for name, pattern in _AREAS), re.IGNORECASE)
_EVERY = re.compile(
    r"\b(?:all|every)\s+(?:(?:of\s+)?(?:the\s+|its\s+|of\s+)?(?:\w+\s+)?(?:areas?|categor\w+|judge?ments?|counts?)\b)|\bacross\s+the\s+board\b",
    re.IGNORECASE,
)
_SOME = re.compile(
    r"\b(?:one|two|three|four|five|some|most|several|other|another|both|many|each|certain|an?)\s+(?:of\s+(?:the\s+|its\s+)?)?"
    r"(?:\w+\s+)?(?:areas?|categor\w+|judge?ments|aspects?|elements?|parts)\b",
    re.IGNORECASE,
)
# Services that are inspected or graded by themselves, and matters that get no grade of their own.
_OTHER = re.compile(
    r"\b(?:schools?|academ(?:y|ies)|nurser(?:y|ies)|colleges?|(?:children's|care|residential|nursing)\s+homes?|homes|hospitals?|agenc(?:y|ies)"
    r"|foster\w*|early\s+help|mash|front\s+door|hubs?|assessments?|plans?|planning|supervision|practices?|casework|workforce|teams?|polic\w+|police"
    r"|prisons?|send|special\s+educational|housing|transport|adult|providers?|caseloads?|recording|thresholds?|visits\s+to|support\s+for"
    r"|oversight|performance|training|gp|surger(?:y|ies)|cqc|care\s+quality|nhs|fire|youth|probation|centres?|education|music|further)\b",
    re.IGNORECASE,
)
_SERVICES = re.compile(
    r"\b(?:children's\s+(?:social\s+care\s+)?(?:services|department)|social\s+services|services?|council|authority|county|city|borough"
    r"|department|trust|they|it|which|who|ofsted|inspect\w+|watchdog)\b",
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


def gradings(text: str, start: int, end: int, day: date | None) -> Iterator[GradeClaim]:
    """Find the grades claimed in the sentence [start, end) of a text of a day, in order."""
    sentence = flat(text[start:end])
    found = _mentions(sentence)
    if not found:
        return
    times = _times(sentence, found, day)
    leading: tuple[Tense, tuple[Period, ...]] | None = None
    last_areas: tuple[str, ...] = ()
    used = 0  # words up to here name the area of an earlier grade
    for place, one in enumerate(found):
        if one is None:
            continue
        tense = _tense(one, is_to=_is_to(sentence, found, place))
        periods, is_rough, is_unclear = times[place]
        if tense is Tense.THEN or periods:
            leading = (tense, periods) if place == 0 and not is_rough else None
        elif leading and not _is_to(sentence, found, place) and not _NOW.search(one.before) and not re.search(r"\bbut\b", one.before):
            tense, periods = leading
        else:
            leading = None
        tense = Tense.UNCLEAR if is_unclear else tense
        areas, is_every, used = _areas(sentence, one, used, last_areas)
        last_areas = areas or last_areas
        claim = GradeClaim(
            At(start, end, start + one.start, start + one.end),
            one.grade,
            areas,
            tense,
            None,
            is_rough,
            bool(_NEGATED.search(one.before)),
            is_every,
        )
        yield from (replace(claim, period=period) for period in periods or (None,))


def _mentions(sentence: str) -> list[_Mention]:
    """Find the grades that are claimed, each with the words up to the next one."""
    matches = list(_GRADE.finditer(sentence))
    places = []
    judging = _JUDGING.search(sentence)
    for match in matches:
        before, after = sentence[: match.start()], sentence[match.end("grade") :]
        is_quoted = match.group()[0] in "'\"" and match.group()[-1] in "'\""
        is_noun = bool(_NOUN.match(sentence, match.end()))
        if not (_AFTER.match(after) or is_quoted):
            continue
        is_judged = is_noun or (judging is not None and judging.start() < match.start())
        is_step = bool(_FROM_TO.search(before)) or bool(places and _TO.match(sentence[places[-1].end("grade") : match.start()]))
        is_listed = bool(places) and len(before) - places[-1].end() < 60
        is_said = bool(_INSPECTORS.search(sentence)) and bool(_BEING.search(before) or is_step)
        is_plain = match["grade"].casefold() == "inadequate" or match["grade"].casefold().startswith("requir")
        if is_judged or (is_said and (is_plain or is_quoted or is_step)) or (is_listed and (is_plain or is_step)):
            places.append(match)
        elif match["grade"].casefold().startswith("requires") and _INSPECTORS.search(sentence) and _REQUIRES.search(before):
            places.append(match)
        elif is_plain and _BEING.search(before) and (is_quoted or re.search(r"\b(?:now|no\s+longer|still)\s", before[-20:])):
            places.append(match)
    found = []
    for at, match in enumerate(places):
        first = places[at - 1].end() if at else 0
        last = places[at + 1].start() if at + 1 < len(places) else len(sentence)
        before, after = sentence[first : match.start("grade")], sentence[match.end("grade") : last]
        if _UNREAL.search(before):
            continue
        words = match["grade"].casefold()
        grade = "requires_improvement" if words.startswith("requir") else words
        found.append(_Mention(*match.span("grade"), grade, before, after))
    return found


def _is_to(sentence: str, found: Sequence[_Mention], place: int) -> bool:
    return place > 0 and bool(_TO.match(sentence[found[place - 1].end : found[place].start]))


def _tense(one: _Mention, *, is_to: bool) -> Tense:
    if is_to or _NOW.search(one.before):
        return Tense.NOW
    if _THEN.search(one.before) or _AFTER_THEN.search(one.after):
        return Tense.THEN
    return Tense.NOW


def _times(
    sentence: str, found: Sequence[_Mention], day: date | None
) -> list[tuple[tuple[Period, ...], bool, bool]]:
    """Give for each grade the periods it is said to be of, whether these are rough, and whether they are unclear."""
    periods: list[list[Period]] = [[] for _ in found]
    rough, unclear = [False] * len(found), [False] * len(found)
    given = [(time.start, time.end, time.period, time.role in {Role.AT, Role.SINCE}) for time in find_times(sentence)]
    for start, end, period, is_point in given:
        place = _owner(sentence, found, start, end)
        if place is None or not is_point:
            for near in range(len(found)) if place is None else (place,):
                unclear[near] = True
        elif period.start:
            periods[place].append(Period(period.start, period.end or date(period.start.year, 12, 31)))
    for match in _YEARS.finditer(sentence):
        way = match["way"].casefold()
        place = _before_or_after(found, match.start(), is_after=way in {"after", "since", "before"})
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
    r"\A['\"]?\s*(?:(?:rating|grade|judge?ment|overall|again|back|and|services)\s+){0,3}(?:(?:,|in|during|following|after|at|by|from|on|of|both|with|it|was|an?|the|its"
    r"|their|full|previous|last|inspection|report|visit|conducted|carried|out)\s*)*\Z",
    re.IGNORECASE,
)


def _owner(sentence: str, found: Sequence[_Mention], start: int, end: int) -> int | None:
    """Tell which grade a time belongs to; None where it may be either."""
    before = max((at for at, one in enumerate(found) if one.end <= start), default=None)
    after = min((at for at, one in enumerate(found) if one.start >= end), default=None)
    if before is None or after is None:
        return before if after is None else after
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


def _areas(sentence: str, one: _Mention, used: int, last: tuple[str, ...]) -> tuple[tuple[str, ...], bool, int]:
    """Give the areas that a grade is said to be of, whether it is all of them, and up to where words name them."""
    start = max(used, one.start - len(one.before))
    before, after = sentence[start : one.start], one.after
    # "rated good for leadership": then what names the area comes behind.
    if _FOR.match(after) and (named := _named(after.split(",")[0])):
        limit = one.end + max(match.end() for match in _AREA.finditer(after.split(",")[0]))
        return named, False, limit
    if _EVERY.search(before) or _EVERY.search(after):
        return (), True, used
    if named := _named(before):
        parts = [named_here for part in _PARTS.split(before) if (named_here := _named(part))]
        return parts[-1], False, used
    if re.search(r"\boverall\b", re.split(r"[,;]|\b(?:and|but|while|with)\b", after)[0], re.IGNORECASE):
        return ("overall_effectiveness",), False, used
    if _SOME.search(before) or _OTHER.search(before):
        return (), False, used
    if last and not _SERVICES.search(before) and len(before) < 40 and not re.search(r"\bto\s", before):
        return (), False, used
    if _OTHER.search(after.split(",")[0]) and _FOR.match(after):
        return (), False, used
    return ("overall_effectiveness",), False, used


def _named(words: str) -> tuple[str, ...]:
    found = tuple(dict.fromkeys(str(match.lastgroup) for match in _AREA.finditer(words)))
    if len(found) > 1 and "overall_effectiveness" in found:
        return tuple(one for one in found if one != "overall_effectiveness") if not words.rstrip().endswith("overall") else found[-1:]
    return found
