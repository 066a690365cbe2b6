"""What all pages load, and how texts are cut and shown in them."""

import re
from collections.abc import Iterable

import pytest
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st

from service.web.site import address, segments

MOST_BYTES = 205_000  # of all that a page loads beside itself, which has less than 95,000


def loaded(page: str) -> list[str]:
    return re.findall(r'(?:src|href|data-govuk-script)="(/static/[^"]+)"', page)


def test_what_a_page_loads_is_there_small_and_kept_for_good(client: TestClient) -> None:
    """Styles, scripts and icon, whose addresses change with their contents."""
    answers = [client.get(one) for one in loaded(client.get("/").text)]
    assert len(answers) == 5
    assert all(answer.status_code == 200 for answer in answers)
    assert all("immutable" in answer.headers["cache-control"] for answer in answers)
    assert sum(len(answer.content) for answer in answers) < MOST_BYTES


def test_nothing_of_what_a_page_loads_is_of_gov_uk_alone(client: TestClient) -> None:
    """Neither its font nor the royal arms, and no address elsewhere is loaded."""
    texts = [client.get(one).text for one in loaded(client.get("/").text)]
    assert not any(re.search(r"GDS Transport|@font-face|crest|@import|sourceMapping", text) for text in texts)
    assert not any(re.search(r"url\((?!data:)", text) for text in texts)


def test_a_file_that_is_none_of_the_page_is_not_given(client: TestClient) -> None:
    """Whatever its name is."""
    for name in ("site.py", "..%2fsite.py", "LICENSE-govuk-frontend.txt", "%00"):
        assert client.get(f"/static/{name}").status_code == 404


def test_an_address_that_is_not_there_is_a_page_for_people(client: TestClient) -> None:
    """And a problem document for programs."""
    page = client.get("/nothing", headers={"accept": "text/html"})
    assert (page.status_code, "<h1" in page.text) == (404, True)
    assert client.get("/nothing").headers["content-type"] == "application/problem+json"


@given(st.text(), st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40))))
def test_pieces_of_a_text_are_the_text_and_marks_are_what_was_marked(
    text: str, spans: Iterable[tuple[int, int]]
) -> None:
    """However the marks touch, overlap or reach beyond the end."""
    inside = [(start, min(end, len(text))) for start, end in spans if start < min(end, len(text))]
    pieces = list(segments(text, inside))
    assert "".join(piece for piece, _ in pieces) == text
    marked = "".join(sign for at, sign in enumerate(text) if any(start <= at < end for start, end in inside))
    assert "".join(piece for piece, is_marked in pieces if is_marked) == marked


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [([], "/x"), ([("q", ""), ("k", None)], "/x"), ([("q", "a b&c"), ("body", "É")], "/x?q=a+b%26c&body=%C3%89")],
)
def test_an_address_has_the_parameters_that_are_given(parameters: list[tuple[str, object]], expected: str) -> None:
    """Empty ones are left out, so that addresses stay short."""
    assert address("/x", parameters) == expected
