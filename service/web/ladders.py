"""Where the parts of a chart of grades stand: a row for each area, in which a better grade stands higher.

Units are those of `charts`. Marks of a row are joined by a line as long as their grades were given by the same rules.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby

from service.web.charts import LABEL, Mark, Tick

LEFT, RIGHT = 150.0, 704.0  # of the plot; names of levels stand left of it
RADIUS = 11.0  # of a mark
APART = 24.0  # middles of marks of one row at least, where there is room for so many; also levels of one another
HEAD = 34.0  # of a row, for its name
LINE = 18.0  # of text
GAP = 12.0  # between rows
SIGN = 7.6  # width of a sign of a label, on average (Arial at 14 units)


@dataclass(frozen=True, slots=True)
class Given:
    """What a report says in a row. Level 0 is the best; None is none at all, where there should be one."""

    day: date
    era: str  # the name of the rules that it was given by
    level: int | None


@dataclass(frozen=True, slots=True)
class Era:
    """A time of the same rules: where it begins, unless it is the first, and where its name stands."""

    label: str
    x: float | None
    label_x: float
    label_y: float


@dataclass(frozen=True, slots=True)
class Row:
    """A row; the marks are in the order in which they were given."""

    name_y: float
    levels: tuple[float, ...]  # the best first; after them, if anything stands there, that of what has none
    marks: tuple[Mark, ...]
    lines: tuple[str, ...]  # points of each


@dataclass(frozen=True, slots=True)
class Ladders:
    """The whole drawing."""

    height: float
    top: float  # of the plot
    bottom: float
    years: tuple[Tick, ...]
    edges: tuple[float, ...]  # where these years begin
    eras: tuple[Era, ...]
    rows: tuple[Row, ...]


def ladders(rows: Sequence[Sequence[Given]], levels: int) -> Ladders:
    """Lay out rows, each by day and of one mark at least, upon so many levels."""
    days = [one.day for row in rows for one in row]
    years = range(min(days).year, max(days).year + 1)
    start, end = date(years[0], 1, 1).toordinal(), date(years[-1], 12, 31).toordinal() + 1

    def across(ordinal: float) -> float:
        return LEFT + (RIGHT - LEFT) * (ordinal - start) / (end - start)

    eras = tuple(_eras([one for row in rows for one in row], across))
    top = max(era.label_y for era in eras) + LINE + 8
    has_none = any(one.level is None for row in rows for one in row)
    room = HEAD + (levels - 1 + has_none) * APART + RADIUS + GAP
    bottom = top + room * len(rows)
    step = -(-len(years) // int((RIGHT - LEFT) // LABEL))
    edges = {year: across(date(year, 1, 1).toordinal()) for year in years} | {years[-1] + 1: RIGHT}
    return Ladders(
        height=_round(bottom + LINE + 8),
        top=_round(top),
        bottom=_round(bottom),
        years=tuple(Tick(_round((edges[year] + edges[year + 1]) / 2), str(year)) for year in years[::step]),
        edges=tuple(_round(edges[year]) for year in years[::step]),
        eras=eras,
        rows=tuple(
            _row(row, top + place * room, levels + has_none, [across(one.day.toordinal()) for one in row])
            for place, row in enumerate(rows)
        ),
    )


def _row(row: Sequence[Given], top: float, levels: int, day_xs: Sequence[float]) -> Row:
    heights = tuple(_round(top + HEAD + level * APART) for level in range(levels))
    ys = [heights[-1 if one.level is None else one.level] for one in row]
    xs = _spread(day_xs)
    marks = tuple(Mark(_round(day_x), _round(x), y) for day_x, x, y in zip(day_xs, xs, ys, strict=True))
    return Row(_round(top + LINE), heights, marks, tuple(_lines(row, marks)))


def _lines(row: Sequence[Given], marks: Sequence[Mark]) -> Iterator[str]:
    """Join marks that follow on one another, as long as all have a level by the same rules."""
    pairs = zip(row, marks, strict=True)
    for (_, has_level), some in groupby(pairs, key=lambda pair: (pair[0].era, pair[0].level is not None)):
        points = [f"{mark.x},{mark.y}" for _, mark in some]
        if has_level and len(points) > 1:
            yield " ".join(points)


def _spread(wanted: Sequence[float]) -> list[float]:
    """Move what is too near to one another sideways, no more than it must; the order stays."""
    first, last = LEFT + RADIUS, RIGHT - RADIUS
    apart = min(APART, (last - first) / max(1, len(wanted) - 1))
    places: list[float] = []
    for x in wanted:
        places.append(max(x, places[-1] + apart if places else first))
    limit = last
    for place in reversed(range(len(places))):
        places[place] = min(places[place], limit)
        limit = places[place] - apart
    return places


def _eras(given: Sequence[Given], across: Callable[[float], float]) -> Iterator[Era]:
    """Find the times of the same rules; one begins midway between the last report before it and its own first."""
    ends: list[float] = []  # of the labels, for each line of them
    before: date | None = None
    for label, some in groupby(sorted({(one.day, one.era) for one in given}), key=lambda one: one[1]):
        days = [day for day, _ in some]
        x = across((before.toordinal() + days[0].toordinal()) / 2) if before else LEFT - 4
        width = len(label) * SIGN
        label_x = max(LEFT, min(x + 4, RIGHT - width))
        line = next((number for number, end in enumerate(ends) if end < label_x), len(ends))
        ends[line : line + 1] = [label_x + width + SIGN]
        yield Era(label, _round(x) if before else None, _round(label_x), (line + 1) * LINE)
        before = days[-1]


def _round(value: float) -> float:
    return round(value, 1)
