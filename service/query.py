"""What is asked: checks a query and its filters, and ties the filters to what the index holds."""

import re
from calendar import monthrange
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from difflib import get_close_matches

from indexer.dates import parse_date
from indexer.errors import InputError
from indexer.metadata import body_key
from indexer.records import Filter, Mode
from indexer.words import Terms, split_query

LONGEST_QUERY = 1000  # characters; a question is a sentence or two, and longer ones only cost time
LONGEST_NAME = 200  # characters of a body, a kind or a date
MOST_HITS = 100
MOST_NAMES = 20  # bodies, and kinds
SUGGESTIONS = 3
QUOTED = 80  # characters of what a user wrote, as a message repeats them


@dataclass(frozen=True, slots=True)
class Query:
    """A checked query. `bodies`, `kinds`, `grades` and `areas` are as the user wrote them; dates are inclusive.

    `as_of` is a day that nothing published later is seen on.
    """

    text: str
    k: int = 10
    bodies: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    published_from: date | None = None
    published_to: date | None = None
    mode: Mode = Mode.HYBRID
    infer: bool = True  # read bodies and times from the words
    as_of: date | None = None
    grades: tuple[str, ...] = ()
    areas: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Raise InputError where the query cannot be used."""
        if not self.text.strip():
            raise InputError("the query is empty; ask in a few words or a sentence")
        if len(self.text) > LONGEST_QUERY:
            raise InputError(f"the query has {len(self.text):,} characters; at most {LONGEST_QUERY:,} are read")
        if _HALF.search(self.text):
            raise InputError("the query is not valid Unicode text")
        named = {"bodies": self.bodies, "kinds": self.kinds, "grades": self.grades, "areas": self.areas}
        for what, names in named.items():
            if len(names) > MOST_NAMES:
                raise InputError(f"the query names {len(names):,} {what}; at most {MOST_NAMES} are looked at")
        for name in (name for names in named.values() for name in names):
            if len(name) > LONGEST_NAME:
                raise InputError(
                    f"no body, kind, grade or area has a name of {len(name):,} characters such as {_quoted(name)}"
                )
        if not 1 <= self.k <= MOST_HITS:
            raise InputError(f"k is {self.k}; it must be from 1 to {MOST_HITS}")
        _ = self.terms  # raises where there is nothing to look for
        if self.published_from and self.last and self.published_from > self.last:
            raise InputError(f"the dates are the wrong way round: from {self.published_from} to {self.last}")

    @property
    def last(self) -> date | None:
        """The last day of publication that is wanted."""
        return min((day for day in (self.published_to, self.as_of) if day), default=None)

    @property
    def terms(self) -> Terms:
        """The words, phrases and exclusions of the text."""
        return split_query(self.text)


def parse_day(text: str, *, last: bool = False) -> date:
    """Read a day, or the first (or last) day of a month or year: "2018-05-22", "22 May 2018", "2018-05", "2018".

    Raises InputError naming the accepted forms.
    """
    if match := re.fullmatch(r"(\d{4})(?:-(\d{1,2}))?", text.strip()):
        year, month = int(match[1]), int(match[2] or (12 if last else 1))
        if year and 1 <= month <= 12:
            return date(year, month, monthrange(year, month)[1] if last else 1)
    day = parse_date(text[:LONGEST_NAME])
    if day is None or len(text) > LONGEST_NAME:
        raise InputError(f"{_quoted(text)} is not a date; write 2018-05-22, 2018-05 or 2018")
    return day


def resolve(query: Query, bodies: Collection[str], kinds: Collection[str]) -> Filter:
    """Turn the query's filters into the values that the index holds.

    A body is known by its name without case, punctuation and the words of local government. Raises InputError for one
    that the index has no document of, with the nearest names.
    """
    return Filter(
        bodies=_known("body", query.bodies, {body: body_key(body) for body in bodies}) if query.bodies else None,
        kinds=_known("kind", query.kinds, {kind: kind.casefold() for kind in kinds}) if query.kinds else None,
        published_from=query.published_from,
        published_to=query.last,
    )


def _known(what: str, wanted: Collection[str], keys: dict[str, str]) -> frozenset[str]:
    found: set[str] = set()
    for name in wanted:
        key = body_key(name) if what == "body" else name.strip().casefold()
        same = {value for value, its_key in keys.items() if its_key == key}
        if not same:
            near = get_close_matches(key, list(keys.values()), SUGGESTIONS, cutoff=0.5)
            names = [next(value for value, its_key in keys.items() if its_key == one) for one in dict.fromkeys(near)]
            hint = (
                f"did you mean {' or '.join(f'`{value}`' for value in names)}?"
                if names
                else (f"`citewell status` lists every {what}")
            )
            raise InputError(f"the index has no document of {what} {_quoted(name)}; {hint}")
        found |= same
    return frozenset(found)


_HALF = re.compile(r"[\ud800-\udfff]")  # half of a UTF-16 pair, which is no character and has no UTF-8


def _quoted(text: str) -> str:
    short = text if len(text) <= QUOTED else f"{text[:QUOTED]}..."
    return f"`{_HALF.sub('?', short)}`"
