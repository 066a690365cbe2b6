import json
from datetime import date

import pytest

from indexer.embedded import Embedded
from indexer.errors import InputError
from service.lineage import Body, Lineage, Link, Succession
from service.query import Query
from service.search import Searcher
from service.threads import Thread, thread
from service.tone import Change, Tone
from tests.fakes import WordEncoder
from tests.service.conftest import Citewell, Library, client_of
from tests.service.inspected import make_inspected
from tests.service.test_schemas import valid


@pytest.fixture(scope="module")
def inspected(tmp_path_factory: pytest.TempPathFactory) -> Library:
    """Give a library of inspection reports that no test may change."""
    return make_inspected(tmp_path_factory.mktemp("inspected"))


def followed(library: Library, matter: str, **filters: object) -> Thread:
    """Follow a matter in a library."""
    searcher = library.searcher()
    query = Query(matter, **filters)  # type: ignore[arg-type]
    with searcher.opened(query.as_of) as (reader, generation):
        return thread(searcher, reader, generation, query)


def test_a_thread_goes_through_all_inspections_in_order(inspected: Library) -> None:
    """Also those that say nothing of it; what the press wrote is no inspection."""
    found = followed(inspected, "caseloads", bodies=("Fairport",))
    assert [(one.document.path, one.when.day) for one in found.inspections] == [
        ("fairport/2019.txt", date(2019, 6, 7)),
        ("fairport/2021.txt", date(2021, 3, 10)),
        ("fairport/2023.txt", date(2023, 6, 9)),
    ]
    first, visit, last = found.inspections
    assert first.said
    assert last.said
    assert visit.said is None
    assert (first.said.quote.text, first.said.tone, first.said.change) == (
        "Caseloads are far too high.",
        Tone.WEAKNESS,
        None,
    )
    assert last.said.quote.text == "Caseloads have reduced since the last inspection."
    assert last.said.change is Change.IMPROVED
    assert found.left_out == 1


def test_each_quote_is_of_its_own_report(inspected: Library) -> None:
    """To the letter, and cited there."""
    found = followed(inspected, "supervision or caseloads", bodies=("Fairport",))
    with inspected.searcher().opened() as (reader, _):
        for one in found.inspections:
            for quote in [one.said.quote] if one.said else []:
                assert quote.citation.doc_id == one.document.doc_id
                page, start, end = quote.citation.spans[0]
                assert reader.page_text(one.document.doc_id, page)[start:end] == quote.text


def test_praise_and_blame_make_a_mixed_picture(inspected: Library) -> None:
    """The tone is that of all sentences together; how many say what is told."""
    (first, _, _) = followed(inspected, "supervision or caseloads", bodies=("Fairport",)).inspections
    assert first.said
    assert first.said.tone is Tone.MIXED
    assert first.said.tones == {Tone.STRENGTH: 1, Tone.WEAKNESS: 1}


def test_the_grade_at_the_time_stands_beside(inspected: Library) -> None:
    """None where there was none to give."""
    found = followed(inspected, "caseloads in Fairport")
    grades = [one.overall.grade if one.overall else "?" for one in found.inspections]
    assert grades == ["inadequate", None, "good"]


def test_a_thread_needs_a_body(inspected: Library) -> None:
    """The error says how to name one."""
    with pytest.raises(InputError, match="a thread is of a body: name one"):
        followed(inspected, "caseloads")


def test_the_command_and_the_service_follow_a_matter(inspected: Library, citewell: Citewell) -> None:
    """They give the same JSON; people read quotes, tones and what is not mentioned."""
    client, where = client_of(inspected.searcher()), ("--index", inspected.settings.index)
    given = valid("thread", client.get("/v1/thread", params={"q": "caseloads", "body": "Fairport"}).json())
    assert given == json.loads(citewell("thread", "caseloads", "--body", "Fairport", "--json", *where).out)
    assert [one["mentioned"] for one in given["inspections"]] == [True, False, True]
    plain = citewell("thread", "caseloads", "--body", "Fairport", *where)
    assert plain.code == 0
    assert "not mentioned" in plain.out
    assert "improved by its own words" in plain.out
    assert citewell("thread", "zebras", "--body", "Fairport", *where).code == 1
    assert citewell("thread", "caseloads", *where).code == 2
    assert client.get("/v1/thread", params={"q": "caseloads"}).status_code == 422


def test_the_command_and_the_service_count(inspected: Library, citewell: Citewell) -> None:
    """They give the same JSON; people read numerator, denominator and quotes."""
    client, where = client_of(inspected.searcher()), ("--index", inspected.settings.index)
    asked = "How many of the latest reports mention caseloads or workloads?"
    given = valid("count", client.get("/v1/count", params={"q": asked}).json())
    valid("count", client.get("/v1/count", params={"q": "caseloads"}).json())
    assert given == json.loads(citewell("count", asked, "--json", *where).out)
    assert (given["count"], given["reports"], given["latest"]) == (2, 2, True)
    plain = citewell("count", "caseloads", *where)
    assert plain.out.startswith("2 of 4 (the reports) have a sentence with caseload\n")
    assert citewell("count", "caseloads", "--kind", "news", *where).out.startswith("1 of 1 ")
    assert citewell("count", "zebras", *where).code == 1


MERGED = Lineage(
    (Body("Millbeck", until=date(2023, 3, 31)), Body("Fairport", since=date(2023, 4, 1))),
    (Succession("Millbeck", ("Fairport",), date(2023, 4, 1), "became a part of"),),
)


def test_a_thread_goes_on_through_predecessors_and_successors(inspected: Library) -> None:
    """Whichever of them is named; the link is named, and reports of others' own days are none of the line."""
    searcher = Searcher(Embedded.open(inspected.settings.index), WordEncoder(), lineage=MERGED)
    for body in ("Fairport", "Millbeck"):
        with searcher.opened() as (reader, generation):
            found = thread(searcher, reader, generation, Query("caseloads or workloads", bodies=(body,)))
        paths = [one.document.path for one in found.inspections]
        assert paths[-2:] == ["millbeck/2022.txt", "fairport/2023.txt"]
        assert found.links == (Link("Millbeck", "Fairport", date(2023, 4, 1), "became a part of"),)
