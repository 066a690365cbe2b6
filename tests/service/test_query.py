from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.errors import InputError
from indexer.records import Filter
from service.query import LONGEST_NAME, LONGEST_QUERY, MOST_HITS, Query, parse_day, resolve

BODIES = ["Redbrook Council", "Bluehill City Council", "London Borough of Greenmouth"]
KINDS = ["inspection", "focused visit"]


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ({"text": ""}, "empty"),
        ({"text": " \t\n "}, "empty"),
        ({"text": "x" * 1_000_000}, "1,000,000 characters; at most 1,000"),
        ({"text": "half a pair \ud83d"}, "Unicode"),
        ({"text": "x", "k": 0}, "from 1 to 100"),
        ({"text": "x", "k": -1}, "from 1 to 100"),
        ({"text": "x", "k": 101}, "from 1 to 100"),
        ({"text": "x", "bodies": ("b" * 1_000_000,)}, "1,000,000 characters"),
        ({"text": "x", "kinds": ("k" * 201,)}, "201 characters"),
        ({"text": "x", "published_from": date(2020, 1, 2), "published_to": date(2020, 1, 1)}, "wrong way round"),
    ],
    ids=lambda value: None if isinstance(value, dict) else value,
)
def test_a_query_that_cannot_be_used_says_why(query: dict[str, object], message: str) -> None:
    """Each reason has its message, and none repeats a long text."""
    with pytest.raises(InputError, match=message) as error:
        Query(**query)  # type: ignore[arg-type]  # the table holds each field's own type
    assert len(str(error.value)) < 200


def test_the_limits_themselves_are_allowed() -> None:
    """The longest query, the longest name, the least and the most hits, and a single day are fine."""
    day = date(2020, 1, 1)
    Query("x" * LONGEST_QUERY, k=1, bodies=("b" * LONGEST_NAME,), published_from=day, published_to=day)
    Query("x", k=MOST_HITS)


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("2018", date(2018, 1, 1), date(2018, 12, 31)),
        ("2018-05", date(2018, 5, 1), date(2018, 5, 31)),
        ("2018-5", date(2018, 5, 1), date(2018, 5, 31)),
        ("2018-12", date(2018, 12, 1), date(2018, 12, 31)),
        ("2019-02", date(2019, 2, 1), date(2019, 2, 28)),
        ("2020-02", date(2020, 2, 1), date(2020, 2, 29)),
        ("9999", date(9999, 1, 1), date(9999, 12, 31)),
        ("9999-12", date(9999, 12, 1), date(9999, 12, 31)),
        (" 2018 ", date(2018, 1, 1), date(2018, 12, 31)),
        ("2018-05-22", date(2018, 5, 22), date(2018, 5, 22)),
        ("22 May 2018", date(2018, 5, 22), date(2018, 5, 22)),
        (" 22/05/2018\n", date(2018, 5, 22), date(2018, 5, 22)),
    ],
)
def test_a_day_month_or_year_is_read(text: str, first: date, last: date) -> None:
    """A month or year stands for its first day, or for its last where an end is asked for."""
    assert (parse_day(text), parse_day(text, last=True)) == (first, last)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "soon",
        "0000",
        "2018-00",
        "2018-13",
        "2018-02-30",
        "22 May",
        "20180522",
        "1 May 2018 to 3 May 2018",
        "-1",
    ],
)
def test_what_is_no_date_is_refused_with_the_forms_that_are(text: str) -> None:
    """The message shows what was given and how to write it."""
    with pytest.raises(InputError, match="2018-05-22, 2018-05 or 2018") as error:
        parse_day(text)
    assert f"`{text}`" in str(error.value)


@given(st.dates(min_value=date(1600, 1, 1), max_value=date(2099, 12, 31)))
def test_a_month_holds_its_days(day: date) -> None:
    """Every day lies between the first and the last of its month and year, which are followed by another."""
    assert parse_day(day.isoformat()) == parse_day(day.isoformat(), last=True) == day
    for text, part in ((f"{day:%Y-%m}", "month"), (f"{day:%Y}", "year")):
        first, last = parse_day(text), parse_day(text, last=True)
        assert first <= day <= last
        assert first.day == 1
        assert getattr(last + timedelta(days=1), part) != getattr(day, part)


@given(st.text(st.characters()) | st.from_regex(r"\d{1,5}(-\d{1,3}){0,3}"), st.booleans())
def test_any_text_is_a_day_or_refused(text: str, last: bool) -> None:
    """Nothing a person may type fails in another way, and the message can always be printed."""
    try:
        found = f"{parse_day(text, last=last):%Y}"
    except InputError as error:
        found = str(error)
    assert found.encode()


def test_no_filter_lets_everything_through() -> None:
    """A query without filters needs no names of the index."""
    assert resolve(Query("x"), (), ()) == Filter()


@pytest.mark.parametrize(
    ("written", "body"),
    [
        ("Redbrook Council", "Redbrook Council"),
        ("redbrook", "Redbrook Council"),
        ("  THE REDBROOK council ", "Redbrook Council"),
        ("Bluehill", "Bluehill City Council"),
        ("city of bluehill", "Bluehill City Council"),
        ("Greenmouth Council", "London Borough of Greenmouth"),
    ],
)
def test_a_body_is_known_however_it_is_written(written: str, body: str) -> None:
    """Case, spaces and the words of local government do not matter."""
    assert resolve(Query("x", bodies=(written,)), BODIES, KINDS) == Filter(bodies=frozenset([body]))


def test_all_spellings_that_the_index_holds_are_one_body() -> None:
    """A body that documents spell in two ways is found under both."""
    spellings = ["Redbrook Council", "Redbrook Borough Council"]
    assert resolve(Query("x", bodies=("Redbrook",)), spellings, ()).bodies == frozenset(spellings)


def test_filters_are_carried_over() -> None:
    """Several bodies and kinds widen their filter; dates pass unchanged."""
    query = Query(
        "x",
        bodies=("Redbrook", "Bluehill"),
        kinds=("Focused Visit",),
        published_from=date(2019, 1, 1),
        published_to=date(2020, 1, 1),
    )
    assert resolve(query, BODIES, KINDS) == Filter(
        bodies=frozenset(["Redbrook Council", "Bluehill City Council"]),
        kinds=frozenset(["focused visit"]),
        published_from=date(2019, 1, 1),
        published_to=date(2020, 1, 1),
    )


@pytest.mark.parametrize(
    ("query", "message"),
    [
        (Query("x", bodies=("Redbrok",)), "no document of body `Redbrok`; did you mean `Redbrook Council`?"),
        (Query("x", bodies=("Redbrook", "Bluhill")), "of body `Bluhill`; did you mean `Bluehill City Council`?"),
        (Query("x", kinds=("inspektion",)), "no document of kind `inspektion`; did you mean `inspection`?"),
        (Query("x", bodies=("Zzz",)), "no document of body `Zzz`; `citewell status` lists every body"),
        (Query("x", kinds=("",)), "no document of kind ``; `citewell status` lists every kind"),
        (Query("x", bodies=("\udcff",)), "no document of body `?`;"),
    ],
)
def test_an_unknown_name_is_refused_with_the_nearest(query: Query, message: str) -> None:
    """A filter that names nothing is an error, since an empty result would look like an answer."""
    with pytest.raises(InputError) as error:
        resolve(query, BODIES, KINDS)
    assert message in str(error.value)


def test_an_unknown_long_name_is_shortened_in_the_message() -> None:
    """What a user pasted by mistake does not come back in full."""
    with pytest.raises(InputError) as error:
        resolve(Query("x", bodies=("z" * LONGEST_NAME,)), BODIES, KINDS)
    assert "z" * 81 not in str(error.value)
