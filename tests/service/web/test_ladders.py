from datetime import date
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from service.web.ladders import APART, LEFT, RADIUS, RIGHT, Given, ladders

ROUNDING = 0.2
LEVELS = 4
GIVEN = st.builds(
    Given,
    st.dates(date(1990, 1, 1), date(2049, 12, 31)),
    st.sampled_from(["one set of rules", "another", "the third of them"]),
    st.none() | st.integers(0, LEVELS - 1),
)
ROWS = st.lists(
    st.lists(GIVEN, min_size=1, max_size=20).map(lambda row: sorted(row, key=lambda one: one.day)),
    min_size=1,
    max_size=5,
)


@given(ROWS)
@settings(max_examples=40)
def test_marks_of_a_row_are_apart_in_their_order_and_within_the_plot(rows: list[list[Given]]) -> None:
    """However near their days are; none covers another, nor stands outside."""
    for row in ladders(rows, LEVELS).rows:
        assert all(LEFT + RADIUS - ROUNDING <= mark.x <= RIGHT - RADIUS + ROUNDING for mark in row.marks)
        assert all(other.x - one.x >= APART - ROUNDING for one, other in pairwise(row.marks))


@given(ROWS)
@settings(max_examples=40)
def test_a_better_grade_stands_higher_and_none_lowest(rows: list[list[Given]]) -> None:
    """On its own level of its own row; the rows do not touch one another."""
    drawn = ladders(rows, LEVELS)
    assert len(drawn.rows) == len(rows)
    for row, place in zip(rows, drawn.rows, strict=True):
        assert list(place.levels) == sorted(place.levels)
        assert len(place.levels) == LEVELS + any(one.level is None for some in rows for one in some)
        for one, mark in zip(row, place.marks, strict=True):
            assert mark.y == (place.levels[-1] if one.level is None else place.levels[one.level])
    assert all(one.levels[-1] + RADIUS < other.name_y for one, other in pairwise(drawn.rows))
    assert drawn.rows[-1].levels[-1] + RADIUS <= drawn.bottom < drawn.height


def made(year: int, era: str, level: int | None) -> Given:
    return Given(date(year, 7, 1), era, level)


def test_lines_join_what_the_same_rules_gave_without_a_gap() -> None:
    """A change of rules or a mark without a grade ends a line, and a mark by itself has none."""
    row = [made(2010, "old", 1), made(2011, "old", 0), made(2012, "new", 2), made(2013, "new", 2)]
    row += [made(2014, "new", None), made(2015, "new", 3)]
    (place,) = ladders([row], LEVELS).rows
    points = [f"{mark.x},{mark.y}" for mark in place.marks]
    assert place.lines == (" ".join(points[:2]), " ".join(points[2:4]))


def test_rules_change_midway_between_two_reports() -> None:
    """The first have no beginning; each has its name where it begins."""
    drawn = ladders([[made(2010, "old", 1), made(2014, "new", 0)], [made(2012, "new", 0)]], LEVELS)
    first, second = drawn.eras
    assert (first.label, first.x, first.label_x) == ("old", None, LEFT)
    (old, _), (new,) = drawn.rows[0].marks, drawn.rows[1].marks
    assert second.label == "new"
    assert second.x is not None
    assert abs(second.x - (old.day_x + new.day_x) / 2) <= ROUNDING
    assert second.label_x >= second.x


@given(st.lists(st.text("abcdefgh", min_size=1, max_size=30), min_size=1, max_size=8, unique=True))
def test_names_of_rules_do_not_cover_one_another(names: list[str]) -> None:
    """Where they have no room beside one another they stand on lines of their own, above the plot."""
    drawn = ladders([[Given(date(2010 + place, 1, 1), name, 0) for place, name in enumerate(names)]], LEVELS)
    for one, other in pairwise(sorted(drawn.eras, key=lambda era: (era.label_y, era.label_x))):
        assert one.label_y < other.label_y or one.label_x + 7 * len(one.label) < other.label_x
    assert all(era.label_y < drawn.top for era in drawn.eras)
