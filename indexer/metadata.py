"""What is known about a document: stated by a person, by the file's path, or found in the text.

What is found is written in the document, and the place is kept as evidence. Where two places disagree or the shape
of the words is not plain, the field stays unknown: a wrong body or date misleads every search, a missing one none.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import date, datetime
from itertools import pairwise, takewhile
from typing import Any

from indexer.dates import DateRange, find_dates, parse_date
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
    pages = [page for page in extracted.pages if page.text.strip()]
    if not pages:
        return Metadata()
    headings = _headings(pages, untitled=extracted.title is None)
    body = _find_body(pages, headings)
    found = {
        "title": _find_title(pages[0], headings, body),
        "body": body,
        "kind": _find_kind(pages[0], headings, body, kinds),
        "publisher": _find_publisher(pages),
        "published": _find_published(pages),
        "events": _find_events(pages[0]),
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
    seat = re.sub(r"(?: (?:council|corporation|(?:local|unitary) authority))+$", "", _plain(name))
    of = rf"(?:{_RANK} )*(?:council|{_RANK}) of (?:the )?"
    key = re.sub(rf"^(?:(?:{of})+|(?:royal |london |metropolitan )borough |county )", "", seat)
    key = re.sub(rf"(?: {_RANK})+(?: of)?$", "", key)
    return seat if key == "london" else key


_RANK = "(?:london borough|borough|city|county|district|metropolitan|royal|unitary)"


def _plain(name: str) -> str:
    """Return a name in small letters without accents, punctuation and a leading article."""
    letters = "".join(char for char in unicodedata.normalize("NFKD", name) if not unicodedata.combining(char))
    words = re.sub(r"[^\w&]+", " ", re.sub(r"['’‘`]", "", letters.casefold())).replace("&", " and ").split()
    return " ".join(words[1:] if words[:1] == ["the"] else words)


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


# What is stated.

_SMALL = ("and", "by", "in", "le", "of", "on", "the", "under", "upon", "with")  # stay small inside a name


def _with_capitals(name: str) -> str:
    """Write a name that is all in small letters, as in the names of folders, with its capitals."""
    if name != name.lower():
        return name
    words = re.split(r"([\s-]+)", name)
    return "".join(word if at and word in _SMALL else word[:1].upper() + word[1:] for at, word in enumerate(words))


def _stated_text(name: str, value: object) -> str | None:
    if isinstance(value, (Mapping, list, tuple)):
        raise _unusable(name, value, "one line of text")
    return None if _is_blank(value) else _one_line(str(value))


def _stated_day(value: object) -> date | None:
    day = _day(value)
    if day is None and not _is_blank(value):
        raise _unusable("published", value, "one day, such as 2018-05-22 or 22 May 2018")
    return day


def _stated_events(value: object) -> tuple[Event, ...]:
    events: list[Event] = []
    for item in value if isinstance(value, (list, tuple)) else [value]:
        day = _day(item)
        found = [Event(day, day)] if day else [Event(days.start, days.end) for days in find_dates(str(item))]
        if not found and not _is_blank(item):
            raise _unusable("events", item, "days, such as 18 and 19 October 2023 or 2023-10-18 to 2023-10-19")
        events += found
    return tuple(events)


def _day(value: object) -> date | None:
    """Read a date, a date with a time, or either one written down."""
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    return parse_date(re.sub(r"^([0-9]{4}-[0-9]{2}-[0-9]{2})[T ][0-9:].*", r"\1", str(value or "").strip()))


def _is_blank(value: object) -> bool:
    """Tell whether nothing is stated; site generators write "published: true", which is no date and no mistake."""
    return value is None or isinstance(value, bool) or not str(value).strip()


def _unusable(name: str, value: object, wanted: str) -> DocumentRefusedError:
    return DocumentRefusedError(
        Refusal.METADATA, f"`{name}` is {str(value)!r}, which cannot be read: write {wanted}, or leave it out"
    )


def _properties(extracted: Extracted) -> dict[str, _Fact]:
    """Return what the file says about itself outside its text, such as the meta tags of a web page."""
    stated = {} if extracted.format in {"markdown", "text"} else extracted.stated
    texts = {name: _Fact(_one_line(str(stated.get(name) or ""))) for name in ("title", "publisher", "source")}
    if not texts["title"].value:
        texts["title"] = _Fact(extracted.title)
    return {**texts, "published": _Fact(_day(stated.get("published")))}


def _one_line(text: str) -> str:
    return " ".join(text.split())


# What is found: the headings at the top. Each is given as the characters `(start, end)` of the first page.

_Chars = tuple[int, int]
_TOP = 0.6  # of the page's height; no title starts lower (in 223 real reports the lowest starts at 0.25)
_SIZE_STEP = 0.6  # points; smaller differences come from the writer of the PDF, not from the author
_LONGEST = 300  # characters of a heading (the longest title of those reports, put together, has 209)
_LETTERHEAD = 2000  # characters before which the salutation of a letter must stand
_SALUTATION = re.compile(r"^Dear\b[^.!?\n]{0,80}$", re.MULTILINE)
_LABEL = re.compile(r"[^:\n]{1,40}:\s")


def _headings(pages: Sequence[Page], *, untitled: bool) -> list[_Chars]:
    """Return the headings at the top, the title first, or a letter's subject alone; none where nothing is plain.

    `untitled` tells that the file's properties have no title, so that a first line which looks like one is taken.
    """
    page = pages[0]
    lines = [line for line in page.lines if re.search(r"[^\W\d_]", page.text[line.start : line.end])]
    if salutation := _SALUTATION.search(page.text, 0, _LETTERHEAD):
        found = _short_opening(page, [line for line in lines if line.start > salutation.end()], most_lines=3)
    elif stated := _stated_heading(page, lines):
        found = [_chars(stated)]
    elif usual := _usual_size(pages):
        found = _set_apart(page, lines, usual)
    else:
        found = _short_opening(page, lines, most_lines=1) if untitled else []
    return found if all(end - start <= _LONGEST for start, end in found) else []


def _runs(page: Page, lines: Sequence[Line]) -> list[list[Line]]:
    """Group lines that follow each other in one style and without a blank line."""
    runs: list[list[Line]] = []
    for line in lines:
        last = runs[-1][-1] if runs else None
        if (
            last
            and (last.bold, last.heading) == (line.bold, line.heading)
            and abs((last.size or 0) - (line.size or 0)) < _SIZE_STEP
            and page.text.count("\n", last.end, line.start) == 1
        ):
            runs[-1].append(line)
        else:
            runs.append([line])
    return runs


def _stated_heading(page: Page, lines: Sequence[Line]) -> list[Line]:
    """Return the heading that opens the page, or the only one of the first level; sections have no title to give."""
    runs = _runs(page, lines)
    first_level = [run for run in runs if run[0].heading == 1]
    if runs and runs[0][0].heading:
        return runs[0]
    return first_level[0] if len(first_level) == 1 else []


def _chars(run: Sequence[Line]) -> _Chars:
    return run[0].start, run[-1].end


def _short_opening(page: Page, lines: Sequence[Line], *, most_lines: int) -> list[_Chars]:
    """Return the first run of lines if it is short, no sentence, and text follows."""
    runs = _runs(page, lines)
    if len(runs) < 2 or len(runs[0]) > most_lines:
        return []
    start, end = _chars(runs[0])
    return [(start, end)] if page.text[end - 1] not in ".,;:" else []


def _usual_size(pages: Sequence[Page]) -> float | None:
    """Return the font size, in points, that most characters are set in."""
    sizes: Counter[float] = Counter()
    for page in pages:
        for line in page.lines:
            if line.size:
                sizes[line.size] += line.end - line.start
    return max(sizes, key=lambda size: sizes[size], default=None)


def _set_apart(page: Page, lines: Sequence[Line], usual: float) -> list[_Chars]:
    """Return the lines in the largest type near the top, and those right below that are no plain text either."""
    upper = [line for line in lines if line.size and (line.box is None or line.box.top < _TOP)]
    runs = _runs(page, upper)
    largest = max((line.size or 0 for line in upper), default=0)
    if largest < usual + _SIZE_STEP:
        runs = [run for run in runs if run[0] in upper[:3]]  # further down, bold words belong to the text
    first = next(
        (
            at
            for at, (line, *_) in enumerate(runs)
            if _is_apart(line, usual) and (line.size or 0) > largest - _SIZE_STEP
        ),
        len(runs),
    )
    headings: list[_Chars] = []
    for run in takewhile(lambda run: _is_apart(run[0], usual), runs[first:]):
        labels = (at for at, line in enumerate(run) if _is_label(page.text[line.start : line.end]))
        cut = next((at for at in labels if at or headings), len(run))  # the title's own first line is no label
        if run[:cut]:
            headings.append(_chars(run[:cut]))
        if cut < len(run):
            break
    return headings


def _is_apart(line: Line, usual: float) -> bool:
    return line.bold or (line.size or 0) >= usual + _SIZE_STEP


def _is_label(line: str) -> bool:
    return bool(_LABEL.match(line) or find_dates(line))


def _find_title(page: Page, headings: Sequence[_Chars], body: _Fact | None) -> _Fact | None:
    """Take the first heading; where that only names the body, the next one says what the document is."""
    if not headings:
        return None
    start, end = headings[0]
    title = _one_line(page.text[start:end])
    named = _name(page.text, (start, end))
    is_body = body is not None and named is not None and body.value == _one_line(page.text[slice(*named)])
    if (is_body or " " not in title) and len(headings) > 1:
        title = f"{title}: {_one_line(page.text[slice(*headings[1])])}"
        end = headings[1][1]
    return _Fact(title, Span(page.number, start, end))


def _find_kind(page: Page, headings: Sequence[_Chars], body: _Fact | None, kinds: Sequence[str]) -> _Fact | None:
    """Take the first kind that opens a heading, alone, behind the body's name, or behind a colon or dash."""
    name = rf"|\A{_spaced(body.value)}\s+" if body else ""
    report = r"|\A(?:report|findings)\s+(?:of|on|from)\s+(?:an?\s+|the\s+)?"
    for kind in kinds:
        opening = re.compile(rf"(?:\A|:\s+|\s[-–—]\s+{report}{name})(?P<kind>{_spaced(kind)})\b", re.IGNORECASE)
        for start, end in headings:
            if match := opening.search(page.text[start:end]):
                first, last = match.span("kind")
                return _Fact(kind, Span(page.number, start + first, start + last))
    return None


def _spaced(words: str) -> str:
    """Return a pattern for some words, however they are broken into lines."""
    return r"[\s-]+".join(re.escape(word) for word in re.split(r"[\s-]+", words))


# What is found: the body.

_NAME_WORD = r"(?:St\.|[A-ZÀ-ÖØ-ÞŴŶ][\w’'-]*)"
_GAP = r"(?:[^\S\n]+|[^\S\n]*\n[^\S\n]*)"  # a name may run on in the next line, but not in the next paragraph
_NAME = rf"{_NAME_WORD}(?:,?{_GAP}(?:(?:{'|'.join(_SMALL)}|&){_GAP}){{0,2}}{_NAME_WORD}){{0,9}}"
_ACTS = "(?:re-?)?inspections?|visits?|reviews?|fieldwork|assessments?|audits?|evaluations?"
_ACT = re.compile(rf"(?:{_ACTS})\b", re.IGNORECASE)
_LOOKED_AT = re.compile(rf"\b(?i:(?:{_ACTS}|services?)\s+(?:of|to|at|in|into|across)(?:\s+the)?)\s+(?P<name>{_NAME})")
_COUNCIL = re.compile(
    rf"(?:(?:London|Royal|Metropolitan)\s+)?(?:Borough|City|County)\s+of\s+{_NAME}|{_NAME}(?:(?<=Council)|(?<=Trust))\b"
)
_SERVICES = re.compile(
    r"(?:[\s,]+(?:local\s+authorit(?:y|ies)|(?:children|adult)s?['’]?s?|education|health|social|care|services?"
    r"|safeguarding|inspection|report))+$",
    re.IGNORECASE,
)
_AUTHORITY = re.compile(r"\s+(?:(?i:local\s+authority)|(?:children['’]s|adult)\s+(?:social\s+care\s+)?services)\b")
_NO_NAME = re.compile(  # what may follow "inspection of" or "services in" with a capital without being a body
    r"(?:local|children|adult|young|social|special|services?|safeguarding|england|wales|scotland|northern\s+ireland"
    r"|january|february|march|april|may|june|july|august|september|october|november|december)\b",
    re.IGNORECASE,
)
_OPENING = 2000  # characters below the headings that say what a document is about


def _find_body(pages: Sequence[Page], headings: Sequence[_Chars]) -> _Fact | None:
    """Find the body in a heading, or else in the opening of the text, where all mentions must agree."""
    text = pages[0].text
    below = headings[-1][1] if headings else 0
    rest = "\n".join([text[below:], *(page.text for page in pages[1:])])

    def bodies(mentions: Iterable[_Chars]) -> list[_Chars]:
        names = (_name(text, mention) for mention in mentions)
        return [name for name in names if name and _is_body(text, name, rest)]

    found = bodies(
        [
            *(match.span("name") for span in headings for match in _LOOKED_AT.finditer(text, *span)),
            *(match.span() for span in headings for match in _COUNCIL.finditer(text, *span)),
            *(span for span, after in pairwise(headings) if _stands_over(text, span, after)),
        ]
    )
    if not found:
        found = bodies(match.span("name") for match in _LOOKED_AT.finditer(text, below, below + _OPENING))
        if len({body_key(text[slice(*name)]) for name in found}) != 1:
            return None
    start, end = found[0]
    return _Fact(_one_line(text[start:end]), Span(pages[0].number, start, end))


def _stands_over(text: str, heading: _Chars, after: _Chars) -> bool:
    """Tell whether a heading may be a name alone, with what happened there in the heading below it."""
    return bool(re.fullmatch(_NAME, text[slice(*heading)]) and _ACT.match(text, *after))


def _name(text: str, mention: _Chars) -> _Chars | None:
    """Cut a mention down to the name: "The Borough of X Children's Services" is about the Borough of X."""
    words = text[slice(*mention)]
    start = re.match(r"(?:the\s+)?", words, re.IGNORECASE)
    end = _SERVICES.search(words)
    first, last = start.end() if start else 0, end.start() if end else len(words)
    return None if _NO_NAME.match(words, first) else (mention[0] + first, mention[0] + last)


def _is_body(text: str, chars: _Chars, rest: str) -> bool:
    """Tell whether a name is one of a council or trust by its own words, or used like a place's in the text below."""
    name = text[slice(*chars)]
    if name.count("Council") > 1:
        return False  # two of them
    if name.endswith("Trust") or body_key(name) != _plain(name) or _AUTHORITY.match(text, chars[1]):
        return True
    spaced = _spaced(name)
    as_place = rf"\b(?:in|across|within|at|(?:Borough|City)\s+of)\s+(?:the\s+)?{spaced}\b"
    as_owner = rf"\b{spaced}(?:['’]s?)?\s+(?:local|council|county|city|borough|metropolitan|children)"
    return bool(re.search(as_place, rest) or re.search(as_owner, rest))


# What is found: publisher, date of publication, days of the inspection.

_NAME_IN_LINE = _NAME.replace(_GAP, r"[^\S\n]+")
_PUBLISHER = re.compile(
    rf"^[ \t]*(?i:(?:report\s+)?published\s+by:?\s+(?:the\s+)?)(?P<by>{_NAME_IN_LINE})"
    rf"|(?:©|\([Cc]\))[ \t]*(?:[0-9]{{4}}[ \t]+)?(?!(?i:crown|copyright|all)\b)(?:The\s+)?(?P<owner>{_NAME_IN_LINE})"
    r"|\bThe\s[A-Z][^.()]{3,120}\((?P<short>[A-Z]\w+)\)"
    r"\s+(?:regulates|inspects|is\s+the\s+(?:independent\s+)?regulator)\b",
    re.MULTILINE,
)
_ADDRESS = re.compile(r"(?:@|www\.|https?://)([\w./-]{3,80})")
_PUBLISHED = re.compile(
    r"^[ \t]*(?-i:(?=[A-Z]))(?:(?:(?:report|letter|document|first)\s+)?(?:published|issued)(?:\s+on)?"
    r"|(?:publication|issue)\s+date|date\s+(?:of\s+)?(?:publication|published|issued?))\s*:?\s*",
    re.MULTILINE | re.IGNORECASE,
)
_EVENT_LABEL = re.compile(
    rf"^[ \t]*(?-i:(?=[A-Z]))(?:(?:[\w-]+\s){{0,3}}(?:{_ACTS})\s+dates?"
    rf"|dates?\s+of\s+(?:the\s+)?(?:[\w-]+\s){{0,3}}(?:{_ACTS})|(?:inspected|visited)(?:\s+on)?)\s*:?\s*",
    re.MULTILINE | re.IGNORECASE,
)
_EVENT = re.compile(
    rf"\b(?:{_ACTS}|inspected|visited)\b[^.!?]{{0,200}}\b(?:on|between|from|during)\s+(?:the\s+)?\Z", re.IGNORECASE
)
_ANOTHER_TIME = re.compile(
    r"\b(?:previous|last|earlier|since|after|following|prior|next|before|publish)", re.IGNORECASE
)
_LINE_END = re.compile(r"[ \t.]*$", re.MULTILINE)
_AND = re.compile(r"[\s,;]*(?:and\s+|&\s*)?")


def _find_publisher(pages: Sequence[Page]) -> _Fact | None:
    """Find who says to have published this, on the first and last page or in a letterhead; all must agree."""
    found = []
    for page in {page.number: page for page in (pages[0], pages[-1])}.values():
        for match in _PUBLISHER.finditer(page.text):
            group = str(match.lastgroup)
            found.append(_Fact(_one_line(match[group]), Span(page.number, *match.span(group))))
    found += _letterhead(pages[0])
    return found[0] if len({body_key(fact.value) for fact in found}) == 1 else None


def _letterhead(page: Page) -> list[_Fact]:
    """Take the first line of a letter as its sender where a web address below it holds that name."""
    salutation = _SALUTATION.search(page.text, 0, _LETTERHEAD)
    if not salutation or not page.lines:
        return []
    start, end = _chars(page.lines[:1])
    name = page.text[start:end]
    key = body_key(name).replace(" ", "")
    addresses = _ADDRESS.findall(page.text, end, salutation.start())
    known = len(key) > 2 and any(key in address.casefold() for address in addresses)
    return [_Fact(name, Span(page.number, start, end))] if known else []


def _find_published(pages: Sequence[Page]) -> _Fact | None:
    """Find the day labelled as that of publication, at the front or the back, or else the day a letter bears."""
    found = []
    for page in {page.number: page for page in (*pages[:2], pages[-1])}.values():
        for label in _PUBLISHED.finditer(page.text):
            days = _days_at(page.text, label.end())[:1]
            if days and (":" in label[0] or _LINE_END.match(page.text, days[0].span[1])):
                found.append((page, days[0]))
    if not found and (salutation := _SALUTATION.search(pages[0].text, 0, _LETTERHEAD)):
        above = [line for line in pages[0].lines if line.end < salutation.start()]
        for line in above:
            days = _days_at(pages[0].text, line.start)
            found += [(pages[0], day) for day in days if day.span == (line.start, line.end)]
    if len({(days.start, days.end) for _, days in found}) != 1 or found[0][1].start != found[0][1].end:
        return None
    page, day = found[0]
    return _Fact(day.start, Span(page.number, *day.span))


def _find_events(page: Page) -> _Fact | None:
    """Find the days labelled as those of the inspection or visit, or else the first that a sentence gives it."""
    for label in _EVENT_LABEL.finditer(page.text, 0, _OPENING):
        if days := _days_at(page.text, label.end()):
            return _events(page, days)
    dates = find_dates(page.text[:_OPENING])
    for at, first in enumerate(dates):
        start = first.span[0]
        sentence = re.split(r"[.!?]\s|\n\s*\n", page.text[max(0, start - 300) : start])[-1]
        if _EVENT.search(sentence) and not _ANOTHER_TIME.search(sentence):
            return _events(page, _chain(page.text, dates[at:], start))
    return None


def _events(page: Page, days: Sequence[DateRange]) -> _Fact:
    span = Span(page.number, days[0].span[0], days[-1].span[1])
    return _Fact(tuple(Event(each.start, each.end) for each in days), span)


def _days_at(text: str, at: int) -> list[DateRange]:
    """Return the dates that begin right there, one behind the other: "3 to 7 May 2019 and 2 June 2019"."""
    near = find_dates(text[at : at + 300])
    return _chain(text, [replace(days, span=(at + days.span[0], at + days.span[1])) for days in near], at)


def _chain(text: str, dates: Sequence[DateRange], at: int) -> list[DateRange]:
    """Return the first dates as long as only an "and" or a comma stands in front of each."""
    chain: list[DateRange] = []
    for days in dates:
        if not _AND.fullmatch(text, chain[-1].span[1] if chain else at, days.span[0]):
            break
        chain.append(days)
    return chain
