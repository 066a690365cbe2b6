"""Ids of requests, and what the log tells of them."""

import json
import logging
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient

from service.app import create_app
from service.logs import Lines
from service.search import Searcher
from tests.service.conftest import Library, client_of

Logged = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def logged(caplog: pytest.LogCaptureFixture) -> Iterator[Logged]:
    """Give a function that reads what was logged so far, as the lines that come out."""
    with caplog.at_level(logging.INFO, "citewell"):
        yield lambda: [json.loads(Lines().format(one)) for one in caplog.records if one.name == "citewell"]


@pytest.mark.parametrize("given", ["a", "A-1_b.2", "x" * 128])
def test_an_id_that_a_client_gives_is_kept(client: TestClient, given: str) -> None:
    """It stands in the header and in a problem document."""
    answer = client.get("/nothing", headers={"x-request-id": given})
    assert answer.headers["x-request-id"] == answer.json()["request_id"] == given


@pytest.mark.parametrize("given", ["", " ", "a b", "x" * 129, "a\tb", "a;b", "ä", '"', "a%0ab", "<b>"])
def test_an_id_that_could_do_harm_is_replaced(client: TestClient, given: str) -> None:
    """A new one takes its place, another one each time."""
    answers = [client.get("/nothing", headers={b"x-request-id": given.encode()}) for _ in range(2)]
    ids = [answer.headers["x-request-id"] for answer in answers]
    assert all(re.fullmatch("[0-9a-f]{16}", one) for one in ids)
    assert len({*ids, given}) == 3
    assert [answer.json()["request_id"] for answer in answers] == ids


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/healthz", 200),
        ("GET", "/v1/search?q=school", 200),
        ("GET", "/v1/documents", 200),
        ("GET", "/v1/openapi.json", 200),
        ("GET", "/v1/search", 422),
        ("DELETE", "/v1/search", 405),
        ("GET", f"/v1/search?q={'a' * 40_000}", 431),
    ],
)
def test_every_answer_carries_an_id(client: TestClient, method: str, path: str, status: int) -> None:
    """Also those that come from before the endpoints, and those that did no work."""
    answer = client.request(method, path)
    assert answer.status_code == status
    assert len(answer.headers.get_list("x-request-id")) == 1
    if tag := answer.headers.get("etag"):
        assert client.get(path, headers={"if-none-match": tag}).headers["x-request-id"]


def test_the_log_has_a_line_for_each_request(shelf: Library, logged: Logged) -> None:
    """It tells which endpoint, how it ended and how long it took, but not what was asked, nor of which document."""
    client = client_of(shelf.searcher())
    client.get("/v1/search?q=a+private+matter&body=Redbrook", headers={"x-request-id": "mine"})
    client.get("/v1/documents/private/pages/1?spans=private")
    client.post("/v1/verify", json={"quote": "a private matter"})
    client.get("/private")
    lines = logged()
    assert [(line["method"], line["route"], line["status"], line["refused"]) for line in lines] == [
        ("GET", "/v1/search", 200, None),
        ("GET", "/v1/documents/{doc_id}/pages/{number}", 404, "not_found"),
        ("POST", "/v1/verify", 200, None),
        ("GET", None, 404, "not_found"),
    ]
    assert lines[0]["request_id"] == "mine"
    for line in lines:
        assert {*line} == {*"time level message request_id method route status ms refused".split()}
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00", line["time"])
        assert (line["level"], line["message"]) == ("info", "request")
        assert line["ms"] >= 0
    assert "private" not in json.dumps(lines)


def test_the_log_has_questions_where_that_is_asked_for(shelf: Library, logged: Logged) -> None:
    """Of searches and answers the question, of checks the quote, whether they come by GET or by POST."""
    app = create_app(shelf.searcher(), log_queries=True)
    client = TestClient(app, base_url="http://localhost", raise_server_exceptions=False)
    client.get("/v1/search?q=who%0Akeeps+bees")
    client.post("/v1/search", json={"q": "bees"})
    client.get("/v1/ask?q=bees")
    client.post("/v1/verify", json={"quote": "of bees"})
    client.get("/v1/documents")
    assert [line.get("question") for line in logged()] == ["who\nkeeps bees", "bees", "bees", "of bees", None]


def test_an_error_of_our_own_is_logged_under_the_id_of_its_request(
    shelf: Library, monkeypatch: pytest.MonkeyPatch, logged: Logged
) -> None:
    """So a client's report leads to the place in the code."""

    def fail(self: Searcher, query: object) -> None:
        raise RuntimeError(query)

    monkeypatch.setattr(Searcher, "search", fail)
    answer = client_of(shelf.searcher()).get("/v1/search?q=private", headers={"x-request-id": "R-1"})
    assert answer.json()["request_id"] == "R-1"
    assert answer.json()["detail"].endswith("request R-1")
    error, request = logged()
    assert (error["level"], error["request_id"], request["request_id"]) == ("error", "R-1", "R-1")
    assert "in search_by_query_string" in error["message"]
    assert (request["status"], request["refused"]) == (500, "error")
    assert "private" not in json.dumps([error, request])


def test_a_line_of_the_log_is_one_line() -> None:
    """Whatever a message holds, it neither ends the line nor steers a terminal; what uvicorn says stays readable."""
    text = 'running on http://127.0.0.1:8000 \n\r\x1b[31m\u2028\u202e"'
    record = logging.LogRecord("uvicorn.error", logging.WARNING, "x.py", 1, "it is %s", (text,), None)
    line = Lines().format(record)
    assert "running on http://127.0.0.1:8000 " in line
    assert line.isascii()
    assert line.isprintable()
    assert json.loads(line)["message"] == f"it is {text}"
    assert json.loads(line)["level"] == "warning"
