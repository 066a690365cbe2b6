from collections.abc import Sequence
from datetime import UTC, date, datetime
from itertools import accumulate
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.errors import DocumentRefusedError, Refusal
from indexer.metadata import body_key, found_in_text, merge, stated_by_front_matter, stated_by_path
from indexer.records import Box, Event, Evidence, Extracted, Line, Metadata, Origin, Page, Span
from indexer.settings import PathRule, Settings

KINDS = Settings().kinds
REPORTS = Path(__file__).parents[3] / "shared" / "reports"
RULES = (
    PathRule(
        pattern=r"reports/[^/]+_(?P<body>[^/]+)/(?P<kind>[^/]+) - (?P<published>[^/]+)\.pdf", publisher="Care Watch"
    ),
    PathRule(pattern=r"(?P<kind>news)/.*"),
)


def text_page(text: str, number: int = 1) -> Page:
    """Make a page of plain text."""
    starts = accumulate((len(line) + 1 for line in text.split("\n")), initial=0)
    lines = zip(starts, text.split("\n"), strict=False)
    return Page(number, text, tuple(Line(at, at + len(line)) for at, line in lines if line.strip()))


def laid_out(*lines: tuple[str, float, bool], number: int = 1) -> Page:
    """Make a page of a PDF from lines of text, font size and boldness, from the top down."""
    page = text_page("\n".join(text for text, _, _ in lines), number)
    styled = [
        Line(line.start, line.end, Box(0.1, at / 50, 0.9, (at + 0.8) / 50), size, bold)
        for at, (line, (_, size, bold)) in enumerate(zip(page.lines, lines, strict=True))
    ]
    return Page(number, page.text, tuple(styled))


def found(*pages: Page | str, kind: str = "text", title: str | None = None, stated: Any = ()) -> Metadata:
    """Find the metadata of a document of these pages."""
    made = tuple(
        text_page(page, number) if isinstance(page, str) else page for number, page in enumerate(pages, start=1)
    )
    return found_in_text(Extracted(kind, "test", made, title=title, stated=dict(stated)), KINDS)


PROSE = (
    ("Children in Ambleford are seen often and listened to. Managers know their staff well, and", 12.0, False),
    ("the plans that they agree with families are short and clear.", 12.0, False),
) * 5


def report(*top: tuple[str, float, bool]) -> Metadata:
    """Find the metadata of a PDF with this top of its first page."""
    return found(laid_out(*top, *PROSE), kind="pdf")


def letter(*lines: str) -> str:
    """Write a letter of an inspectorate to a director, with these lines after the salutation."""
    head = "Care Watch\n1 Long Lane\nwww.carewatch.example\n\n5 March 2021\n\nPat Lee\nAmbleford Council\n\n"
    return f"{head}Dear Pat Lee\n\n" + "\n\n".join(lines)


# --- stated


def test_a_path_states_what_the_rule_captures() -> None:
    """Named groups and fixed values become metadata with a rule as their origin."""
    stated = stated_by_path("reports/7_upper ambleford/focused visit - 02 may 2018.pdf", RULES)
    assert stated == Metadata(
        body="Upper Ambleford",
        kind="focused visit",
        published=date(2018, 5, 2),
        publisher="Care Watch",
        evidence=dict.fromkeys(("body", "kind", "published", "publisher"), Evidence(Origin.RULE)),
    )


def test_the_first_rule_that_fits_the_whole_path_counts() -> None:
    """A rule that fits only a part of the path says nothing."""
    assert stated_by_path("news/reports/7_x/y - z.pdf", RULES).kind == "news"
    assert stated_by_path("old/reports/7_x/y - z.pdf", RULES) == Metadata()
    assert stated_by_path("anything", ()) == Metadata()


def test_a_captured_date_that_cannot_be_read_stays_unknown() -> None:
    """A folder's name is no promise, so it refuses no document."""
    stated = stated_by_path("reports/7_ambleford/inspection - last week.pdf", RULES)
    assert (stated.published, stated.body) == (None, "Ambleford")


@pytest.mark.parametrize(
    ("captured", "body"),
    [
        ("north amble and the fens", "North Amble and the Fens"),
        ("thorpe-on-sea", "Thorpe-on-Sea"),
        ("st bede's & lyne", "St Bede's & Lyne"),
        ("the wold", "The Wold"),
        ("McAmble borough", "McAmble borough"),
    ],
)
def test_a_body_in_small_letters_gets_its_capitals(captured: str, body: str) -> None:
    """Small words stay small inside a name, and a name with any capital stays as written."""
    assert stated_by_path(f"reports/7_{captured}/visit - x.pdf", RULES).body == body


@pytest.mark.parametrize(
    "published",
    [date(2018, 5, 22), datetime(2018, 5, 22, 9, tzinfo=UTC), "2018-05-22", "2018-05-22T09:00:00Z", "22nd May 2018"],
)
def test_front_matter_states_a_date_in_any_plain_form(published: object) -> None:
    """Dates of YAML, ISO dates with or without a time, and written dates are all read."""
    assert stated_by_front_matter({"published": published}).published == date(2018, 5, 22)


def test_front_matter_states_the_fields_and_nothing_else() -> None:
    """Values become metadata, blanks stay unknown, and keys of other programs are left alone."""
    values = {
        "title": " Care \n in Ambleford ",
        "body": "",
        "kind": None,
        "published": True,
        "tags": ["a"],
        "licence": 3,
    }
    assert stated_by_front_matter(values) == Metadata(
        title="Care in Ambleford",
        licence="3",
        evidence={"title": Evidence(Origin.STATED), "licence": Evidence(Origin.STATED)},
    )


@pytest.mark.parametrize(
    "events",
    ["18 and 19 October 2023", ["18 and 19 October 2023"], "2023-10-18 to 2023-10-19", "18/10/2023-19/10/2023"],
)
def test_front_matter_states_events_as_days(events: object) -> None:
    """Events are written like any dates, one text or a list of them."""
    assert stated_by_front_matter({"events": events}).events == (Event(date(2023, 10, 18), date(2023, 10, 19)),)


def test_several_events_are_stated_in_a_list() -> None:
    """Each item of the list may hold days of its own."""
    stated = stated_by_front_matter({"events": [date(2023, 10, 18), "1 to 3 May 2024", None]})
    assert stated.events == (Event(date(2023, 10, 18), date(2023, 10, 18)), Event(date(2024, 5, 1), date(2024, 5, 3)))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("published", "soon"),
        ("published", "May 2018"),
        ("published", 2018),
        ("title", ["a", "b"]),
        ("events", "in May"),
    ],
)
def test_a_stated_value_that_cannot_be_used_refuses_the_document(name: str, value: object) -> None:
    """The message names the field, the value and what would be read."""
    with pytest.raises(DocumentRefusedError, match=r": write .+ or leave it out") as refused:
        stated_by_front_matter({name: value})
    assert refused.value.code is Refusal.METADATA
    assert name in refused.value.message
    assert str(value) in refused.value.message


# --- found: title and kind


def test_the_largest_type_near_the_top_is_the_title() -> None:
    """A title of several lines is joined, whatever small print stands above it."""
    made = report(
        ("Care Watch 7", 8.0, True),
        ("Inspection of Ambleford", 24.0, False),
        ("local authority services", 23.9, False),
        ("Inspection dates: 1 to 5 May 2018", 12.0, True),
    )
    assert made.title == "Inspection of Ambleford local authority services"
    assert made.evidence["title"] == Evidence(Origin.TEXT, Span(1, 13, 61))


def test_a_title_that_only_names_the_body_takes_the_next_heading_along() -> None:
    """The body's name alone does not tell two reports apart."""
    made = report(("Ambleford Council", 24.0, False), ("Focused visit", 16.0, True), ("Date: 1 May 2018", 16.0, True))
    assert (made.title, made.body, made.kind) == (
        "Ambleford Council: Focused visit",
        "Ambleford Council",
        "focused visit",
    )


def test_bold_words_of_the_same_size_are_a_title_only_at_the_very_top() -> None:
    """Bold words further down belong to the text."""
    assert report(("Inspection of Ambleford", 12.0, True)).title == "Inspection of Ambleford"
    page = laid_out(*PROSE, ("Well", 11.0, False), ("What works", 12.0, True), ("More", 11.0, False), *PROSE)
    assert found(page, kind="pdf").title is None


@pytest.mark.parametrize(
    ("levels", "title"),
    [((1, 0, 2), "One"), ((2, 0, 1), "One"), ((0, 1, 2), "Two"), ((0, 1, 1), None), ((0, 2, 3), None)],
)
def test_a_stated_heading_is_the_title_where_it_stands_for_the_whole(
    levels: Sequence[int], title: str | None
) -> None:
    """It opens the page or is the only one of the first level; headings of sections are no titles."""
    page = text_page("One\n\nTwo\n\nThree")
    lines = tuple(Line(ln.start, ln.end, heading=level) for ln, level in zip(page.lines, levels, strict=True))
    made = found(Page(1, page.text, lines), kind="docx", title="From the file")
    assert made.title == (title or "From the file")


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("Services at Ambleford get better\n\nThey were poor before.", "Services at Ambleford get better"),
        ("Services at Ambleford got better.\n\nThey were poor before.", None),
        ("Services at Ambleford got\nbetter, as was said\n\nto us.", None),
        ("Services at Ambleford", None),
    ],
)
def test_the_first_line_of_plain_text_is_a_title_if_it_looks_like_one(text: str, title: str | None) -> None:
    """It stands alone, is no sentence, and text follows."""
    assert found(text).title == title


def test_the_title_of_the_files_properties_comes_last() -> None:
    """It is taken where the text has no heading, and has no place in the text as evidence."""
    made = found("By our reporter\n\nServices got better.", kind="html", title="Better services")
    assert (made.title, made.evidence["title"]) == ("Better services", Evidence(Origin.TEXT))


def test_what_a_web_page_states_fills_what_its_text_leaves_open() -> None:
    """Meta tags count as found, and front matter of the same names does not."""
    stated = {"publisher": "The Amble Post", "published": "2018-05-22", "source": "https://post.example/1"}
    page = "By our reporter\n\nServices got better."
    made = found(page, kind="html", stated=stated)
    assert (made.publisher, made.published, made.source) == (
        "The Amble Post",
        date(2018, 5, 22),
        "https://post.example/1",
    )
    assert {evidence.origin for evidence in made.evidence.values()} == {Origin.TEXT}
    assert found(page, kind="markdown", stated=stated).source is None


def test_a_letters_subject_is_its_title() -> None:
    """The subject follows the salutation; all else about the letter comes from where letters have it."""
    text = letter("Focused visit to Ambleford children's services", "We visited on 1 and 2 March 2021. It went well.")
    made = found(text)
    assert made.title == "Focused visit to Ambleford children's services"
    assert (made.kind, made.body, made.publisher) == ("focused visit", "Ambleford", "Care Watch")
    assert made.published == date(2021, 3, 5)
    assert made.events == (Event(date(2021, 3, 1), date(2021, 3, 2)),)
    for name, words in {
        "published": "5 March 2021",
        "events": "1 and 2 March 2021",
        "publisher": "Care Watch",
    }.items():
        span = made.evidence[name].span
        assert span is not None
        assert text[span.start : span.end] == words


@pytest.mark.parametrize(
    ("heading", "kind"),
    [
        ("Re-inspection of services", "re-inspection"),
        ("Inspection of services", "inspection"),
        ("Report of an inspection", "inspection"),
        ("Ambleford Council: joint\ntargeted area inspection", "joint targeted area inspection"),
        ("Ambleford Council monitoring visit", "monitoring visit"),
        ("Services failed their inspection", None),
        ("Inspectionism", None),
    ],
)
def test_a_kind_opens_a_heading(heading: str, kind: str | None) -> None:
    """It stands first, behind the body's name or behind a colon; a headline that speaks of one is none."""
    assert report(*((line, 20.0, False) for line in heading.split("\n"))).kind == kind


# --- found: body


@pytest.mark.parametrize(
    ("heading", "body"),
    [
        ("Inspection of Ambleford local authority children’s services", "Ambleford"),
        ("Inspection of the Royal Borough of Lyne and Wold\nservices", "Royal Borough of Lyne and Wold"),
        ("Focused visit to Lyne Borough Council children's services", "Lyne Borough Council"),
        ("London Borough of Lyne", "London Borough of Lyne"),
        ("Thorpe-on-Sea, Lyne and\nSt. Bede Council", "Thorpe-on-Sea, Lyne and St. Bede Council"),
        ("Ambleford Children's Trust", "Ambleford Children's Trust"),
        ("Services in Ambleford get better", "Ambleford"),
        ("Services in Lyne get better", None),
        ("Services in England", None),
        ("Inspection of Local Authority Children's Services", None),
        ("Review of Fostering Plans", None),
        ("Lyne Council and Wold Council", None),
        ("Inspection of services", None),
    ],
)
def test_the_body_is_found_in_the_title(heading: str, body: str | None) -> None:
    """It is a council or trust by its own words, or a name that the text uses as that of a place."""
    made = report(*((line, 20.0, False) for line in heading.split("\n")))
    assert made.body == body


def test_a_name_alone_is_the_body_where_the_next_heading_says_what_happened() -> None:
    """The text has to use it as the name of a place too."""
    below = ("Inspection of children's services", 16.0, True)
    assert report(("Ambleford", 24.0, False), below).body == "Ambleford"
    assert report(("Wold", 24.0, False), below).body is None
    assert report(("Ambleford", 24.0, False), ("A short history", 16.0, True)).body is None


def test_the_opening_of_the_text_names_the_body_where_it_names_one() -> None:
    """The address of a letter is not what it is about, and two bodies leave it open."""
    one = "We report on the visit to Wold children's services in March."
    assert found(letter("Our visit", one)).body == "Wold"
    assert found(letter("Our visit", one, "The inspection of Lyne children's services follows.")).body is None
    assert found(letter("Our visit", "We met the staff.")).body is None


# --- found: publisher, published, events


@pytest.mark.parametrize(
    ("last", "publisher"),
    [
        ("Published by Care Watch\nin Ambleford", "Care Watch"),
        ("© Care Watch 2018", "Care Watch"),
        ("© Crown copyright 2018", None),
        ("© 2018\nAll rights reserved", None),
        ("The Office for Good Care and\nLearning (Goodcare) regulates and inspects to help.", "Goodcare"),
        ("Published by Care Watch\n© Lyne Council", None),
        ("A plan published by Care Watch", None),
    ],
)
def test_the_publisher_says_so_itself(last: str, publisher: str | None) -> None:
    """A notice on the last page counts, unless notices disagree."""
    made = found("A title\n\nSome text.", "More text.", last)
    assert made.publisher == publisher
    assert publisher is None or made.evidence["publisher"].span is not None


@pytest.mark.parametrize(
    ("line", "published"),
    [
        ("Report published: 30 June 2014", date(2014, 6, 30)),
        ("Published 30 June 2014", date(2014, 6, 30)),
        ("Date of publication\n30/06/2014", date(2014, 6, 30)),
        ("First published: 30 June 2014", date(2014, 6, 30)),
        ("Published: June 2014", None),
        ("Published: 1 to 30 June 2014", None),
        ("Published 30 June 2014 was the old plan", None),
        ("It was\npublished on 30 June 2014.", None),
        ("30 June 2014", None),
        ("Published: 30 June 2014\nPublished: 1 July 2014", None),
    ],
)
def test_the_day_of_publication_is_labelled(line: str, published: date | None) -> None:
    """A date without that label, or two that disagree, leave it unknown."""
    assert found(f"A title\n\n{line}\n\nSome text.").published == published


@pytest.mark.parametrize(
    ("line", "events"),
    [
        ("Inspection dates: 1 to 5 May 2018", [(1, 5)]),
        ("Inspection date: 1–5 May 2018 and\n8 May 2018 to 9 May 2018", [(1, 5), (8, 9)]),
        ("Dates of focused visit: 1 May 2018", [(1, 1)]),
        ("Inspected on 1 May 2018", [(1, 1)]),
        ("This tells of the visit to Ambleford between 1 and 5 May 2018.", [(1, 5)]),
        ("At the last inspection on 1 May 2018 all was well.", []),
        ("The inspection was good. On 1 May 2018 the mayor spoke.", []),
        ("Inspection dates: May 2018", []),
    ],
)
def test_events_are_the_days_of_the_inspection_or_visit(line: str, events: Sequence[tuple[int, int]]) -> None:
    """A label gives them, or else a sentence that ties the date to what happened then."""
    made = found(f"A title\n\n{line}\n\nSome text.")
    assert made.events == tuple(Event(date(2018, 5, start), date(2018, 5, end)) for start, end in events)


# --- all together


def test_a_document_without_text_has_no_metadata() -> None:
    """Nothing is guessed from nothing."""
    assert found() == found(" \n") == Metadata()


_words = st.sampled_from(
    ["Dear Pat\n", "Inspection of ", "Lyne ", "Council ", "services in ", "the ", "\n", "\n\n", "Published: "]
    + ["5 May 2018", "visit ", "on ", ". ", "© ", "(X) ", ": "]
)
_lines = st.lists(
    st.tuples(st.lists(_words, min_size=1).map("".join), st.sampled_from([8.0, 12.0, 20.0]), st.booleans())
)


@given(st.lists(_words).map("".join), _lines)
def test_all_evidence_lies_inside_the_page(text: str, lines: list[tuple[str, float, bool]]) -> None:
    """Whatever the text, each span holds text, and a found name is spelled as it stands there."""
    flat = [(" ".join(words.split()), size, bold) for words, size, bold in lines if words.strip()]
    for page in (text_page(text), laid_out(*flat)):
        made = found(page, kind="pdf")
        for name, evidence in made.evidence.items():
            assert evidence.span is not None
            words = page.text[evidence.span.start : evidence.span.end]
            assert words.strip()
            if name in {"body", "publisher"}:
                assert getattr(made, name) == " ".join(words.split())


def test_the_earlier_part_wins_field_by_field() -> None:
    """Merged metadata takes each field with its evidence from the first part that knows it."""
    rule, text = Evidence(Origin.RULE), Evidence(Origin.TEXT, Span(1, 0, 4))
    first = Metadata(body="Lyne", evidence={"body": rule})
    event = Event(date(2018, 5, 1), date(2018, 5, 2))
    second = Metadata(
        body="Wold", kind="visit", events=(event,), evidence={"body": text, "kind": text, "events": text}
    )
    assert merge(first, second) == Metadata(
        body="Lyne", kind="visit", events=(event,), evidence={"body": rule, "kind": text, "events": text}
    )
    assert merge() == Metadata()


@pytest.mark.parametrize(
    ("key", "names"),
    [
        ("amblefordshire", ["Amblefordshire", "amblefordshire county council", "County of Amblefordshire"]),
        (
            "lyne and wold",
            ["Lyne & Wold", "LYNE AND WOLD", "The Royal Borough of Lyne and Wold", "Lyne & Wold Council"],
        ),
        ("barking and lyne", ["London Borough of Barking and Lyne", "London Borough of Barking and Lyne Council"]),
        (
            "wold",
            ["Wold", "Metropolitan Borough of Wold Council", "Wold Metropolitan District Council", "City of Wold"],
        ),
        ("wold", ["Wold City Council", "Council of the City of Wold", "Wold, City of", "Wold local authority"]),
        ("thorpe on sea", ["Thorpe-on-Sea", "Thorpe on Sea Borough Council"]),
        ("st bedes", ["St. Bede's", "St Bede’s"]),
        ("moncaster", ["Môncaster"]),
        ("north amblefordshire", ["North Amblefordshire Council"]),
        ("east wold of amble", ["East Wold of Amble Council"]),
        ("wold childrens trust", ["Wold Children's Trust"]),
        ("city of london", ["City of London", "City of London Corporation", "the city of London"]),
        ("london", ["London"]),
        ("council", ["Council"]),
        ("", ["", "-"]),
    ],
)
def test_spellings_of_one_body_have_one_key(key: str, names: Sequence[str]) -> None:
    """Words of local government go, words that tell bodies apart stay."""
    assert {name: body_key(name) for name in names} == dict.fromkeys(names, key)


@given(
    st.lists(st.sampled_from(["Lyne", "North", "Wold-on-Sea", "St.", "and", "O’Amble"]), min_size=1),
    st.sampled_from(["{} Council", "London Borough of {}", "{} City Council", "The Royal Borough of {} Council"]),
)
def test_rank_and_seat_change_no_key(words: list[str], official: str) -> None:
    """The official name of a council has the key of the plain name."""
    name = " ".join(words)
    assert body_key(official.format(name)) == body_key(name)
    assert body_key(f"Far {name}") != body_key(name)


@pytest.mark.e2e
def test_real_reports_say_what_their_folders_say() -> None:
    """Body and events are found in real reports, and the body is that of the report's folder."""
    if not REPORTS.is_dir():
        pytest.skip("the folder ../shared with real reports is absent")
    from indexer.extract import pdf

    for path in sorted(REPORTS.glob("*/*.pdf"))[3::25]:
        made = found_in_text(pdf.read(path.read_bytes()), KINDS)
        assert body_key(made.body or "") == body_key(path.parent.name.split("_")[1]), path
        assert made.title, path
        assert made.events, path
        assert made.kind in {"inspection", "re-inspection"}, path
