from datetime import UTC, date, datetime

import pytest

from indexer.errors import DocumentRefusedError, Refusal
from indexer.metadata import stated_by_front_matter, stated_by_path
from indexer.records import Event, Evidence, Metadata, Origin
from indexer.settings import PathRule

RULES = (
    PathRule(
        pattern=r"reports/[^/]+_(?P<body>[^/]+)/(?P<kind>[^/]+) - (?P<published>[^/]+)\.pdf", publisher="Care Watch"
    ),
    PathRule(pattern=r"(?P<kind>news)/.*"),
)


def test_a_path_states_what_the_rule_captures() -> None:
    """Named groups and fixed values become metadata with a rule as their origin."""
    stated = stated_by_path("reports/7_upper ambleford/focused visit - 02 may 2018.pdf", RULES)
    assert stated == Metadata(
        body="Upper Ambleford",
        kind="focused visit",
        published=date(2018, 5, 2),
        publisher="Care Watch",
        evidence=dict.fromkeys(("body", "kind", "published", "publisher"), Evidence(Origin.RULE)),
    )


def test_the_first_rule_that_fits_the_whole_path_counts() -> None:
    """A rule that fits only a part of the path says nothing."""
    assert stated_by_path("news/reports/7_x/y - z.pdf", RULES).kind == "news"
    assert stated_by_path("old/reports/7_x/y - z.pdf", RULES) == Metadata()
    assert stated_by_path("anything", ()) == Metadata()


def test_a_captured_date_that_cannot_be_read_stays_unknown() -> None:
    """A folder's name is no promise, so it refuses no document."""
    stated = stated_by_path("reports/7_ambleford/inspection - last week.pdf", RULES)
    assert (stated.published, stated.body) == (None, "Ambleford")


@pytest.mark.parametrize(
    ("captured", "body"),
    [
        ("north amble and the fens", "North Amble and the Fens"),
        ("thorpe-on-sea", "Thorpe-on-Sea"),
        ("st bede's & lyne", "St Bede's & Lyne"),
        ("the wold", "The Wold"),
        ("McAmble borough", "McAmble borough"),
    ],
)
def test_a_body_in_small_letters_gets_its_capitals(captured: str, body: str) -> None:
    """Small words stay small inside a name, and a name with any capital stays as written."""
    assert stated_by_path(f"reports/7_{captured}/visit - x.pdf", RULES).body == body


@pytest.mark.parametrize(
    "published",
    [date(2018, 5, 22), datetime(2018, 5, 22, 9, tzinfo=UTC), "2018-05-22", "2018-05-22T09:00:00Z", "22nd May 2018"],
)
def test_front_matter_states_a_date_in_any_plain_form(published: object) -> None:
    """Dates of YAML, ISO dates with or without a time, and written dates are all read."""
    assert stated_by_front_matter({"published": published}).published == date(2018, 5, 22)


def test_front_matter_states_the_fields_and_nothing_else() -> None:
    """Values become metadata, blanks stay unknown, and keys of other programs are left alone."""
    values = {
        "title": " Care \n in Ambleford ",
        "body": "",
        "kind": None,
        "published": True,
        "tags": ["a"],
        "licence": 3,
    }
    assert stated_by_front_matter(values) == Metadata(
        title="Care in Ambleford",
        licence="3",
        evidence={"title": Evidence(Origin.STATED), "licence": Evidence(Origin.STATED)},
    )


@pytest.mark.parametrize(
    "events",
    ["18 and 19 October 2023", ["18 and 19 October 2023"], "2023-10-18 to 2023-10-19", "18/10/2023-19/10/2023"],
)
def test_front_matter_states_events_as_days(events: object) -> None:
    """Events are written like any dates, one text or a list of them."""
    assert stated_by_front_matter({"events": events}).events == (Event(date(2023, 10, 18), date(2023, 10, 19)),)


def test_several_events_are_stated_in_a_list() -> None:
    """Each item of the list may hold days of its own."""
    stated = stated_by_front_matter({"events": [date(2023, 10, 18), "1 to 3 May 2024", None]})
    assert stated.events == (Event(date(2023, 10, 18), date(2023, 10, 18)), Event(date(2024, 5, 1), date(2024, 5, 3)))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("published", "soon"),
        ("published", "May 2018"),
        ("published", 2018),
        ("title", ["a", "b"]),
        ("events", "in May"),
    ],
)
def test_a_stated_value_that_cannot_be_used_refuses_the_document(name: str, value: object) -> None:
    """The message names the field, the value and what would be read."""
    with pytest.raises(DocumentRefusedError, match=r": write .+ or leave it out") as refused:
        stated_by_front_matter({name: value})
    assert refused.value.code is Refusal.METADATA
    assert name in refused.value.message
    assert str(value) in refused.value.message
