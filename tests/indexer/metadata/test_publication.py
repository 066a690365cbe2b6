from collections.abc import Sequence
from datetime import date

import pytest

from indexer.records import Event
from tests.indexer.metadata.documents import found


@pytest.mark.parametrize(
    ("last", "publisher"),
    [
        ("Published by Care Watch\nin Ambleford", "Care Watch"),
        ("© Care Watch 2018", "Care Watch"),
        ("© Crown copyright 2018", None),
        ("© 2018\nAll rights reserved", None),
        ("The Office for Good Care and\nLearning (Goodcare) regulates and inspects to help.", "Goodcare"),
        ("Published by Care Watch\n© Lyne Council", None),
        ("A plan published by Care Watch", None),
    ],
)
def test_the_publisher_says_so_itself(last: str, publisher: str | None) -> None:
    """A notice on the last page counts, unless notices disagree."""
    made = found("A title\n\nSome text.", "More text.", last)
    assert made.publisher == publisher
    assert publisher is None or made.evidence["publisher"].span is not None


@pytest.mark.parametrize(
    ("line", "published"),
    [
        ("Report published: 30 June 2014", date(2014, 6, 30)),
        ("Published 30 June 2014", date(2014, 6, 30)),
        ("Date of publication\n30/06/2014", date(2014, 6, 30)),
        ("First published: 30 June 2014", date(2014, 6, 30)),
        ("Published: June 2014", None),
        ("Published: 1 to 30 June 2014", None),
        ("Published 30 June 2014 was the old plan", None),
        ("It was\npublished on 30 June 2014.", None),
        ("30 June 2014", None),
        ("Published: 30 June 2014\nPublished: 1 July 2014", None),
    ],
)
def test_the_day_of_publication_is_labelled(line: str, published: date | None) -> None:
    """A date without that label, or two that disagree, leave it unknown."""
    assert found(f"A title\n\n{line}\n\nSome text.").published == published


@pytest.mark.parametrize(
    ("line", "events"),
    [
        ("Inspection dates: 1 to 5 May 2018", [(1, 5)]),
        ("Inspection date: 1–5 May 2018 and\n8 May 2018 to 9 May 2018", [(1, 5), (8, 9)]),
        ("Dates of focused visit: 1 May 2018", [(1, 1)]),
        ("Inspected on 1 May 2018", [(1, 1)]),
        ("This tells of the visit to Ambleford between 1 and 5 May 2018.", [(1, 5)]),
        ("At the last inspection on 1 May 2018 all was well.", []),
        ("The inspection was good. On 1 May 2018 the mayor spoke.", []),
        ("Inspection dates: May 2018", []),
    ],
)
def test_events_are_the_days_of_the_inspection_or_visit(line: str, events: Sequence[tuple[int, int]]) -> None:
    """A label gives them, or else a sentence that ties the date to what happened then."""
    made = found(f"A title\n\n{line}\n\nSome text.")
    assert made.events == tuple(Event(date(2018, 5, start), date(2018, 5, end)) for start, end in events)
