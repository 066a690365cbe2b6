import json
import shutil
import sqlite3
from hashlib import sha256
from typing import Any

import httpx2
import pytest
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from indexer.database import STORE_FILE
from service.search import Searcher
from tests.fakes import WordEncoder
from tests.service.conftest import REPORTS, Library, client_of
from tests.service.test_citation import change
from tests.service.test_schemas import LATE, VISITED, valid

ASKING = pytest.mark.parametrize("address", ["/v1/search", "/v1/ask"])


def problem(answer: httpx2.Response, status: int) -> dict[str, Any]:
    """Check that an answer is the problem document of this status, and return it."""
    assert answer.headers["content-type"] == "application/problem+json"
    found: dict[str, Any] = valid("problem", answer.json())
    assert answer.status_code == found["status"] == status
    return found


@pytest.fixture(scope="session")
def doc_id(client: TestClient) -> str:
    """Give the document of two pages."""
    documents = client.get("/v1/documents").json()["documents"]
    found: str = next(document["doc_id"] for document in documents if document["path"] == "redbrook/2019.txt")
    return found


@pytest.mark.parametrize(
    ("fields", "detail"),
    [
        ({"q": ""}, "the query is empty"),
        ({"q": "   "}, "the query is empty"),
        ({"q": "x" * 20_000}, "the query has 20,000 characters; at most 1,000"),
        ({"q": "x" * 60_000}, "the query has 60,000 characters; at most 1,000"),
        ({"q": '-school -"a budget"'}, "only says what to leave out; add what to look for"),
        ({"q": "x", "k": 0}, "k is 0; it must be from 1 to 100"),
        ({"q": "x", "k": 100_000}, "k is 100000; it must be from 1 to 100"),
        ({"q": "x", "from": "last week"}, "`last week` is not a date; write 2018-05-22"),
        ({"q": "x", "to": ""}, "`` is not a date"),
        ({"q": "x", "as_of": "2020-02-30"}, "`2020-02-30` is not a date"),
        ({"q": "x", "from": "1 " * 30_000}, "is not a date"),
        ({"q": "x", "from": "2021", "to": "2020"}, "wrong way round: from 2021-01-01 to 2020-12-31"),
        ({"q": "x", "from": "2021", "as_of": "2020"}, "wrong way round: from 2021-01-01 to 2020-12-31"),
        ({"q": "x", "body": "Redbrok"}, "no document of body `Redbrok`; did you mean `Redbrook Council`?"),
        ({"q": "x", "body": "b" * 60_000}, "60,000 characters"),
        ({"q": "x", "kind": "letter"}, "no document of kind `letter`; `citewell status` lists every kind"),
    ],
    ids=lambda value: None if isinstance(value, dict) else value[:40],
)
@ASKING
def test_what_cannot_be_asked_says_why(
    client: TestClient, address: str, fields: dict[str, object], detail: str
) -> None:
    """GET and POST give the same problem document, which never repeats a long text."""
    found = problem(client.post(address, json=fields), 422)
    assert detail in found["detail"]
    assert len(found["detail"]) < 300
    if len(str(fields)) < 50_000:  # the client itself refuses longer addresses
        got = problem(client.get(address, params=fields), 422)  # type: ignore[arg-type]
        assert {**got, "request_id": found["request_id"]} == found


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({}, "/q"),
        ({"q": "x", "limit": 5}, "/limit"),
        ({"q": "x", "from_": "2018"}, "/from_"),
        ({"q": "x", "a/b~c": 1}, "/a~1b~0c"),
        ({"q": "x", "k": "many"}, "/k"),
        ({"q": "x", "k": "1.5"}, "/k"),
        ({"q": "x", "mode": "magic"}, "/mode"),
        ({"q": "x", "infer": "perhaps"}, "/infer"),
        ({"q": "x", "explain": "why"}, "/explain"),
    ],
)
@ASKING
def test_a_field_that_is_wrong_is_pointed_to(
    client: TestClient, address: str, fields: dict[str, object], pointer: str
) -> None:
    """Unknown, missing and wrongly typed fields are refused, and the pointer (RFC 6901) names the field."""
    answers = {"body": client.post(address, json=fields), "query": client.get(address, params=fields)}  # type: ignore[arg-type]
    for place, answer in answers.items():
        assert [one["pointer"] for one in problem(answer, 422)["errors"]] == [f"/{place}{pointer}"]


@pytest.mark.parametrize("field", [{"mode": "hybrid"}, {"explain": True}])
def test_an_answer_is_always_looked_for_in_the_same_way(client: TestClient, field: dict[str, object]) -> None:
    """What only a search can be told is refused where a question is asked, and not passed over in silence."""
    assert client.post("/v1/search", json={"q": VISITED, **field}).status_code == 200
    (one,) = problem(client.post("/v1/ask", json={"q": VISITED, **field}), 422)["errors"]
    assert one["pointer"] == f"/body/{next(iter(field))}"


def test_every_wrong_field_is_named_at_once(client: TestClient) -> None:
    """Nobody has to correct a request in several rounds."""
    errors = problem(client.post("/v1/search", json={"k": [], "limit": 1}), 422)["errors"]
    assert {one["pointer"] for one in errors} == {"/body/q", "/body/k", "/body/limit"}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"not JSON",
        b"\xff\xfe",
        b"null",
        b"[]",
        b'"x"',
        b"[" * 60_000,
        b'{"q": "x", "k": ' + b"9" * 5000 + b"}",
        b'{"q": "x", "k": 1e999}',
        b'{"q": "x", "k": NaN}',
        b'{"q": "half a pair \\ud83d"}',
        b'{"q": "x", "body": "\\ud83d"}',
        b'{"q": "x", "from": "\\ud83d"}',
        b'{"q": "x", "\\ud83d": 1}',
        b'{"q": null}',
        b'{"q": ["x"]}',
    ],
    ids=lambda content: content[:30],
)
@ASKING
def test_a_body_that_is_no_request_is_refused(client: TestClient, address: str, content: bytes) -> None:
    """Whatever bytes come in, the answer is a problem document and the fault is the client's."""
    answer = client.post(address, content=content, headers={"content-type": "application/json"})
    problem(answer, 400 if answer.status_code == 400 else 422)


@ASKING
def test_a_form_is_refused(client: TestClient, address: str) -> None:
    """The service reads JSON only, which a page of another site cannot send without being asked first."""
    problem(client.post(address, content=b'{"q": "x"}', headers={"content-type": "text/plain"}), 422)


@pytest.mark.parametrize(
    ("method", "path", "status", "detail"),
    [
        ("GET", "/v1/documents/0000000000000000", 404, "no document `0000000000000000`"),
        ("GET", "/v1/documents/0000000000000000/pages/1", 404, "no document `0000000000000000`"),
        ("GET", "/v1/documents/%ff%00", 404, "no document"),
        ("GET", "/v1/documents/{}/pages/0", 404, "no page 0; its pages are 1 to 2"),
        ("GET", "/v1/documents/{}/pages/3", 404, "no page 3; its pages are 1 to 2"),
        ("GET", "/v1/documents/{}/pages/-1", 404, "no page -1"),
        ("GET", "/v1/documents/{}/pages/99999999999999999999", 404, "no page 99999999999999999999"),
        ("GET", "/v1/documents/{}/pages/one", 422, "integer"),
        ("GET", "/v1/documents/{}/pages/1?spans=5", 422, "start-end,start-end"),
        ("GET", "/v1/documents/{}/pages/1?spans=1-2,", 422, "start-end,start-end"),
        ("GET", "/v1/documents/{}/pages/1?spans=-1-2", 422, "start-end,start-end"),
        ("GET", "/v1/documents/{}/pages/1?spans=a-b", 422, "start-end,start-end"),
        ("GET", "/v1/documents/{}/pages/1?spans=1-99999999999999999999", 422, "start-end,start-end"),
        ("GET", "/v1/documents/{}/pages/1?spans=2-2", 422, "span 2-2 is not within page 1"),
        ("GET", "/v1/documents/{}/pages/1?spans=3-2", 422, "span 3-2 is not within page 1"),
        ("GET", "/v1/documents/{}/pages/1?spans=0-4,0-179", 422, "span 0-179 is not within page 1, which has 178"),
        ("GET", "/nothing", 404, "Not Found"),
        ("GET", "/v1/search/?q=x", 404, "Not Found"),
        ("GET", "/redoc", 404, "Not Found"),
        ("GET", "/v1/ask/?q=x", 404, "Not Found"),
        ("DELETE", "/v1/search", 405, "Method Not Allowed"),
        ("PUT", "/v1/ask", 405, "Method Not Allowed"),
        ("PUT", "/v1/documents", 405, "Method Not Allowed"),
        ("POST", "/v1/documents", 404, "started without the right to write"),
        ("PUT", "/healthz", 405, "Method Not Allowed"),
    ],
)
def test_what_is_not_there_is_a_problem(  # noqa: PLR0917 - the table's columns come last
    client: TestClient, doc_id: str, method: str, path: str, status: int, detail: str
) -> None:
    """Unknown documents, pages, spans, addresses and methods say what there is instead, where that is known."""
    address = path.format(doc_id)
    answer = client.request(method, address, follow_redirects=False)
    found = problem(answer, status)
    assert detail in found["detail"]
    assert found["instance"].startswith(address.split("?")[0].replace("%ff%00", ""))
    assert ("allow" in answer.headers) == (status == 405)


def test_a_span_to_the_end_of_the_page_is_within_it(client: TestClient, doc_id: str) -> None:
    """Offsets are half-open, so the last one is the length of the text."""
    page = client.get(f"/v1/documents/{doc_id}/pages/1", params={"spans": "0-3,170-178"}).json()
    assert page["spans"] == [[0, 3], [170, 178]]
    assert len(page["text"]) == 178


def test_every_citation_can_be_checked_over_http(client: TestClient) -> None:
    """The spans of a hit, cut from the pages as the service gives them, are its text, and all hashes agree."""
    hits = client.post("/v1/search", json={"q": "school", "k": 100}).json()["hits"]
    assert {hit["citation"]["source"] for hit in hits} == set(REPORTS)
    assert any(hit["citation"]["page"] < hit["citation"]["page_end"] for hit in hits)
    for hit in hits:
        citation = hit["citation"]
        pages = {}
        for number in range(citation["page"], citation["page_end"] + 1):
            pages[number] = client.get(f"/v1/documents/{citation['doc_id']}/pages/{number}").json()
            assert pages[number]["text_sha256"] == sha256(pages[number]["text"].encode()).hexdigest()
        cut = "\n".join(pages[page]["text"][start:end] for page, start, end in citation["spans"])
        assert cut == hit["text"]
        assert sha256(cut.encode()).hexdigest() == citation["text_sha256"]
        document = client.get(f"/v1/documents/{citation['doc_id']}").json()
        assert document["sha256"] == citation["doc_sha256"]
        linked = client.get(citation["link"]).json()
        assert [[citation["page"], *span] for span in linked["spans"]] == [
            span for span in citation["spans"] if span[0] == citation["page"]
        ]


@pytest.mark.parametrize("question", [VISITED, LATE, "The team trained each of them before the first child arrived"])
def test_every_quote_can_be_checked_over_http(client: TestClient, question: str) -> None:
    """The spans of a quote, cut from the pages as the service gives them, are its text; `verify` calls it exact."""
    quotes = client.post("/v1/ask", json={"q": question}).json()["quotes"]
    assert quotes
    for quote in quotes:
        citation = quote["citation"]
        pages = f"/v1/documents/{citation['doc_id']}/pages"
        cut = "\n".join(
            client.get(f"{pages}/{page}").json()["text"][start:end] for page, start, end in citation["spans"]
        )
        assert cut == quote["text"]
        assert sha256(cut.encode()).hexdigest() == citation["text_sha256"]
        found = valid("verify", client.post("/v1/verify", json={"quote": cut}).json())
        assert found["verdict"] == "exact"
        assert citation in [match["citation"] for match in found["matches"]]


@pytest.mark.parametrize(
    "host",
    ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "0.0.0.0", "::1", "[", "a/b", "", " "],
)
def test_a_foreign_host_is_refused(client: TestClient, host: str) -> None:
    """A page of another site that points its own name here gets a problem document instead of reports."""
    for path in ("/v1/search?q=x", "/healthz", "/nothing", "/v1/openapi.json"):
        assert problem(client.get(path, headers={"host": host}), 400)["title"] == "Wrong host"


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:80", "127.0.0.1", "127.0.0.1:8000", "[::1]", "[::1]:8000"])
def test_this_machine_is_answered(client: TestClient, host: str) -> None:
    """The names of the loopback address work with and without a port."""
    assert client.get("/healthz", headers={"host": host}).json() == {"status": "ok"}


def test_readiness_follows_the_index_and_health_does_not(library: Library) -> None:
    """Without its index the process is alive but not ready, and it becomes ready again by itself."""
    client = client_of(library.searcher())
    assert client.get("/readyz").json() == {"status": "ready", "generation": 1}
    away = library.settings.index.rename(library.settings.index.with_name("away"))
    for path in ("/readyz", "/v1/search?q=school", "/v1/ask?q=school", "/v1/documents"):
        assert "run `citewell index SOURCE`" in problem(client.get(path), 503)["detail"]
    assert client.get("/healthz").json() == {"status": "ok"}
    away.rename(library.settings.index)
    assert client.get("/readyz").json() == {"status": "ready", "generation": 1}


def test_a_damaged_index_is_a_problem(library: Library) -> None:
    """Altered text is not served but told, whichever way it is asked for."""
    client = client_of(library.searcher())
    hit = client.get("/v1/search?q=school+budget&k=1").json()["hits"][0]
    change(library, "UPDATE pages SET text = replace(text, 'budget', 'profit')")
    for path in ("/v1/search?q=school+budget&k=2", "/v1/ask?q=school+budget", hit["citation"]["link"]):
        assert "damaged" in problem(client.get(path), 503)["detail"]
    shutil.rmtree(library.settings.index)
    library.settings.index.mkdir()
    (library.settings.index / STORE_FILE).write_bytes(b"no database at all " * 1000)
    assert "damaged" in problem(client.get("/readyz"), 503)["detail"]


def test_another_encoder_is_a_problem(library: Library) -> None:
    """The service is not ready where the index was made with another model, and says which command helps."""
    client = client_of(library.searcher(WordEncoder(model="other words")))
    for path in ("/readyz", "/v1/search?q=school", "/v1/ask?q=school"):
        assert "citewell index --reencode" in problem(client.get(path), 503)["detail"]
    assert client.get("/v1/documents").status_code == 200


def test_an_index_of_a_later_format_is_a_problem(library: Library) -> None:
    """A store that a newer version has made is left alone."""
    client = client_of(library.searcher())
    connection = sqlite3.connect(library.settings.index / STORE_FILE)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    replaced = library.settings.index.with_name("newer")
    shutil.copytree(library.settings.index, replaced)
    shutil.rmtree(library.settings.index)
    replaced.rename(library.settings.index)
    assert "has format 99" in problem(client.get("/readyz"), 503)["detail"]


def test_an_error_of_our_own_gives_nothing_away(shelf: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    """What went wrong inside is for the log, not for the client."""

    def fail(self: Searcher, query: object) -> None:
        raise RuntimeError("the secret is in /home/somebody")

    monkeypatch.setattr(Searcher, "search", fail)
    answer = client_of(shelf.searcher()).get("/v1/search?q=x")
    assert problem(answer, 500)["title"] == "Internal Server Error"
    assert "secret" not in answer.text
    assert "RuntimeError" not in answer.text


OPERATIONS = {
    "get /v1/search",
    "post /v1/search",
    "get /v1/ask",
    "post /v1/ask",
    "post /v1/verify",
    "get /v1/documents",
    "get /v1/documents/{doc_id}",
    "get /v1/documents/{doc_id}/file",
    "get /v1/documents/{doc_id}/pages/{number}",
    "get /v1/documents/{doc_id}/pages/{number}.png",
    "post /v1/documents",
    "delete /v1/documents/{doc_id}",
    "get /v1/count",
    "get /v1/thread",
    "get /v1/grades",
    "get /v1/recommendations",
    "get /v1/press/{doc_id}",
    "get /v1/grades.csv",
    "get /v1/receipts",
    "post /v1/receipts",
    "post /v1/receipts/check",
    "post /v1/sync",
    "get /v1/jobs",
    "get /v1/jobs/{job_id}",
    "get /v1/jobs/{job_id}/events",
    "get /healthz",
    "get /readyz",
    "get /metrics",
}
ACCEPTED = {"post /v1/documents", "delete /v1/documents/{doc_id}", "post /v1/sync"}  # done by a job
NOT_JSON = {
    "Figures for Prometheus": "text/plain",
    "Download a document": "application/octet-stream",
    "Show a page as a picture": "image/png",
    "Follow a job": "text/event-stream",
    "Give the judgement ledger as a table": "text/csv",
}


def test_the_openapi_document_describes_every_operation_and_its_problems(client: TestClient) -> None:
    """Each operation has a summary, a description, a schema of its answer and the problem document for the rest."""
    document = client.get("/v1/openapi.json").json()
    assert document["openapi"].startswith("3.1")
    operations = {
        f"{method} {path}": operation
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    }
    assert set(operations) == OPERATIONS
    assert len({operation["operationId"] for operation in operations.values()}) == len(operations)
    for name, operation in operations.items():
        assert operation["summary"]
        assert operation["description"]
        success = "202" if name in ACCEPTED else "200"
        assert set(operation["responses"]) == {success, "default"}
        (media,) = operation["responses"][success]["content"].items()
        assert media[0] == NOT_JSON.get(operation["summary"], "application/json")
        assert media[1].get("schema") or media[1].get("itemSchema") or media[0] == "text/event-stream"
        assert set(operation["responses"]["default"]["content"]) == {"application/problem+json"}
        described = operation["responses"]["default"]["content"]["application/problem+json"]["schema"]
        assert described == {"$ref": "#/components/schemas/Problem"}
        described = document["components"]["schemas"]["Problem"]
        assert set(described["required"]) == {"type", "title", "status", "detail", "instance"}
        answer = problem(client.get("/v1/search"), 422)
        Draft202012Validator(described).validate(answer)


def test_the_openapi_document_is_whole(client: TestClient) -> None:
    """Every reference leads to a schema, every schema is one, and every parameter is described by its name."""
    text = client.get("/v1/openapi.json").text
    document = json.loads(text)
    schemas = document["components"]["schemas"]
    for schema in schemas.values():
        Draft202012Validator.check_schema(schema)
    assert document["components"]["securitySchemes"]["key"]["scheme"] == "bearer"
    assert document["security"] == [{}, {"key": []}]  # a service without keys asks for none
    referred = {part.split('"')[0] for part in text.split('"#/components/schemas/')[1:]}
    assert referred <= set(schemas)
    asked = "q k body kind from to as_of grade area infer".split()
    for address, schema, names in (
        ("/v1/ask", "AskRequest", asked),
        ("/v1/search", "SearchRequest", [*asked, "mode", "explain"]),
    ):
        parameters = {one["name"]: one for one in document["paths"][address]["get"]["parameters"]}
        assert set(parameters) == set(names) == set(schemas[schema]["properties"])
        assert all(parameter["description"] for parameter in parameters.values())
        assert schemas[schema]["additionalProperties"] is False


anything = st.text(st.characters(), max_size=30)
numbers = st.integers() | st.floats() | st.booleans() | st.none()
dates = anything | st.dates().map(str) | st.from_regex(r"[0-9]{4}(-[0-9]{1,2}){0,2}", fullmatch=True)


asked = {"q": anything | st.from_regex(r"([-\" ]{0,2}(Redbrook|school|in 2019|-)){1,4}", fullmatch=True)}
filters = {
    "k": anything | numbers | st.integers(1, 100),
    "from": dates | numbers,
    "to": dates | numbers,
    "as_of": dates,
    "body": anything | st.lists(anything, max_size=3) | st.sampled_from(["Redbrook", "bluehill"]),
    "kind": anything | st.sampled_from(["inspection", ["focused visit"]]),
    "infer": st.booleans(),
}
switches = {"mode": st.sampled_from(["dense", "hybrid", "lexical"]), "explain": st.booleans()}


@given(st.fixed_dictionaries(asked, optional=filters | switches))
@hypothesis_settings(max_examples=40, deadline=None)
def test_no_search_is_a_fault_of_the_service(client: TestClient, fields: dict[str, object]) -> None:
    """Whatever the fields hold, the answer is a result or a problem document of the 4xx kind, by GET and by POST."""
    _result_or_problem(client, "search", fields)


@given(st.fixed_dictionaries(asked, optional=filters))
@hypothesis_settings(max_examples=40, deadline=None)
def test_no_question_is_a_fault_of_the_service(client: TestClient, fields: dict[str, object]) -> None:
    """Likewise, where an answer is asked for."""
    _result_or_problem(client, "ask", fields)


def _result_or_problem(client: TestClient, name: str, fields: dict[str, object]) -> None:
    headers = {"content-type": "application/json"}
    posted = client.post(f"/v1/{name}", content=json.dumps(fields).encode(), headers=headers)
    texts = {field: _printable(value) for field, value in fields.items()}
    for answer in (posted, client.get(f"/v1/{name}", params=texts)):
        if answer.status_code == 200:
            valid(name, answer.json())
        else:
            problem(answer, 422)


@given(anything, anything | st.integers().map(str), anything | st.from_regex(r"[0-9]{1,10}-[0-9]{1,10}"))
@hypothesis_settings(max_examples=40, deadline=None)
def test_no_address_of_a_page_is_a_fault_of_the_service(
    client: TestClient, doc_id: str, document: str, number: str, spans: str
) -> None:
    """Any document, page number and spans give a page or a problem document of the 4xx kind."""
    for name in (doc_id, _printable(document)):
        address = f"/v1/documents/{_quoted(name)}/pages/{_quoted(_printable(number))}"
        answer = client.get(address, params={"spans": _printable(spans)}, follow_redirects=False)
        assert answer.status_code in {200, 404, 422}
        valid("page" if answer.status_code == 200 else "problem", answer.json())


def _printable(value: object) -> Any:
    """Write a value as a query string can carry it."""
    if isinstance(value, list):
        return [_printable(one) for one in value]
    return str(value).encode(errors="replace").decode()


def _quoted(text: str) -> str:
    return "".join(f"%{byte:02x}" for byte in text.encode())
