"""Where the parts of a chart stand: from numbers to shapes, in units of the drawing; (0, 0) is its top left."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import product

WIDTH, HEIGHT = 720.0, 300.0
LEFT, RIGHT, TOP, BOTTOM = 44.0, 704.0, 16.0, 264.0  # of the plot itself
RADIUS = 13.0  # of a mark, which is pressed with a finger: 24 across at least (WCAG 2.2, 2.5.8)
MOST_MARKS = 60  # that find a place without overlapping; the marks of as many equal points do
LABEL = 44.0  # room of a year
STEPS = 5  # of an axis of counts, at most
BAR = 0.8  # of the room of a year
WIDEST_BAR = 56.0


@dataclass(frozen=True, slots=True)
class Tick:
    """A place on an axis, and what is written there."""

    at: float
    label: str


@dataclass(frozen=True, slots=True)
class Mark:
    """A point: where it belongs on the axis of days, and the middle of its mark, which may stand beside that."""

    day_x: float
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class Points:
    """Values of days, from 0 to 1; the marks in the order in which the points were given."""

    years: tuple[Tick, ...]  # the middle of each year that is written
    edges: tuple[float, ...]  # where years begin
    levels: tuple[Tick, ...]
    marks: tuple[Mark, ...]


@dataclass(frozen=True, slots=True)
class Bar:
    """A part of a column. Series count from 0, in the order in which they were given, from the ground up."""

    year: int
    series: int
    count: int
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Columns:
    """Counts of years, one upon the other."""

    years: tuple[Tick, ...]
    levels: tuple[Tick, ...]
    bars: tuple[Bar, ...]


def points(values: Sequence[tuple[date, float]]) -> Points:
    """Lay out values of days, each 0 to 1, so that no mark overlaps another; `MOST_MARKS` at most, one at least."""
    assert 0 < len(values) <= MOST_MARKS
    years = range(min(day.year for day, _ in values), max(day.year for day, _ in values) + 1)
    start, end = date(years[0], 1, 1).toordinal(), date(years[-1], 12, 31).toordinal() + 1

    def across(ordinal: int) -> float:
        return _round(LEFT + (RIGHT - LEFT) * (ordinal - start) / (end - start))

    edges = {year: across(date(year, 1, 1).toordinal()) for year in years} | {years[-1] + 1: RIGHT}
    at = [(across(day.toordinal()), _height(value)) for day, value in values]
    return Points(
        years=tuple(Tick(_round((edges[year] + edges[year + 1]) / 2), str(year)) for year in _written(years)),
        edges=tuple(edges[year] for year in _written(years)),
        levels=tuple(Tick(_height(level / 100), str(level)) for level in (0, 50, 100)),
        marks=tuple(Mark(day_x, x, y) for (day_x, _), (x, y) in zip(at, _apart(at), strict=True)),
    )


def columns(counts: Mapping[int, Sequence[int]]) -> Columns:
    """Lay out counts of years, which follow on one another, as columns; at least one."""
    room = (RIGHT - LEFT) / len(counts)
    highest = max(1, *(sum(some) for some in counts.values()))
    step = _step(highest)
    top = -(-highest // step) * step
    middles = {year: LEFT + room * (place + 0.5) for place, year in enumerate(counts)}
    width = min(BAR * room, WIDEST_BAR)
    bars = []
    for year, some in counts.items():
        below = 0
        for series, number in enumerate(some):
            low, high = _level(below, top), _level(below + number, top)
            below += number
            if number:
                x = _round(middles[year] - width / 2)
                bars.append(Bar(year, series, number, x, high, _round(width), _round(low - high)))
    return Columns(
        years=tuple(Tick(_round(middles[year]), str(year)) for year in _written(list(counts))),
        levels=tuple(Tick(_level(level, top), f"{level:,}") for level in range(0, top + 1, step)),
        bars=tuple(bars),
    )


def _height(value: float) -> float:
    """Give the height of the middle of a mark, which is within the plot with all of it."""
    return _round(BOTTOM - RADIUS - (BOTTOM - TOP - 2 * RADIUS) * min(1.0, max(0.0, value)))


def _level(number: int, top: int) -> float:
    return _round(BOTTOM - (BOTTOM - TOP) * number / top)


def _step(highest: int) -> int:
    """Give the least of 1, 2, 5, 10, 20, ... of which few steps reach so high."""
    unit = 1
    while True:
        for step in (unit, 2 * unit, 5 * unit):
            if step * STEPS >= highest:
                return step
        unit *= 10


def _written(years: Sequence[int]) -> Sequence[int]:
    """Choose the years whose labels have room."""
    most = max(1, int((RIGHT - LEFT) // LABEL))
    return years[:: -(-len(years) // most)]


def _apart(wanted: Sequence[tuple[float, float]]) -> Iterator[tuple[float, float]]:
    """Move what overlaps: each as little as it must, and sooner sideways than to another value."""
    nudges = sorted(_nudges(), key=lambda nudge: (abs(nudge[0]) + 3 * abs(nudge[1]), nudge))
    taken: list[tuple[float, float]] = []
    for x, y in wanted:
        near = ((_within(x, LEFT, RIGHT) + dx, y + dy) for dx, dy in nudges)
        place = next(one for one in near if _is_free(one, taken))
        taken.append(place)
        yield _round(place[0]), _round(place[1])


def _nudges() -> Iterator[tuple[float, float]]:
    wide, high = int((RIGHT - LEFT) / RADIUS) + 1, int((BOTTOM - TOP) / RADIUS) + 1
    yield from ((RADIUS * dx, RADIUS * dy) for dx, dy in product(range(-wide, wide + 1), range(-high, high + 1)))


def _within(value: float, first: float, last: float) -> float:
    return min(last - RADIUS, max(first + RADIUS, value))


def _is_free(place: tuple[float, float], taken: Sequence[tuple[float, float]]) -> bool:
    x, y = place
    return (
        LEFT + RADIUS <= x <= RIGHT - RADIUS
        and TOP + RADIUS <= y <= BOTTOM - RADIUS
        and all((x - other_x) ** 2 + (y - other_y) ** 2 >= (2 * RADIUS - 0.01) ** 2 for other_x, other_y in taken)
    )


def _round(value: float) -> float:
    return round(value, 1)
