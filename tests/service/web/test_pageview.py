"""The page on which a quote is seen where it stands."""

from dataclasses import replace
from pathlib import Path
from urllib.parse import urlencode

import pytest
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st

from indexer.records import Furniture, Page, Removal, Span
from service.app import create_app
from service.search import Searcher
from service.web.pageview import blocks
from tests.service.conftest import client_of
from tests.service.web.seen import Seen, look, searcher_of

QUOTE = "Carers meet every month"


@pytest.fixture(scope="module")
def place(searcher: Searcher) -> str:
    """Give the address of a document with two pages."""
    with searcher.store.reading() as reader:
        return f"/documents/{reader.find('redbrook/2019.txt').doc_id}"


def spans_of(searcher: Searcher, *quotes: str) -> str:
    """Give where quotes stand on the second page."""
    with searcher.store.reading() as reader:
        text = reader.page_text(reader.find("redbrook/2019.txt").doc_id, 2)
    return ",".join(f"{text.index(quote)}-{text.index(quote) + len(quote)}" for quote in quotes)


def words(seen: Seen) -> str:
    """Give the text of the page to the letter."""
    (found,) = seen.page.xpath("//*[contains(@class, 'view-words')]")
    return str(found.text_content())


def test_a_page_shows_its_text_to_the_letter(client: TestClient, searcher: Searcher, place: str) -> None:
    """Line ends too."""
    with searcher.store.reading() as reader:
        text = reader.page_text(place.removeprefix("/documents/"), 2)
    assert words(look(client, f"{place}/pages/2")) == text


def test_a_quote_is_marked_and_can_be_cited(client: TestClient, searcher: Searcher, place: str) -> None:
    """The same words stand on top, and in the citation that can be copied."""
    seen = look(client, f"{place}/pages/2", spans=spans_of(searcher, QUOTE))
    assert seen.texts("//mark") == [QUOTE]
    assert seen.text("//blockquote") == f"“{QUOTE}”"
    assert all(QUOTE in text for text in seen.texts("//pre"))
    receipt = next(href for text, href in seen.links().items() if text == "Download a receipt")
    assert client.get(receipt).json()["text"] == QUOTE


def test_a_quote_of_two_parts_is_marked_in_both(client: TestClient, searcher: Searcher, place: str) -> None:
    """Whatever their order in the address."""
    parts = ["what went well", "first child"]
    seen = look(client, f"{place}/pages/2", spans=spans_of(searcher, *parts))
    assert seen.texts("//mark") == parts[::-1]


def test_words_of_the_question_are_marked_where_there_is_no_quote(client: TestClient, place: str) -> None:
    """They are no quote, so nothing is to be cited."""
    seen = look(client, f"{place}/pages/2", q="bridge carers")
    assert seen.texts("//mark") == ["Carers", "Bridges"]
    assert "2 places on this page" in seen.text("//*[@role='status']")
    assert not seen.page.xpath("//blockquote")


def test_a_quote_counts_for_more_than_the_question(client: TestClient, searcher: Searcher, place: str) -> None:
    """Who follows a citation sees it alone."""
    seen = look(client, f"{place}/pages/2", spans=spans_of(searcher, QUOTE), q="bridges")
    assert seen.texts("//mark") == [QUOTE]


@pytest.mark.parametrize("spans", ["5", "9-3", "0-99999", "a-b", "1-2;", "<b>", "1-2," * 3000])
def test_spans_that_are_none_are_named_and_the_page_is_shown(client: TestClient, place: str, spans: str) -> None:
    """Nothing is marked."""
    seen = look(client, f"{place}/pages/2", spans=spans)
    assert "The quote cannot be shown" in seen.problem
    assert "first child arrived" in words(seen)
    assert not seen.page.xpath("//mark")


def test_pages_lead_to_their_neighbours_with_the_question(client: TestClient, place: str) -> None:
    """The first has none before it, the last none after it."""
    first = look(client, f"{place}/pages/1", q="carers")
    assert "← Page 0" not in first.links()
    second = look(client, first.links()["Page 2 →"])
    assert second.texts("//mark") == ["Carers"]
    assert second.links()["← Page 1"] == f"{place}/pages/1?q=carers"
    assert not [text for text in second.links() if text.endswith("→")]
    assert second.links()["All pages with “carers”"] == f"{place}?q=carers"


def test_a_page_can_be_gone_to_by_its_number(client: TestClient, place: str) -> None:
    """The form leads there, and keeps the question."""
    answer = client.get(f"{place}/pages", params={"number": " 2 ", "q": "a&b"}, follow_redirects=False)
    assert answer.headers["location"] == f"{place}/pages/2?q=a%26b"


@pytest.mark.parametrize("number", ["", "0", "3", "two", "²", "9" * 5000])
def test_a_number_of_no_page_is_named_on_the_page_that_was_left(client: TestClient, place: str, number: str) -> None:
    """So that nobody loses their place."""
    seen = look(client, f"{place}/pages", number=number, seen="2")
    assert seen.problem == "Enter a page number from 1 to 2"
    assert "first child arrived" in words(seen)


@pytest.mark.parametrize("number", ["0", "3", "x", "²", "9" * 500])
def test_a_page_that_is_not_there_is_not_found(client: TestClient, place: str, number: str) -> None:
    """What is there is told."""
    answer = client.get(f"{place}/pages/{number}")
    assert answer.status_code == 404
    assert "1 to 2" in answer.text


def test_what_is_not_looked_through_is_set_apart(tmp_path: Path) -> None:
    """It stays where it stands, its kind is told, and the text is the page's to the letter."""
    pages = [
        f"Redbrook visits\n\nThe {what} was painted in autumn and nobody came to look at it.\n\n{number}"
        for number, what in enumerate("mill bridge tower school library".split(), start=1)
    ]
    searcher = searcher_of(tmp_path, {"a.txt": "\f".join(pages)})
    with searcher.store.reading() as reader:
        doc_id = reader.documents()[0].doc_id
    seen = look(client_of(searcher), f"/documents/{doc_id}/pages/3")
    assert words(seen) == pages[2]
    asides = {one.get("data-kind"): one.text_content() for one in seen.page.xpath("//*[@data-kind]")}
    assert asides == {"running header": "Redbrook visits", "page number": "3"}
    assert "page number, running header" in seen.text()


def test_a_page_without_text_says_so(tmp_path: Path) -> None:
    """And what would help."""
    searcher = searcher_of(tmp_path, {"a.txt": "Otters came back.\f"})
    with searcher.store.reading() as reader:
        doc_id = reader.documents()[0].doc_id
    assert "a picture without text" in look(client_of(searcher), f"/documents/{doc_id}/pages/2").text()


@pytest.mark.parametrize(
    ("file_format", "reader", "draws", "is_drawn"),
    [
        ("pdf", "pypdfium2 5", True, True),
        ("pdf", "pypdfium2 5", False, False),
        ("pdf", "pypdf 7", True, False),
        ("text", "plain text", True, False),
    ],
)
def test_a_picture_stands_beside_the_text_of_a_pdf(
    tmp_path: Path,
    file_format: str,
    reader: str,
    draws: bool,
    is_drawn: bool,
) -> None:
    """Only where the service draws pictures, and the places of the text are known on them."""
    searcher = searcher_of(tmp_path, {"a.txt": "Otters came back."}, file_format, reader)
    app = create_app(searcher)
    app.state.pictures = draws or None
    with searcher.store.reading() as opened:
        doc_id = opened.documents()[0].doc_id
    seen = look(TestClient(app, base_url="http://localhost"), f"/documents/{doc_id}/pages/1", spans="0-6")
    pictures = seen.page.xpath("//main//img")
    assert bool(pictures) == is_drawn
    for one in pictures:
        assert one.get("src") == f"/v1/documents/{doc_id}/pages/1.png?{urlencode({'spans': '0-6'})}"
        assert "page 1 of a.txt, with 1 place marked" in one.get("alt")


def test_signs_that_turn_writing_round_are_replaced(tmp_path: Path) -> None:
    """In the text, in the title, and in what is looked for; markup is text."""
    text = "Otters \u202ecame\u202c back with <script>alert(1)</script>."
    searcher = searcher_of(tmp_path, {"a.txt": text})
    with searcher.store.reading() as reader:
        doc_id = reader.documents()[0].doc_id
        stored = reader.page_text(doc_id, 1)
    answer = client_of(searcher).get(f"/documents/{doc_id}/pages/1", params={"q": "otters \u202e<b>"})
    assert "\u202e" not in answer.text
    assert "<script>alert" not in answer.text
    assert "\u202e" in stored


@given(
    st.text("ab \n", max_size=40), st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), max_size=6), st.data()
)
def test_blocks_are_the_text_in_order(text: str, places: list[tuple[int, int]], data: st.DataObject) -> None:
    """Whatever is cut, all of it is there, furniture is of a kind, and marks stay on their characters."""
    inside = [(min(place), max(place)) for place in places if max(place) <= len(text) and place[0] != place[1]]
    removals = [Removal(Span(1, *place), Furniture.HEADER) for place in inside]
    marks = [place for place in inside if data.draw(st.booleans())]
    made = list(blocks(Page(1, text), removals, marks))
    assert "".join(block.text for block in made) == text
    at, marked = 0, set()
    for block in made:
        here = range(at, at + len(block.text))
        assert all((block.kind is not None) == any(start <= one < end for start, end in inside) for one in here)
        marked |= {at + one for start, end in block.marks for one in range(start, end)}
        at += len(block.text)
    assert marked == {one for start, end in marks for one in range(start, end)}
    assert made == list(blocks(replace(Page(1, text), needs_ocr=True), removals, marks))
