"""What a list of documents can be narrowed to: bodies, kinds and years, each with how many documents that leaves."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from indexer.metadata import body_key
from indexer.records import Document


@dataclass(frozen=True, slots=True)
class Choice:
    """A value that a filter can have; `count` is of its documents that all other filters let through."""

    value: str
    count: int
    is_chosen: bool


@dataclass(frozen=True, slots=True)
class Facets:
    """The choices of each filter. `undated` documents fit no filter on dates."""

    bodies: tuple[Choice, ...]
    kinds: tuple[Choice, ...]
    years: tuple[Choice, ...]  # newest first
    undated: int
    fitting: int  # documents that all filters let through


def facets(
    documents: Sequence[Document],
    *,
    bodies: Sequence[str] = (),
    kinds: Sequence[str] = (),
    published_from: date | None = None,
    published_to: date | None = None,
    first: Iterable[str] = (),
) -> Facets:
    """Count what each choice would leave, given the filters as somebody wrote them.

    Bodies and kinds are known as `query.resolve` knows them; one that is chosen is listed even where the index has
    none of it. Of the bodies those of `first` come first, in their order, then those with most documents.
    """
    body_of, kind_of = _Names(body_key), _Names(_kind_key)
    wanted_bodies, wanted_kinds = set(map(body_of.key, bodies)), set(map(kind_of.key, kinds))
    by_body: Counter[str] = Counter()
    by_kind: Counter[str] = Counter()
    by_year: Counter[int] = Counter()
    undated = fitting = 0
    for document in documents:
        metadata = document.metadata
        body, kind, day = body_of.add(metadata.body), kind_of.add(metadata.kind), metadata.published
        fits_body = not bodies or body in wanted_bodies
        fits_kind = not kinds or kind in wanted_kinds
        fits_dates = _within(day, published_from, published_to)
        by_body[body] += fits_kind and fits_dates
        by_kind[kind] += fits_body and fits_dates
        if fits_body and fits_kind:
            fitting += fits_dates
            undated += day is None
            if day:
                by_year[day.year] += 1
    early: dict[str, int] = {}
    for body in first:
        early.setdefault(body_of.key(body), len(early))
    listed = sorted(_choices(by_body, body_of, bodies), key=lambda one: early.get(body_of.key(one.value), len(early)))
    return Facets(
        bodies=tuple(listed),
        kinds=tuple(_choices(by_kind, kind_of, kinds)),
        years=tuple(
            Choice(str(year), count, _is_year(year, published_from, published_to))
            for year, count in sorted(by_year.items(), reverse=True)
        ),
        undated=undated,
        fitting=fitting,
    )


class _Names:
    """Knows names by their keys, and the name that most documents have of those with one key."""

    def __init__(self, key: Callable[[str], str]) -> None:
        self._key = key
        self._keys: dict[str, str] = {}  # so far; making one takes long
        self._names: dict[str, Counter[str]] = {}

    def key(self, name: str) -> str:
        if name not in self._keys:
            self._keys[name] = self._key(name)
        return self._keys[name]

    def add(self, name: str | None) -> str:
        """Count a name; its key is empty where it is unknown."""
        if not name:
            return ""
        key = self.key(name)
        self._names.setdefault(key, Counter())[name] += 1
        return key

    def name(self, key: str, given: str) -> str:
        names = self._names.get(key)
        return min(names, key=lambda name: (-names[name], len(name), name)) if names else given


def _choices(counts: Counter[str], names: _Names, chosen: Sequence[str]) -> list[Choice]:
    """List the values: chosen ones first, then by how many documents they leave, without those that leave none."""
    given = {names.key(name): name for name in chosen}
    found = [
        Choice(names.name(key, given.get(key, "")), counts[key], key in given)
        for key in {**counts, **given}
        if key in given or (key and counts[key])
    ]
    return sorted(found, key=lambda one: (not one.is_chosen, -one.count, one.value))


def _kind_key(kind: str) -> str:
    return kind.strip().casefold()


def _within(day: date | None, first: date | None, last: date | None) -> bool:
    if day is None:
        return first is None and last is None
    return (first is None or day >= first) and (last is None or day <= last)


def _is_year(year: int, first: date | None, last: date | None) -> bool:
    """Tell whether the dates are just those of a year."""
    return (first, last) == (date(year, 1, 1), date(year, 12, 31))
