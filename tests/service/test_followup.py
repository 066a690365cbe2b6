"""What became of recommendations: repeated or not, and what later reports of the same body say of them."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from indexer.collection import Reader
from indexer.recommendations import find_recommendations
from indexer.records import Document, Findings
from service.candidates import Generation
from service.followup import Followed, followed_up
from tests.fakes import WordEncoder
from tests.service.conftest import Citewell, Library, client_of, make_library
from tests.service.test_schemas import valid

MANIFEST = """\
path,body,published,kind
first.txt,Redbrook Council,2016-02-28,inspection
second.txt,Redbrook,2019-05-22,inspection
third.txt,Redbrook Council,2022-02-28,inspection
story.txt,Redbrook Council,2022-03-01,news
other.txt,Bluehill City Council,2021-12-31,inspection
undated.txt,Redbrook Council,,inspection
"""
OTTERS = "Count the otters of the river each spring."
LAMPS = "Light the lamps on the long pier."
REPORTS = {
    "first.txt": f"The town is small.\nRecommendations\n1. {OTTERS}\n2. {LAMPS}\n3. Paint ferry boats (paragraph 4).",
    "second.txt": (
        "Nobody did count the otters of the river this spring.\n\nBuses run late on Sundays.\n\n"
        "Recommendations\n1. Count the otters of the river each spring and autumn.\n2. Hire drivers for buses."
    ),
    "third.txt": "Rangers count the otters of the river each spring.\n\nThe lamps on the long pier are all lit.",
    "story.txt": "Rangers count the otters of the river each spring.",
    "other.txt": f"Recommendations\n1. {OTTERS}\n\nVolunteers count the otters of the river each spring.",
    "undated.txt": f"Recommendations\n1. {OTTERS}",
}


@pytest.fixture(scope="module")
def river(tmp_path_factory: pytest.TempPathFactory) -> Library:
    """Give a library of three inspections of one town, and of others."""
    return make_library(tmp_path_factory.mktemp("river"), REPORTS, MANIFEST)


@contextmanager
def opened(library: Library) -> Iterator[tuple[Reader, Generation, dict[str, Document]]]:
    """Open an index with the recommendations of all its documents found, by path."""
    with library.searcher().opened() as (reader, generation):
        documents = tuple(_with_findings(one, reader) for one in generation.catalogue.documents)
        catalogue = replace(generation.catalogue, documents=documents)
        yield reader, replace(generation, catalogue=catalogue), {one.path: one for one in documents}


def _with_findings(document: Document, reader: Reader) -> Document:
    pages = [reader.page(document.doc_id, number)[0] for number in range(1, document.pages + 1)]
    return replace(document, findings=Findings(recommendations=find_recommendations(pages, [])))


def follow(library: Library, path: str) -> tuple[Followed, ...]:
    with opened(library) as (reader, generation, documents):
        return followed_up(WordEncoder(), reader, generation, documents[path])


def test_each_recommendation_is_given_to_the_letter(river: Library) -> None:
    """Its words are those of the page that is cited, asides included."""
    found = follow(river, "first.txt")
    assert [one.item.text for one in found] == [OTTERS, LAMPS, "Paint ferry boats (paragraph 4)."]
    assert [one.item.citation.source for one in found] == ["first.txt"] * 3


def test_the_next_inspection_repeats_what_is_on_the_same_matter(river: Library) -> None:
    """A recommendation on the same matter is named; others are not, however many lists there are."""
    otters, lamps, boats = follow(river, "first.txt")
    assert otters.repeated is not None
    assert otters.repeated.text == "Count the otters of the river each spring and autumn."
    assert otters.repeated.document.path == "second.txt"
    assert lamps.repeated is None
    assert boats.repeated is None


def test_later_reports_are_quoted_in_order_one_sentence_each(river: Library) -> None:
    """Each is the sentence that speaks of the matter, not the report's own list."""
    otters, lamps, boats = follow(river, "first.txt")
    assert [(one.document.path, one.text) for one in otters.later] == [
        ("second.txt", "Nobody did count the otters of the river this spring."),
        ("third.txt", "Rangers count the otters of the river each spring."),
    ]
    assert [one.text for one in lamps.later] == ["The lamps on the long pier are all lit."]
    assert boats.later == ()


def test_every_quote_stands_where_it_is_cited(river: Library) -> None:
    """The characters of each citation are those of the quote."""
    with opened(river) as (reader, generation, documents):
        for one in followed_up(WordEncoder(), reader, generation, documents["first.txt"]):
            for said in (one.item, *([one.repeated] if one.repeated else []), *one.later):
                texts = [
                    reader.page_text(said.document.doc_id, page)[start:end]
                    for page, start, end in said.citation.spans
                ]
                assert "\n".join(texts) == said.text


@pytest.mark.parametrize("path", ["other.txt", "undated.txt"])
def test_nothing_follows_without_a_later_report_on_the_body(river: Library, path: str) -> None:
    """Reports of other bodies, and those whose order is unknown, follow on nothing."""
    assert [(one.item.text, one.repeated, one.later) for one in follow(river, path)] == [(OTTERS, None, ())]


def test_a_report_without_recommendations_has_nothing_to_follow(river: Library) -> None:
    """There is no list and no error."""
    assert follow(river, "third.txt") == ()


def test_no_more_than_a_few_later_sentences_are_quoted(tmp_path: Path) -> None:
    """Where many reports speak of it, the nearest are kept, the oldest first."""
    years = range(2017, 2022)
    texts = {f"{year}.txt": "Rangers count the otters of the river each spring." for year in years}
    texts["2018.txt"] = texts["2020.txt"] = "Mice and otters of the river were seen by some rangers each spring."
    rows = "".join(f"{year}.txt,Redbrook,{year}-01-01,inspection\n" for year in years)
    manifest = f"path,body,published,kind\nfirst.txt,Redbrook,2016-02-28,inspection\n{rows}"
    library = make_library(tmp_path, {"first.txt": f"Recommendations\n1. {OTTERS}", **texts}, manifest)
    (otters,) = follow(library, "first.txt")
    assert [one.document.path for one in otters.later] == ["2017.txt", "2019.txt", "2021.txt"]


def test_the_command_and_the_service_follow_recommendations(river: Library, citewell: Citewell) -> None:
    """They give the same JSON, of the reports on a body that must be named; people read what became of each item."""
    client, where = client_of(river.searcher()), ("--index", river.settings.index)
    asking = {"body": "Redbrook", "as_of": "2022-12-31"}
    given = valid("recommendations", client.get("/v1/recommendations", params=asking).json())
    asked = ("recommendations", "--body", "Redbrook", "--as-of", "2022-12-31")
    assert given == json.loads(citewell(*asked, "--json", *where).out)
    assert [(one["report"]["source"], len(one["recommendations"])) for one in given["reports"]] == [
        ("first.txt", 3),
        ("second.txt", 2),
    ]
    otters = given["reports"][0]["recommendations"][0]
    assert otters["text"] == OTTERS
    assert otters["repeated"]["text"] == "Count the otters of the river each spring and autumn."
    plain = citewell(*asked, *where).out
    assert "repeated in inspection of 2019-05-22" in plain
    assert f"• {OTTERS}" in plain
    refused = client.get("/v1/recommendations").json()
    assert refused["status"] == 422
    assert "name one" in citewell("recommendations", *where).err
