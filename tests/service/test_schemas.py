"""The JSON of the command and of the service against schemas that were written from the contract, by hand."""

import json
from collections.abc import Callable, Iterable, Iterator
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import pytest
from fastapi.testclient import TestClient
from jsonschema import Draft202012Validator

from indexer.errors import DocumentRefusedError
from indexer.records import Extracted
from tests.service.conftest import REPORTS, Citewell, FakeReaders, Library, client_of

T = TypeVar("T")

SCHEMAS = {
    path.stem: json.loads(path.read_text("utf-8")) for path in Path(__file__).parents[1].glob("schemas/*.json")
}
VISITED = "How many families did social workers visit each week?"
LATE = "How has the late library of Bluehill changed?"  # of which there is one report
YEARBOOK = "\f".join(
    f"Greenmouth yearbook\nPart {number} tells of {fruit} and who picks them.\n{number}"
    for number, fruit in enumerate("apples pears plums".split(), start=1)
)


class ScanReaders(FakeReaders):
    """Reads blank pages as pictures, and notes that it did."""

    def read_all(
        self, items: Iterable[tuple[T, bytes]], name: Callable[[T], str]
    ) -> Iterator[tuple[T, Extracted | DocumentRefusedError]]:
        for key, result in super().read_all(items, name):
            if isinstance(result, Extracted) and not all(page.text for page in result.pages):
                pages = tuple(replace(page, needs_ocr=not page.text) for page in result.pages)
                yield key, replace(result, pages=pages, notes=("it has pictures of pages",))
            else:
                yield key, result


@pytest.fixture
def varied(library: Library, monkeypatch: pytest.MonkeyPatch, citewell: Citewell) -> Library:
    """Give a library with furniture, a page without text, notes and a refused file; all but that are indexed."""
    monkeypatch.setattr("indexer.extract.Readers", ScanReaders)
    library.write("yearbook.txt", YEARBOOK)
    library.write("scan.txt", "A page that was typed.\f\fAnother page that was typed.")
    library.write("broken.txt", "!")
    return library


def valid(name: str, value: object) -> Any:
    """Check a value against a schema, and that its fields come in the schema's order."""
    Draft202012Validator(SCHEMAS[name]).validate(value)
    assert in_order(value, SCHEMAS[name], SCHEMAS[name])
    return value


def in_order(value: Any, schema: dict[str, Any], root: dict[str, Any]) -> bool:
    """Tell whether the fields of all objects stand as their schema lists them."""
    if "anyOf" in schema and value is not None:
        schema = schema["anyOf"][-1]
    if "$ref" in schema:
        schema = root["$defs"][schema["$ref"].removeprefix("#/$defs/")]
    if isinstance(value, list):
        return all(in_order(one, schema.get("items", {}), root) for one in value)
    if isinstance(value, dict) and "properties" in schema:
        listed = [name for name in schema["properties"] if name in value]
        return listed == list(value) and all(
            in_order(one, schema["properties"][name], root) for name, one in value.items()
        )
    return True


def objects(schema: Any) -> Iterator[dict[str, Any]]:
    """Give every schema of an object, at any depth."""
    if isinstance(schema, dict):
        if schema.get("type") == "object":
            yield schema
        for part in schema.values():
            yield from objects(part)
    elif isinstance(schema, list):
        for part in schema:
            yield from objects(part)


def places(value: Any) -> Iterator[dict[str, Any]]:
    """Give every object of a value, at any depth."""
    if isinstance(value, dict):
        yield value
        for part in value.values():
            yield from places(part)
    elif isinstance(value, list):
        for part in value:
            yield from places(part)


@pytest.mark.parametrize("name", sorted(SCHEMAS))
def test_a_schema_leaves_nothing_open(name: str) -> None:
    """Every object names all its fields, or is a mapping whose values have a type; only a problem may lack one."""
    Draft202012Validator.check_schema(SCHEMAS[name])
    for schema in objects(SCHEMAS[name]):
        if "properties" in schema:
            assert schema["additionalProperties"] is False
            assert set(schema["properties"]) - set(schema["required"]) <= ({"errors"} if name == "problem" else set())
        else:
            assert schema["additionalProperties"]["type" if "type" in schema["additionalProperties"] else "$ref"]


def test_a_schema_notices_every_missing_and_every_added_field(client: TestClient) -> None:
    """Whatever field of a search result goes or comes, at whatever depth, the schema refuses it."""
    found = client.get("/v1/search", params={"q": "school budget", "k": 1, "explain": True}).json()
    del found["hits"][0]["explanation"][1:]
    assert refused_changes("search", found) == sum(fields + 1 for fields in (8, 4, 11, 2, 13, 4))


def test_the_schema_of_an_answer_notices_the_same(client: TestClient) -> None:
    """Likewise, for an answer with its quotes, and what was looked through."""
    found = client.get("/v1/ask", params={"q": VISITED, "k": 1}).json()
    del found["quotes"][1:]
    del found["hits"][0]["twins"][1:]
    fields = [13, 3, 13, 4, 4, 11, 2, 13, *[13] * len(found["hits"][0]["twins"])]
    assert refused_changes("ask", found) == sum(number + 1 for number in fields)


def refused_changes(name: str, value: Any) -> int:
    """Take every field of a value out, add one to every object, and count: the schema refuses each change."""
    valid(name, value)
    validator = Draft202012Validator(SCHEMAS[name])
    changes = 0
    for number, place in enumerate(places(value)):
        for field in [*place, "more"]:
            changed = deepcopy(value)
            altered = list(places(changed))[number]
            if field == "more":
                altered["more"] = None
            else:
                del altered[field]
            assert not validator.is_valid(changed), field
            changes += 1
    return changes


@pytest.mark.parametrize(
    ("arguments", "fields"),
    [
        (["school budget"], {"q": "school budget"}),
        (["school budget", "-k", "2", "--mode", "dense"], {"q": "school budget", "k": 2, "mode": "dense"}),
        (["zebra", "--body", "Redbrook", "--body", "bluehill"], {"q": "zebra", "body": ["Redbrook", "bluehill"]}),
        (
            ["a visit", "--from", "2019", "--to", "2021-12", "--kind", "inspection"],
            {"q": "a visit", "from": "2019", "to": "2021-12", "kind": "inspection"},
        ),
        (["a visit", "--as-of", "2021", "--to", "2022"], {"q": "a visit", "as_of": "2021", "to": "2022"}),
        (["a visit", "--to", "1999"], {"q": "a visit", "to": "1999"}),
        (["school", "--mode", "lexical"], {"q": "school", "mode": "lexical"}),
        (['"school budget" -shrank'], {"q": '"school budget" -shrank'}),
        (["Redbrook in 2019", "--no-infer", "--explain"], {"q": "Redbrook in 2019", "infer": False, "explain": True}),
    ],
    ids="plain two bodies filters as-of nothing words phrase switches".split(),
)
def test_the_command_and_the_service_find_the_same(
    citewell: Citewell, client: TestClient, shelf: Library, arguments: list[str], fields: dict[str, object]
) -> None:
    """`search --json`, GET and POST give the same object, field for field, except the time it took."""
    printed = citewell("search", *arguments, "--json", "--index", shelf.settings.index)
    answers = [
        json.loads(printed.out),
        client.get("/v1/search", params=fields).json(),  # type: ignore[arg-type]  # lists repeat the name
        client.post("/v1/search", json=fields).json(),
    ]
    for answer in answers:
        assert valid("search", answer).pop("took_ms") >= 0
    assert answers[0] == answers[1] == answers[2]
    assert printed.code == (0 if answers[0]["hits"] else 1)


@pytest.mark.parametrize(
    ("arguments", "fields"),
    [
        ([VISITED], {"q": VISITED}),
        ([VISITED, "-k", "1", "--body", "redbrook"], {"q": VISITED, "k": 1, "body": "redbrook"}),
        ([LATE], {"q": LATE}),
        (["school budget", "--to", "1999"], {"q": "school budget", "to": "1999"}),
        (["How many owls has Quagmire?"], {"q": "How many owls has Quagmire?"}),
        (
            ["Has the library in Redbrook and Bluehill opened late?", "--no-infer"],
            {"q": "Has the library in Redbrook and Bluehill opened late?", "infer": False},
        ),
        (
            ["the school budget", "--from", "2019", "--to", "2021-12", "--kind", "inspection", "--body", "Redbrook"],
            {"q": "the school budget", "from": "2019", "to": "2021-12", "kind": ["inspection"], "body": "Redbrook"},
        ),
        (
            ["Rivers were cleaned by volunteers", "--as-of", "2021", "--to", "2022", "-k", "100"],
            {"q": "Rivers were cleaned by volunteers", "as_of": "2021", "to": "2022", "k": 100},
        ),
        (['"school budget" -shrank'], {"q": '"school budget" -shrank'}),
    ],
    ids="number one-hit partial nothing stranger not-read filters as-of phrase".split(),
)
def test_the_command_and_the_service_answer_the_same(
    citewell: Citewell, client: TestClient, shelf: Library, arguments: list[str], fields: dict[str, object]
) -> None:
    """`ask --json`, GET and POST give the same answer but for the time it took, made of nothing but quotes."""
    printed = citewell("ask", *arguments, "--json", "--index", shelf.settings.index)
    answers = [
        json.loads(printed.out),
        client.get("/v1/ask", params=fields).json(),  # type: ignore[arg-type]  # lists repeat the name
        client.post("/v1/ask", json=fields).json(),
    ]
    for answer in answers:
        assert valid("ask", answer).pop("took_ms") >= 0
    first, got, posted = answers
    assert first == got == posted
    assert (printed.code, printed.err) == (1 if first["status"] == "unanswerable" else 0, "")
    assert (first["answer"] or "") == "\n\n".join(quote["text"] for quote in first["quotes"])


def test_the_order_of_an_answer_is_that_of_the_contract(client: TestClient) -> None:
    """What was asked and what is the answer come first, then where it stands, then what else was found."""
    found = client.get("/v1/ask", params={"q": VISITED}).json()
    assert " ".join(found) == (
        "question status answer confidence quotes reason searched interpreted hits without links generation took_ms"
    )
    assert " ".join(found["quotes"][0]) == "text citation short"
    assert " ".join(found["searched"]) == "documents bodies from to"


def test_an_answer_has_a_status_and_what_that_asks_for(client: TestClient) -> None:
    """All of the question is answered, or a part of it and the rest is named, or nothing and the reason is given."""
    answered, partial, none = (
        valid("ask", client.get("/v1/ask", params=fields).json())
        for fields in ({"q": VISITED}, {"q": LATE}, {"q": VISITED, "body": "bluehill"})
    )
    assert (answered["status"], partial["status"], none["status"]) == ("answered", "partial", "unanswerable")
    (start, end), text = answered["quotes"][0]["short"], answered["quotes"][0]["text"]
    assert text[start:end] == "40"
    assert "only one report" in partial["reason"]
    assert "Bluehill City Council" in none["reason"]
    assert none["hits"]


def test_what_was_looked_through_for_an_answer_is_told(client: TestClient) -> None:
    """How many documents the filters and the named bodies leave, whose they are, and of which days."""
    for fields, searched in (
        ({"q": "zebra"}, {"documents": 4, "bodies": [], "from": "2019-05-22", "to": "2022-02-28"}),
        (
            {"q": "zebra in Redbrook"},
            {"documents": 2, "bodies": ["Redbrook Council"], "from": "2019-05-22", "to": "2022-02-28"},
        ),
        (
            {"q": "zebra", "body": "bluehill"},
            {"documents": 1, "bodies": ["Bluehill City Council"], "from": "2021-12-31", "to": "2021-12-31"},
        ),
        ({"q": "zebra", "to": "1999"}, {"documents": 0, "bodies": [], "from": None, "to": None}),
    ):
        assert client.get("/v1/ask", params=fields).json()["searched"] == searched


@pytest.mark.parametrize("k", [1, 3, 100])
def test_how_many_passages_are_wanted_does_not_change_the_answer(client: TestClient, k: int) -> None:
    """Quotes are looked for as deep as it takes; `k` only says how many passages are listed."""
    for question in (VISITED, LATE, "school budget", "zebra"):
        plain, other = (client.post("/v1/ask", json={"q": question, "k": one}).json() for one in (10, k))
        assert len(other["hits"]) <= k
        for told in ("status", "answer", "confidence", "quotes", "reason", "searched"):
            assert other[told] == plain[told]
        assert other["hits"][:k] == plain["hits"][:k]


def test_the_order_of_a_search_result_is_that_of_the_contract(client: TestClient) -> None:
    """People read this JSON, too: what was asked comes first, then how it was read, then the hits."""
    found = client.get("/v1/search", params={"q": "school"}).json()
    assert " ".join(found) == "query mode generation took_ms interpreted hits without links"
    assert " ".join(found["interpreted"]) == "body from to phrases"
    assert " ".join(found["hits"][0]) == (
        "rank score scores passage_id text highlights citation twins superseded_by explanation reranked"
    )
    assert " ".join(found["hits"][0]["scores"]) == "dense lexical"
    assert " ".join(found["hits"][0]["citation"]) == (
        "doc_id title publisher body published kind source page page_end spans text_sha256 doc_sha256 link"
    )


def test_the_filters_in_force_are_named(client: TestClient) -> None:
    """A month or year shows as the days it stands for, and the earlier of two ends counts."""
    fields = {"q": "x", "body": "redbrook", "from": "2019-05", "to": "2022", "as_of": "2021-06"}
    interpreted = client.post("/v1/search", json=fields).json()["interpreted"]
    assert interpreted == {"body": "Redbrook Council", "from": "2019-05-01", "to": "2021-06-30", "phrases": []}


def test_what_was_read_from_the_words_is_named_unless_that_is_switched_off(client: TestClient) -> None:
    """Bodies, times and phrases of the question show where no filter is given; phrases are asked for in any case."""
    fields = {"q": 'Had Redbrook a "school budget" between 2019 and 2022?'}
    read = client.post("/v1/search", json=fields).json()["interpreted"]
    assert read == {
        "body": "Redbrook Council",
        "from": "2019-01-01",
        "to": "2022-12-31",
        "phrases": ["school budget"],
    }
    plain = client.post("/v1/search", json={**fields, "infer": False}).json()["interpreted"]
    assert plain == {"body": None, "from": None, "to": None, "phrases": ["school budget"]}


def test_an_explanation_comes_where_it_is_asked_for(client: TestClient) -> None:
    """Each reason adds its value times its weight, and none is listed that can add nothing."""
    for explain in (False, True):
        found = client.post("/v1/search", json={"q": "Redbrook budget", "explain": explain}).json()
        explanations = [hit["explanation"] for hit in found["hits"]]
        assert all(bool(explanation) == explain for explanation in explanations)
    for reason in (reason for explanation in explanations for reason in explanation):
        assert reason["adds"] == pytest.approx(reason["value"] * reason["weight"], abs=1e-3)
        assert reason["weight"]


@pytest.mark.parametrize(("mode", "silent"), [("hybrid", ""), ("dense", "lexical"), ("lexical", "dense")])
def test_an_arm_that_did_not_look_has_no_score(client: TestClient, mode: str, silent: str) -> None:
    """Its score is null, which is not the same as 0; the arms that looked have one for the words in question."""
    found = client.get("/v1/search", params={"q": "school budget", "mode": mode}).json()
    assert found["mode"] == mode
    best = found["hits"][0]["scores"]
    assert [name for name, score in best.items() if score is None] == [silent] * bool(silent)


def test_a_page_is_the_same_from_the_command_and_the_service(
    citewell: Citewell, client: TestClient, shelf: Library
) -> None:
    """`show --json` and GET of a page agree; the text is the stored one and the spans are those asked for."""
    link = client.get("/v1/search", params={"q": "Foster carers", "k": 1}).json()["hits"][0]["citation"]["link"]
    served = valid("page", client.get(link).json())
    start, end = served["spans"][0]
    spans = f"{start}-{end}"
    printed = citewell("show", served["doc_id"], "--spans", spans, "--json", "--index", shelf.settings.index)
    assert valid("page", json.loads(printed.out)) == served
    assert served["text"] == REPORTS["redbrook/2019.txt"].split("\f")[0]
    assert served["text"][start:end].startswith("Foster carers")


def test_what_is_special_about_documents_fits_the_schemas(citewell: Citewell, varied: Library) -> None:
    """Furniture, pages without text, notes and refusals are in the report, the status, the pages and the list."""
    index = varied.settings.index
    report = citewell("index", varied.sources, "--json", "--index", index)
    assert report.code == 5
    made = valid("report", json.loads(report.out))
    assert made["added"] == ["scan.txt", "yearbook.txt"]
    whole = str(varied.sources / "scan.txt")
    assert made["needs_ocr"] == {whole: [2]}
    assert made["notes"] == {whole: ["it has pictures of pages"]}
    assert [refused["path"] for refused in made["refused"]] == ["broken.txt"]

    status = valid("status", json.loads(citewell("status", "--json", "--index", index).out))
    assert status["needs_ocr"] == {whole: [2]}
    assert status["counts"]["furniture"]["page number"] == 3
    assert status["refused"] == made["refused"]
    assert status["bodies"] == {"Bluehill City Council": 1, "Redbrook Council": 2}

    client = client_of(varied.searcher())
    listed = valid("documents", client.get("/v1/documents").json())
    assert listed["total"] == len(listed["documents"]) == status["counts"]["documents"] == 6
    scan, yearbook = listed["documents"][4:]
    assert (scan["path"], scan["needs_ocr"], scan["notes"]) == ("scan.txt", [2], ["it has pictures of pages"])
    picture = valid("page", client.get(f"/v1/documents/{scan['doc_id']}/pages/2").json())
    assert (picture["text"], picture["needs_ocr"]) == ("", True)
    page = valid("page", client.get(f"/v1/documents/{yearbook['doc_id']}/pages/2").json())
    removed = {removal["kind"]: page["text"][removal["start"] : removal["end"]] for removal in page["furniture"]}
    assert removed == {"running header": "Greenmouth yearbook", "page number": "2"}


def test_a_document_is_the_same_alone_and_in_the_list(client: TestClient) -> None:
    """What is stated says so in its evidence; what is unknown is null."""
    listed = valid("documents", client.get("/v1/documents").json())
    assert [document["path"] for document in listed["documents"]] == sorted(REPORTS)
    for document in listed["documents"]:
        assert client.get(f"/v1/documents/{document['doc_id']}").json() == document
    bluehill, loose = (document["metadata"] for document in listed["documents"][:2])
    assert bluehill["published"] == "2021-12-31"
    assert bluehill["evidence"]["published"] == {"origin": "stated", "span": None}
    assert (loose["published"], loose["evidence"]) == (None, {})
