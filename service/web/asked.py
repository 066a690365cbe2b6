"""What the address of the search page says, as it was given, and addresses that say a little more or less."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date
from typing import Literal

from indexer.errors import InputError
from indexer.judgements import AREAS, GRADES
from service.judged import split_filters
from service.query import LONGEST_NAME, LONGEST_QUERY, MOST_NAMES, Query, parse_day
from service.web.site import address

STEPS = (10, 30, 50)  # hits, as somebody asks for more; a page of a hundred would be too long to look through


class FieldError(InputError):
    """A field of the form cannot be used."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


@dataclass(frozen=True, slots=True)
class Trouble:
    """What is wrong with what was given, and with which field."""

    message: str
    field: str


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
    as_of: str = ""
    grades: tuple[str, ...] = ()
    areas: tuple[str, ...] = ()

    @classmethod
    def of(  # noqa: PLR0917 - the parameters of the address
        cls,
        q: str | None,
        do: str,
        body: list[str],
        kind: list[str],
        from_: str,
        to: str,
        infer: str,
        k: str,
        as_of: str = "",
        grade: Iterable[str] = (),
        area: Iterable[str] = (),
    ) -> "Asked":
        """Take what came, cut as `names_given` and `text_given` do."""
        return cls(
            q=q,
            do="search" if do == "search" else "ask",
            bodies=names_given(body),
            kinds=names_given(kind),
            from_=text_given(from_),
            to=text_given(to),
            infer=infer != "false",
            k=k,
            as_of=text_given(as_of),
            grades=names_given(grade),
            areas=names_given(area),
        )

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
                ("as_of", self.as_of),
                *(("grade", grade) for grade in self.grades),
                *(("area", area) for area in self.areas),
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
        first, last, as_of = _day("from", self.from_), _day("to", self.to), self.day()
        field = "from" if first and last and first > last else "q"
        text, grades, areas = split_filters(self.q or "")
        try:
            query = Query(text, k, published_from=first, published_to=last, infer=self.infer, as_of=as_of)
            field = "filters"
            grades, areas = (*self.grades, *grades), (*self.areas, *areas)
            return replace(query, bodies=self.bodies, kinds=self.kinds, grades=grades, areas=areas)
        except InputError as error:
            raise FieldError(field, str(error)) from error

    def day(self) -> date | None:
        """Give the day that all is seen as of; None for today. Raises FieldError."""
        return _day("as_of", self.as_of)

    def without_filters(self) -> "Asked":
        """Ask the same of all documents."""
        return replace(self, bodies=(), kinds=(), from_="", to="", k="", as_of="", grades=(), areas=())

    def removals(self) -> list[tuple[str, "Asked"]]:
        """Give each filter in plain words, and what is asked without it."""
        fresh = replace(self, k="")
        found = [(body, replace(fresh, bodies=_without(self.bodies, body))) for body in self.bodies]
        found += [(kind, replace(fresh, kinds=_without(self.kinds, kind))) for kind in self.kinds]
        found += [(grade_label(one), replace(fresh, grades=_without(self.grades, one))) for one in self.grades]
        found += [(area_label(one), replace(fresh, areas=_without(self.areas, one))) for one in self.areas]
        if self.from_ and self.from_ == self.to:
            found.append((f"published {self.from_}", replace(fresh, from_="", to="")))
        elif self.from_:
            found.append((f"published from {self.from_}", replace(fresh, from_="")))
        if self.to and self.from_ != self.to:
            found.append((f"published to {self.to}", replace(fresh, to="")))
        if self.as_of:
            found.append((f"as of {self.as_of}", replace(fresh, as_of="")))
        return found

    def more(self, shown: int) -> "Asked | None":
        """Ask for more than are shown; None where there are no more, or no more can be had."""
        wanted = next((step for step in STEPS if step > shown), None)
        return replace(self, k=str(wanted)) if wanted else None


def names_given(names: Iterable[str]) -> tuple[str, ...]:
    """Give each name once: only as many, and as much of each, as it takes to see that they are too many."""
    return tuple(dict.fromkeys(text_given(name) for name in names if name.strip()))[: MOST_NAMES + 1]


def text_given(text: str) -> str:
    """Give what was written into a field, as much as it takes to see that it is too long."""
    return text.strip()[: LONGEST_NAME + 1]


def grade_label(grade: str) -> str:
    """Say a grade as people call it."""
    return GRADES.get(grade, grade)


def area_label(area: str) -> str:
    """Say what is judged as people call it."""
    return AREAS[area].label if area in AREAS else area


def _day(field: str, text: str) -> date | None:
    try:
        return parse_day(text, last=field != "from") if text else None
    except InputError as error:
        raise FieldError(field, str(error)) from error


def _without(names: tuple[str, ...], name: str) -> tuple[str, ...]:
    return tuple(one for one in names if one != name)
