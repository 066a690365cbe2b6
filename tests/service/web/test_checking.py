"""The page on which quotes and receipts are checked, as people see it."""

import json
from collections.abc import Sequence
from itertools import pairwise

import pytest
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st

from service.search import Searcher
from service.verification import Difference, Kind, verify
from service.web.checking import pieces, places_in
from tests.service.conftest import REPORTS, Library, client_of
from tests.service.web.seen import Seen, look, send

SAID = "Social workers visited 40 families each week"


def verdict(seen: Seen) -> str:
    return seen.text("//section[h2//strong]/h2")


def receipt_of(client: TestClient, searcher: Searcher, quote: str = SAID) -> str:
    """Issue a receipt of a quote."""
    cited = verify(quote, searcher).matches[0].citation
    spans = ",".join(f"{page}:{start}-{end}" for page, start, end in cited.spans)
    return client.get("/v1/receipts", params={"question": "Who visits?", "doc_id": cited.doc_id, "spans": spans}).text


# --- a quote


def test_the_page_opens_with_two_empty_forms(client: TestClient) -> None:
    """Nothing is wrong before anything was given."""
    seen = look(client, "/verify")
    assert not seen.problem
    assert seen.texts("//main//form//button") == ["Check the quote", "Check the receipt"]


def test_an_exact_quote_leads_to_its_place(client: TestClient) -> None:
    """Whose page has the same words marked."""
    seen = look(client, "/verify", quote=SAID)
    assert verdict(seen) == "Exact"
    assert seen.texts("//blockquote")[0] == SAID
    assert not seen.page.xpath("//del | //ins")
    place = look(client, seen.links()["Redbrook: second visit"])
    assert place.texts("//mark") == [SAID]


def test_other_marks_and_capitals_are_the_same_words(client: TestClient) -> None:
    """And said to be so."""
    seen = look(client, "/verify", quote="SOCIAL WORKERS visited 40 families each week")
    assert verdict(seen) == "Same words"
    assert not seen.page.xpath("//del | //ins")


def test_what_was_altered_is_marked_on_both_sides(client: TestClient) -> None:
    """In words too, which a screen reader tells, and the number as what it is."""
    seen = look(client, "/verify", quote="Social workers visited 60 families each week")
    assert verdict(seen) == "Altered"
    assert seen.texts("//del") == ["[not so in the report: 60]"]
    assert seen.texts("//ins") == ["[the report says: 40]"]
    (told,) = seen.texts("//ul[contains(@class, 'differences')]/li")
    assert told.startswith("Number ")
    assert "“60” stands as “40”" in told


def test_words_left_out_are_shown_where_they_are_missing(client: TestClient) -> None:
    """The quote has nothing there that could be marked."""
    seen = look(client, "/verify", quote="Social workers visited 40 families and wrote down what the families said")
    assert verdict(seen) == "Altered"
    assert "40 families [words left out]" in seen.texts("//blockquote")[0]
    assert seen.texts("//ins") == ["[the report says: each week]"]


def test_what_the_reports_do_not_say_is_told(client: TestClient) -> None:
    """With a way on."""
    seen = look(client, "/verify", quote="Pilots flew over frozen lakes at midnight")
    assert verdict(seen) == "Not in the reports"
    assert seen.links()["Ask the reports about it"].startswith("/?q=Pilots+flew")


def test_all_places_of_a_quote_are_listed(library: Library) -> None:
    """Each with its own link."""
    library.write("copy.txt", REPORTS["redbrook/2022.txt"])
    library.sync()
    seen = look(client_of(library.searcher()), "/verify", quote=SAID)
    assert {"Redbrook: second visit", "copy.txt"} <= seen.links().keys()


def test_a_document_can_be_named(client: TestClient) -> None:
    """Only there is looked."""
    seen = look(client, "/verify", quote=SAID, document="bluehill/2021.txt")
    assert verdict(seen) == "Not in the reports"
    assert seen.page.xpath("//input[@id='document']/@value") == ["bluehill/2021.txt"]


@pytest.mark.parametrize(
    ("fields", "problem", "field"),
    [
        ({"quote": ""}, "The quote is empty", "quote"),
        ({"quote": "two words"}, "too few to verify", "quote"),
        ({"quote": "word " * 1200}, "The quote has 6,000 characters", "quote"),
        ({"quote": SAID, "document": "none.txt"}, "No document ‘none.txt’", "document"),
        ({"quote": "<b>", "document": "none.txt"}, "too few to verify", "quote"),
    ],
)
def test_what_cannot_be_checked_is_named_at_its_field(
    client: TestClient, fields: dict[str, str], problem: str, field: str
) -> None:
    """What was given stays in the form."""
    seen = look(client, "/verify", **fields)
    assert problem in seen.problem
    assert seen.page.xpath("//*[@role='alert']//a/@href") == [f"#{field}"]
    assert seen.page.xpath("//textarea[@id='quote']")[0].text_content().strip() == fields["quote"].strip()
    assert not seen.page.xpath("//blockquote")


def test_markup_and_turning_signs_of_a_quote_are_text(client: TestClient) -> None:
    """Whoever sends somebody a link to this page can run nothing on it."""
    answer = client.get("/verify", params={"quote": "</textarea><script>one \u202etwo three</script>"})
    assert "<script>one" not in answer.text
    assert "\u202e" not in answer.text


# --- where words stand


@pytest.mark.parametrize(
    "quote", ["Each family met 7 of the 12 workers.", "Every family met most of the 9 workers", "x"]
)
def test_pieces_put_together_are_the_quote(quote: str) -> None:
    """With differences at the beginning, at the end, of no length, and within one another."""
    made = [Difference(Kind.OTHER, "", "", start, end) for start, end in ((0, 1), (0, 4), (2, 3), (len(quote),) * 2)]
    within = [one for one in made if one.end <= len(quote)]
    assert "".join(piece.text for piece in pieces(quote, within)) == quote


def test_of_words_that_stand_twice_the_right_ones_are_marked() -> None:
    """As far from the last difference as in the quote."""
    text = "The three homes had three beds and three cats."
    differences = [Difference(Kind.NUMBER, "four", "three", 33, 37)]
    (place,) = places_in(text, differences)
    assert place == (text.rindex("three"), text.rindex("three") + 5)


parts = st.lists(st.tuples(st.sampled_from(["the", "a", "mill", "three"]), st.sampled_from(["", "three", "mill"])))


@given(parts)
def test_marked_places_hold_what_the_differences_say(made: list[tuple[str, str]]) -> None:
    """In their order, without overlaps, whatever is the same around them."""
    quote, text, differences = "", "", []
    for same, source in made:
        quote, text = f"{quote}{same} ", f"{text}{same} "
        if source:
            differences.append(Difference(Kind.OTHER, "XX", source, len(quote), len(quote) + 2))
            quote, text = f"{quote}XX ", f"{text}{source} "
    places = list(places_in(text, differences))
    assert [text[start:end] for start, end in places] == [one.source for one in differences]
    assert all(before[1] <= after[0] for before, after in pairwise(places))


# --- a receipt


def outcome(client: TestClient, receipt: str) -> Seen:
    return send(client, "/verify", receipt=receipt)


def test_a_receipt_whose_quote_holds(client: TestClient, searcher: Searcher) -> None:
    """It leads to where the quote stands."""
    seen = outcome(client, receipt_of(client, searcher))
    assert verdict(seen) == "Holds"
    assert seen.text("//blockquote") == f"“{SAID}”"
    assert look(client, seen.links()["Redbrook: second visit, page 1"]).texts("//mark") == [SAID]


def test_an_edited_receipt(client: TestClient, searcher: Searcher) -> None:
    """Its seal tells."""
    fields = json.loads(receipt_of(client, searcher)) | {"question": "Who sleeps?"}
    assert verdict(outcome(client, json.dumps(fields))) == "Receipt altered"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (None, ["Withdrawn"]),
        (REPORTS["redbrook/2022.txt"].replace("40", "41"), ["Source changed", "What stands in its place"]),
    ],
)
def test_a_receipt_whose_source_is_another_now(library: Library, text: str | None, expected: Sequence[str]) -> None:
    """It is told what became of it, and what stands there instead."""
    searcher = library.searcher()
    receipt = receipt_of(client_of(searcher), searcher)
    if text is None:
        (library.sources / "redbrook/2022.txt").unlink()
        library.write("manifest.csv", "path\n")
    else:
        library.write("redbrook/2022.txt", text)
    library.sync()
    seen = outcome(client_of(library.searcher()), receipt)
    assert verdict(seen) == expected[0]
    assert all(words in seen.text() for words in expected)


@pytest.mark.parametrize("text", ["", "  ", "{}", "not JSON", "[" * 20_000, '{"format": 2}', "\x00", "<b>{}</b>"])
def test_what_is_no_receipt_is_refused(client: TestClient, text: str) -> None:
    """With what a receipt is."""
    seen = outcome(client, text)
    assert "receipt" in seen.problem.lower()
    assert seen.page.xpath("//*[@role='alert']//a/@href") == ["#receipt"]
