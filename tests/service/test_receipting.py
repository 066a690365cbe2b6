import json
import re
from typing import Any

import pytest
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st

from indexer.errors import InputError
from service.receipting import LONGEST_TEXT, MOST_SPANS, parse_places, places_of
from tests.service.conftest import MANIFEST, Library, client_of

QUESTION = "How did the budget change?"


def cited(client: TestClient, question: str = QUESTION) -> dict[str, Any]:
    """Give the citation of the first hit."""
    found: dict[str, Any] = client.post("/v1/search", json={"q": question, "k": 1}).json()["hits"][0]
    return found


def asked(hit: dict[str, Any], **changed: object) -> dict[str, Any]:
    citation = hit["citation"]
    return {"question": QUESTION, "doc_id": citation["doc_id"], "spans": citation["spans"], **changed}


def refused(client: TestClient, fields: dict[str, Any]) -> str:
    answer = client.post("/v1/receipts", json=fields)
    assert answer.headers["content-type"] == "application/problem+json"
    found: str = answer.json()["detail"]
    return found


def test_a_receipt_is_issued_and_holds(client: TestClient) -> None:
    """The file that comes back has the hit's words, and passes when it is checked."""
    hit = cited(client)
    answer = client.post("/v1/receipts", json=asked(hit))

    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["content-disposition"].startswith('attachment; filename="citewell-')
    receipt = answer.json()
    assert (receipt["text"], receipt["question"], receipt["spans"]) == (
        hit["text"],
        QUESTION,
        hit["citation"]["spans"],
    )
    checked = client.post("/v1/receipts/check", content=answer.content).json()
    assert (checked["outcome"], checked["passed"], checked["citation"]["spans"]) == ("holds", True, receipt["spans"])


def test_a_link_gives_the_same_receipt(client: TestClient) -> None:
    """But for the moment at which it was issued, and so its seal."""
    hit = cited(client)
    fields = asked(hit)
    parts = {**fields, "spans": ",".join(f"{page}:{start}-{end}" for page, start, end in fields["spans"])}
    by_link, by_json = (
        client.get("/v1/receipts", params=parts).json(),
        client.post("/v1/receipts", json=fields).json(),
    )
    for one in (by_link, by_json):
        del one["at"], one["seal"]
    assert by_link == by_json


def test_a_quote_over_a_page_break_is_one_receipt(client: TestClient) -> None:
    """Its text is that of its parts, joined by a line feed."""
    hit = cited(client, "Who trained the foster carers before the first child arrived?")
    assert len({page for page, _, _ in hit["citation"]["spans"]}) == 2
    receipt = client.post("/v1/receipts", json=asked(hit)).json()
    assert receipt["text"] == hit["text"]


def test_an_edited_receipt_is_noticed(client: TestClient) -> None:
    """A number that somebody changed does not pass."""
    receipt = client.post("/v1/receipts", json=asked(cited(client))).text
    edited = receipt.replace("budget", "garden")
    assert edited != receipt
    checked = client.post("/v1/receipts/check", content=edited).json()
    assert (checked["outcome"], checked["passed"]) == ("receipt altered", False)


def test_a_deleted_document_is_told_of(library: Library) -> None:
    """The receipt of a quote whose document has gone says so, and no further receipt is issued."""
    with client_of(library.searcher()) as client:
        hit = cited(client)
        receipt = client.post("/v1/receipts", json=asked(hit)).content
        source = hit["citation"]["source"]
        (library.sources / source).unlink()
        library.write("manifest.csv", "".join(row for row in MANIFEST.splitlines(True) if not row.startswith(source)))
        library.sync()

        checked = client.post("/v1/receipts/check", content=receipt).json()
        assert (checked["outcome"], checked["passed"]) == ("withdrawn", False)
        assert "no document" in refused(client, asked(hit))


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b"{", b"\xff", b"null", b'{"format": 2}', b"[" * 50_000])
def test_what_is_no_receipt_is_refused(client: TestClient, body: bytes) -> None:
    """Whatever comes in, the answer says that it is no receipt."""
    answer = client.post("/v1/receipts/check", content=body)
    assert answer.json()["status"] == 422
    assert "receipt" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("spans", "why"),
    [
        ([], "1 to 100 spans"),
        ([[1, 0, 1]] * (MOST_SPANS + 1), "not 101"),
        ([[1, 5, 5]], "is not within page 1"),
        ([[1, 9, 5]], "is not within page 1"),
        ([[1, -1, 5]], "is not within page 1"),
        ([[1, 0, 10**30]], "is not within page 1"),
        ([[99, 0, 5]], "has no page 99"),
        ([[0, 0, 5]], "has no page 0"),
        ([[10**30, 0, 5]], "has no page"),
        ([[1, 10, 20], [1, 0, 5]], "do not follow one another"),
        ([[1, 0, 10], [1, 5, 20]], "do not follow one another"),
        ([[2, 0, 10], [1, 5, 20]], "do not follow one another"),
    ],
)
def test_places_that_hold_no_quote_are_refused(client: TestClient, spans: list[list[int]], why: str) -> None:
    """Each with its reason."""
    assert why in refused(client, asked(cited(client), spans=spans))


def test_white_space_is_no_quote(client: TestClient) -> None:
    """Nobody can check a receipt of nothing."""
    hit = cited(client)
    text = client.get(hit["citation"]["link"]).json()["text"]
    assert "no words" in refused(client, asked(hit, spans=[[hit["citation"]["page"], at := text.index(" "), at + 1]]))


def test_a_receipt_is_of_a_quote_not_of_a_report(library: Library) -> None:
    """Long spans, and a long question, are refused."""
    library.write("long.txt", "Gardens were dug up and planted anew. " * (LONGEST_TEXT // 30))
    library.sync()
    with client_of(library.searcher()) as client:
        hit = cited(client, "Which gardens were dug up and planted?")
        assert "20,000 at most" in refused(client, asked(hit, spans=[[1, 0, LONGEST_TEXT + 1]]))
        assert "the question has more than" in refused(client, asked(hit, question="x" * 1001))


@pytest.mark.parametrize(
    "fields", [{}, {"doc_id": "x"}, {"doc_id": "x", "spans": [[1, 2]]}, {"doc_id": "x", "spans": "1:2-3"}]
)
def test_a_field_that_is_wrong_is_pointed_to(client: TestClient, fields: dict[str, Any]) -> None:
    """As everywhere in the service."""
    answer = client.post("/v1/receipts", json=fields)
    assert answer.json()["status"] == 422
    assert answer.json()["errors"]


def test_an_unknown_document_is_not_found(client: TestClient) -> None:
    """As everywhere in the service."""
    answer = client.get("/v1/receipts", params={"doc_id": "nothing", "spans": "1:0-5"})
    assert answer.json()["status"] == 404


@given(st.lists(st.tuples(*[st.integers(0, 999_999_999)] * 3), min_size=1, max_size=MOST_SPANS))
def test_places_are_read_as_they_are_written(places: list[tuple[int, int, int]]) -> None:
    """Reading takes back writing."""
    assert parse_places(places_of(tuple(places))) == tuple(places)


@given(st.text(alphabet="0123456789:-, x٣", max_size=20))
def test_whatever_else_is_given_for_places_is_refused(text: str) -> None:
    """A text is either the places that it writes, or is refused."""
    if re.fullmatch("[0-9]+:[0-9]+-[0-9]+(,[0-9]+:[0-9]+-[0-9]+)*", text) and not re.search("[0-9]{10}", text):
        assert len(parse_places(text)) == text.count(",") + 1
    else:
        with pytest.raises(InputError, match="page:start-end"):
            parse_places(text)


def test_the_file_reads_as_json(client: TestClient) -> None:
    """People can look into it."""
    text = client.post("/v1/receipts", json=asked(cited(client))).text
    assert text.endswith("}\n")
    assert json.loads(text)["format"] == 1
