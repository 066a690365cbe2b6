"""Single facts about a document, and putting them together as metadata with their evidence."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import date, datetime
from typing import Any

from indexer.dates import parse_date
from indexer.records import Evidence, Metadata, Origin, Span

Chars = tuple[int, int]  # start and end in the text of a page
_FIELDS = tuple(field.name for field in fields(Metadata) if field.name != "evidence")


@dataclass(frozen=True, slots=True)
class Fact:
    """The value of a field and where it stands in the text."""

    value: Any
    span: Span | None = None


def as_metadata(origin: Origin, facts: Mapping[str, Fact]) -> Metadata:
    """Keep the facts that have a value; the evidence of each is the origin and its place."""
    known = {name: fact for name, fact in facts.items() if fact.value}
    return Metadata(
        **{name: fact.value for name, fact in known.items()},
        evidence={name: Evidence(origin, fact.span) for name, fact in known.items()},
    )


def merge(*parts: Metadata) -> Metadata:
    """Join metadata field by field, the earlier part first; the evidence goes with its value."""
    values: dict[str, Any] = {}
    evidence: dict[str, Evidence] = {}
    for part in parts:
        for name in _FIELDS:
            if name not in values and getattr(part, name):
                values[name] = getattr(part, name)
                if name in part.evidence:
                    evidence[name] = part.evidence[name]
    return Metadata(**values, evidence=evidence)


def one_line(text: str) -> str:
    """Return a text with each run of white space as one blank."""
    return " ".join(text.split())


def read_day(value: object) -> date | None:
    """Read a date, a date with a time, or either one written down."""
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    return parse_date(re.sub(r"^([0-9]{4}-[0-9]{2}-[0-9]{2})[T ][0-9:].*", r"\1", str(value or "").strip()))
