"""The page about the API."""

import re
from base64 import b64decode
from hashlib import sha256
from html import unescape
from html.parser import HTMLParser

import pytest
from fastapi.testclient import TestClient

from service.manual import page

VOID = {"meta", "link", "br", "img", "input"}


class Read(HTMLParser):
    """Reads a page: its tags with their attributes, whether each is closed, and its text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.fixture(scope="module")
def text(client: TestClient) -> str:
    """Get the page."""
    answer = client.get("/docs")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    return answer.text


def test_the_page_has_every_operation_parameter_schema_and_example(client: TestClient, text: str) -> None:
    """It says what the OpenAPI document says."""
    document, read = client.get("/v1/openapi.json").json(), Read(text)
    assert read.open == []
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            assert f"{method.upper()} {path}" in read.text
            assert operation["summary"] in read.text
            assert operation["description"] in read.text
            for parameter in operation.get("parameters", ()):
                assert parameter["name"] in read.text
                assert parameter.get("description", "") in read.text
    for name, schema in document["components"]["schemas"].items():
        assert name in read.text
        assert all(f"<code>{field}</code>" in text for field in schema.get("properties", ()))
    assert '"q": "How many children had no social worker?"' in read.text


def test_the_page_asks_nothing_of_anybody(text: str) -> None:
    """No tag loads anything; links stay on the page, or lead to the OpenAPI document; each leads somewhere."""
    read = Read(text)
    assert {tag for tag, _ in read.tags} & {"script", "link", "img", "iframe", "form", "object", "base"} == set()
    assert all({*attributes} <= {"id", "href", "lang", "charset", "name", "content", "scope", "aria-label"}
               for _, attributes in read.tags)  # fmt: skip
    ids = [attributes["id"] for _, attributes in read.tags if "id" in attributes]
    assert len({*ids}) == len(ids)
    links = {attributes["href"] for _, attributes in read.tags if "href" in attributes}
    assert links - {f"#{one}" for one in ids} == {"/v1/openapi.json"}
    assert "url(" not in text
    assert "@import" not in text


def test_the_policy_lets_the_pages_own_style_through_alone(client: TestClient, text: str) -> None:
    """The style is named by its hash."""
    answer = client.get("/docs")
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "unsafe" not in policy
    (style,) = re.findall(r"<style>(.*?)</style>", text, re.DOTALL)
    (digest,) = re.findall(r"'sha256-([^']+)'", policy)
    assert b64decode(digest) == sha256(style.encode()).digest()
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert len(answer.headers.get_list("content-security-policy")) == 1


def test_what_the_document_says_is_no_markup() -> None:
    """Everything in it comes out as text."""
    evil = "<script>alert('x')</script>\"&"
    schema = {"type": evil, "description": evil}
    operation = {
        "operationId": evil,
        "summary": evil,
        "description": evil,
        "parameters": [{"name": evil, "in": "query", "schema": schema, "description": evil}],
        "requestBody": {"content": {evil: {"schema": schema}}},
        "responses": {evil: {"content": {evil: {"schema": {"$ref": f"#/{evil.replace('/', '')}"}}}}},
    }
    schemas = {evil: {"description": evil, "enum": [evil], "properties": {evil: schema}, "examples": [{evil: evil}]}}
    info = {"title": evil, "version": evil, "description": evil}
    components = {"schemas": schemas, "securitySchemes": {evil: {"description": evil}}}
    made = page({"info": info, "paths": {evil: {"get": operation}}, "components": components}, f"/{evil}")
    read = Read(made)
    assert "script" not in {tag for tag, _ in read.tags}
    assert unescape(made).count("<script>") > 10
