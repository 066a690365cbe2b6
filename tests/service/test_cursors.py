"""The list of documents in pages."""

from typing import Any

import pytest
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st

from indexer.errors import InputError
from indexer.records import Version
from service.cursors import OldCursorError, cursor_at, place_of
from tests.service.conftest import REPORTS, Library, client_of
from tests.service.test_app import problem
from tests.service.test_schemas import valid

DOCUMENTS = "/v1/documents"


def page(client: TestClient, **asked: Any) -> dict[str, Any]:
    """Get a page of the list."""
    answer = client.get(DOCUMENTS, params=asked)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = valid("documents", answer.json())
    return found


@pytest.mark.parametrize("limit", [1, 2, 3, 4, 1000])
def test_pages_put_together_are_the_list(client: TestClient, limit: int) -> None:
    """None is missing and none comes twice; each page is full but the last, which says that it is."""
    whole = page(client)
    assert (len(whole["documents"]), whole["next_cursor"]) == (len(REPORTS), None)
    found: list[dict[str, Any]] = []
    asked: dict[str, Any] = {"limit": limit}
    while len(found) < len(REPORTS):
        one = page(client, **asked)
        assert (one["total"], one["generation"]) == (len(REPORTS), whole["generation"])
        assert 0 < len(one["documents"]) <= limit
        assert len(one["documents"]) == limit or one["next_cursor"] is None
        found += one["documents"]
        asked["cursor"] = one["next_cursor"]
    assert asked["cursor"] is None
    assert found == whole["documents"]


def test_a_cursor_alone_goes_on(client: TestClient) -> None:
    """The limit is then the usual one."""
    cursor = page(client, limit=1)["next_cursor"]
    assert page(client, cursor=cursor)["documents"] == page(client)["documents"][1:]


def test_a_cursor_of_another_generation_is_gone(library: Library) -> None:
    """The list is then another one, so what to do is told instead of a page that skips or repeats."""
    client = client_of(library.searcher())
    cursor = page(client, limit=1)["next_cursor"]
    library.write("a new one.txt", "A heron stood in the pond.")
    library.sync()
    found = problem(client.get(DOCUMENTS, params={"limit": 1, "cursor": cursor}), 410)
    assert found["title"] == "The index has changed"
    assert found["detail"].endswith("begin again without a cursor")
    assert page(client, limit=1)["next_cursor"] != cursor


@pytest.mark.parametrize(
    "asked",
    [{"limit": 0}, {"limit": -1}, {"limit": 1001}, {"limit": "x"}, {"cursor": ""}, {"cursor": "x" * 201}]
    + [{"cursor": text} for text in ("x", "MQ", "....", "é", "MS54LjE=x", "\0", "MS54Li0x")],
)
def test_what_is_no_page_is_a_problem(client: TestClient, asked: dict[str, Any]) -> None:
    """Limits have bounds, and a cursor is taken as it was given."""
    problem(client.get(DOCUMENTS, params=asked), 422)


@given(st.integers(0, 10**15 - 1), st.integers(0, 10**9), st.integers(0, 10**9))
def test_a_cursor_holds_its_place(place: int, generation: int, other: int) -> None:
    """It comes back as it was written, to its own generation alone."""
    version = Version(generation, "0123456789abcdef")
    assert place_of(cursor_at(place, version), version) == place
    for foreign in (Version(generation, "0123456789abcdee"), Version(generation + 1 + other, version.token)):
        with pytest.raises(OldCursorError):
            place_of(cursor_at(place, version), foreign)


@given(st.text(max_size=60))
def test_no_text_is_a_fault_of_the_service(cursor: str) -> None:
    """What is no cursor is an error that says so."""
    with pytest.raises(InputError):
        place_of(cursor, Version(1, "token"))
