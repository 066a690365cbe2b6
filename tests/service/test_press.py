"""What the press claims beside what the reports say: which report counts, and when nothing can be told."""

import json
from collections.abc import Mapping
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.sentences import split
from service.citation import title_of
from service.press import Checked, PressCheck, check_press, check_text
from service.schemas.press import PressResponse
from tests.service.conftest import Citewell, Library, client_of, make_library
from tests.service.test_schemas import valid

HEAD = """\
Inspection of {body} local authority children's services

Inspection dates: {days}

Lead inspector: Pat Invented

Judgement Grade
The impact of leaders on social work practice with children and families {leaders}
The experiences and progress of children who need help and protection {help}
The experiences and progress of children in care and care leavers {care}
Overall effectiveness {overall}

"""
OLD = HEAD.format(
    body="Lyne",
    days="4 to 15 March 2019",
    leaders="Inadequate",
    help="Inadequate",
    care="Good",
    overall="Inadequate",
)
NEW = HEAD.format(
    body="Lyne",
    days="3 to 14 October 2022",
    leaders="Good",
    help="Requires improvement to be good",
    care="Good",
    overall="Good",
)
OTHER = HEAD.format(
    body="Wold", days="6 to 17 June 2022", leaders="Good", help="Good", care="Good", overall="Inadequate"
)
STORY = (
    "Ofsted has rated Lyne Council's children's services good. They were judged inadequate in 2019. "
    "Some 48 foster carers left the council in the spring.\n\n"
    "“The otters of the county were counted by nobody,” said the report."
)
REPORTS = {
    "lyne-2019.txt": OLD + "Social workers met in a hall that was much too cold for anybody to sit in.",
    "lyne-2022.txt": NEW
    + "In the spring 84 foster carers left the council for other work. "
    + "Social workers know the rivers of the county and count the otters every month.",
    "wold-2022.txt": OTHER + "All is quiet.",
    "story.txt": STORY,
    "echo.txt": "Lyne Council has 48 foster carers who left the council in the spring, a paper wrote.",
}
MANIFEST = """\
path,title,body,published,kind
lyne-2019.txt,Inspection of Lyne,Lyne Council,2019-04-20,inspection
lyne-2022.txt,Inspection of Lyne again,Lyne Council,2022-11-20,inspection
wold-2022.txt,Inspection of Wold,Wold Council,2022-07-20,inspection
story.txt,Lyne is good,Lyne Council,2022-11-22,news
echo.txt,Lyne carers leave,Lyne Council,2022-11-21,news
"""
SOON = date(2022, 11, 22)


@pytest.fixture(scope="module")
def shelves(tmp_path_factory: pytest.TempPathFactory) -> Library:
    """Give a library of three reports and two stories."""
    return make_library(tmp_path_factory.mktemp("press"), REPORTS, MANIFEST)


def told(library: Library, text: str, day: date | None = SOON, body: str = "Lyne Council") -> tuple[Checked, ...]:
    """Check a text."""
    with library.searcher().opened() as (reader, generation):
        return check_text(text, split(text), reader, generation, body=body, day=day)


def verdicts(library: Library, text: str, day: date | None = SOON) -> list[tuple[str, str, str]]:
    """Give what became of the claims of a text."""
    return [(one.kind.value, one.words, one.outcome.verdict.value) for one in told(library, text, day)]


def press(library: Library, path: str) -> PressCheck:
    """Check a document."""
    with library.searcher().opened() as (reader, generation):
        return check_press(reader, generation, reader.find(path))


GRADES: Mapping[str, list[tuple[str, str]]] = {
    "Lyne Council was rated good by Ofsted.": [("good", "supported")],
    "Lyne Council was rated outstanding by Ofsted.": [("outstanding", "altered")],
    "Leadership in Lyne was judged inadequate.": [("inadequate", "altered")],
    "Lyne was rated good overall, with help and protection graded 'requires improvement'.": [
        ("good", "supported"),
        ("requires improvement", "supported"),
    ],
    "Lyne is no longer inadequate, Ofsted said.": [("inadequate", "supported")],
    "The council was upgraded from inadequate to good.": [("inadequate", "supported"), ("good", "supported")],
    "In 2019 Lyne Council was rated good.": [("good", "altered")],
    "In 2015 Lyne Council was rated good.": [("good", "not covered")],
    "Lyne was rated good in every area.": [("good", "altered")],
    "A school in Lyne was rated inadequate.": [("inadequate", "not covered")],
    "Services in nearby Otherby were rated inadequate.": [("inadequate", "not covered")],
    "Wold Council was rated inadequate.": [("inadequate", "supported")],
    "Lyne Council hopes to be rated outstanding.": [],
    "Lyne was praised for good practice.": [],
}


@pytest.mark.parametrize("text", GRADES)
def test_a_grade_is_checked_with_the_report_of_its_time_and_body(shelves: Library, text: str) -> None:
    """What is of somebody else or of no time here is not covered, and what is hoped for is no claim."""
    assert [one[1:] for one in verdicts(shelves, text) if one[0] == "grade"] == GRADES[text]


def test_what_was_right_and_is_not_any_more_was_later_changed(shelves: Library) -> None:
    """A story of the time was right; both reports are quoted."""
    (one,) = told(shelves, "Ofsted has rated Lyne Council inadequate.", date(2019, 4, 21))
    assert one.outcome.verdict == "later changed"
    assert one.outcome.primary
    assert one.outcome.later
    assert (one.outcome.primary.day, one.outcome.later.day) == (date(2019, 3, 15), date(2022, 10, 14))


def test_a_claim_on_a_time_that_it_names_stays_right(shelves: Library) -> None:
    """The later report that says otherwise is told beside it."""
    (one,) = [
        each for each in told(shelves, "Lyne Council was rated inadequate in 2019.") if each.kind.value == "grade"
    ]
    assert one.outcome.verdict == "supported"
    assert one.outcome.later


def test_an_old_report_speaks_against_no_new_story(shelves: Library) -> None:
    """Years after the last report here there may be one that is not here."""
    assert verdicts(shelves, "Ofsted has rated Lyne Council outstanding.", date(2025, 6, 1)) == [
        ("grade", "outstanding", "not covered")
    ]


def test_without_a_day_nothing_speaks_against_a_grade(shelves: Library) -> None:
    """Nobody can tell which report was the newest when the story was written."""
    assert verdicts(shelves, "Ofsted rated Lyne Council outstanding.", None) == [
        ("grade", "outstanding", "not covered")
    ]


def test_a_number_is_compared_with_that_of_the_same(shelves: Library) -> None:
    """The same number is supported, another one of the same is altered, and one of anything else is not covered."""
    claims = {
        "In the spring 84 foster carers left the council.": ("84", "supported"),
        "In the spring 48 foster carers left the council for work elsewhere.": ("48", "altered"),
        "In the spring 48 bus drivers left the council.": ("48", "not covered"),
    }
    for text, expected in claims.items():
        assert verdicts(shelves, text) == [("count", *expected)]


def test_what_other_stories_say_counts_for_nothing(shelves: Library) -> None:
    """However often the press repeats a number, only reports are looked through, and all of them are named."""
    found = press(shelves, "story.txt")
    carers = next(one for one in found.claims if one.words == "48")
    assert carers.outcome.verdict == "altered"
    assert [title_of(one.document) for one in carers.looked_through] == [
        "Inspection of Lyne",
        "Inspection of Lyne again",
    ]


def test_days_of_an_inspection_are_compared(shelves: Library) -> None:
    """Also a month without a year; another month of the year is altered, and another year is not covered."""
    days = {
        "Lyne was inspected in October.": ("October", "supported"),
        "The inspection of Lyne took place from 3 to 14 October 2022.": ("3 to 14 October 2022", "supported"),
        "The inspection of Lyne took place in June 2022.": ("June 2022", "altered"),
        "The inspection of Lyne took place in June 2016.": ("June 2016", "not covered"),
    }
    for text, expected in days.items():
        assert verdicts(shelves, text) == [("date", *expected)]


QUOTES = {
    "“Social workers know the rivers of the county and count the otters every month,” it said.": "supported",
    "“Social workers know the rivers … and count the otters every month,” it said.": "supported",
    "“Social workers know the rivers of the county and miss the otters every month,” the report said.": "altered",
    "“Social workers know the rivers of the county and miss the otters every month,” said Cllr Reed.": "not covered",
    "“Nobody has ever seen such a thing on our roofs,” the report said.": "not covered",
}


@pytest.mark.parametrize("text", QUOTES)
def test_a_quotation_is_looked_for_to_the_letter(shelves: Library, text: str) -> None:
    """Changed words are altered where the report is said to have them, and not where somebody else says them."""
    (one,) = [each for each in told(shelves, text) if each.kind.value == "quote"]
    assert one.outcome.verdict == QUOTES[text]


def test_each_claim_is_quoted_from_the_story(shelves: Library) -> None:
    """Its sentence stands on the page that is cited, and so does what the report says."""
    found = press(shelves, "story.txt")
    with shelves.searcher().opened() as (reader, _):
        quotes = [one.quote for one in found.claims]
        quotes += [one.outcome.primary.quote for one in found.claims if one.outcome.primary]
        assert all(quotes)
        for quote in filter(None, quotes):
            cut = [reader.page_text(quote.citation.doc_id, page)[a:b] for page, a, b in quote.citation.spans]
            assert "\n".join(cut) == quote.text


def test_a_response_tells_every_claim(shelves: Library) -> None:
    """Its counts are of all verdicts."""
    found = press(shelves, "story.txt")
    response = PressResponse.of(found)
    assert sum(response.counts.values()) == len(response.claims) == len(found.claims)
    assert [one.verdict.value for one in response.claims] == ["supported", "supported", "altered", "not covered"]


def test_the_command_and_the_service_check_a_story(shelves: Library, citewell: Citewell) -> None:
    """They give the same JSON; people read each claim beside the reports; an altered one makes the code 1."""
    client, where = client_of(shelves.searcher()), ("--index", shelves.settings.index)
    doc_id = press(shelves, "story.txt").document.doc_id
    given = valid("press", client.get(f"/v1/press/{doc_id}").json())
    ran = citewell("press", "story.txt", "--json", *where)
    assert given == json.loads(ran.out)
    assert given["counts"]["altered"] > 0
    assert ran.code == 1
    plain = citewell("press", "story.txt", *where).out
    assert "supported: grade “good”" in plain
    assert "altered: count" in plain
    assert citewell("press", "nowhere.txt", *where).code == 2
    assert client.get("/v1/press/0123456789abcdef").status_code == 404


def test_the_checked_document_is_no_source_of_its_own(shelves: Library) -> None:
    """A report is checked against the others alone."""
    found = press(shelves, "lyne-2022.txt")
    assert found.claims
    assert all("lyne-2022.txt" not in {r.document.path for r in one.looked_through} for one in found.claims)


@given(st.lists(st.sampled_from("Lyne Wold rated good 'inadequate' from to in 2019 , . “ ” 84 per cent not".split())))
def test_any_words_are_read(shelves_of_all: Library, words: list[str]) -> None:
    """Nothing is raised, and what is checked stands in the text."""
    text = " ".join(words)
    assert all(one.words in text for one in told(shelves_of_all, text))


@pytest.fixture(scope="session")
def shelves_of_all(tmp_path_factory: pytest.TempPathFactory) -> Library:
    """Give the same library to the properties."""
    folder: Path = tmp_path_factory.mktemp("all")
    return make_library(folder, REPORTS, MANIFEST)
