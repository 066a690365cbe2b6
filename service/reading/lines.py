"""The bodies of a collection that are in line with others: which of them a name means, at which time."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from indexer.metadata import body_key
from service.lineage import Alias, Body, Lineage, Link
from service.reading.times import Period


@dataclass(frozen=True, slots=True)
class Meant:
    """A body, as stored, that a name means; of documents of other days than these it is not meant."""

    body: str
    since: date | None = None
    until: date | None = None
    links: tuple[Link, ...] = ()  # from the body that has the name; none where it is the same


class Lines:
    """A lineage in the light of the bodies of one generation of a collection; built once, then only read."""

    def __init__(self, lineage: Lineage, bodies: Iterable[str]) -> None:
        self.lineage = lineage
        self._stored: dict[str, list[str]] = {}
        for stored in sorted(set(bodies)) if lineage.bodies else ():
            self._stored.setdefault(body_key(stored), []).append(stored)
        self._called: dict[str, list[tuple[Body, Alias]]] = {}
        for is_alias in (False, True):  # whose own name it is comes first
            for body in lineage.bodies:
                for alias in body.called[1:] if is_alias else body.called[:1]:
                    self._called.setdefault(body_key(alias.name), []).append((body, alias))

    def stated(self) -> Iterator[Body]:
        """Give the bodies of the lineage that the collection has something on."""
        return (body for body in self.lineage.bodies if any(self._line(body)))

    def has(self, body: str) -> bool:
        """Tell whether a body is known here, and in line with others."""
        return body_key(body) in self._called

    def meant(self, body: str, periods: Sequence[Period], *, history: bool, looks_back: bool) -> tuple[Meant, ...]:
        """Give what a body's name means where a question names these times, the body itself first where it is stored.

        Without any it is the body and what came after it, or whom it serves; where the question is on its history,
        what was before it, too. With times, it is whatever was there then.
        """
        called = self._called.get(body_key(body), ())
        found = {stored: Meant(stored) for stored in self._stored.get(body_key(body), ())}
        held = [meant for one, alias in called if _overlap(alias, periods) for meant in self._held(one, ())]
        for kin in [kin for one, _ in called for kin in self.lineage.kin(one)]:
            is_then = _overlap(kin.body, periods) if periods else history or not kin.is_earlier
            if is_then or (kin.is_earlier and looks_back):
                held += self._held(kin.body, kin.links)
        for meant in held:
            found.setdefault(meant.body, meant)
        if not found and periods:
            return self.meant(body, (), history=True, looks_back=looks_back)
        return tuple(found.values())

    def server(self, question: str) -> tuple[str, int, int] | None:
        """Find "the trust", and which body it is where all bodies of the collection are in the line of one."""
        for body in self.lineage.bodies:
            noun = body.name.split()[-1]
            if not body.delivers_for or not (found := _the(noun).search(question)):
                continue
            line = {meant.body for meant in self._line(body)}
            if line and all(body in line for bodies in self._stored.values() for body in bodies):
                return body.name, found.start(), found.end()
        return None

    def _line(self, body: Body) -> Iterator[Meant]:
        yield from self._held(body, ())
        for kin in self.lineage.kin(body):
            yield from self._held(kin.body, kin.links)

    def _held(self, body: Body, links: tuple[Link, ...]) -> Iterator[Meant]:
        """Give the stored bodies that are a body, by its name or by what else it is called."""
        for alias in body.called:
            for stored in self._stored.get(body_key(alias.name), ()):
                yield Meant(stored, alias.since, alias.until, links)


def _overlap(one: Alias | Body, periods: Sequence[Period]) -> bool:
    since, until = one.since or date.min, one.until or date.max
    return not periods or any(
        (period.start or date.min) <= until and since <= (period.end or date.max) for period in periods
    )


def _the(noun: str) -> re.Pattern[str]:
    """Match a kind of body that is spoken of as if there was but one."""
    return re.compile(
        rf"\bthe\s+(?:children['’]?s\s+)?{re.escape(noun)}\b(?!['’]?\s+(?:in|of|that|between)\b)", re.IGNORECASE
    )
