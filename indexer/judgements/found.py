"""Which framework a report was made under, and what it judges in each area of that."""

import re
from collections.abc import Mapping, Sequence
from datetime import date, timedelta

from indexer.judgements.frameworks import FRAMEWORKS, VISITS, Framework
from indexer.judgements.readings import NOT_JUDGED, Reading, spaced
from indexer.judgements.sentences import in_sentences
from indexer.judgements.tables import in_tables
from indexer.records import Judgement, Metadata, Page, Standing

_TITLE = 600  # characters within which a report says its title (153 in 223 real ones)
_OPENING = 2500  # characters within which it says by whom or when it was made (227 in these; a letter has more)
_LAG = timedelta(days=150)  # from the first day of an inspection to its report (128 days in these)
# What a report says of itself, and news of it does not: a letter to the council, or who inspected and when.
_REPORTS = re.compile(
    r"^[^\S\n]*(?:Dear\s|(?:(?:Lead|Reporting)\s+inspectors?|(?:(?:re-?)?inspection|visit)\s+dates?)\b)",
    re.IGNORECASE | re.MULTILINE,
)


def find_judgements(pages: Sequence[Page], metadata: Metadata) -> tuple[str | None, tuple[Judgement, ...]]:
    """Return the name of the framework and the judgements, the overall one first.

    (None, ()) for what is no inspection report, or one under no framework that is known. Never raises.
    """
    opening = next((page.text[:_OPENING] for page in pages if page.text.strip()), "")
    if not _REPORTS.search(opening):
        return None, ()
    title = metadata.title or ""
    if any(visit in f"{metadata.kind}\n{title}".casefold() for visit in VISITS):
        under = _of_its_day(metadata)
        return (under.name, tuple(_none_by_kind(under))) if under else (None, ())
    made = []
    for framework in _possible(title, opening, metadata):
        found = tuple(_judge(pages, framework, opening) if framework.graded else _none_by_kind(framework))
        made.append((framework.name, found))
    if len(made) == 1:
        return made[0]
    # Its day does not tell: then it is the one whose areas are all there, if one alone has most of them.
    whole = [one for one in made if all(each.state is not Standing.UNREADABLE for each in one[1])]
    counts = [sum(each.state is Standing.GRADED for each in found) for _, found in whole]
    best = [one for one, count in zip(whole, counts, strict=True) if count == max(counts)]
    return best[0] if len(best) == 1 else (None, ())


def _possible(title: str, opening: str, metadata: Metadata) -> list[Framework]:
    """Return the frameworks of the title that is said first, and of the day where it is known."""
    text = f"{title}\n{opening[:_TITLE]}"
    places: dict[Framework, int] = {}
    for framework in FRAMEWORKS:
        pattern = rf"(?:^|[:–—-])[^\S\n]*(?:re-?)?{spaced(framework.title)}\b"
        if match := re.search(pattern, text, re.IGNORECASE | re.MULTILINE):
            places[framework] = match.start()
    began = metadata.events[0].start if metadata.events else None
    return [
        framework
        for framework, place in places.items()
        if place == min(places.values()) and _fits(framework, began, metadata.published)
    ]


def _fits(framework: Framework, began: date | None, published: date | None) -> bool:
    if began:
        return framework.first <= began <= framework.last
    return not published or (framework.first <= published and published - _LAG <= framework.last)


def _of_its_day(metadata: Metadata) -> Framework | None:
    """Return the framework that a visit was made under: the newest there was."""
    day = metadata.events[0].start if metadata.events else metadata.published
    in_force = [each for each in FRAMEWORKS if day and each.graded and each.first <= day <= each.last]
    return max(in_force, key=lambda framework: framework.first, default=None)


def _none_by_kind(framework: Framework) -> list[Judgement]:
    return _with_silent([Judgement(area, Standing.NOT_BY_KIND) for area in framework.areas], framework)


def _with_silent(found: Sequence[Judgement], framework: Framework) -> list[Judgement]:
    """Add the areas that the framework does not judge, and put the overall one first."""
    silent = [Judgement(area, Standing.NOT_BY_FRAMEWORK) for area in framework.silent]
    return sorted([*found, *silent], key=lambda judgement: judgement.area != "overall_effectiveness")


def _judge(pages: Sequence[Page], framework: Framework, opening: str) -> list[Judgement]:
    readings: Mapping[str, list[Reading]] = {area: [] for area in framework.areas}
    for page in pages:
        for reading in (*in_tables(page, framework), *in_sentences(page, framework)):
            readings[reading.area].append(reading)
    found = [_agreed(area, found, framework) for area, found in readings.items()]
    for at, judgement in enumerate(found):
        part = framework.parts.get(judgement.area)
        if part and not readings[judgement.area] and not re.search(spaced(part), opening, re.IGNORECASE):
            found[at] = Judgement(judgement.area, Standing.NOT_BY_KIND)
    return _with_silent(found, framework)


def _agreed(area: str, readings: Sequence[Reading], framework: Framework) -> Judgement:
    """Take the grade that all places give, with the first of these; several grades, or a strange one, are none."""
    places: dict[str, Reading] = {}
    for reading in readings:
        places.setdefault(reading.grade, reading)
    match list(places):
        case [grade] if grade == NOT_JUDGED:
            return Judgement(area, Standing.NOT_JUDGED, spans=places[grade].spans)
        case [grade] if grade in framework.grades:
            return Judgement(area, Standing.GRADED, grade, places[grade].spans)
    return Judgement(
        area, Standing.UNREADABLE, spans=tuple(span for place in places.values() for span in place.spans)
    )
