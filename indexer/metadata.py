"""What is known about a document: stated by a person, by the file's path, or found in the text.

What is found is written in the document, and the place is kept as evidence. Where two places disagree or the shape
of the words is not plain, the field stays unknown: a wrong body or date misleads every search, a missing one none.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime
from itertools import pairwise
from typing import Any

from indexer.dates import find_dates, parse_date
from indexer.errors import DocumentRefusedError, Refusal
from indexer.records import Event, Evidence, Extracted, Line, Metadata, Origin, Page, Span
from indexer.settings import PathRule

_TEXTS = ("title", "publisher", "body", "kind", "source", "licence")  # the fields that are text
_FIELDS = tuple(field.name for field in fields(Metadata) if field.name != "evidence")


def stated_by_path(path: str, rules: Sequence[PathRule]) -> Metadata:
    """Read what the first rule that fits the whole relative path says; nothing where none fits.

    A captured date that cannot be read stays unknown, since a folder's name promises nothing.
    """
    for rule in rules:
        if match := re.fullmatch(rule.pattern, path):
            captured = {name: (value or "").strip() for name, value in match.groupdict().items()}
            values: dict[str, Any] = {name: captured.get(name) or getattr(rule, name) for name in _TEXTS}
            if captured.get("body"):
                values["body"] = _with_capitals(captured["body"])
            values["published"] = parse_date(captured.get("published", ""))
            return _metadata(Origin.RULE, {name: _Fact(value) for name, value in values.items()})
    return Metadata()


def stated_by_front_matter(values: Mapping[str, Any]) -> Metadata:
    """Read what front matter, or the row of a manifest, says; keys that are no field are somebody else's.

    Raises DocumentRefusedError (METADATA) for a value that cannot be used, since the person who wrote it meant
    something by it.
    """
    facts = {name: _Fact(_stated_text(name, values.get(name))) for name in _TEXTS}
    facts["published"] = _Fact(_stated_day(values.get("published")))
    facts["events"] = _Fact(_stated_events(values.get("events")))
    return _metadata(Origin.STATED, facts)


def found_in_text(extracted: Extracted, kinds: Sequence[str]) -> Metadata:
    """Find what the text says, keeping the place, and then what the file's own properties say.

    `kinds` are the kinds of report looked for, the first that fits counts; one has to open a heading, since a
    headline may speak of an inspection without being its report. Front matter is stated, so it is not read here.
    """
    page = next((page for page in extracted.pages if page.text.strip()), None)
    if page is None:
        return Metadata()
    parts = _headings(extracted, page)
    body = _find_body(page, parts)
    found = {
        "title": _find_title(page, parts, body),
        "body": body,
        "kind": _find_kind(page, parts, body, kinds),
        "publisher": _find_publisher(extracted.pages),
        "published": _find_published(extracted.pages),
        "events": _find_events(page),
    }
    return merge(
        _metadata(Origin.TEXT, {name: fact for name, fact in found.items() if fact}),
        _metadata(Origin.TEXT, _properties(extracted)),
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


def body_key(name: str) -> str:
    """Return what the spellings of a body's name have in common, for comparing and filtering.

    Case, accents, punctuation and the words of local government go: "London Borough of Barking & Dagenham Council"
    and "barking and dagenham" have one key. The City of London keeps its rank, since London is a region of many
    councils; a body that is not the council, such as a children's trust, keeps its whole name.
    """
    plain = _plain(name)
    seat = re.sub(r"(?: (?:council|corporation|(?:local|unitary) authority))+$", "", plain)
    key = re.sub(rf"^(?:(?:{_RANK} )*(?:council|{_RANK}) of (?:the )?|(?:royal |london |metropolitan )borough |county )", "", seat)
    key = re.sub(rf"(?: {_RANK})+(?: of)?$", "", key)
    return seat if key == "london" else key


_RANK = "(?:london borough|borough|city|county|district|metropolitan|royal|unitary)"


def _plain(name: str) -> str:
    """Return a name in small letters without accents, punctuation and a leading article."""
    letters = "".join(char for char in unicodedata.normalize("NFKD", name) if not unicodedata.combining(char))
    words = re.sub(r"[^\w&]+", " ", re.sub(r"['’‘`]", "", letters.casefold())).replace("&", " and ").split()
    return " ".join(words[1:] if words[:1] == ["the"] else words)


# --- stated ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Fact:
    """The value of a field and where it stands in the text."""

    value: Any
    span: Span | None = None


def _metadata(origin: Origin, facts: Mapping[str, _Fact]) -> Metadata:
    known = {name: fact for name, fact in facts.items() if fact.value}
    return Metadata(
        **{name: fact.value for name, fact in known.items()},
        evidence={name: Evidence(origin, fact.span) for name, fact in known.items()},
    )


def _with_capitals(name: str) -> str:
    """Write a name that is all in small letters, as folders have it, the way names are written."""
    if name != name.lower():
        return name
    words = re.split(r"([\s-]+)", name)
    small = {"and", "by", "in", "le", "of", "on", "the", "under", "upon", "with"}
    return "".join(
        word if at and word in small else word[:1].upper() + word[1:] for at, word in enumerate(words)
    )


def _stated_text(name: str, value: object) -> str | None:
    if value is None:
        return None
    if isinstance(value, (Mapping, list, tuple)):
        raise _unusable(name, value, "one line of text")
    return " ".join(str(value).split()) or None


def _stated_day(value: object) -> date | None:
    day = _day(value)
    if day is None and value is not None and str(value).strip():
        raise _unusable("published", value, "one day, such as 2018-05-22 or 22 May 2018")
    return day


def _stated_events(value: object) -> tuple[Event, ...]:
    events: list[Event] = []
    for item in value if isinstance(value, (list, tuple)) else [value]:
        if item is None or not str(item).strip():
            continue
        day = _day(item)
        found = [Event(day, day)] if day else [Event(dates.start, dates.end) for dates in find_dates(str(item))]
        if not found:
            raise _unusable("events", item, "days, such as 18 and 19 October 2023 or 2023-10-18 to 2023-10-19")
        events += found
    return tuple(events)


def _day(value: object) -> date | None:
    """Read a date, a date with a time, or either one written down."""
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    text = str(value or "").strip()
    return parse_date(re.sub(r"(?<=^\d{4}-\d\d-\d\d)[T ]\d.*$", "", text))


def _unusable(name: str, value: object, wanted: str) -> DocumentRefusedError:
    return DocumentRefusedError(Refusal.METADATA, f"`{name}` is {str(value)!r}; write {wanted}, or leave it out")


def _properties(extracted: Extracted) -> dict[str, _Fact]:
    """Return what the file says about itself outside its text, such as the meta tags of a web page."""
    stated = {} if extracted.format in {"markdown", "text"} else extracted.stated
    texts = {name: _Fact(str(stated.get(name) or "").strip()) for name in ("title", "publisher", "source")}
    if not texts["title"].value:
        texts["title"] = _Fact(extracted.title)
    return texts | {"published": _Fact(_day(stated.get("published")))}


# --- found: title ---------------------------------------------------------------------------------------------------

type_placeholder = 0
