"""The OpenAPI document is enough to make a client of: typed, and without a line of our own."""

import asyncio
import importlib
import json
import subprocess
import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from service.app import create_app
from tests.service.conftest import Library

CONFIG = """\
post_hooks: []  # they would only lay out the code
content_type_overrides: {image/png: application/octet-stream, text/event-stream: application/octet-stream}
"""
QUESTION = "How many families do social workers visit?"


@pytest.fixture(scope="module")
def app(shelf: Library) -> FastAPI:
    """Give the service over the library that nobody changes."""
    return create_app(shelf.searcher())


@pytest.fixture(scope="module")
def package(app: FastAPI, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Have openapi-python-client make a package of the service's own description, without a warning."""
    folder = tmp_path_factory.mktemp("made")
    (folder / "openapi.json").write_text(json.dumps(app.openapi()), "utf-8")
    (folder / "config.yml").write_text(CONFIG, "utf-8")
    made = subprocess.run(
        [
            *(sys.executable, "-m", "openapi_python_client", "generate", "--fail-on-warning", "--meta", "none"),
            *("--config", "config.yml", "--path", "openapi.json", "--output-path", "made_client"),
        ],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert made.returncode == 0, made.stdout + made.stderr
    sys.path.insert(0, str(folder))
    yield "made_client"
    sys.path.remove(str(folder))


def module(package: str, name: str) -> ModuleType:
    return importlib.import_module(f"{package}.{name}")


def called(app: FastAPI, package: str, operation: str, **arguments: Any) -> Any:
    """Call one operation of the client that was made."""

    async def call() -> Any:
        client = module(package, "client").Client(base_url="http://localhost")
        transport = httpx.ASGITransport(app, client=("127.0.0.1", 5000))
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as connection:
            client.set_async_httpx_client(connection)
            return await module(package, f"api.default.{operation}").asyncio(client=client, **arguments)

    return asyncio.run(call())


def test_a_client_that_is_made_of_the_description_searches_and_asks(app: FastAPI, package: str) -> None:
    """Its answers are objects with the fields of the contract; a quote's place is as the service's own."""
    models = module(package, "models")
    found = called(app, package, "search_by_json", body=models.SearchRequest(q=QUESTION, k=1))
    assert isinstance(found, models.SearchResponse)
    (hit,) = found.hits
    assert "40 families" in hit.text
    assert (hit.citation.body, hit.citation.published.isoformat()) == ("Redbrook Council", "2022-02-28")

    answer = called(app, package, "ask_by_query_string", q=QUESTION)
    assert answer.status is models.Status.ANSWERED
    spans = ",".join(f"{start}-{end}" for _, start, end in answer.quotes[0].citation.spans)
    cited = answer.quotes[0].citation
    page = called(app, package, "page", doc_id=cited.doc_id, number=cited.page, spans=spans)
    assert answer.quotes[0].text == "\n".join(page.text[start:end] for start, end in page.spans)


def test_a_client_that_is_made_of_the_description_tells_of_problems(app: FastAPI, package: str) -> None:
    """An error is an object too, with the words of the service."""
    problem = called(app, package, "document", doc_id="none")
    assert isinstance(problem, module(package, "models").Problem)
    assert (problem.status, "none" in problem.detail) == (404, True)
