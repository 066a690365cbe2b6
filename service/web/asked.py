"""What the address of the search page says, as it was given, and addresses that say a little more or less."""

from dataclasses import dataclass, replace
from datetime import date
from typing import Literal

from indexer.errors import InputError
from service.query import LONGEST_NAME, LONGEST_QUERY, MOST_NAMES, Query, parse_day
from service.web.site import address

STEPS = (10, 30, 50)  # hits, as somebody asks for more; a page of a hundred would be too long to look through


class FieldError(InputError):
    """A field of the form cannot be used."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


@dataclass(frozen=True, slots=True)
class Asked:
    """What was asked; nothing is checked yet. `q` is None where nothing was."""

    q: str | None
    do: Literal["ask", "search"]
    bodies: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    from_: str = ""
    to: str = ""
    infer: bool = True
    k: str = ""

    @classmethod
    def of(  # noqa: PLR0917 - the parameters of the address
        cls, q: str | None, do: str, body: list[str], kind: list[str], from_: str, to: str, infer: str, k: str
    ) -> "Asked":
        """Take what came; of names only as many, and as much of each, as it takes to see that they are too many."""
        bodies, kinds = (
            tuple(dict.fromkeys(name.strip()[: LONGEST_NAME + 1] for name in names if name.strip()))[: MOST_NAMES + 1]
            for names in (body, kind)
        )
        return cls(
            q=q,
            do="search" if do == "search" else "ask",
            bodies=bodies,
            kinds=kinds,
            from_=from_.strip()[: LONGEST_NAME + 1],
            to=to.strip()[: LONGEST_NAME + 1],
            infer=infer != "false",
            k=k,
        )

    @property
    def is_narrowed(self) -> bool:
        """Whether any filter is set."""
        return bool(self.bodies or self.kinds or self.from_ or self.to)

    @property
    def address(self) -> str:
        """The address that says this; as much of the question as could be used."""
        return address(
            "/",
            [
                ("q", (self.q or "")[:LONGEST_QUERY]),
                ("do", self.do if self.q is not None else None),
                *(("body", body) for body in self.bodies),
                *(("kind", kind) for kind in self.kinds),
                ("from", self.from_),
                ("to", self.to),
                ("infer", None if self.infer else "false"),
                ("k", self.k),
            ],
        )

    def query(self) -> Query:
        """Check all values. Raises FieldError."""
        if not (self.q or "").strip():
            raise FieldError("q", "enter a question, or a few words to search for")
        try:
            k = min(int(self.k or STEPS[0]), STEPS[-1])
        except ValueError:
            raise FieldError("q", "the number of results `k` is no whole number; leave it out") from None
        first, last = _day("from", self.from_), _day("to", self.to)
        field = "from" if first and last and first > last else "q"
        try:
            query = Query(self.q or "", k, published_from=first, published_to=last, infer=self.infer)
            field = "filters"
            return replace(query, bodies=self.bodies, kinds=self.kinds)
        except InputError as error:
            raise FieldError(field, str(error)) from error

    def without_filters(self) -> "Asked":
        """Ask the same of all documents."""
        return replace(self, bodies=(), kinds=(), from_="", to="", k="")

    def removals(self) -> list[tuple[str, "Asked"]]:
        """Give each filter in plain words, and what is asked without it."""
        fresh = replace(self, k="")
        found = [(body, replace(fresh, bodies=_without(self.bodies, body))) for body in self.bodies]
        found += [(kind, replace(fresh, kinds=_without(self.kinds, kind))) for kind in self.kinds]
        if self.from_ and self.from_ == self.to:
            return [*found, (f"published {self.from_}", replace(fresh, from_="", to=""))]
        if self.from_:
            found.append((f"published from {self.from_}", replace(fresh, from_="")))
        if self.to:
            found.append((f"published to {self.to}", replace(fresh, to="")))
        return found

    def more(self, shown: int) -> "Asked | None":
        """Ask for more than are shown; None where there are no more, or no more can be had."""
        wanted = next((step for step in STEPS if step > shown), None)
        return replace(self, k=str(wanted)) if wanted else None


def _day(field: str, text: str) -> date | None:
    try:
        return parse_day(text, last=field == "to") if text else None
    except InputError as error:
        raise FieldError(field, str(error)) from error


def _without(names: tuple[str, ...], name: str) -> tuple[str, ...]:
    return tuple(one for one in names if one != name)
