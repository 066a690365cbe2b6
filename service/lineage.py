"""Bodies that came before others, after them or in their place, as a small file beside a collection states them."""

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from indexer.errors import InputError
from indexer.settings import Settings

DELIVERS = "delivers services for"


@dataclass(frozen=True, slots=True)
class Alias:
    """What else a body is called, and from when to when; both days included, None leaves that side open."""

    name: str
    since: date | None = None
    until: date | None = None


@dataclass(frozen=True, slots=True)
class Body:
    """A body from its first to its last day, likewise; it may run services in the name of others."""

    name: str
    aliases: tuple[Alias, ...] = ()
    since: date | None = None
    until: date | None = None
    delivers_for: tuple[str, ...] = ()  # names of other bodies

    @property
    def called(self) -> tuple[Alias, ...]:
        """All that it is called, its own name first; none of it beyond its own days."""
        own = Alias(self.name, self.since, self.until)
        return (own, *(Alias(one.name, *_common(one, self)) for one in self.aliases))


@dataclass(frozen=True, slots=True)
class Succession:
    """A body gave way to others on a day, which is their first."""

    earlier: str
    later: tuple[str, ...]
    on: date
    how: str  # the words between the two names


@dataclass(frozen=True, slots=True)
class Link:
    """Why what is asked of one body is looked for at another: "`earlier` `how` `later`", from the day `on`."""

    earlier: str  # or the body that delivers for the other
    later: str
    on: date | None
    how: str

    @property
    def told(self) -> str:
        """Say it in words."""
        return f"{self.earlier} {self.how} {self.later}" + (f" from {self.on}" if self.on else "")


@dataclass(frozen=True, slots=True)
class Kin:
    """A body in line with another one, and the links that lead to it."""

    body: Body
    links: tuple[Link, ...]
    is_earlier: bool = False


@dataclass(frozen=True, slots=True)
class Lineage:
    """The bodies that are known to be in line with others; empty where nobody stated any."""

    bodies: tuple[Body, ...] = ()
    successions: tuple[Succession, ...] = ()

    @classmethod
    def of(cls, path: Path) -> "Lineage":
        """Read a file of bodies. Raises InputError naming the entry, what is wrong with it and what to do."""
        where = f"the file of bodies `{path}`"
        try:
            given = tomllib.loads(path.read_text("utf-8"))
            written = _File.model_validate(given)
        except FileNotFoundError as error:
            raise InputError(f"{where} does not exist; write it, or leave out the setting `bodies`") from error
        except ValidationError as error:  # before ValueError, which it is
            first = error.errors()[0]
            entry = _entry(given, first["loc"])
            raise InputError(f"{where}: {entry}: {first['msg']}; `corpus/README.md` tells what goes there") from error
        except ValueError as error:
            raise InputError(f"{where} is not TOML in UTF-8: {error}; put that right") from error
        except OSError as error:
            raise InputError(f"{where} cannot be read ({error.strerror}); name one that can") from error
        made = cls(tuple(one.made() for one in written.body), tuple(one.made() for one in written.succession))
        if wrong := next(_wrong(made), None):
            raise InputError(f"{where}: {wrong}")
        return made

    @classmethod
    def stated(cls, settings: Settings) -> "Lineage":
        """Read the file of the settings; where they leave it to the default, there need be none. Raises likewise."""
        is_named = "bodies" in settings.model_fields_set
        return cls.of(settings.bodies) if is_named or settings.bodies.exists() else cls()

    def kin(self, body: Body) -> tuple[Kin, ...]:
        """Give the bodies in line with one, each once: what came after it, whom it serves, what came before these.

        What only came of the same body, or into the same one, is another line.
        """
        found = {body.name: Kin(body, ())}
        served = [body.name]
        waiting = [body.name]
        for name in waiting:
            for link in (*self._after(name), *self._served(name)):
                if link.later not in found:
                    found[link.later] = Kin(self._named[link.later], (*found[name].links, link))
                    waiting.append(link.later)
                    if name in served and link.how == DELIVERS:
                        served.append(link.later)
        for name in served:
            for link in self._before(name):
                if link.earlier not in found:
                    links = (*found[name].links, link)
                    found[link.earlier] = Kin(self._named[link.earlier], links, is_earlier=True)
                    served.append(link.earlier)
        return tuple(found.values())[1:]

    @property
    def _named(self) -> dict[str, Body]:
        return {body.name: body for body in self.bodies}

    def _after(self, name: str) -> Iterator[Link]:
        for one in self.successions:
            if one.earlier == name:
                yield from (Link(name, later, one.on, one.how) for later in one.later)

    def _before(self, name: str) -> Iterator[Link]:
        return (Link(one.earlier, name, one.on, one.how) for one in self.successions if name in one.later)

    def _served(self, name: str) -> Iterator[Link]:
        body = self._named[name]
        for client in body.delivers_for:
            yield Link(name, client, _common(body, self._named[client])[0], DELIVERS)


def _common(one: Alias | Body, other: Alias | Body) -> tuple[date | None, date | None]:
    """Give the days that two have in common."""
    since = max((day for day in (one.since, other.since) if day), default=None)
    return since, min((day for day in (one.until, other.until) if day), default=None)


def _wrong(lineage: Lineage) -> Iterator[str]:
    """Say what is wrong with entries that are well formed each by itself."""
    known: set[str] = set()
    for body in lineage.bodies:
        if body.name in known:
            yield f"body `{body.name}` is there twice; keep one of them"
        known.add(body.name)
    for body in lineage.bodies:
        for one in body.called:
            if one.since and one.until and one.since > one.until:
                whose = "" if one.name == body.name else f", alias `{one.name}`"
                yield f"body `{body.name}`{whose}: it begins after its end; set `since` and `until` right"
        if unknown := sorted({*body.delivers_for} - known):
            yield f"body `{body.name}`: delivers_for: there is no body `{unknown[0]}`; add it, by its `name`"
        if body.name in body.delivers_for:
            yield f"body `{body.name}`: delivers_for: that is itself; take it out"
    for succession in lineage.successions:
        entry = f"succession from `{succession.earlier}`"
        if unknown := sorted({succession.earlier, *succession.later} - known):
            yield f"{entry}: there is no body `{unknown[0]}`; add it, by its `name`"
        if succession.earlier in succession.later:
            yield f"{entry}: nothing succeeds itself; take it out of `to`"


def _entry(given: dict[str, Any], loc: tuple[int | str, ...]) -> str:
    """Name an entry by what it calls itself, else by its place from 1, and the key in it."""
    match loc:
        case (table, int(place), *keys):
            entry = given[str(table)][place]
            name = entry.get("name", entry.get("from")) if isinstance(entry, dict) else None
            rest = [f"`{key}`" if isinstance(key, str) else f"{key + 1}" for key in keys]
            return " ".join([f"{table} `{name}`" if name else f"{table} {place + 1}", *rest])
    return " ".join(f"`{key}`" for key in loc)


def _alias(value: object) -> object:
    return {"name": value} if isinstance(value, str) else value


class _Table(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", str_min_length=1, str_strip_whitespace=True)


class _AliasTable(_Table):
    name: str
    since: date | None = None
    until: date | None = None


class _BodyTable(_AliasTable):
    aliases: list[Annotated[_AliasTable, BeforeValidator(_alias)]] = []
    delivers_for: list[str] = []

    def made(self) -> Body:
        aliases = tuple(Alias(one.name, one.since, one.until) for one in self.aliases)
        return Body(self.name, aliases, self.since, self.until, tuple(self.delivers_for))


class _SuccessionTable(_Table):
    earlier: str = Field(alias="from")
    later: list[str] = Field(alias="to", min_length=1)
    on: date
    how: str = "was succeeded by"

    def made(self) -> Succession:
        return Succession(self.earlier, tuple(self.later), self.on, self.how)


class _File(_Table):
    body: list[_BodyTable] = []
    succession: list[_SuccessionTable] = []
