"""What a person states about a document: in the names of folders, in front matter or in a manifest."""

import re
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import PurePosixPath
from typing import Any

from indexer.dates import find_dates, parse_date
from indexer.errors import DocumentRefusedError, Refusal
from indexer.metadata.facts import Fact, as_metadata, one_line, read_day
from indexer.metadata.names import with_capitals
from indexer.records import Event, Metadata, Origin
from indexer.settings import PathRule

_TEXTS = ("title", "publisher", "body", "kind", "source", "licence")  # the fields that are text


def stated_by_path(path: str, rules: Sequence[PathRule]) -> Metadata:
    """Read what the first rule that fits the whole relative path says; nothing where none fits.

    A captured date that cannot be read stays unknown, since a folder's name promises nothing.
    """
    for rule in rules:
        if match := re.fullmatch(rule.pattern, path):
            captured = {name: (value or "").strip() for name, value in match.groupdict().items()}
            values: dict[str, Any] = {name: captured.get(name) or getattr(rule, name) for name in _TEXTS}
            if captured.get("body"):
                values["body"] = with_capitals(captured["body"])
            values["published"] = parse_date(captured.get("published", ""))
            return as_metadata(Origin.RULE, {name: Fact(value) for name, value in values.items()})
    return Metadata()


def dated_by_name(path: str, known: Metadata) -> Metadata:
    """Take a whole day at the end of a file's name, such as "visit - 25 May 2022.pdf", as that of its publication.

    Only where nothing else says when that was, and unless it lies before the end of the inspection that is told of.
    """
    stem = PurePosixPath(path).stem.replace("_", " ")
    days = [found for found in find_dates(stem) if found.span[1] == len(stem) and found.start == found.end]
    inspected = max((event.end for event in known.events), default=date.min)
    if known.published or not days or days[0].start < inspected:
        return Metadata()
    return as_metadata(Origin.RULE, {"published": Fact(days[0].start)})


def stated_by_front_matter(values: Mapping[str, Any]) -> Metadata:
    """Read what front matter, or the row of a manifest, says; keys that are no field are somebody else's.

    Raises DocumentRefusedError (METADATA) for a value that cannot be used, since the person who wrote it meant
    something by it.
    """
    facts = {name: Fact(_stated_text(name, values.get(name))) for name in _TEXTS}
    facts["published"] = Fact(_stated_day(values.get("published")))
    facts["events"] = Fact(_stated_events(values.get("events")))
    return as_metadata(Origin.STATED, facts)


def _stated_text(name: str, value: object) -> str | None:
    if isinstance(value, (Mapping, list, tuple)):
        raise _unusable(name, value, "one line of text")
    return None if _is_blank(value) else one_line(str(value))


def _stated_day(value: object) -> date | None:
    day = read_day(value)
    if day is None and not _is_blank(value):
        raise _unusable("published", value, "one day, such as 2018-05-22 or 22 May 2018")
    return day


def _stated_events(value: object) -> tuple[Event, ...]:
    events: list[Event] = []
    for item in value if isinstance(value, (list, tuple)) else [value]:
        day = read_day(item)
        found = [Event(day, day)] if day else [Event(days.start, days.end) for days in find_dates(str(item))]
        if not found and not _is_blank(item):
            raise _unusable("events", item, "days, such as 18 and 19 October 2023 or 2023-10-18 to 2023-10-19")
        events += found
    return tuple(events)


def _is_blank(value: object) -> bool:
    """Tell whether nothing is stated; site generators write "published: true", which is no date and no mistake."""
    return value is None or isinstance(value, bool) or not str(value).strip()


def _unusable(name: str, value: object, wanted: str) -> DocumentRefusedError:
    return DocumentRefusedError(
        Refusal.METADATA, f"`{name}` is {str(value)!r}, which cannot be read: write {wanted}, or leave it out"
    )
