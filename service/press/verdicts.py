"""What reports say of a claim. Nothing is guessed: what they do not plainly speak of is not covered."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from indexer.judgements import FRAMEWORKS, GRADES
from indexer.records import Document, Judgement, Standing
from service.answering.answer import Quote
from service.press.claims import CountClaim, DateClaim, GradeClaim, Tense
from service.press.figures import Figure, bears_out, contradicts
from service.press.gradings import gradings
from service.press.reports import FRESH, Report, Shelf, standing


class Bearing(StrEnum):
    """What became of a claim."""

    SUPPORTED = "supported"
    ALTERED = "altered"  # a report says otherwise of the same
    NOT_COVERED = "not covered"  # no report here plainly speaks of it
    LATER_CHANGED = "later changed"  # it was right then, and a later report says otherwise


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a report says of a claim."""

    document: Document
    day: date  # the last of its inspection
    quote: Quote


@dataclass(frozen=True, slots=True)
class Outcome:
    """A verdict, the report that it goes by, and the later one that says otherwise; `reason` says it in words."""

    verdict: Bearing
    reason: str
    primary: Evidence | None = None
    later: Evidence | None = None


def not_covered(reason: str) -> Outcome:
    """Say that no report here plainly speaks of a claim, and why."""
    return Outcome(Bearing.NOT_COVERED, reason)


def grade_outcome(claim: GradeClaim, shelf: Shelf, day: date | None) -> Outcome:
    """Check a grade with what the reports judge, and else with what they tell of earlier ones."""
    if not claim.areas and not claim.is_every:
        return not_covered("what was graded is not plain, or it is nothing that these reports grade")
    if claim.tense is Tense.UNCLEAR:
        return not_covered("which time is meant is not plain")
    given = [(one, found) for one in shelf.reports if (found := _given(one, claim)) is not None]
    graded = [one for one, _ in given]
    said = {id(one): found for one, found in given}
    may, must = _meant(claim, graded, shelf, day)
    right = [one for one in may if _agrees(claim, said[id(one)])]
    label = GRADES[claim.grade]
    if right:
        newest = right[-1]
        primary = _evidence(newest, said[id(newest)], claim)
        last = max(one.last for one in may) if day else newest.last
        after = [one for one in graded if one.last > last]
        changed = (
            after[-1]
            if after and not _agrees(claim, said[id(after[-1])]) and _is_plain(said[id(after[-1])])
            else None
        )
        later = _evidence(changed, said[id(changed)], claim) if changed else None
        if later and claim.tense is Tense.NOW and not claim.period:
            return Outcome(
                Bearing.LATER_CHANGED, f"right at the time; the report of {later.day} says otherwise", primary, later
            )
        return Outcome(Bearing.SUPPORTED, f"the report of {primary.day} says so", primary, later)
    if told := _told(claim, shelf):
        return told
    if must and all(_is_plain(said[id(one)]) for one in may):
        newest = must[-1]
        wrong = _evidence(newest, said[id(newest)], claim)
        others = ", ".join(dict.fromkeys(GRADES[one.grade] for one in said[id(newest)].judgements if one.grade))
        return Outcome(Bearing.ALTERED, f"“{label}” is “{others}” in the report of {wrong.day}", wrong)
    return not_covered("no report here gives a grade for this at that time")


@dataclass(frozen=True, slots=True)
class _Given:
    """The judgements of a report that a claim is about; a part of them where it looked at less than is claimed."""

    judgements: tuple[Judgement, ...]
    is_part: bool = False
    is_mixed: bool = False  # an area that may be one of two, which differ


def _given(report: Report, claim: GradeClaim) -> _Given | None:
    graded = {
        one.area: one for one in report.document.findings.judgements if one.state is Standing.GRADED and one.grade
    }
    if not graded:
        return None
    if claim.is_every:
        return _Given(tuple(graded.values()), is_part=not _is_whole(report))
    found: list[Judgement] = []
    is_part = is_mixed = False
    for area in claim.areas:
        if area == "protection":  # the services as a whole, or the area of that name
            both = [graded[one] for one in ("help_and_protection", "overall_effectiveness") if one in graded]
            is_mixed |= len({one.grade for one in both}) > 1
            found += both[:1]
            continue
        names = (area, *_JOINED.get(area, ()))
        one = next((graded[name] for name in names if name in graded), None)
        if one is None:
            return None
        found.append(one)
        is_part |= area == "overall_effectiveness" and not _is_whole(report)
    return _Given(tuple(found), is_part, is_mixed) if found else None


_JOINED: Mapping[str, tuple[str, ...]] = {
    "children_in_care": ("children_in_care_and_care_leavers",),
    "care_leavers": ("children_in_care_and_care_leavers",),
}


def _is_whole(report: Report) -> bool:
    """Tell whether a report is of all services: those for children in need of help, and for those in care."""
    areas = next((one.areas for one in FRAMEWORKS if one.name == report.document.findings.framework), {})
    return "help_and_protection" in areas and any(one.startswith("children_in_care") for one in areas)


def _agrees(claim: GradeClaim, given: _Given) -> bool:
    if given.is_mixed:
        return False
    same = [one.grade == claim.grade for one in given.judgements]
    return not any(same) if claim.negated else all(same)


def _is_plain(given: _Given) -> bool:
    return not given.is_part and not given.is_mixed


def _meant(
    claim: GradeClaim, graded: Sequence[Report], shelf: Shelf, day: date | None
) -> tuple[list[Report], list[Report]]:
    """Give the reports that a claim may be about, and those that it must be about for them to speak against it."""
    if claim.period:
        sure, maybe = shelf.of(claim.period)
        may = [one for one in graded if one in sure or one in maybe]
        return may, [] if claim.is_rough or len(maybe) > 0 else [one for one in may if one in sure]
    newest = list(standing(graded, day))
    if claim.tense is Tense.THEN:
        before = [one for one in graded if not newest or one.last < newest[-1].last] if day else list(graded)
        return before, []
    if claim.is_rough:
        return [one for one in graded if not newest or one.last <= newest[-1].last], []
    is_fresh = day is not None and bool(newest) and all(day - one.last <= FRESH for one in newest)
    return newest, newest if is_fresh else []


def _evidence(report: Report, given: _Given, claim: GradeClaim) -> Evidence:
    differing = [one for one in given.judgements if (one.grade == claim.grade) is claim.negated]
    return Evidence(report.document, report.last, report.quote((differing or given.judgements)[0].spans))


_JUDGED = re.compile(r"\b(?:judged|rated|graded)\b")  # reports say it so; a year is looked for afterwards


def _told(claim: GradeClaim, shelf: Shelf) -> Outcome | None:
    """Look for a report that tells of an earlier one: "were judged inadequate in 2019"."""
    if not claim.period or claim.is_rough or claim.negated or claim.is_every:
        return None
    for report in reversed(shelf.reports):
        for sentence in report.sentences:
            text = sentence.text
            for one in gradings(text, 0, len(text), None) if _JUDGED.search(text) else ():
                if (
                    one.grade == claim.grade
                    and one.areas == claim.areas
                    and one.period
                    and _same_year(one, claim)
                    and not one.negated
                ):
                    primary = Evidence(report.document, report.last, sentence.quote(report.reader))
                    return Outcome(Bearing.SUPPORTED, f"the report of {primary.day} tells so of that time", primary)
    return None


def _same_year(one: GradeClaim, other: GradeClaim) -> bool:
    starts = [each.period.start for each in (one, other) if each.period and each.period.start]
    return len(starts) == 2 and starts[0].year == starts[1].year


def date_outcome(claim: DateClaim, shelf: Shelf, day: date | None) -> Outcome:
    """Check the day of an inspection."""
    start, end = claim.period.start or date.min, claim.period.end or date.max
    days = (end - start).days
    for one in reversed(shelf.reports):
        is_within = one.first <= start and end <= one.last
        if (one.first <= end and start <= one.last) and (
            days > 25 or is_within or (start <= one.first and one.last <= end)
        ):
            if days <= 25 and not is_within and (start, end) != (one.first, one.last):
                continue
            if span := _days_of(one):
                return Outcome(
                    Bearing.SUPPORTED, "the report gives these days", Evidence(one.document, one.last, span)
                )
        published = one.document.metadata.published
        if published and start <= published <= end and not claim.is_inspection and (span := _published(one)):
            return Outcome(Bearing.SUPPORTED, "the report bears this day", Evidence(one.document, one.last, span))
    near = [one for one in shelf.reports if one.last.year == start.year == end.year]
    if (
        not claim.is_inspection
        or claim.is_year
        or len(near) != 1
        or "inspection" not in (near[0].document.metadata.kind or "")
    ):
        return not_covered("no report here is of these days")
    one = near[0]
    published = one.document.metadata.published
    is_of_story = day is None or (one.known_by >= one.last and abs((day - one.last).days) <= FRESH.days)
    if published and start <= published <= end:
        return not_covered("no report here is of these days")  # it may be the report that is of them
    if is_of_story and (span := _days_of(one)):
        return Outcome(Bearing.ALTERED, "the report gives other days", Evidence(one.document, one.last, span))
    return not_covered("no report here is of these days")


def _days_of(report: Report) -> Quote | None:
    found = report.document.metadata.evidence.get("events")
    return report.quote((found.span,)) if found and found.span else None


def _published(report: Report) -> Quote | None:
    found = report.document.metadata.evidence.get("published")
    return report.quote((found.span,)) if found and found.span else None


def count_outcome(claim: CountClaim, shelf: Shelf, day: date | None, others: frozenset[str]) -> Outcome:
    """Check a number with those that the report of the time gives for the same."""
    if claim.period:
        sure, maybe = shelf.of(claim.period)
        may: Iterable[Report] = (*maybe, *sure)
        is_plain = bool(sure) and not maybe
    else:
        may = shelf.standing(day)
        is_plain = day is not None and bool(may) and all(day - one.last <= FRESH for one in may)
    reports = list(may)[::-1]
    for report, found in _figures(reports, lambda figure: bears_out(claim, figure, others)):
        return Outcome(Bearing.SUPPORTED, f"the report of {report.last} gives this number", found)
    if is_plain:
        against = list(_figures(reports, lambda figure: contradicts(claim, figure, others)))
        if len({one.quote.text for _, one in against}) == 1:
            report, found = against[0]
            return Outcome(Bearing.ALTERED, f"the report of {report.last} gives another number", found)
    return not_covered("no report here gives a number for this at that time")


def _figures(reports: Iterable[Report], fits: Callable[[Figure], bool]) -> Iterator[tuple[Report, Evidence]]:
    for report in reports:
        for sentence, found in report.figures:
            if any(fits(figure) for figure in found):
                yield report, Evidence(report.document, report.last, sentence.quote(report.reader))
