"""Answers that a client has already are not made again."""

import sqlite3
from typing import Any

import httpx2
import pytest
from fastapi.testclient import TestClient

from indexer.database import STORE_FILE
from indexer.records import Version
from service.app import create_app
from service.search import Searcher
from service.tags import Tagger
from tests.service.conftest import Library, client_of

WORKED_FOR = ("/v1/search?q=school", "/v1/ask?q=school")


def addresses(client: TestClient) -> list[str]:
    """Give an address of every kind that has tags."""
    doc_id = client.get("/v1/documents").json()["documents"][0]["doc_id"]
    at = f"/v1/documents/{doc_id}"
    return [*WORKED_FOR, "/v1/documents", at, f"{at}/pages/1", f"{at}/pages/1?spans=0-4"]


def again(client: TestClient, path: str, tag: str) -> httpx2.Response:
    """Ask once more, with the tag of the answer that is known."""
    return client.get(path, headers={"if-none-match": tag})


def test_what_a_client_has_is_not_sent_again(client: TestClient) -> None:
    """The tag stays the same as long as the index does; 304 has no body and repeats the tag."""
    tags = set()
    for path in addresses(client):
        first, second = client.get(path), client.get(path)
        tag = first.headers["etag"]
        assert tag == second.headers["etag"]
        assert tag.startswith('W/"1-' if path in WORKED_FOR else '"1-')  # weak where the answer tells its time
        assert first.headers["cache-control"] == "private, no-cache"
        for known in (tag, f"W/{tag.removeprefix('W/')}", f'"other", {tag}'):
            answer = again(client, path, known)
            assert (answer.status_code, answer.content) == (304, b"")
            assert answer.headers["etag"] == tag
            assert answer.headers["cache-control"] == "private, no-cache"
            assert "content-type" not in answer.headers
        for unknown in ('"other"', tag[:-2] + '"', "x", ""):
            assert again(client, path, unknown).status_code == 200
        tags.add(tag)
    assert len(tags) == 6  # of another request, another one


def test_a_known_answer_costs_no_search(shelf: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    """The tag alone decides, once the request is known to be well-formed."""
    client = client_of(shelf.searcher())
    tags = {path: client.get(path).headers["etag"] for path in WORKED_FOR}

    def fail(*_: Any) -> None:
        raise RuntimeError("it searched")

    monkeypatch.setattr(Searcher, "search_in", fail)
    assert [again(client, path, tag).status_code for path, tag in tags.items()] == [304, 304]
    assert again(client, WORKED_FOR[0], '"other"').status_code == 500
    assert again(client, "/v1/search", tags[WORKED_FOR[0]]).status_code == 422


def test_a_new_generation_has_new_tags(library: Library) -> None:
    """Whatever is asked for, the answer is made anew after a sync."""
    client = client_of(library.searcher())
    paths = addresses(client)
    tags = {path: client.get(path).headers["etag"] for path in paths}
    library.write("new.txt", "A heron stood in the pond.")
    library.sync()
    for path in paths:
        answer = again(client, path, tags[path])
        assert answer.status_code == 200
        assert answer.headers["etag"] != tags[path]


def test_a_generation_of_another_history_has_other_tags() -> None:
    """An older copy that was put back and then changed may come to the same number again."""
    tagger = Tagger("edition", "/v1/documents?", "")
    assert len({tagger.tag(Version(7, token)) for token in ("a", "b")}) == 2


def test_a_document_that_was_removed_is_not_unchanged(library: Library) -> None:
    """What a client keeps is asked for each time, so a removal reaches it."""
    client = client_of(library.searcher())
    documents = client.get("/v1/documents").json()["documents"]
    path = next(f"/v1/documents/{one['doc_id']}" for one in documents if one["path"] == "loose.txt")
    tag = client.get(path).headers["etag"]
    (library.sources / "loose.txt").unlink()
    library.sync()
    answer = again(client, path, tag)
    assert answer.status_code == 404
    assert answer.headers["cache-control"] == "no-store"
    assert "etag" not in answer.headers


def test_an_index_that_cannot_be_used_is_never_unchanged(library: Library) -> None:
    """The store is looked at before it is said that nothing changed."""
    client = client_of(library.searcher())
    tag = client.get(WORKED_FOR[0]).headers["etag"]
    connection = sqlite3.connect(library.settings.index / STORE_FILE)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    library.settings.index.rename(library.settings.index.with_name("away"))
    assert again(client, WORKED_FOR[0], tag).status_code == 503


def test_applications_of_one_edition_share_their_tags(shelf: Library) -> None:
    """Workers do; a service that was started anew may have other settings, so it does not."""
    made = [create_app(shelf.searcher(), edition=edition) for edition in ("a", "a", None, None)]
    clients = [TestClient(app, base_url="http://localhost") for app in made]
    tags = [client.get(WORKED_FOR[0]).headers["etag"] for client in clients]
    assert tags[0] == tags[1]
    assert len({*tags}) == 3


def test_answers_by_post_and_problems_have_no_tags(client: TestClient) -> None:
    """The former are no cache's business, the latter are to be asked anew each time."""
    for answer in (
        client.post("/v1/search", json={"q": "school"}),
        client.post("/v1/ask", json={"q": "school"}),
        client.get("/v1/search"),
        client.get("/v1/documents/0123"),
        client.get("/healthz"),
        client.get("/readyz"),
    ):
        assert "etag" not in answer.headers
        assert answer.headers["cache-control"] == "no-store"
