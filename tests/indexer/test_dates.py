import re
from collections.abc import Callable
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer import dates
from indexer.dates import DateRange, find_dates, parse_date

MONTHS = "January February March April May June July August September October November December".split()
WEEKDAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()

days = st.dates(date(1600, 1, 1), date(2099, 12, 31))
later = st.integers(0, 60).map(lambda count: timedelta(days=count))


def _month(day: date) -> str:
    return MONTHS[day.month - 1]


def _ordinal(day: date) -> str:
    ending = "th" if 11 <= day.day <= 13 else {1: "st", 2: "nd", 3: "rd"}.get(day.day % 10, "th")
    return f"{day.day}{ending}"


ONE_DAY: dict[str, Callable[[date], str]] = {
    "6 January 2015": lambda day: f"{day.day} {_month(day)} {day.year}",
    "06 january 2015": lambda day: f"{day.day:02} {_month(day).lower()} {day.year}",
    "6th of January, 2015": lambda day: f"{_ordinal(day)} of {_month(day)}, {day.year}",
    "6 Jan 2015": lambda day: f"{day.day} {_month(day)[:3]} {day.year}",
    "Tuesday 6 January 2015": lambda day: f"{WEEKDAYS[day.weekday()]} {day.day} {_month(day)} {day.year}",
    "Tuesday, the 6th January 2015": lambda day: (
        f"{WEEKDAYS[day.weekday()]}, the {_ordinal(day)} {_month(day)} {day.year}"
    ),
    "January 6, 2015": lambda day: f"{_month(day)} {day.day}, {day.year}",
    "2015-01-06": lambda day: day.isoformat(),
    "06/01/2015": lambda day: f"{day.day:02}/{day.month:02}/{day.year}",
    "6.1.2015": lambda day: f"{day.day}.{day.month}.{day.year}",
    "over a line break": lambda day: f"{day.day}\n  {_month(day)} \n{day.year}",
}
TWO_DAYS: dict[str, Callable[[date, date], str]] = {
    "9 July 2018 to 20 July 2018": lambda a, b: f"{ONE_DAY['6 January 2015'](a)} to {ONE_DAY['6 January 2015'](b)}",
    "9 July 2018–20 July 2018": lambda a, b: f"{ONE_DAY['6 January 2015'](a)}–{ONE_DAY['6 January 2015'](b)}",
    "2018-07-09 - 2018-07-20": lambda a, b: f"{a} - {b}",
    "2018-07-09/2018-07-20": lambda a, b: f"{a}/{b}",
    "9/7/2018 until 20/7/2018": lambda a, b: f"{a.day}/{a.month}/{a.year} until {b.day}/{b.month}/{b.year}",
    "July 9, 2018 to July 20, 2018": lambda a, b: (
        f"{ONE_DAY['January 6, 2015'](a)} to {ONE_DAY['January 6, 2015'](b)}"
    ),
    "27 September to 8 October 2021": lambda a, b: f"{a.day} {_month(a)} to {b.day} {_month(b)} {b.year}",
}


def read(text: str) -> list[tuple[str, str, str]]:
    """Return start, end and the words of each date of a text."""
    return [(str(found.start), str(found.end), text[slice(*found.span)]) for found in find_dates(text)]


@pytest.mark.parametrize("style", ONE_DAY)
@given(day=days)
def test_a_day_is_found_in_every_style_with_its_exact_span(style: str, day: date) -> None:
    """A day written in any style, amid other words, is found where it stands."""
    words = ONE_DAY[style](day)
    text = f"They met on {words}, and 3 of 7 left."
    assert find_dates(text) == [DateRange(day, day, (12, 12 + len(words)))]


@pytest.mark.parametrize("style", TWO_DAYS)
@given(start=days.filter(lambda day: day.year < 2099), length=later)
def test_a_range_is_found_in_every_style_with_its_exact_span(style: str, start: date, length: timedelta) -> None:
    """A range written in any style is found as one, also over the turn of a year."""
    words = TWO_DAYS[style](start, start + length)
    text = f"Dates: {words} (12 pages)"
    assert find_dates(text) == [DateRange(start, start + length, (7, 7 + len(words)))]


@given(start=st.dates(date(1600, 1, 1), date(2099, 12, 1)), joint=st.sampled_from([" to ", "–", " - ", "-"]))
def test_a_range_within_a_month_names_the_month_once(start: date, joint: str) -> None:
    """The first day of a range may stand without its month."""
    end = start + timedelta(days=3)
    if end.month == start.month:
        words = f"{start.day}{joint}{end.day} {_month(end)} {end.year}"
        assert find_dates(words) == [DateRange(start, end, (0, len(words)))]


@given(st.text(st.sampled_from("0123456789 /-–.,\nJanMayofthe") | st.characters()))
def test_any_text_gives_spans_in_order_inside_the_text(text: str) -> None:
    """Spans never overlap, never leave the text, and each range runs forward."""
    end = 0
    for found in find_dates(text):
        assert end <= found.span[0] < found.span[1] <= len(text)
        assert found.start <= found.end
        end = found.span[1]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("visited on 18 and 19 October 2023", [("2023-10-18", "2023-10-19", "18 and 19 October 2023")]),
        ("18, 19 & 20 October 2023", [("2023-10-18", "2023-10-20", "18, 19 & 20 October 2023")]),
        ("3 and 17 May 2022", [("2022-05-03", "2022-05-03", "3"), ("2022-05-17", "2022-05-17", "17 May 2022")]),
        ("between 3 and 17 May 2022", [("2022-05-03", "2022-05-17", "3 and 17 May 2022")]),
        ("between 2 May 2022 and 1 June 2022", [("2022-05-02", "2022-06-01", "2 May 2022 and 1 June 2022")]),
        ("January 6 to 9, 2015", [("2015-01-06", "2015-01-09", "January 6 to 9, 2015")]),
        (
            "1 to 5 May 2019 and 7 June 2019",
            [("2019-05-01", "2019-05-05", "1 to 5 May 2019"), ("2019-06-07", "2019-06-07", "7 June 2019")],
        ),
        ("27 December to 5 January 2022", [("2021-12-27", "2022-01-05", "27 December to 5 January 2022")]),
        ("at 2022-05-03T10:15:00Z", [("2022-05-03", "2022-05-03", "2022-05-03")]),
        ("05/06/2015", [("2015-06-05", "2015-06-05", "05/06/2015")]),
    ],
)
def test_ranges_and_lists_are_read_as_people_mean_them(text: str, found: list[tuple[str, str, str]]) -> None:
    """Days joined by "and" are one range only where they follow each other or "between" says so."""
    assert read(text) == found


@pytest.mark.parametrize(
    "text",
    [
        "October 2022",
        "may 2014",
        "31 June 2014",
        "29 February 2015",
        "5 May",
        "3/4",
        "22/11/23",
        "11/22/2023",
        "1.22.11.2023",
        "5 May 20191",
        "a15 May 2014x",
        "12022-05-03",
        "5 May 2014-16",
        "Section 18-19",
    ],
)
def test_what_is_no_full_date_is_left_alone(text: str) -> None:
    """A month, an impossible day, a date that runs into other figures and the American order are no dates."""
    assert find_dates(text) == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("31 June to 2 July 2018", ["2 July 2018"]),
        ("between 31 June and 5 July 2014", ["5 July 2014"]),
        ("20 to 9 July 2018", ["9 July 2018"]),
        ("sections 20 and 5 July 2014", ["5 July 2014"]),
        ("3, 5 to 8 May 2014", ["5 to 8 May 2014"]),
        ("20 July 2018 to 9 July 2018", ["20 July 2018", "9 July 2018"]),
        ("5 July 2014 and 3 others", ["5 July 2014"]),
    ],
)
def test_what_is_left_of_a_broken_range_is_still_found(text: str, found: list[str]) -> None:
    """A full date counts, whatever unusable figures stand before or behind it."""
    assert [words for _, _, words in read(text)] == found


@given(days)
def test_a_date_written_alone_is_parsed(day: date) -> None:
    """Every style that is found in a text is read from a cell too, with blanks around it."""
    for style in ONE_DAY.values():
        assert parse_date(f" {style(day)}\n") == day


@pytest.mark.parametrize(
    "text", ["", "soon", "on 5 May 2014", "5 May 2014.", "5 to 9 May 2014", "5 May 2014, 6 May 2014"]
)
def test_anything_but_one_date_alone_is_not_parsed(text: str) -> None:
    """Other words, ranges and several dates are no single date."""
    assert parse_date(text) is None


def test_the_grammar_looks_only_a_bounded_way_ahead() -> None:
    """No part of the grammar may repeat without end, so that no text can make it slow."""
    assert not re.search(r"(?<!\\)[*+]|\{\d*,\}", dates._DATES.pattern)


@pytest.mark.parametrize("piece", ["1, ", "between 1 and ", "1" + " " * 13, "5 May "])
def test_a_long_text_of_almost_dates_is_read_to_the_end(piece: str) -> None:
    """Text made to mislead takes time in proportion to its length; otherwise this would never end."""
    text = piece * (150_000 // len(piece))
    assert read(text + "; 5 May 2014") == [("2014-05-05", "2014-05-05", "5 May 2014")]
