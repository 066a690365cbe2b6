"""Which bodies a sentence of the press speaks of."""

import re
from collections.abc import Sequence

from indexer.metadata import body_key
from service.catalogue import Catalogue
from service.press.areas import BODY
from service.press.claims import flat
from service.reading import LIKELY, Named, Names, read

_NAME = r"[A-Z][\w'-]*[\w](?:(?:\s+(?:and|&|upon|on|of|the|with|in)){0,2}\s+[A-Z][\w'-]*\w){0,5}"
# Names that stand where that of a council or its place does.
_PLACED = re.compile(
    rf"(?:\b(?:[Nn]eighbouring|[Nn]earby)\s+(?P<near>{_NAME}))"
    rf"|(?P<council>{_NAME})\s+(?:(?:City|County|Borough|Metropolitan|District|Unitary)\s+)*Council\b"
    rf"|\b(?:services|authority|department|council)\s+(?:in|at|of|for|across)\s+(?:the\s+)?(?P<at>{_NAME})"
    rf"|(?P<owner>{_NAME})'s\s+(?:children|services|council|social|authority|department)"
)
_BACK = re.compile(r"\A\W*(?:It|They|Its|Their|There|The\s+(?:council|authority|county|city|borough|trust))\b")
_STOPS = re.compile(r"[,;:]|\b(?:and|but|while|whereas|with)\b", re.IGNORECASE)
# Names and first words of sentences that are of no body.
_WORDS = (
    "Ofsted|England|UK|Britain|January|February|March|April|May|June|July|August|September|October|November|December"
    "|Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday|Children(?:'s)?|Safeguarding|Local|Authority|Board|LSCB"
    "|Services?|Social|Care|Council|County|City|Borough|Metropolitan|District|Unitary|Government|Trust|Inspectors?"
    "|Her|His|Majesty's|Requires|Improvement|Good|Outstanding|Inadequate|The|A|An|This|Its|Their|Our|In|At|It|Of|And"
)
_KNOWN = re.compile(rf"(?:{_WORDS})(?:\s+(?:{_WORDS}|of|and|for|to|be|good|the))*(?:'s)?")
_CAPITALS = re.compile(r"\b[A-Z][\w'-]*(?:\s+[A-Z][\w'-]*)*")


def story_bodies(title: str, body: str | None, opening: str, catalogue: Catalogue) -> tuple[str, ...]:
    """Give the bodies that a story is about: the one that is stated, else those in its title, else in its opening."""
    if body:
        return (body,)
    for text in (title, opening):
        if found := read(flat(text), catalogue.names).bodies(with_kin=False):
            return found
    return ()


def masked_bodies(text: str, sentences: Sequence[tuple[int, int]], names: Names) -> str:
    """Put a sign for each letter of the bodies that a text names; every other character keeps its place."""
    signs = list(text)
    for start, end in sentences:
        for one in read(flat(text[start:end]), names).named:
            if one.certainty >= LIKELY and one.end - one.start > 2:
                signs[start + one.start : start + one.end] = BODY * (one.end - one.start)
    return "".join(signs)


def subjects(
    sentence: str, at: int, names: Names, story: tuple[str, ...], before: tuple[str, ...] | None
) -> tuple[str, ...] | None:
    """Give the bodies that a claim at a place of a sentence is about; None where that is not plain.

    A sentence that names none goes on with what the one `before` it is about where it begins so ("It was ..."), and
    is else about the story's own.
    """
    sentence = flat(sentence)
    named = [one for one in read(sentence, names).named if one.certainty >= LIKELY and not one.is_kin]
    if _strange(sentence, named):
        return None
    if not named:
        return before if _BACK.match(sentence) else story
    lines = _lines(named, names)
    if len(lines) == 1:
        return lines[0]
    first = max((match.end() for match in _STOPS.finditer(sentence, 0, at)), default=0)
    here = _lines([one for one in named if first <= one.start < at], names)
    return here[0] if len(here) == 1 else None


def _lines(named: Sequence[Named], names: Names) -> list[tuple[str, ...]]:
    """Put the names of a line of bodies together."""
    found: list[tuple[set[str], list[str]]] = []
    for one in named:
        line = {body_key(one.body)}
        line |= {body_key(kin.body) for kin in names.lines.meant(one.body, (), history=True, looks_back=True)}
        for keys, bodies in found:
            if keys & line:
                keys.update(line)
                bodies.append(one.body)
                break
        else:
            found.append((line, [one.body]))
    return [tuple(dict.fromkeys(bodies)) for _, bodies in found]


def _strange(sentence: str, named: Sequence[Named]) -> bool:
    """Tell whether a body is spoken of that nothing here is on."""
    for match in _PLACED.finditer(sentence):
        group = match.lastgroup
        assert group
        start, end = match.span(group)
        is_known = any(one.start < end and start < one.end for one in named)
        if not is_known and not _KNOWN.fullmatch(match[group]):
            return True
    return False


def names_others(sentence: str, names: Names) -> bool:
    """Tell whether a sentence has a name that is of no body here; then nobody knows what it may be about."""
    sentence = flat(sentence)
    rest = list(sentence)
    for one in read(sentence, names).named:
        if one.certainty >= LIKELY:
            rest[one.start : one.end] = " " * (one.end - one.start)
    for match in _CAPITALS.finditer("".join(rest)):
        words = match[0].split()
        opens = not sentence[: match.start()].strip(" \"'")
        if not _KNOWN.fullmatch(match[0]) and not (opens and len(words) == 1):
            return True
    return False
