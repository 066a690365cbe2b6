"""The council or trust that a document is about, found in its headings or in the opening of its text."""

import re
from collections.abc import Iterable, Sequence
from itertools import pairwise

from indexer.metadata.facts import Chars, Fact, one_line
from indexer.metadata.names import ACTS, NAME, body_key, name_within, plain, spaced
from indexer.records import Page, Span

OPENING = 2000  # characters below the headings that say what a document is about
_ACT = re.compile(rf"(?:{ACTS})\b", re.IGNORECASE)
_LOOKED_AT = re.compile(rf"\b(?i:(?:{ACTS}|services?)\s+(?:of|to|at|in|into|across)(?:\s+the)?)\s+(?P<name>{NAME})")
_COUNCIL = re.compile(
    rf"(?:(?:London|Royal|Metropolitan)\s+)?(?:Borough|City|County)\s+of\s+{NAME}|{NAME}(?:(?<=Council)|(?<=Trust))\b"
)
_AUTHORITY = re.compile(r"\s+(?:(?i:local\s+authority)|(?:children['’]s|adult)\s+(?:social\s+care\s+)?services)\b")


def find_body(pages: Sequence[Page], headings: Sequence[Chars]) -> Fact | None:
    """Find the body in a heading, or else in the opening of the text, where all mentions must agree."""
    text = pages[0].text
    below = headings[-1][1] if headings else 0
    rest = "\n".join([text[below:], *(page.text for page in pages[1:])])

    def bodies(mentions: Iterable[Chars]) -> list[Chars]:
        names = (name_within(text, mention) for mention in mentions)
        return [name for name in names if name and _is_body(text, name, rest)]

    found = bodies(
        [
            *(match.span("name") for span in headings for match in _LOOKED_AT.finditer(text, *span)),
            *(match.span() for span in headings for match in _COUNCIL.finditer(text, *span)),
            *(span for span, after in pairwise(headings) if _stands_over(text, span, after)),
        ]
    )
    if not found:
        found = bodies(match.span("name") for match in _LOOKED_AT.finditer(text, below, below + OPENING))
        if len({body_key(text[slice(*name)]) for name in found}) != 1:
            return None
    start, end = found[0]
    return Fact(one_line(text[start:end]), Span(pages[0].number, start, end))


def _stands_over(text: str, heading: Chars, after: Chars) -> bool:
    """Tell whether a heading may be a name alone, with what happened there in the heading below it."""
    return bool(re.fullmatch(NAME, text[slice(*heading)]) and _ACT.match(text, *after))


def _is_body(text: str, chars: Chars, rest: str) -> bool:
    """Tell whether a name is one of a council or trust by its own words, or used like a place's in the text below."""
    name = text[slice(*chars)]
    if name.count("Council") > 1 or re.fullmatch("[A-Z]{2,6}", name):
        return False  # two of them; an abbreviation, mostly of something else
    if name.endswith("Trust") or body_key(name) != plain(name) or _AUTHORITY.match(text, chars[1]):
        return True
    spelled = spaced(name)
    as_place = rf"\b(?:in|across|within|at|(?:Borough|City)\s+of)\s+(?:the\s+)?{spelled}\b"
    as_owner = rf"\b{spelled}(?:['’]s?)?\s+(?:local|council|county|city|borough|metropolitan|children)"
    return bool(re.search(as_place, rest) or re.search(as_owner, rest))
