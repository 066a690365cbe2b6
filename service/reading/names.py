"""The names that the bodies of a collection go by, derived from the names themselves."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import Enum

from indexer.metadata import body_key
from service.lineage import Body, Lineage
from service.reading.lines import Lines
from service.reading.spelling import Spelling
from service.reading.words import DIRECTIONS, RANKS, phrase

Phrase = tuple[str, ...]
SHARED_BY = 3  # bodies; a short form that fits more of them names none
SHARED = 0.3  # certainty of each body that a short form fits
BESIDE = 0.4  # certainty of a trust where its council is named, and of the council where the trust is


class Kind(Enum):
    """How a name comes from the body's own, and how surely it means the body where nothing speaks against it."""

    WHOLE = 1.0, "its own name"
    STATED = 1.0, "what somebody stated that it is called"
    TRUST = 0.9, "the place and last word of a trust or company"
    MEMBER = 0.8, "one of several places in the name"
    FIRST = 0.8, "what stands before a word such as upon or forest"
    PLACE = 0.7, "the place of a trust or company"
    INITIALS = 0.45, "first letters, which may stand for much else"
    LAST = 0.5, "what stands after upon, which may be a river as well as the town"
    WIDER = 0.3, "without north, east ...: an area that others share"

    def __init__(self, certainty: float, how: str) -> None:
        self.certainty = certainty
        self.how = how


@dataclass(frozen=True, slots=True)
class Alias:
    """A name that a body goes by; `body` is as stored, or, where the kind is STATED, as the lineage has it."""

    body: str
    kind: Kind
    certainty: float


class Names:
    """What the bodies of one generation of a collection are called; built once, then only read."""

    def __init__(self, bodies: Iterable[str], lineage: Lineage = Lineage()) -> None:  # noqa: B008 - it is frozen
        """Take a lineage to know what its bodies are called besides, as far as the collection has them."""
        bodies = set(bodies)
        self.lines = Lines(lineage, bodies)
        found: dict[Phrase, dict[str, Alias]] = {}
        for body in sorted(bodies):
            for words, kind in _forms(body):
                alias = Alias(body, kind, kind.certainty)
                known = found.setdefault(words, {}).setdefault(body, alias)
                if known.certainty < alias.certainty:
                    found[words][body] = alias
        told = {words: _told_apart(list(fit.values())) for words, fit in found.items()}
        councils = _councils(told)
        derived: Mapping[Phrase, tuple[Alias, ...]] = {
            words: (
                *fit,
                *(council for alias in fit for council in councils.get(alias.body, ()) if alias.kind in _OWN),
            )
            for words, fit in told.items()
            if fit
        }
        stated: dict[Phrase, tuple[Alias, ...]] = {}
        for one in self.lines.stated():
            for words, kind in _stated_forms(one):
                if not any(alias.kind is Kind.WHOLE for alias in derived.get(words, ())):
                    stated.setdefault(words, (Alias(one.name, kind, Kind.STATED.certainty),))
        self.aliases: Mapping[Phrase, tuple[Alias, ...]] = {**derived, **stated}
        self.beginnings = frozenset(words[:count] for words in self.aliases for count in range(1, len(words)))
        # Initials and small words are left alone: only words that make a name are corrected.
        made = {word for words, fit in derived.items() for word in words if fit[0].kind is not Kind.INITIALS}
        self.spelling = Spelling(made - RANKS - {"upon"})


def _told_apart(fit: list[Alias]) -> tuple[Alias, ...]:
    """Keep the bodies that a name can mean, less sure of each where it fits several.

    A body's own name hides what others make of it, except that a trust may be meant by the name of its place. A
    short form of several bodies is read as each of them: "Sussex" prefers both halves to the rest of England, and
    a county that was divided prefers its successors.
    """
    if whole := [alias for alias in fit if alias.kind is Kind.WHOLE]:
        places = [replace(alias, certainty=BESIDE) for alias in fit if alias.kind is Kind.PLACE]
        return (*whole, *places)
    closer = [alias for alias in fit if alias.kind is not Kind.WIDER] or fit
    count = len({body_key(alias.body) for alias in closer})
    if count == 1:
        return tuple(closer)
    if count > SHARED_BY:
        return ()
    return tuple(replace(alias, certainty=min(alias.certainty, SHARED)) for alias in closer)


def _councils(told: Mapping[Phrase, tuple[Alias, ...]]) -> dict[str, list[Alias]]:
    """Give the body that has the name of a trust's place, for each such trust: reports of one tell of the other."""
    found: dict[str, list[Alias]] = {}
    for fit in told.values():
        whole = [replace(alias, kind=Kind.PLACE, certainty=BESIDE) for alias in fit if alias.kind is Kind.WHOLE]
        found.update({alias.body: whole for alias in fit if alias.kind is Kind.PLACE and whole})
    return found


_OWN = frozenset({Kind.WHOLE, Kind.TRUST})
# Where the name of a body that is no place begins to say what it is: "Lyne Children's Trust", "Lyne Hospitals".
_INSTITUTION = re.compile(
    r"\s*\b(?:academy|adults?|agency|board|care|child|children|college|community|company|department|education|family"
    r"|families|fire|first|foundation|futures|health|healthcare|hospitals?|ministry|nhs|office|partnership|police|school"
    r"|services?|social|together|trust|university|youth)\b.*",
    re.IGNORECASE | re.DOTALL,
)
_AND = re.compile(r",|&|\b(?:and|with)\b", re.IGNORECASE)
_UPON = re.compile(r"(?<=\w)[\s-]+(?:by|in|le|on|under|upon)[\s-]+(?:the[\s-]+)?(?=\w)", re.IGNORECASE)
_OF = re.compile(r"\s+of\s+", re.IGNORECASE)
_FEATURES = frozenset("forest isle isles islands vale valley".split())  # common nouns, which name no place alone
_COMPASS: Mapping[Phrase, str] = {
    ("north", "east"): "ne",
    ("north", "west"): "nw",
    ("south", "east"): "se",
    ("south", "west"): "sw",
}


def _forms(body: str) -> Iterator[tuple[Phrase, Kind]]:
    for words, kind in _names(body):
        if words and any(char.isalpha() for word in words for char in word):
            yield words, kind
            if short := _COMPASS.get(words[:2]):
                yield (short, *words[2:]), kind
                yield (words[0] + words[1], *words[2:]), kind


def _stated_forms(body: Body) -> Iterator[tuple[Phrase, Kind]]:
    """Give what a body of the lineage is called; capitals alone are initials, and only as such a name."""
    yield from ((words, Kind.STATED) for words, kind in _forms(body.name) if kind in _OWN)
    for alias in body.aliases:
        if words := phrase(alias.name):
            yield words, Kind.INITIALS if alias.name.isupper() and len(words) == 1 else Kind.STATED


def _names(body: str) -> Iterator[tuple[Phrase, Kind]]:
    key = phrase(body_key(body))
    if set(key) <= RANKS | {"of"}:
        # "London Corporation": without its rank, the name would be that of a region.
        place = tuple(word for word in key if word == "london")
        ranked = (phrase(body), key, ("city", "of", *place), (*place, "corporation"), ("corporation", "of", *place))
        yield from ((words, Kind.WHOLE) for words in ranked if place and len(words) > 1)
        return
    yield key, Kind.WHOLE
    yield phrase(body), Kind.WHOLE
    place_name = _INSTITUTION.sub("", body)
    if not (place := phrase(body_key(place_name))):
        return  # a ministry, say; its parts are words like any other
    if place_name != body:
        yield place, Kind.PLACE
        yield (*place, key[-1]), Kind.TRUST  # "the Lyne trust"
    yield from _shorter(place_name)
    yield from ((letters, Kind.INITIALS) for letters in _initials(place_name))


def _shorter(name: str) -> Iterator[tuple[Phrase, Kind]]:
    places = [body_key(part) for part in _AND.split(name)]
    places = [place for place in places if not set(phrase(place)) <= RANKS | {"of"}]  # "Lyne, City of"
    for place in places:
        words = phrase(place)
        if len(places) > 1 and not _common(words):
            yield words, Kind.MEMBER
        for pattern in (_UPON, _OF):
            sides = [phrase(side) for side in pattern.split(place, maxsplit=1)]
            if len(sides) < 2:
                continue
            # "Isle of Lyne" is Lyne, and "East Riding of Lyne" an East Riding; "Bank of Lyne" is neither.
            if not _common(sides[0]) and (pattern is _UPON or len(sides[0]) > 1):
                yield sides[0], Kind.FIRST
            if pattern is _UPON or _common(sides[0]):
                yield sides[1], Kind.LAST
        yield from _without_directions(words)


def _common(words: Phrase) -> bool:
    return set(words) <= DIRECTIONS | _FEATURES


def _without_directions(words: Phrase) -> Iterator[tuple[Phrase, Kind]]:
    if words[-1:] and words[-1] in _FEATURES and not _common(words):
        yield words[:-1], Kind.FIRST
    start, end = 0, len(words)
    while start < end and words[start] in DIRECTIONS:
        start += 1
    while start < end and words[end - 1] in DIRECTIONS:
        end -= 1
    rest = words[start:end]
    if rest and rest != words and not set(rest) <= _FEATURES and len(rest) <= 2:
        yield rest, Kind.WIDER


_LITTLE = frozenset("and by in le of on the under upon with".split())


def _initials(name: str) -> Iterator[Phrase]:
    """Give first letters as they are written in capitals; two alone are too often something else."""
    written = body_key(name).split()
    letters = "".join(word[0] for word in written if word not in _LITTLE)
    yield (f"{letters}cc",)  # county and city councils
    if len(letters) < 2:
        return
    for short in (letters, "".join(word[0] for word in written if word == "and" or word not in _LITTLE)):
        if len(short) > 2:
            yield (short,)
    yield from ((short,) for short in (f"lb{letters}", f"rb{letters}", f"{letters}c"))  # boroughs and councils
    members = [body_key(part).split() for part in re.split(r"&|\band\b", name)]
    if len(members) == 2 and all(members):  # "B&D", read as two words
        yield phrase(" & ".join("".join(word[0] for word in member) for member in members))
