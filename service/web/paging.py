"""Long lists on several pages: which part is shown, and links to the others."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from indexer.errors import InputError
from service.web.site import address

Entry = TypeVar("Entry")


@dataclass(frozen=True, slots=True)
class PageLink:
    """A link to a part of a list."""

    number: int
    href: str
    is_current: bool


@dataclass(frozen=True, slots=True)
class Paging:
    """Links between the parts of a list; a None among them is a gap."""

    links: tuple[PageLink | None, ...]
    previous: PageLink | None
    next: PageLink | None


def read_number(text: str, last: int, what: str = "page") -> int:
    """Read a number from 1 to the last one. Raises InputError."""
    if re.fullmatch(r"[0-9]{1,9}", text.strip()) and 1 <= int(text) <= last:
        return int(text)
    raise InputError(f"Enter a {what} number from 1 to {last:,}" if last > 1 else f"There is one {what} only")


def count_pages(entries: int, size: int) -> int:
    """Tell on how many pages so many entries are shown; an empty list has one page too."""
    return max(1, -(-entries // size))


def part_of(entries: Sequence[Entry], number: int, size: int) -> Sequence[Entry]:
    """Give what stands on a page of a list, counted from 1."""
    return entries[(number - 1) * size : number * size]


def paging(path: str, parameters: Iterable[tuple[str, object]], current: int, last: int) -> Paging | None:
    """Make the links between the parts of a list; None where one part is all."""
    if last == 1:
        return None
    given = list(parameters)

    def link(number: int) -> PageLink:
        return PageLink(number, address(path, [*given, ("page", number if number > 1 else None)]), number == current)

    shown = sorted({1, last, *range(max(1, current - 1), min(last, current + 1) + 1)})
    links: list[PageLink | None] = []
    for number in shown:
        if links and (before := links[-1]) and number - before.number == 2:
            links.append(link(number - 1))  # a gap would take as much room
        elif links and (before := links[-1]) and number - before.number > 2:
            links.append(None)
        links.append(link(number))
    return Paging(
        tuple(links),
        link(current - 1) if current > 1 else None,
        link(current + 1) if current < last else None,
    )
