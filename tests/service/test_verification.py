"""Quotes looked for in a small library, from the command, the service and in this process."""

import json
from dataclasses import asdict
from typing import Any

import pytest
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from indexer.errors import InputError, NotFoundError
from service.search import Searcher
from service.verification import FEWEST_WORDS, LONGEST_QUOTE, Kind, Verdict, verify
from tests.service.conftest import REPORTS, Citewell, Library, make_library
from tests.service.test_app import problem
from tests.service.test_schemas import valid

PRESS = {
    "older.txt": (
        "The council’s well-being plan was ‘good’ in 2016–17, when 1,300 children were seen.\n\n"
        "Inspectors met seven families. Managers were not able to say why the ﬁrst visits were late. "
        "They left in the morn-\ning, and nobody came back.2 The home requires improvement."
    ),
    "newer.txt": "A preface.\n\nInspectors met seven families. Lunch was served afterwards to those who stayed.",
}
DAYS = "path,title,published\nolder.txt,Older,2017-01-01\nnewer.txt,Newer,2024-01-01\n"


@pytest.fixture(scope="module")
def press(tmp_path_factory: pytest.TempPathFactory) -> Searcher:
    """Give a searcher of texts with odd typography."""
    return make_library(tmp_path_factory.mktemp("press"), PRESS, DAYS).searcher()


@pytest.mark.parametrize(
    ("quote", "verdict"),
    [
        ("Managers were not able to say why", "exact"),
        ("  Managers were\n\tnot able  to say why\u00a0", "exact"),
        ("“Managers were not able to say why”", "exact"),
        ("managers WERE not able to say why", "normalised"),
        ('The council\'s well-being plan was "good" in 2016-17', "normalised"),
        ("The council`s wellbeing plan was good in 2016-17", "normalised"),
        ("The council’s well being plan was", "normalised"),
        ("[T]he council’s well\u00ad-being plan", "normalised"),
        ("why the first visits were late", "normalised"),
        ("They left in the morning, and nobody came back", "normalised"),
        ("and nobody came back. The home requires improvement", "normalised"),
        ("when 1300 children were seen", "normalised"),
        ("... managers were not able to say why …", "normalised"),
        ("The council’s well-being plan was ‘good’ in 2016–18", "altered"),
        ("The council plan was ‘good’ in 2016–17", "altered"),
        ("when 300 children were seen", "altered"),
        ("The councils well-being plan was ‘good’", "altered"),
        ("They left in the morning and nobody came back", "altered"),
        ("They left, in the morning, and nobody came back", "altered"),
        ("[The council] met seven families", "altered"),
        ("morning, and nobody came back.3 The home requires improvement", "altered"),
        ("nagers were not able to say why", "altered"),
        ("Purple zebras dance over the moon on Sundays", "absent"),
        ("Les responsables n’ont pas pu dire pourquoi", "absent"),
        ("Менеджеры не смогли сказать почему", "absent"),
        ("孩子们没有得到帮助", "absent"),
    ],
)
def test_a_quote_has_the_verdict_that_its_words_deserve(press: Searcher, quote: str, verdict: str) -> None:
    """White space is free, typography makes it normalised, any word or sign altered; a number is never cut."""
    found = verify(quote, press)
    assert found.verdict == verdict
    assert all(match.verdict == verdict for match in found.matches)
    assert bool(found.matches) == (verdict != "absent")
    assert (found.reason is None) == (verdict == "exact")


@pytest.mark.parametrize(
    ("quote", "kind", "quoted", "source", "reason"),
    [
        (
            "The council’s well-being plan was ‘good’ in 2016–18, when",
            Kind.NUMBER,
            "2016–18",
            "2016–17",
            "the number “2016–18” stands as “2016–17” in the source",
        ),
        (
            "Inspectors met eight families.",
            Kind.NUMBER,
            "eight",
            "seven",
            "the number “eight” stands as “seven” in the source",
        ),
        (
            "Managers were able to say why",
            Kind.NEGATION,
            "",
            "not",
            "a negation differs: “not” of the source is left out",
        ),
        (
            "Managers were not unable to say why",
            Kind.NEGATION,
            "unable",
            "able",
            "a negation differs: “unable” stands as “able” in the source",
        ),
        (
            "plan was ‘inadequate’ in 2016–17",
            Kind.GRADE,
            "inadequate",
            "good",
            "the judgement “inadequate” stands as “good” in the source",
        ),
        (
            "1,300 parents were seen",
            Kind.OTHER,
            "parents",
            "children",
            "“parents” stands as “children” in the source",
        ),
        (
            "Managers were [...] able to say why",
            Kind.NEGATION,
            "[...]",
            "not",
            "a negation differs: “[...]” leaves out “not”",
        ),
        (
            "They left ... and nobody came back",
            Kind.OTHER,
            "...",
            "in the morn-\ning,",
            "“...” leaves out “in the morn- ing,”",
        ),
    ],
)
def test_a_difference_is_shown_and_called_what_it_is(  # noqa: PLR0917 - the table's columns
    press: Searcher, quote: str, kind: Kind, quoted: str, source: str, reason: str
) -> None:
    """Each has its place in the quote and both sides to the letter."""
    found = verify(quote, press)
    assert found.verdict is Verdict.ALTERED
    (difference,) = found.matches[0].differences
    assert (difference.kind, difference.quoted, difference.source) == (kind, quoted, source)
    assert quote[difference.start : difference.end] == quoted
    assert found.reason == reason


def test_several_documents_that_hold_a_quote_come_newest_first(press: Searcher) -> None:
    """A match in one document only is asked for by its path."""
    titles = [match.citation.title for match in verify("Inspectors met seven families.", press).matches]
    assert titles == ["Newer", "Older"]
    only = verify("Inspectors met seven families.", press, document="older.txt")
    assert [match.citation.title for match in only.matches] == ["Older"]
    other = verify("Managers were not able to say why", press, document="newer.txt")
    assert (other.verdict, other.reason) == (Verdict.ABSENT, "nothing like it stands in `newer.txt`")
    changed = verify("Inspectors met nine families.", press, document="older.txt")
    assert [match.citation.title for match in changed.matches] == ["Older"]
    with pytest.raises(NotFoundError):
        verify("Inspectors met seven families.", press, document="nothing.txt")


def test_a_quote_in_many_documents_says_in_how_many(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Five are shown, and the reason counts all."""
    texts = {f"{number}.txt": f"Part {number}.\n\nAll doors were painted green." for number in range(9)}
    searcher = make_library(tmp_path_factory.mktemp("many"), texts, "path,title\n").searcher()
    found = verify("All doors were painted green.", searcher)
    assert (found.verdict, len(found.matches)) == (Verdict.EXACT, 5)
    assert found.reason == "9 documents hold these words; the newest are shown"


@pytest.mark.parametrize(
    ("quote", "pages"),
    [
        ("The team trained each of them before the first child arrived.", (1, 2)),
        ("a share of the new money. Foster carers were hired in spring.", (1, 1)),
        (" ".join(REPORTS["redbrook/2019.txt"].split()), (1, 2)),
    ],
)
def test_a_quote_may_run_over_passages_and_pages(searcher: Searcher, quote: str, pages: tuple[int, int]) -> None:
    """It is cited with all its spans, whose texts are the source's own."""
    found = verify(quote, searcher)
    assert found.verdict is Verdict.EXACT
    (match,) = found.matches
    assert (match.citation.page, match.citation.page_end) == pages
    texts = REPORTS["redbrook/2019.txt"].split("\f")
    assert "\n".join(texts[page - 1][start:end] for page, start, end in match.citation.spans) == match.text
    assert match.text.split() == quote.split()


@pytest.mark.parametrize(
    ("quote", "message"),
    [
        ("", "the quote is empty"),
        (" \n\t ", "the quote is empty"),
        ("budget", "has 1 word, too few to verify; give at least 3"),
        ("school budget", "has 2 words, too few"),
        ("?!... “” –", "has no words, too few"),
        ("\x00\x07\x1b", "has no words, too few"),
        ("x" * (LONGEST_QUOTE + 1), "has 5,001 characters; at most 5,000"),
        ("the school budget \ud800", "not valid Unicode text"),
        ("the ... school ... " * 5, "leaves words out in 9 places; at most 8"),
    ],
)
def test_a_quote_that_cannot_be_verified_says_why(
    searcher: Searcher, citewell: Citewell, shelf: Library, quote: str, message: str
) -> None:
    """The error names the limit and the remedy."""
    with pytest.raises(InputError, match=message):
        verify(quote, searcher)
    if "\x00" not in quote:
        ran = citewell("verify", "--index", shelf.settings.index, "--", quote)
        assert (ran.code, ran.out) == (2, "")
        assert message in ran.err


@pytest.mark.parametrize(
    "quote",
    [
        "the " * 1250,
        "a b " * 1250,
        "[ " * 2500,
        "... the " * 9 + "school",
        "school " + "-" * 4000 + " budget grew",
        "\u00ad" * 3000 + " the school budget",
        "budget \x00 school \x1b[31m grew",
        "'" * 2000 + "the school budget grew",
        "per " * 1200 + "cent of it",
        "1,300," * 800 + " of the school",
    ],
    ids=range(10),
)
def test_hostile_quotes_are_answered_or_refused(searcher: Searcher, quote: str) -> None:
    """None of them hangs, crashes, or is taken for words that stand there."""
    if quote.startswith(("[", "\u00ad")) and "school" not in quote:
        with pytest.raises(InputError, match="too few"):
            verify(quote, searcher)
    else:
        assert verify(quote, searcher).verdict is not Verdict.EXACT


WORDS = " ".join(REPORTS["bluehill/2021.txt"].split()).split(" ")


@given(st.integers(0, len(WORDS) - FEWEST_WORDS), st.integers(FEWEST_WORDS, 12))
@hypothesis_settings(max_examples=60, deadline=None)
def test_any_run_of_words_is_exact_and_a_changed_one_is_altered(searcher: Searcher, first: int, count: int) -> None:
    """Whatever stretch is taken, at whatever place it begins."""
    taken = WORDS[first : first + count]
    found = verify(" ".join(taken), searcher)
    assert found.verdict is Verdict.EXACT
    assert "bluehill/2021.txt" in {match.citation.source for match in found.matches}
    middle = len(taken) // 2
    changed = verify(" ".join([*taken[:middle], "zebra", *taken[middle:]]), searcher)
    assert changed.verdict is Verdict.ALTERED
    assert "zebra" in {difference.quoted for difference in changed.matches[0].differences}


@given(st.text(max_size=200))
@hypothesis_settings(max_examples=100, deadline=None)
def test_any_text_is_answered_or_refused(searcher: Searcher, quote: str) -> None:
    """There is no text that cannot be dealt with, and places of differences lie within it."""
    try:
        found = verify(quote, searcher)
    except InputError:
        return
    for match in found.matches:
        for difference in match.differences:
            assert quote[difference.start : difference.end] == difference.quoted


@pytest.mark.parametrize(
    ("quote", "code"),
    [
        ("The library opened late.", 0),
        ("the LIBRARY opened late", 0),
        ("The library opened not late.", 1),
        ("Purple zebras dance over the moon", 1),
    ],
)
def test_the_command_and_the_service_give_the_same(
    citewell: Citewell, client: TestClient, shelf: Library, quote: str, code: int
) -> None:
    """The exit code tells whether the quote stands there unchanged."""
    printed = citewell("verify", quote, "--json", "--index", shelf.settings.index)
    answers = [json.loads(printed.out), client.post("/v1/verify", json={"quote": quote}).json()]
    for answer in answers:
        assert valid("verify", answer).pop("took_ms") >= 0
    assert answers[0] == answers[1]
    assert (printed.code, printed.err) == (code, "")


def test_a_verdict_is_printed_for_people(citewell: Citewell, shelf: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    """The verdict and what differs, the source's own words, where they stand, and the command that shows them."""
    ran = citewell("verify", "The library opened early.", "--index", shelf.settings.index)
    lines = [line.strip() for line in ran.out.splitlines()]
    assert lines[:6] == [
        "altered: “early” stands as “late” in the source",
        "",
        "Bluehill: a visit",
        "Bluehill City Council · inspection · 2021-12-31 · p. 1",
        "The library opened late",
        "other at 19: quoted early | source late",
    ]
    shown = citewell(*lines[-1].split()[1:], "--index", shelf.settings.index)
    assert "»The library opened late«" in shown.out

    monkeypatch.setattr("sys.stdin.read", lambda: "Rivers were cleaned\nby volunteers\n", raising=False)
    piped = citewell("verify", "-", "--doc", "2021.txt", "--index", shelf.settings.index)
    assert (piped.code, piped.out.splitlines()[0]) == (0, "exact")


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"quote": ""}, 422),
        ({}, 422),
        ({"quote": "a b c", "k": 1}, 422),
        ({"quote": "\ud800 b c d"}, 422),
        ({"quote": "a b c", "document": "x"}, 404),
        ({"quote": "a b c", "document": "\ud800"}, 422),
        ({"quote": "a b c", "document": "x" * 2000}, 422),
    ],
)
def test_a_request_that_cannot_be_done_is_a_problem(client: TestClient, fields: dict[str, Any], status: int) -> None:
    """As everywhere in the service."""
    body = json.dumps(fields)  # which can write half a character, as the client cannot
    found = problem(client.post("/v1/verify", content=body, headers={"content-type": "application/json"}), status)
    assert len(found["detail"]) < 300


def test_what_is_given_over_the_wire_is_what_was_found(client: TestClient, searcher: Searcher) -> None:
    """Field by field, in the order of the contract."""
    quote = "Rivers were cleaned by 12 volunteers"
    served = client.post("/v1/verify", json={"quote": quote}).json()
    made = json.loads(json.dumps(asdict(verify(quote, searcher)), default=str))
    assert {**served, "took_ms": 0} == {**made, "took_ms": 0}
    assert list(served) == list(made)
