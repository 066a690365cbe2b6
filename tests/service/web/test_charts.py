from datetime import date
from itertools import combinations, pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from service.web.charts import BOTTOM, LABEL, LEFT, MOST_MARKS, RADIUS, RIGHT, STEPS, TOP, columns, points

ROUNDING = 0.2
DAYS = st.dates(date(1950, 1, 1), date(2049, 12, 31))
VALUES = st.lists(st.tuples(DAYS, st.floats(0, 1)), min_size=1, max_size=MOST_MARKS)
COUNTS = st.lists(st.lists(st.integers(0, 5000), min_size=3, max_size=3), min_size=1, max_size=120)


@given(VALUES)
@settings(max_examples=40)
def test_no_mark_overlaps_another_and_all_are_within_the_plot(values: list[tuple[date, float]]) -> None:
    """Marks are as far from one another and from the edges as they are wide."""
    marks = points(values).marks
    assert len(marks) == len(values)
    for mark in marks:
        assert LEFT + RADIUS - ROUNDING <= mark.x <= RIGHT - RADIUS + ROUNDING
        assert TOP + RADIUS - ROUNDING <= mark.y <= BOTTOM - RADIUS + ROUNDING
    for one, other in combinations(marks, 2):
        assert (one.x - other.x) ** 2 + (one.y - other.y) ** 2 >= (2 * RADIUS - ROUNDING) ** 2


def test_as_many_equal_points_as_are_allowed_find_a_place() -> None:
    """Each has a mark of its own, beside the others."""
    marks = points([(date(2020, 1, 1), 0.0)] * MOST_MARKS).marks
    assert len({(mark.x, mark.y) for mark in marks}) == MOST_MARKS
    assert len({mark.day_x for mark in marks}) == 1


@given(VALUES)
@settings(max_examples=40)
def test_stems_end_in_the_order_of_the_days(values: list[tuple[date, float]]) -> None:
    """Where a mark is moved, the place of its day stays; days within a year are within its edges."""
    chart = points(values)
    places = sorted(zip((day for day, _ in values), (mark.day_x for mark in chart.marks), strict=True))
    assert all(one[1] <= other[1] for one, other in pairwise(places))
    assert all(LEFT <= x <= RIGHT for _, x in places)


def test_a_mark_stands_over_its_day_and_as_high_as_its_value() -> None:
    """By hand: the first of July is near the middle of a year, and higher values stand higher."""
    chart = points([(date(2020, 7, 1), 1.0), (date(2020, 1, 20), 0.0), (date(2020, 11, 1), 0.5)])
    middle, low, half = chart.marks
    assert abs(middle.x - (LEFT + RIGHT) / 2) < 3
    assert middle.x == middle.day_x
    assert (middle.y, low.y) == (TOP + RADIUS, BOTTOM - RADIUS)
    assert low.y > half.y > middle.y
    assert [tick.label for tick in chart.years] == ["2020"]


def test_a_mark_at_the_edge_is_moved_inwards_and_its_stem_is_not() -> None:
    """The first day of the first year has its stem at the left end."""
    (mark,) = points([(date(2020, 1, 1), 0.5)]).marks
    assert (mark.day_x, mark.x) == (LEFT, LEFT + RADIUS)


@given(st.integers(1000, 2000), st.integers(1, 300))
def test_labels_of_years_have_room(first: int, years: int) -> None:
    """No two labels are nearer to one another than a label is wide."""
    chart = columns(dict.fromkeys(range(first, first + years), (1,)))
    assert chart.years[0].label == str(first)
    assert all(other.at - one.at >= LABEL - ROUNDING for one, other in pairwise(chart.years))
    many = points([(date(first, 1, 1), 0.5), (date(first + years - 1, 1, 1), 0.5)])
    assert all(other.at - one.at >= LABEL - ROUNDING for one, other in pairwise(many.years))


@given(COUNTS)
@settings(max_examples=40)
def test_columns_are_as_high_as_their_numbers(counts: list[list[int]]) -> None:
    """Heights go with the counts, parts stand upon one another without a gap, and columns do not touch."""
    chart = columns(dict(enumerate(counts, start=2000)))
    top = int(chart.levels[-1].label.replace(",", ""))
    unit = (BOTTOM - TOP) / top
    assert {(bar.year, bar.series, bar.count) for bar in chart.bars} == {
        (year, series, count)
        for year, some in enumerate(counts, start=2000)
        for series, count in enumerate(some)
        if count
    }
    assert all(abs(bar.height - unit * bar.count) <= ROUNDING for bar in chart.bars)
    for year, some in enumerate(counts, start=2000):
        own = [bar for bar in chart.bars if bar.year == year]
        assert all(abs(upper.y + upper.height - lower.y) <= ROUNDING for lower, upper in pairwise(own))
        if own:
            assert abs(own[-1].y - (BOTTOM - unit * sum(some))) <= ROUNDING
    edges = sorted({(bar.x, bar.x + bar.width) for bar in chart.bars})
    assert all(one[1] < other[0] + ROUNDING for one, other in pairwise(edges))
    assert all(x >= LEFT and end <= RIGHT + ROUNDING for x, end in edges)


@given(st.integers(0, 10**9))
def test_the_axis_of_counts_has_a_few_whole_numbers(highest: int) -> None:
    """It begins at nothing, goes up evenly and reaches the highest column, not far beyond it."""
    levels = [int(tick.label.replace(",", "")) for tick in columns({2020: (highest,)}).levels]
    assert levels[0] == 0
    assert 2 <= len(levels) <= STEPS + 1
    assert len({other - one for one, other in pairwise(levels)}) == 1
    assert levels[-2] < max(highest, 1) <= levels[-1]
