from datetime import date

from indexer.metadata import merge
from indexer.records import Event, Evidence, Metadata, Origin, Span


def test_the_earlier_part_wins_field_by_field() -> None:
    """Merged metadata takes each field with its evidence from the first part that knows it."""
    rule, text = Evidence(Origin.RULE), Evidence(Origin.TEXT, Span(1, 0, 4))
    first = Metadata(body="Lyne", evidence={"body": rule})
    event = Event(date(2018, 5, 1), date(2018, 5, 2))
    second = Metadata(
        body="Wold", kind="visit", events=(event,), evidence={"body": text, "kind": text, "events": text}
    )
    assert merge(first, second) == Metadata(
        body="Lyne", kind="visit", events=(event,), evidence={"body": rule, "kind": text, "events": text}
    )
    assert merge() == Metadata()
