"""Reads a question: the bodies and times it names, what kind of answer it wants, and what it is about."""

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace

from indexer.metadata import body_key
from service.lineage import Link
from service.reading.mentions import LIKELY, Named, find_named, surroundings
from service.reading.names import Kind, Names
from service.reading.times import Period, Role, Time, find_times


@dataclass(frozen=True, slots=True)
class Reading:
    """What a question says. `topic` is the rest of it, and never blank unless the question is.

    `topic_at` says where the pieces of the topic stand in the question, as start and end of each in turn; empty where
    the topic is the whole question.
    """

    named: tuple[Named, ...]
    times: tuple[Time, ...]
    earliest: bool  # the first report; otherwise the newest is meant where no time says which
    over_time: bool  # how something changed between reports
    across: bool  # which bodies, when none is named
    topic: str
    topic_at: tuple[int, ...] = ()

    def bodies(self, *, with_kin: bool = True) -> tuple[str, ...]:
        """Give the bodies that are likely meant, each once, in the order in which they are named."""
        likely = (one for one in self.named if one.certainty >= LIKELY and (with_kin or not one.is_kin))
        return tuple(dict.fromkeys(one.body for one in likely))

    def told_apart(self, *, with_kin: bool = False) -> tuple[str, ...]:
        """Give the bodies that are likely meant, of the names that a collection has for the same the shortest.

        Bodies in line with one that is named are commonly told of together with it.
        """
        named: dict[str, str] = {}
        for body in self.bodies(with_kin=with_kin):
            named[body_key(body)] = min(named.get(body_key(body), body), body, key=len)
        return tuple(named.values())

    def without_kin(self) -> "Reading":
        """Leave out the bodies that are meant only as they are in line with one that is named."""
        own = tuple(one for one in self.named if not one.is_kin)
        return self if len(own) == len(self.named) else replace(self, named=own)

    def links_to(self, bodies: Collection[str]) -> tuple[Link, ...]:
        """Give the links that led from the bodies that are named to some others."""
        return tuple(dict.fromkeys(link for one in self.named if one.body in bodies for link in one.links))


def read(question: str, names: Names) -> Reading:
    """Read a question in the light of the bodies of a collection; never raises."""
    times = find_times(question)
    found = find_named(question, names, times)
    likely = [one for one in found if one.certainty >= LIKELY]
    topic, topic_at = _topic(question, likely, times)
    over_time = bool(_CHANGE.search(question)) or _spread(times, one_body=bool(likely))
    named = tuple(_in_line(question, found, names, times, over_time=over_time))
    return Reading(
        named=named,
        times=times,
        earliest=bool(_EARLIEST.search(question)),
        over_time=over_time,
        across=not any(one.certainty >= LIKELY for one in named) and bool(_ACROSS.search(question)),
        topic=topic,
        topic_at=topic_at,
    )


def _in_line(
    question: str, named: Sequence[Named], names: Names, times: Sequence[Time], *, over_time: bool
) -> Iterator[Named]:
    """Give the bodies that are named, and those that are meant with them as they are in line with these."""
    if not any(one.certainty >= LIKELY for one in named) and (server := names.lines.server(question)):
        named = [*named, Named(*server, certainty=Kind.TRUST.certainty)]
    by_name = {one.body for one in named}
    periods = [time.period for time in times]
    looks_back = bool(_BACK.search(question))
    for one in named:
        if not names.lines.has(one.body):
            yield one
            continue
        for at, meant in enumerate(names.lines.meant(one.body, periods, history=over_time, looks_back=looks_back)):
            if meant.body == one.body:
                yield one
            elif one.certainty >= LIKELY and meant.body not in by_name:
                by_name.add(meant.body)
                is_kin = bool(at or meant.links)
                since, until = meant.since, meant.until
                yield replace(one, body=meant.body, is_kin=is_kin, since=since, until=until, links=meant.links)


def interpreted(reading: Reading) -> tuple[str | None, Period]:
    """Give what to tell a person: the bodies that are likely meant, and the days that its times span."""
    periods = [time.period for time in reading.times]
    start = min((period.start for period in periods if period.start), default=None)
    end = max((period.end for period in periods if period.end), default=None)
    if start and any(period.end and period.end < start for period in periods):
        start = None  # "by 2016 and again in 2019"
    if end and any(period.start and period.start > end for period in periods):
        end = None  # "in 2014 and since 2018"
    return ", ".join(reading.bodies()) or None, Period(start, end)


def _spread(times: Sequence[Time], *, one_body: bool) -> bool:
    """Tell whether the times are those of several reports."""
    days = [day for time in times for day in (time.period.start, time.period.end) if day]
    points = [time.period.start or time.period.end for time in times]
    ranged = [time for time in times if time.role is Role.BETWEEN]
    return (
        len({day.year for day in points if day}) > 1
        or (bool(ranged) and len({day.year for day in days}) > 1)
        or (one_body and any(time.role is Role.SINCE for time in times))
    )


def _topic(question: str, named: Sequence[Named], times: Sequence[Time]) -> tuple[str, tuple[int, ...]]:
    """Cut names and times out of a question, with the little words that tied them to it, and place what is left."""
    cuts = [surroundings(question, one) for one in named]
    cuts = [(_tied(question, start), end) for start, end in cuts]
    for time in times:
        report = _REPORT_AFTER.match(question, time.end)
        cuts.append((time.start, report.end() if report else time.end))
    cuts += [match.span() for match in _LATEST_REPORT.finditer(question)]
    kept, at = [], 0
    for start, end in [*sorted(cuts), (len(question), len(question))]:
        if start > at:
            kept.append((at, start))
        at = max(at, end)
    topic = " ".join(" ".join(question[start:end] for start, end in kept).split())
    topic = re.sub(r"\s+([,.;:?!])", r"\1", topic).strip(" ,.;:-–—")
    if not cuts or not set(re.findall(r"[^\W\d]{3,}", topic.casefold())) - _SMALL:
        return question, ()
    return topic, tuple(place for piece in kept for place in piece)


def _tied(question: str, start: int) -> int:
    little = _IN.search(question, max(0, start - 12), start)
    return little.start() if little else start


# Words that ask about nothing by themselves.
_SMALL = frozenset("and are did does for had has have how the was were what when where which who why".split())
# General English; words of a subject do not belong here.
_REPORT = r"(?:reports?|(?:re-?)?inspections?|visits?|judge?ments?|ratings?|documents?)"
_IN = re.compile(r"\b(?:(?:in|at|across|within)\s+(?:the\s+)?|the\s+)$", re.IGNORECASE)
_REPORT_AFTER = re.compile(rf"\s+{_REPORT}\b", re.IGNORECASE)
_LAST = rf"(?:latest|newest|most\s+recent|last)\s+(?:[\w-]+\s+){{0,2}}?{_REPORT}(?!\s+but\b)"
_LATEST_REPORT = re.compile(
    rf"(?:\b(?:in|at|from|according\s+to)\s+)?(?:\b(?:the|its|their)\s+)?\b{_LAST}\b", re.IGNORECASE
)
_EARLIEST = re.compile(
    rf"\b(?:earliest|oldest|first\s+(?:[\w-]+\s+){{0,2}}?{_REPORT}|first\s+(?:inspected|visited))\b", re.IGNORECASE
)
# "Has it improved?", "How did it change?", but not "What must improve?": the verb belongs to a question of yes or no.
_CHANGE = re.compile(
    r"""
    (?:^|[.?!,;:–—-])\s*(?:and\s+|but\s+|so\s+)?(?:how\s+(?:much\s+|far\s+|well\s+)?)?(?:has|have|had|did)\b[^.?!]{0,150}
        \b(?:improved?|worsen(?:ed)?|deteriorated?|declined?|recover(?:ed)?|changed?|progress(?:ed)?|develop(?:ed)?
        |(?:get|got|become)\s+(?:any\s+|much\s+)?(?:better|worse)|fix(?:ed)?|resolved?|sort(?:ed)?|ended
        |stop(?:ped)?|(?:keep|kept)\s+up|last(?:ed)?\s+until)\b
    |\b(?:what|anything)(?:\s+has|['’]s)?\s+changed\b
    |\b(?:any|much|no)\s+(?:better|worse)\b
    |\b(?:better|worse|higher|lower|more|less|fewer)\b[^.?!]{0,80}\bthan\s+(?:in|at|before|it\s+(?:was|did)|they\s+(?:were|did))\b
    |\bcompare[ds]?\b|\bcomparison\b|\bstill\b|\bno\s+longer\b|\bany\s?more\b|\bover\s+time\b
    """,
    re.IGNORECASE | re.VERBOSE,
)
# What was before a body, and not just before something that it does: "before the reorganisation", "ten years ago".
_BACK = re.compile(
    r"""
    \b(?:previous(?:ly)?|earlier|former(?:ly)?|histor(?:y|ic|ical(?:ly)?)|predecessors?|successors?|since|ago|used\s+to
        |in\s+the\s+past|over\s+the\s+years)\b
    |\bbefore(?=\s*(?:$|[?.,;:!]|that\b|then\b|it\b|(?:its|the)\s+(?:\w+\s+)?(?:council|authority|trust|split|change
        |division|merger|move|reorgani[sz]ation|handover)\b))
    """,
    re.IGNORECASE | re.VERBOSE,
)
_BODY = r"(?:council|authority|area|place|borough|county|city|region|trust|inspection|report)"
_BODIES = (
    r"(?:councils|authorities|areas|places|boroughs|counties|cities|regions|trusts|inspections|reports|documents)"
)
_ACROSS = re.compile(
    rf"""
    \b(?:which|what|how\s+many|name|any|other|all|most)\s+(?:of\s+the\s+)?(?:[\w-]+\s+){{0,2}}?{_BODIES}\b
    |\b(?:which|each|every)\s+(?:[\w-]+\s+)?{_BODY}\b
    |(?:^|[.?!,;:])\s*(?:and\s+)?where\s+(?:else\s+)?(?:did|do|does|was|were|is|are|has|have|had)\b
    |\blist\s+(?:the|all|every|any)\b
    |\banywhere\b|\bacross\s+(?:the\s+country|england|councils|areas|authorities)\b
    """,
    re.IGNORECASE | re.VERBOSE,
)
