"""What stands in the chart of the grades of a body, and how it is told in words."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from indexer.judgements import AREAS, FRAMEWORKS, GRADES
from indexer.records import Standing
from service.ledger import Grade
from service.references import long_day
from service.web.asked import area_label
from service.web.charts import Mark, Tick
from service.web.graded import ordered
from service.web.ladders import Given, Ladders, Row, ladders

SIGNS = {Standing.UNREADABLE: "?", Standing.NOT_JUDGED: "–"}  # that a chart has for what should be there

Level = Callable[[str], int | None]


@dataclass(frozen=True, slots=True)
class Drawn:
    """A mark of the chart: the lower its level the better, None is no grade."""

    mark: Mark
    level: int | None
    sign: str
    said: str


@dataclass(frozen=True, slots=True)
class AreaRow:
    """A row of the chart."""

    label: str
    row: Row
    levels: tuple[Tick, ...]
    drawn: tuple[Drawn, ...]

    @property
    def said(self) -> str:
        """All of it in words."""
        return f"{self.label}: {'; '.join(one.said for one in self.drawn)}."


@dataclass(frozen=True, slots=True)
class Chart:
    """The drawing, and what stands in it."""

    shape: Ladders
    rows: tuple[AreaRow, ...]


def chart_of(grades: Sequence[Grade]) -> Chart | None:
    """Draw what has a day and either a grade or none where there should be one; None where there is no such."""
    levels = _levels()
    level_of = {grade: level for level, some in enumerate(levels) for grade in some}
    drawn = [one for one in grades if one.when and (one.judgement.grade in level_of or one.judgement.state in SIGNS)]
    areas = ordered({one.judgement.area for one in drawn if one.judgement.grade}, AREAS)
    rows = [[one for one in drawn if one.judgement.area == area] for area in areas]
    if not rows:
        return None
    shape = ladders([[_of_chart(one, level_of.get) for one in row] for row in rows], len(levels))
    used = {one.judgement.grade for one in drawn}
    names = [[name for name in some if name in used] or some[:1] for some in levels]
    return Chart(
        shape,
        tuple(
            AreaRow(
                label=area_label(area),
                row=place,
                levels=tuple(_names(place, names)),
                drawn=tuple(_drawn(one, mark, level_of.get) for one, mark in zip(row, place.marks, strict=True)),
            )
            for area, row, place in zip(areas, rows, shape.rows, strict=True)
        ),
    )


def said_of(grade: Grade) -> str:
    """Say a grade as people call it, or why there is none."""
    return grade.grade_label or capital(grade.judgement.state)


def capital(text: str) -> str:
    """Begin with a capital."""
    return text[:1].upper() + text[1:]


def _of_chart(grade: Grade, level: Level) -> Given:
    assert grade.when
    return Given(grade.when.day, grade.document.findings.framework or "", level(grade.judgement.grade or ""))


def _drawn(grade: Grade, mark: Mark, level: Level) -> Drawn:
    assert grade.when
    when = long_day(grade.when.day) if grade.when.is_exact else str(grade.when.day.year)
    sign = (grade.grade_label or SIGNS[grade.judgement.state])[0]
    return Drawn(mark, level(grade.judgement.grade or ""), sign, f"{said_of(grade)}, {when}")


def _names(row: Row, names: Sequence[Sequence[str]]) -> Iterator[Tick]:
    """Write the names of the levels, a little apart where two grades stand on one."""
    for y, some in zip(row.levels, [*names, ["no_grade"]], strict=False):
        for place, name in enumerate(some):
            shift = 4 + 12 * (place - (len(some) - 1) / 2)
            yield Tick(round(y + shift, 1), capital(name.replace("_", " ")))


def _levels() -> tuple[tuple[str, ...], ...]:
    """Put the grades upon levels, the best first; those that no framework has together stand on one."""
    levels: list[tuple[str, ...]] = []
    for grade in GRADES:
        before = levels[-1] if levels else ()
        if before and not any({grade, other} <= one.grades for one in FRAMEWORKS for other in before):
            levels[-1] = (*before, grade)
        else:
            levels.append((grade,))
    return tuple(levels)
